package threads

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/id8labs/escalated/classify"
	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/threads/store"
	"github.com/id8labs/escalated/threads/store/badger"
)

// BenchmarkOpenEscalations measures a start and a tick with nothing due on a
// store with many open escalations: ESCALATED_OPEN of them, 100000 by default.
func BenchmarkOpenEscalations(b *testing.B) {
	n, err := strconv.Atoi(os.Getenv("ESCALATED_OPEN"))
	if err != nil {
		n = 100_000
	}
	dir := b.TempDir()
	fill(b, dir, n)
	b.Run(fmt.Sprintf("start-%d", n), func(b *testing.B) {
		for b.Loop() {
			_, stop := start(b, dir)
			stop()
		}
	})
	b.Run(fmt.Sprintf("tick-%d", n), func(b *testing.B) {
		d, stop := start(b, dir)
		defer stop()
		for b.Loop() {
			if _, err := d.Tick(b.Context(), time.Now()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// start opens the store and a desk on it, as serve does.
func start(b *testing.B, dir string) (*Desk, func()) {
	b.Helper()
	db, err := badger.Open(badger.Config{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	d, err := NewDesk(b.Context(), Config{DB: db, Settings: testSettings()})
	if err != nil {
		b.Fatal(err)
	}
	return d, func() {
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// fill makes n acknowledged escalations whose next update is due in a day.
func fill(b *testing.B, dir string, n int) {
	b.Helper()
	d, stop := start(b, dir)
	defer stop()
	s, now := d.Settings(), time.Now().UTC()
	for done := 0; done < n; done += chunk {
		err := d.db.Update(b.Context(), func(tx store.Txn) error {
			for i := done; i < min(done+chunk, n); i++ {
				if err := openAcknowledged(tx, d, s, i, now); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func openAcknowledged(tx store.Txn, d *Desk, s *Settings, i int, now time.Time) error {
	from := mailbox.Address{Name: "Eve Adams", Address: fmt.Sprintf("eve@customer%d.example", i)}
	a := arrival{now: now, received: now, message: mailbox.Message{
		MessageID: fmt.Sprintf("m%d@customer%d.example", i, i), From: []mailbox.Address{from}, Subject: fmt.Sprintf("Order export %d stopped", i), Text: outage,
	}}
	e := &Escalation{ID: fmt.Sprintf("ESC-%06d", i)}
	verdict := classify.Verdict{Severity: 3, Type: classify.Technical, Summary: a.message.Subject, Customer: classify.Customer{Name: from.Name, Address: from.Address}}
	opening := Event{At: now, Type: EventOpened, By: from.Address, From: &from, Opened: &Opening{Verdict: verdict, Subject: a.message.Subject}}
	if err := d.record(tx, s, &a, e, &opening); err != nil {
		return err
	}
	for _, ev := range []Event{{At: now, Type: EventOwnerAssigned, Owner: "mira.castellan@acme.example"}, {At: now, Type: EventAcknowledged, Promised: now.Add(24 * time.Hour)}} {
		if err := d.append(e, &ev); err != nil {
			return err
		}
	}
	return d.save(tx, s, &Escalation{}, e)
}
