package threads

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/id8labs/escalated/threads/store"
)

// A Job is a notice to send now, with what is needed to render it.
type Job struct {
	Notice     Notice
	Escalation *Escalation // nil for mail about the service
	Letter     *Letter     // the mail it is about; nil where there is none
	Asides     []Aside     // set-aside mails it lists
	Mail       []byte      // rendered before and to be sent as it is; nil: render it
	Err        error       // why its records can't be read; nothing else but the key is set
}

// A Want is what is asked of the queue.
type Want struct {
	Limit int
	Acks  time.Time             // acknowledgments due by then
	Rest  time.Time             // and all else due by then, after them
	Skip  func(key string) bool // those the caller has in hand
}

// Jobs returns notices to send now, acknowledgments first, and the instant at
// which the first of those left out is or was due; zero when none is left.
func (d *Desk) Jobs(ctx context.Context, w Want) (jobs []Job, next time.Time, err error) {
	err = d.db.View(ctx, func(r store.Reader) error {
		jobs, next = nil, time.Time{}
		brake, err := braked(r)
		if err != nil {
			return err
		}
		for u := Acknowledging; u <= Regardless; u++ {
			if brake.holds(u) {
				continue
			}
			until := w.Rest
			if u == Acknowledging {
				until = w.Acks
			}
			keys, later, err := due(r, u, until, w.Limit-len(jobs), w.Skip)
			if err != nil {
				return err
			}
			if !later.IsZero() && (next.IsZero() || later.Before(next)) {
				next = later
			}
			for _, k := range keys {
				job, err := d.job(r, k)
				if err != nil {
					job = Job{Notice: Notice{Key: k}, Err: err}
				}
				jobs = append(jobs, job)
			}
		}
		return nil
	})
	return jobs, next, err
}

// holds reports whether the brake keeps notices of an urgency in the queue.
func (b *Brake) holds(u Urgency) bool {
	return b != nil && u != Regardless && !(u == Acknowledging && b.ExceptAcks)
}

// due lists the keys queued up to an instant, and when the first one left out is due.
func due(r store.Reader, u Urgency, until time.Time, limit int, skip func(string) bool) (keys []string, next time.Time, err error) {
	prefix := queuePrefix(u)
	for k, err := range r.Keys(prefix, store.PrefixEnd(prefix)) {
		if err != nil {
			return nil, next, err
		}
		at, name := stamped(k, len(prefix))
		if skip(name) {
			continue
		}
		if at.After(until) || len(keys) == limit {
			return keys, at, nil
		}
		keys = append(keys, name)
	}
	return keys, time.Time{}, nil
}

func (d *Desk) job(r store.Reader, k string) (Job, error) {
	n, ok, err := get[Notice](r, noticeKey(k))
	if err != nil || !ok {
		return Job{}, errors.Join(err, missing(ok, "notice "+k))
	}
	job := Job{Notice: n}
	if n.Escalation != "" {
		e, ok, err := get[Escalation](r, escalationKey(n.Escalation))
		if err != nil || !ok {
			return job, errors.Join(err, missing(ok, n.Escalation))
		}
		job.Escalation = &e
	}
	if n.Letter > 0 {
		l, ok, err := get[Letter](r, messageKey(n.Escalation, n.Letter))
		if err != nil || !ok {
			return job, errors.Join(err, missing(ok, "a message of "+n.Escalation))
		}
		job.Letter = &l
	}
	if !n.Since.IsZero() {
		if job.Asides, err = asides(r, n.Since, n.Until); err != nil {
			return job, err
		}
	}
	if n.Frozen {
		job.Mail, err = rendered(r, k)
	}
	return job, err
}

// rendered reads a notice's bytes, which are kept compressed.
func rendered(r store.Reader, k string) ([]byte, error) {
	packed, err := r.Get(renderedKey(k))
	if err != nil {
		return nil, err
	}
	mail, err := s2.Decode(nil, packed)
	if err != nil {
		return nil, fmt.Errorf("unpacking the mail of notice %s: %w", k, err)
	}
	return mail, nil
}

func missing(ok bool, what string) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%w: %s", store.ErrNotFound, what)
}

// asides lists the uncertain set-aside mails recorded in a span of time.
func asides(r store.Reader, from, until time.Time) ([]Aside, error) {
	var list []Aside
	for p, err := range r.Scan(asideFrom(from), asideFrom(until)) {
		if err != nil {
			return nil, err
		}
		a, err := decode[Aside](p.Key, p.Value)
		if err != nil {
			return nil, err
		}
		if !a.Certain {
			list = append(list, a)
		}
	}
	return list, nil
}

// An Attempt is a rendered notice about to be sent.
type Attempt struct {
	Key      string
	Mail     []byte
	Subject  string    // as written; replies that lost all else are known by it
	Promised time.Time // the next update's time the mail prints; zero when none
}

// Start records attempts, with their bytes, before anything is dialled. It
// must return nil before the first of them is sent.
func (d *Desk) Start(ctx context.Context, now time.Time, attempts []Attempt) error {
	return store.Essential(d.db).Update(ctx, func(tx store.Txn) error {
		for _, a := range attempts {
			n, ok, err := get[Notice](tx, noticeKey(a.Key))
			if err != nil || !ok {
				return errors.Join(err, missing(ok, "notice "+a.Key))
			}
			if !n.Frozen {
				n.Frozen, n.Promised = true, a.Promised
				if err := tx.Set(renderedKey(a.Key), s2.EncodeBetter(nil, a.Mail)); err != nil {
					return err
				}
				if err := d.indexSent(tx, &n, a.Subject); err != nil {
					return err
				}
			} else {
				n.Unsure = true // it went to some, or an attempt's outcome was never recorded
			}
			n.Attempts++
			if err := takeOut(tx, &n); err != nil {
				return err
			}
		}
		return nil
	})
}

// indexSent lets a reply to the customers' side be known by the subject we wrote.
func (d *Desk) indexSent(tx store.Txn, n *Notice, subject string) error {
	if !n.Customer || n.Escalation == "" {
		return nil
	}
	return d.indexSubject(tx, subject, n.To[0].Address.Address, n.Escalation)
}

// takeOut moves a notice from the queue to those in flight and stores it.
func takeOut(tx store.Txn, n *Notice) error {
	if err := tx.Delete(queueKey(n.Urgency, n.Next, n.Key)); err != nil {
		return err
	}
	if err := tx.Set(inFlightKey(n.Key), stamp(n.Next)); err != nil {
		return err
	}
	return put(tx, noticeKey(n.Key), n)
}

// requeue moves a notice from those in flight back to the queue and stores it.
func requeue(tx store.Txn, n *Notice, at time.Time) error {
	if err := tx.Delete(inFlightKey(n.Key)); err != nil {
		return err
	}
	n.Next = at
	if err := tx.Set(queueKey(n.Urgency, n.Next, n.Key), nil); err != nil {
		return err
	}
	return put(tx, noticeKey(n.Key), n)
}

// reclaim makes due at once what a run that ended was sending.
func (d *Desk) reclaim(ctx context.Context) error {
	var keys []string
	err := d.db.View(ctx, func(r store.Reader) error {
		keys = nil
		prefix := inFlightKey("")
		for k, err := range r.Keys(prefix, store.PrefixEnd(prefix)) {
			if err != nil {
				return err
			}
			keys = append(keys, string(k[len(prefix):]))
		}
		return nil
	})
	for part := range slices.Chunk(keys, chunk) {
		err = errors.Join(err, store.Essential(d.db).Update(ctx, func(tx store.Txn) error {
			for _, k := range part {
				n, ok, err := get[Notice](tx, noticeKey(k))
				if err != nil {
					return err
				}
				if !ok {
					return missing(ok, "notice "+k)
				}
				if err := requeue(tx, &n, n.Next); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	return err
}
