package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/id8labs/escalated/threads"
)

const (
	watchEvery   = 15 * time.Second
	lookedWithin = 5 * time.Minute  // the folder must have been looked at
	sentWithin   = 10 * time.Minute // what is due must have been sent
	clockJump    = time.Minute      // more than any scheduler is late
	lapseWarning = 14 * 24 * time.Hour
)

// A trouble is something wrong with the service now, or, when it is ahead,
// soon: only what is wrong now makes it unhealthy. Of those that are mailed the
// operators hear once, and once more when they are over.
type trouble struct {
	threads.Trouble
	mailed, ahead bool
}

// watchdog looks for troubles until ctx ends.
func (d *daemon) watchdog(ctx context.Context) error {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		now := time.Now()
		d.watchClock(ctx, last, now)
		last = now
		d.reportTroubles(ctx, now)
	}
}

func (d *daemon) reportTroubles(ctx context.Context, now time.Time) {
	var mailed []threads.Trouble
	for _, t := range d.troubles(ctx) {
		if t.mailed {
			mailed = append(mailed, t.Trouble)
		}
	}
	begun, over, err := d.desk.ReportTroubles(ctx, now.UTC(), mailed)
	if err != nil && ctx.Err() == nil {
		d.log.Error("troubles could not be reported", "error", err)
	}
	for _, t := range begun {
		d.log.Warn("trouble", "about", t.Key, "says", t.Says)
	}
	for _, t := range over {
		d.log.Info("trouble is over", "about", t.Key, "lasted", now.Sub(t.Since).Round(time.Second))
	}
}

// watchClock notices that the wall clock and the monotonic one went apart: the
// clock was set, or the machine slept. What is due is looked at anew.
func (d *daemon) watchClock(ctx context.Context, last, now time.Time) {
	jump := now.Round(0).Sub(last.Round(0)) - now.Sub(last)
	if jump.Abs() < clockJump {
		return
	}
	d.log.Warn("the clock jumped", "by", jump)
	d.desk.Kick()
	err := d.desk.Tell(ctx, "clock/"+now.UTC().Format(time.RFC3339), "The clock jumped by "+jump.Round(time.Second).String(),
		"The machine's clock was set or the machine slept. What fell due meanwhile is being done now, once.",
		"If nobody set it, check the time synchronization of the machine.")
	if err != nil {
		d.log.Error("operators could not be told", "error", err)
	}
}

// troubles are what is wrong now.
func (d *daemon) troubles(ctx context.Context) []trouble {
	list := append(d.diskTroubles(), d.mailboxTroubles()...)
	if down := d.smtpDown(); down != "" {
		list = append(list, trouble{threads.Trouble{Key: "smtp", Says: "smtp: " + down}, false, false})
	}
	return append(append(list, d.lapseTroubles(time.Now())...), d.outboxTroubles(ctx)...)
}

// lapseTroubles are certificates and consents that end soon. What has ended
// already shows as the failing connection it makes.
func (d *daemon) lapseTroubles(now time.Time) []trouble {
	ends := map[string]time.Time{"the certificate of the IMAP server": d.inbox.Status().CertificateEnds}
	for _, s := range d.client.Health() {
		ends["the certificate of the SMTP server "+s.Server] = s.CertificateEnds
	}
	for _, s := range d.tokens.Status() {
		ends["the OAuth2 consent of "+s.ClientID] = s.ConsentExpires
	}
	var list []trouble
	for _, what := range slices.Sorted(maps.Keys(ends)) {
		if end := ends[what]; !end.IsZero() && end.Sub(now) < lapseWarning {
			list = append(list, trouble{threads.Trouble{
				Key:  "lapse/" + what,
				Says: "lapse: " + what + " ends on " + end.UTC().Format("2006-01-02 15:04 UTC") + "; then no mail goes through it.",
				Do:   "Have it renewed before that.",
			}, true, true})
		}
	}
	return list
}

func (d *daemon) diskTroubles() []trouble {
	space, err := d.db.Space()
	switch {
	case err != nil:
		return []trouble{{threads.Trouble{Key: "disk", Says: "disk: " + err.Error()}, false, false}}
	case space.Full:
		return []trouble{{threads.Trouble{
			Key:  "disk",
			Says: fmt.Sprintf("disk: less than limits.free_space (%d MiB) is free, so mail stays in the mailbox and nobody is acknowledged.", space.Watermark>>20),
			Do:   "Free some space on the data disk; the service goes on by itself.",
		}, true, false}}
	}
	return nil
}

func (d *daemon) mailboxTroubles() []trouble {
	var list []trouble
	in := d.inbox.Status()
	if in.Err != "" {
		list = append(list, trouble{threads.Trouble{Key: "imap", Says: "imap: " + in.Err}, false, false})
	}
	looked := in.LastPass
	if looked.IsZero() {
		looked = d.started
	}
	if time.Since(looked) > lookedWithin {
		list = append(list, trouble{threads.Trouble{
			Key:  "imap-silent",
			Says: fmt.Sprintf("imap: the watched folder has not been looked at since %s, so new mail waits unseen.", looked.UTC().Format("2006-01-02 15:04 UTC")),
			Do:   "See the log for what the mail server answers. It is tried again all the time.",
		}, true, false})
	}
	return list
}

func (d *daemon) outboxTroubles(ctx context.Context) []trouble {
	brake, err := d.desk.Braked(ctx)
	if err != nil {
		return []trouble{{threads.Trouble{Key: "store", Says: "store: " + err.Error()}, false, false}}
	}
	if brake != nil {
		return []trouble{{threads.Trouble{
			Key:  "brake",
			Says: "outbox: sending " + map[bool]string{true: "of all but acknowledgments ", false: ""}[brake.ExceptAcks] + "was paused by hand at " + brake.Since.Format("2006-01-02 15:04 UTC") + "; mail is taken in and what is owed waits.",
			Do:   "To go on: escalated resume-sending",
		}, true, false}}
	}
	waiting, err := d.desk.Waiting(ctx, time.Now())
	switch {
	case err != nil:
		return []trouble{{threads.Trouble{Key: "store", Says: "store: " + err.Error()}, false, false}}
	case waiting.Oldest.IsZero() || time.Since(waiting.Oldest) <= sentWithin:
		return nil
	}
	return []trouble{{threads.Trouble{
		Key:  "outbox-late",
		Says: fmt.Sprintf("outbox: mail has been due since %s and no server has taken it.", waiting.Oldest.UTC().Format("2006-01-02 15:04 UTC")),
		Do:   "See the log for what the SMTP servers answer. Customers may be waiting unacknowledged: write to them yourself.",
	}, true, false}}
}

// healthy reports that nothing is wrong now.
func (d *daemon) healthy(ctx context.Context) bool {
	return !slices.ContainsFunc(d.troubles(ctx), func(t trouble) bool { return !t.ahead })
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
func (d *daemon) unready(ctx context.Context) []trouble {
	list := d.troubles(ctx)
	if d.inbox.Status().LastPass.IsZero() {
		list = append(list, trouble{threads.Trouble{Key: "imap-unseen", Says: "imap: the folder was not looked at yet"}, false, false})
	}
	return list
}
