package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// lookedWithin is how long ago the folder must have been looked at for the
// service to be healthy.
const lookedWithin = 5 * time.Minute

// serveHTTP answers /healthz, /readyz and /metrics until ctx ends.
func (d *daemon) serveHTTP(ctx context.Context) error {
	if d.cfg.HTTP == "" {
		return nil
	}
	listener, err := net.Listen("tcp", d.cfg.HTTP)
	if err != nil {
		return fmt.Errorf("http: %w (choose another address, or \"\" for none)", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", d.serveHealth(d.troubles))
	mux.HandleFunc("GET /readyz", d.serveHealth(d.unready))
	mux.Handle("GET /metrics", promhttp.HandlerFor(d.watch.registry, promhttp.HandlerOpts{}))
	return serveUntil(ctx, listener, mux)
}

// serveHealth answers 200 when there are no troubles, else 503, and lists them.
func (d *daemon) serveHealth(troubles func(context.Context) []string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		list := append([]string{}, troubles(r.Context())...)
		status := map[bool]string{true: "ok", false: "degraded"}[len(list) == 0]
		w.Header().Set("Content-Type", "application/json")
		if len(list) > 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		// The client may have gone away; nobody else wants to know.
		_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "troubles": list})
	}
}

// troubles are what is wrong now, each with what it means.
func (d *daemon) troubles(ctx context.Context) []string {
	var list []string
	space, err := d.db.Space()
	switch {
	case err != nil:
		list = append(list, "disk: "+err.Error())
	case space.Full:
		list = append(list, fmt.Sprintf("disk: %d MiB are free, less than free_space; mail stays in the mailbox until there is more", space.Free>>20))
	}
	in := d.inbox.Status()
	if in.Err != "" {
		list = append(list, "imap: "+in.Err)
	}
	if !in.LastPass.IsZero() && time.Since(in.LastPass) > lookedWithin {
		list = append(list, "imap: the folder was last looked at "+time.Since(in.LastPass).Round(time.Second).String()+" ago")
	}
	if down := d.smtpDown(); down != "" {
		list = append(list, down)
	}
	waiting, err := d.desk.Waiting(ctx, time.Now())
	if err != nil {
		return append(list, "store: "+err.Error())
	}
	if !waiting.Oldest.IsZero() && time.Since(waiting.Oldest) > 2*lookedWithin {
		list = append(list, "outbox: a mail has been due for "+time.Since(waiting.Oldest).Round(time.Second).String())
	}
	return list
}

// smtpDown says why no SMTP server takes mail; "" when one does.
func (d *daemon) smtpDown() string {
	var reasons []string
	for _, s := range d.client.Health() {
		if s.Up {
			return ""
		}
		reasons = append(reasons, s.Error)
	}
	return strings.Join(reasons, "; ")
}

// unready are why the service does no work yet: it has not looked at the folder.
func (d *daemon) unready(ctx context.Context) []string {
	if d.inbox.Status().LastPass.IsZero() {
		return append(d.troubles(ctx), "imap: the folder was not looked at yet")
	}
	return d.troubles(ctx)
}

// metrics are what /metrics shows.
type metrics struct {
	registry *prometheus.Registry
	sent     *prometheus.CounterVec
}

func newMetrics(d *daemon) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		sent:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "escalated_mails_sent_total", Help: "Mails a server took, by kind of notice."}, []string{"notice"}),
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	m.registry.MustRegister(m.sent,
		gauge("escalated_healthy", "1 when /healthz is ok.", func() float64 { return truth(len(d.troubles(context.Background())) == 0) }),
		gauge("escalated_imap_connected", "1 when the folder is being watched.", func() float64 { return truth(d.inbox.Status().Connected) }),
		gauge("escalated_imap_last_pass_seconds", "Unix time of the last look at the whole folder.", func() float64 { return unixTime(d.inbox.Status().LastPass) }),
		gauge("escalated_inbox_backlog", "Mails in the watched folder not yet filed.", func() float64 { return float64(d.inbox.Status().Backlog) }),
		gauge("escalated_smtp_up", "1 when a server takes mail.", func() float64 { return truth(d.smtpDown() == "") }),
		gauge("escalated_outbox_due", "Mails due to be sent.", func() float64 {
			w, err := d.desk.Waiting(context.Background(), time.Now())
			return float64(w.Due) * truth(err == nil)
		}),
		gauge("escalated_disk_free_bytes", "Free space on the data disk.", func() float64 {
			space, err := d.db.Space()
			return float64(space.Free) * truth(err == nil)
		}),
	)
	return m
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func unixTime(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.Unix())
}
