package threads

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/id8labs/escalated/classify"
	"github.com/id8labs/escalated/threads/store"
)

// A Record is an escalation as `escalated list --json` and `show --json` print
// it (config.md). Absent is null.
type Record struct {
	ID              string            `json:"id"`
	Customer        RecordCustomer    `json:"customer"`
	Summary         string            `json:"summary"`
	Severity        classify.Severity `json:"severity"`
	Type            *string           `json:"type"`
	Status          Status            `json:"status"`
	Owner           *string           `json:"owner"`
	OpenedAt        *time.Time        `json:"opened_at"`
	AcknowledgedAt  *time.Time        `json:"acknowledged_at"`
	FirstResponseAt *time.Time        `json:"first_response_at"`
	NextAction      *string           `json:"next_action"`
	ETA             *time.Time        `json:"eta"`
	NextUpdateDue   *time.Time        `json:"next_update_due"`
	PromisedUpdate  *time.Time        `json:"promised_update"`
	ResolveBy       *time.Time        `json:"resolve_by"`
	ResolvedAt      *time.Time        `json:"resolved_at"`
	ConfirmedAt     *time.Time        `json:"confirmed_at"`
	PausedUntil     *time.Time        `json:"paused_until"`
	MissedUpdates   int               `json:"missed_updates"`
	Messages        int               `json:"messages"`
	Participants    []string          `json:"participants"`
	Undeliverable   []string          `json:"undeliverable"`
	Claims          *string           `json:"claims"`
	MergedInto      *string           `json:"merged_into"`
	RedFlags        []string          `json:"red_flags"`
	Events          []Event           `json:"events,omitempty"` // show only
}

// RecordCustomer is the customer of a Record.
type RecordCustomer struct {
	Company *string `json:"company"`
	Name    *string `json:"name"`
	Address *string `json:"address"`
	Tier    *string `json:"tier"`
}

func (e *Escalation) record() Record {
	r := Record{
		ID: e.ID, Summary: e.Summary, Severity: e.Severity, Status: e.Status,
		Customer: RecordCustomer{
			Company: some(e.Customer.Company), Name: some(e.Customer.Name),
			Address: some(e.Customer.Address), Tier: some(string(e.Customer.Tier)),
		},
		Type: some(string(e.Type)), Owner: some(e.Owner), NextAction: some(e.NextAction),
		Claims: some(e.Claims), MergedInto: some(e.MergedInto),
		OpenedAt: some(e.OpenedAt), AcknowledgedAt: some(e.AcknowledgedAt), FirstResponseAt: some(e.FirstResponseAt),
		ETA: some(e.ETA), PromisedUpdate: some(e.PromisedUpdate), NextUpdateDue: some(cmp.Or(e.PromisedUpdate, e.UpdateBy)), ResolveBy: some(e.ResolveBy),
		ResolvedAt: some(e.ResolvedAt), ConfirmedAt: some(e.ConfirmedAt), PausedUntil: some(e.PausedUntil),
		MissedUpdates: e.MissedUpdates, Messages: e.Messages,
		Participants: []string{}, Undeliverable: append([]string{}, e.Undeliverable...), RedFlags: []string{},
	}
	for _, p := range e.Participants {
		r.Participants = append(r.Participants, p.Address.Address)
	}
	return r
}

// some is a pointer to a value, nil for the zero one: null in JSON.
func some[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// List returns the escalations that are not closed, or all, in the order of
// their ids.
func List(ctx context.Context, db store.DB, all bool) ([]Record, error) {
	var records []Record
	err := db.View(ctx, func(r store.Reader) error {
		records = nil
		prefix := openKey("")
		if all {
			prefix = escalationKey("")
		}
		for k, err := range r.Keys(prefix, store.PrefixEnd(prefix)) {
			if err != nil {
				return err
			}
			e, ok, err := get[Escalation](r, escalationKey(last(k)))
			if err != nil {
				return err
			}
			if ok {
				records = append(records, e.record())
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing escalations: %w", err)
	}
	return records, nil
}

// Show returns one escalation with its events. The error wraps
// [store.ErrNotFound] when there is none of that id.
func Show(ctx context.Context, db store.DB, id string) (Record, error) {
	var record Record
	id = strings.ToUpper(id)
	err := db.View(ctx, func(r store.Reader) error {
		e, ok, err := get[Escalation](r, escalationKey(id))
		if err != nil || !ok {
			return cmp.Or(err, missing(ok, "no escalation "+id))
		}
		record = e.record()
		for p, err := range r.Scan(eventsPrefix(id), store.PrefixEnd(eventsPrefix(id))) {
			if err != nil {
				return err
			}
			events, err := decode[[]Event](p.Key, p.Value)
			if err != nil {
				return err
			}
			record.Events = append(record.Events, events...)
		}
		return nil
	})
	return record, err
}

// SetAside returns the mail that opened nothing, oldest first.
func SetAside(ctx context.Context, db store.DB) ([]Aside, error) {
	var list []Aside
	err := db.View(ctx, func(r store.Reader) error {
		list = nil
		prefix := []byte("s/")
		for p, err := range r.Scan(prefix, store.PrefixEnd(prefix)) {
			if err != nil {
				return err
			}
			a, err := decode[Aside](p.Key, p.Value)
			if err != nil {
				return err
			}
			list = append(list, a)
		}
		return nil
	})
	return list, err
}

// Backlog is what waits to be sent, or is being sent.
type Backlog struct {
	Due    int
	Oldest time.Time // when the longest due one became due; zero when nothing is
}

// Waiting counts what is due to be sent at now and not yet done.
func (d *Desk) Waiting(ctx context.Context, now time.Time) (Backlog, error) {
	var b Backlog
	err := d.db.View(ctx, func(r store.Reader) error {
		b = Backlog{}
		for u := Acknowledging; u <= Regardless; u++ {
			prefix := queuePrefix(u)
			for k, err := range r.Keys(prefix, store.PrefixEnd(prefix)) {
				if err != nil {
					return err
				}
				at, _ := stamped(k, len(prefix))
				if at.After(now) {
					break
				}
				b.add(at)
			}
		}
		prefix := inFlightKey("")
		for p, err := range r.Scan(prefix, store.PrefixEnd(prefix)) {
			if err != nil {
				return err
			}
			b.add(instant(p.Value))
		}
		return nil
	})
	return b, err
}

func (b *Backlog) add(due time.Time) {
	b.Due++
	if b.Oldest.IsZero() || due.Before(b.Oldest) {
		b.Oldest = due
	}
}
