package threads

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/id8labs/escalated/threads/cadence"
	"github.com/id8labs/escalated/threads/store"
)

// maxMissed is how many promised updates in a row people are told of as missed.
const maxMissed = 4

// round bounds how many escalations one pass of the clock handles before it
// looks whether it is to stop.
const round = 1024

// Run is the clock: it ticks when the earliest due instant comes, until ctx ends.
func (d *Desk) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-d.due:
		}
		next, err := d.Tick(ctx, time.Now().UTC())
		wait := time.Hour
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			d.log.Error("what was due could not be done, trying again", "error", err)
			wait = 5 * time.Second
		case !next.IsZero():
			wait = min(wait, max(0, time.Until(next)))
		}
		timer.Reset(wait)
	}
}

// Tick does what time alone has made due at now, and returns the next instant
// at which something will be; zero when nothing will. It costs what is due, not
// what is open.
func (d *Desk) Tick(ctx context.Context, now time.Time) (next time.Time, err error) {
	var ids []string
	err = d.db.View(ctx, func(r store.Reader) error {
		ids, next = nil, time.Time{}
		prefix := []byte("id/")
		for k, err := range r.Keys(prefix, store.PrefixEnd(prefix)) {
			if err != nil {
				return err
			}
			at, id := stamped(k, len(prefix))
			if at.After(now) || len(ids) == round {
				next = at
				return nil
			}
			ids = append(ids, id)
		}
		return nil
	})
	if err != nil {
		return next, fmt.Errorf("looking for what is due: %w", err)
	}
	var failed error
	for _, id := range ids {
		if err := d.tick(ctx, id, now); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", id, err))
		}
	}
	if len(ids) > 0 {
		kick(d.owed)
		next = now // what was done may have made something else due
	}
	return next, failed
}

// tick does one escalation's duties in a transaction of its own.
func (d *Desk) tick(ctx context.Context, id string, now time.Time) error {
	s := d.Settings()
	return d.db.Update(ctx, func(tx store.Txn) error {
		e, ok, err := get[Escalation](tx, escalationKey(id))
		if err != nil || !ok {
			return errors.Join(err, missing(ok, id))
		}
		before := e
		owed, _ := cadence.Due(e.clocks(), s.Policy, now)
		for _, duty := range owed {
			if err := d.do(tx, s, now, &e, duty); err != nil {
				return err
			}
		}
		return d.save(tx, s, &before, &e)
	})
}

func (d *Desk) do(tx store.Txn, s *Settings, now time.Time, e *Escalation, duty cadence.Duty) error {
	switch duty.Kind {
	case cadence.LateAcknowledgment:
		return d.tellLate(tx, s, now, e)
	case cadence.MissedUpdate:
		ev := Event{At: now, Type: EventUpdateMissed, By: "escalated", Promised: e.PromisedUpdate, Reason: duty.Because}
		if every := s.Policy.Levels[e.Severity].Update; every > 0 && e.MissedUpdates+1 < maxMissed {
			ev.Next = ev.Promised.Add(every * (1 + now.Sub(ev.Promised)/every))
		}
		if err := d.append(e, &ev); err != nil {
			return err
		}
		return s.tell(tx, Notice{
			Key: key(e.ID, kindMissed, ev.Promised.Format(time.RFC3339)), Escalation: e.ID, Kind: kindMissed, Template: "missed", Owed: now,
		}, append(s.ownerOf(e), s.managers()...))
	}
	return fmt.Errorf("no way to do the duty %q", duty.Kind)
}
