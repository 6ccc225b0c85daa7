package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

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
func (d *daemon) serveHealth(troubles func(context.Context) []trouble) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		list, ahead := []string{}, []string{}
		for _, t := range troubles(r.Context()) {
			if t.ahead {
				ahead = append(ahead, t.Says)
			} else {
				list = append(list, t.Says)
			}
		}
		status := map[bool]string{true: "ok", false: "degraded"}[len(list) == 0]
		w.Header().Set("Content-Type", "application/json")
		if len(list) > 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		// The client may have gone away; nobody else wants to know.
		_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "troubles": list, "ahead": ahead})
	}
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
		gauge("escalated_healthy", "1 when /healthz is ok.", func() float64 { return truth(d.healthy(context.Background())) }),
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
