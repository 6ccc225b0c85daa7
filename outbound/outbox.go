// Package outbound answers "is it delivered?". Its outbox takes the notices
// that package threads owes, composes their mails, sends them through package
// smtp and records what the servers answered: compose, send, record.
//
// An attempt is recorded with its bytes before anything is dialled. A notice is
// composed anew only while no server can have taken it; after a crash the same
// bytes go out under the same Message-ID. Duplicates are at most what was being
// sent when the program died.
package outbound

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/id8labs/escalated/outbound/smtp"
	"github.com/id8labs/escalated/threads"
	"github.com/id8labs/escalated/threads/store"
)

const (
	inHand   = 64                 // notices being sent at once, at most
	grace    = 2 * time.Second    // for mails under way when the program stops; the answer to a final dot gets 5 s more
	flood    = 16                 // acknowledgments due at once are a flood
	lull     = time.Second        // after which all else goes out too
	patience = 30 * time.Second   // and after this long in any case
	giveUp   = 5 * 24 * time.Hour // RFC 5321 §4.5.4.1: give up after four or five days
)

// putOff are the waits after a recipient's temporary refusals; the last repeats.
var putOff = [...]time.Duration{5 * time.Second, 15 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute}

// Config is what an outbox works with.
type Config struct {
	Desk     *threads.Desk
	Composer *Composer
	Client   *smtp.Client
	Workers  int    // mails on the wire at once, 4
	Redirect string // shadow mode: everything goes here instead
	// Sent is told of each recipient a server took a mail for. May be nil.
	Sent func(n *threads.Notice, mail []byte)
	Log  *slog.Logger
}

// An Outbox sends what a desk owes.
type Outbox struct {
	Config

	// Only the loop touches these.
	hand    map[string]bool // keys of the notices being sent
	parked  map[string]bool // keys of those whose records can't be read
	held    time.Time       // no server is up until then
	flooded time.Time       // when a flood of acknowledgments was last seen
	unsaved []threads.Result

	jobs chan task
	done chan outcome
}

type task struct {
	job  threads.Job
	mail []byte
}

// An outcome is a result, and until when no server is up if none was.
type outcome struct {
	threads.Result
	down time.Time
}

// NewOutbox makes an outbox; Run makes it work.
func NewOutbox(c Config) *Outbox {
	if c.Workers <= 0 {
		c.Workers = 4
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Outbox{Config: c, hand: map[string]bool{}, parked: map[string]bool{}, jobs: make(chan task, inHand), done: make(chan outcome, inHand)}
}

// Run sends until ctx ends, then lets what is on the wire finish within grace
// and records it.
func (o *Outbox) Run(ctx context.Context) error {
	sending, hurry := context.WithCancel(context.WithoutCancel(ctx))
	defer hurry()
	var workers sync.WaitGroup
	for range o.Workers {
		workers.Go(func() {
			for t := range o.jobs {
				o.done <- o.send(sending, t)
			}
		})
	}
	o.loop(ctx)
	close(o.jobs)
	defer time.AfterFunc(grace, hurry).Stop()
	go func() { workers.Wait(); close(o.done) }() // done closes when every worker is through
	var results []threads.Result
	for r := range o.done {
		results = append(results, r.Result)
	}
	return o.record(context.WithoutCancel(ctx), results)
}

func (o *Outbox) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var results []threads.Result
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-o.Desk.Owed():
		case r := <-o.done:
			results = o.drain(r)
		}
		if err := o.record(context.WithoutCancel(ctx), results); err != nil { // also while stopping
			o.Log.Error("results could not be recorded", "error", err)
		}
		next, err := o.fill(ctx)
		if err != nil && ctx.Err() == nil {
			o.Log.Error("what is owed could not be sent, trying again", "error", err)
			next = time.Now().Add(time.Second)
		}
		if len(o.unsaved) > 0 {
			next = time.Now().Add(time.Second)
		}
		if next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(max(0, time.Until(next)))
		}
	}
}

// drain takes every result there is, so that one transaction records them all.
// One mail that went out shows that servers are up again.
func (o *Outbox) drain(first outcome) []threads.Result {
	next, more := first, true
	var results []threads.Result
	for more {
		results = append(results, next.Result)
		o.held = next.down
		select {
		case next = <-o.done:
		default:
			more = false
		}
	}
	return results
}

// record notes results, with those that could not be noted before. One that
// can't be noted though others can stays in hand: it is sent again, with the
// same bytes, after a restart.
func (o *Outbox) record(ctx context.Context, results []threads.Result) error {
	o.unsaved = append(o.unsaved, results...)
	if len(o.unsaved) == 0 {
		return nil
	}
	now := time.Now().UTC()
	err := o.Desk.Finish(ctx, now, o.unsaved)
	if err == nil {
		o.letGo(o.unsaved)
		o.unsaved = nil
		return nil
	}
	o.unsaved = o.saveEach(ctx, now)
	if len(o.unsaved) == 0 {
		return nil
	}
	return fmt.Errorf("recording results: %w", err)
}

// saveEach records results one by one, parks those whose own records stand in
// the way, and returns those that the store does not take now.
func (o *Outbox) saveEach(ctx context.Context, now time.Time) (unsaved []threads.Result) {
	for _, r := range o.unsaved {
		err := o.Desk.Finish(ctx, now, []threads.Result{r})
		if err != nil && !hopeless(err) {
			unsaved = append(unsaved, r)
			continue
		}
		if err != nil {
			o.Log.Error("what became of a notice can't be recorded; it is sent again after a restart", "notice", r.Key, "error", err)
			o.parked[r.Key] = true
		}
		o.letGo([]threads.Result{r})
	}
	return unsaved
}

// hopeless reports errors that trying again does not mend.
func hopeless(err error) bool {
	return errors.Is(err, store.ErrTooBig) || errors.Is(err, store.ErrDamaged) || errors.Is(err, store.ErrNewer) || errors.Is(err, store.ErrNotFound)
}

func (o *Outbox) letGo(results []threads.Result) {
	for _, r := range results {
		delete(o.hand, r.Key)
	}
}

// fill puts what is due in hand, and returns when to look again; zero when only
// a kick or a result makes that worthwhile.
func (o *Outbox) fill(ctx context.Context) (time.Time, error) {
	now := time.Now().UTC()
	if now.Before(o.held) {
		return o.held, nil
	}
	room := inHand - len(o.hand)
	if !o.held.IsZero() { // servers were down: one mail finds out whether they still are
		room = 1 - len(o.hand)
	}
	if room < inHand/2 && len(o.hand) > 0 {
		return time.Time{}, nil // results come first; then many at once
	}
	jobs, next, err := o.next(ctx, now, room)
	if err != nil {
		return next, err
	}
	tasks, attempts, spoiled := o.compose(jobs, now)
	if err := o.record(context.WithoutCancel(ctx), spoiled); err != nil {
		return next, err
	}
	if len(tasks) == 0 {
		return next, nil
	}
	if err := o.Desk.Start(ctx, now, attempts); err != nil {
		return next, fmt.Errorf("recording attempts: %w", err)
	}
	for _, t := range tasks {
		o.hand[t.job.Notice.Key] = true
		o.jobs <- t
	}
	return next, nil
}

// next asks for notices to send. While acknowledgments come in a flood all else
// waits for them, for patience at most.
func (o *Outbox) next(ctx context.Context, now time.Time, room int) ([]threads.Job, time.Time, error) {
	w := threads.Want{Limit: room, Acks: now, Rest: now, Skip: func(key string) bool { return o.hand[key] || o.parked[key] }}
	calm := o.flooded.Add(lull)
	if now.Before(calm) {
		w.Rest = now.Add(-patience)
	}
	jobs, next, err := o.Desk.Jobs(ctx, w)
	acks := 0
	for _, job := range jobs {
		if job.Err == nil && job.Notice.Urgency == threads.Acknowledging {
			acks++
		}
	}
	if acks >= flood {
		o.flooded = now
	}
	if !next.IsZero() && !next.After(now) && now.Before(calm) {
		next = calm
	}
	return jobs, next, err
}

// compose renders jobs. What cannot be composed is refused by us, so that
// people hear of it as of any refusal.
func (o *Outbox) compose(jobs []threads.Job, now time.Time) (tasks []task, attempts []threads.Attempt, spoiled []threads.Result) {
	for _, job := range jobs {
		if job.Err != nil {
			o.Log.Error("a notice can't be read and waits for a restart", "notice", job.Notice.Key, "error", job.Err)
			o.parked[job.Notice.Key] = true
			continue
		}
		attempt := threads.Attempt{Key: job.Notice.Key, Mail: job.Mail}
		if job.Mail == nil {
			var err error
			if attempt, err = o.Composer.Compose(job, now); err != nil {
				o.Log.Error("a mail could not be composed", "notice", job.Notice.Key, "error", err)
				spoiled = append(spoiled, refuseAll(job.Notice, err))
				continue
			}
		}
		tasks = append(tasks, task{job: job, mail: attempt.Mail})
		attempts = append(attempts, attempt)
	}
	return tasks, attempts, spoiled
}

func refuseAll(n threads.Notice, err error) threads.Result {
	r := threads.Result{Key: n.Key}
	for _, to := range n.To {
		r.Answers = append(r.Answers, threads.Answer{Address: to.Address.Address, State: threads.Refused, Text: "not sent: " + err.Error()})
	}
	return r
}

// send makes one attempt for each recipient that has no final answer yet.
func (o *Outbox) send(ctx context.Context, t task) outcome {
	n := &t.job.Notice
	r := outcome{Result: threads.Result{Key: n.Key, Retry: n.Owed}}
	settings := o.Desk.Settings()
	for _, to := range n.To {
		if to.State != threads.Pending {
			continue
		}
		reply, err := o.Client.Send(ctx, smtp.Envelope{From: settings.BounceAddress(idOf(n), to.Address.Address), To: o.recipient(to), Mail: t.mail})
		if err == nil {
			r.Answers = append(r.Answers, threads.Answer{Address: to.Address.Address, State: threads.Delivered, Text: reply.Text})
			o.Log.Info("sent", "notice", n.Key, "escalation", n.Escalation, "message_id", public(n.MessageID))
			if o.Sent != nil {
				o.Sent(n, t.mail)
			}
			continue
		}
		if r.down = o.judge(&r.Result, n, to, err); !r.down.IsZero() {
			break
		}
	}
	return r
}

// public is a Message-ID without the token at its start, which proves who may
// reply and belongs in no log.
func public(messageID string) string {
	_, rest, _ := strings.Cut(messageID, ".")
	return rest
}

func (o *Outbox) recipient(to threads.Delivery) string {
	if o.Redirect != "" {
		return o.Redirect
	}
	return to.Address.Address
}

func idOf(n *threads.Notice) string {
	if n.Escalation == "" {
		return threads.Service
	}
	return n.Escalation
}

// judge notes what a failed attempt means. When no server is up it returns
// until when, and the rest of the notice waits too.
func (o *Outbox) judge(r *threads.Result, n *threads.Notice, to threads.Delivery, err error) (down time.Time) {
	failure, ok := errors.AsType[*smtp.Error](err)
	if !ok {
		failure = &smtp.Error{Verdict: smtp.Deferred, Err: err}
	}
	if failure.Verdict == smtp.Down {
		return failure.RetryAt
	}
	answer := threads.Answer{Address: to.Address.Address, Text: failure.Error()}
	if failure.Verdict == smtp.Refused || time.Since(n.Owed) > giveUp {
		answer.State = threads.Refused
	}
	r.Answers = append(r.Answers, answer)
	r.Unsure = r.Unsure || failure.Verdict == smtp.Unsure
	if retry := time.Now().UTC().Add(putOff[min(to.Tries, len(putOff)-1)]); answer.State == threads.Pending && (r.Retry.Equal(n.Owed) || retry.Before(r.Retry)) {
		r.Retry = retry
	}
	o.Log.Warn("not sent", "notice", n.Key, "escalation", n.Escalation, "verdict", failure.Verdict.String(), "phase", failure.Phase, "code", failure.Code, "server", failure.Server)
	return time.Time{}
}
