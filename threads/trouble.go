package threads

import (
	"context"
	"fmt"
	"time"

	"github.com/id8labs/escalated/threads/store"
)

// A Trouble is something wrong with the service itself, which the operators are
// told of once when it begins and once when it is over.
type Trouble struct {
	Key   string    `json:"key"`   // what it is about; the same trouble has the same key
	Says  string    `json:"says"`  // what is wrong and what that means, a sentence
	Do    string    `json:"do"`    // what to do about it, a sentence
	Since time.Time `json:"since"` // when it was first reported
}

// ReportTroubles says what is wrong now. The operators are told of what was not
// reported before and of what is over, across restarts, also while sending is
// paused.
func (d *Desk) ReportTroubles(ctx context.Context, now time.Time, current []Trouble) (begun, over []Trouble, err error) {
	s := d.Settings()
	err = store.Essential(d.db).Update(ctx, func(tx store.Txn) error {
		begun, over = nil, nil
		known, _, err := get[map[string]Trouble](tx, metaKey("troubles"))
		if err != nil {
			return err
		}
		still := map[string]Trouble{}
		for _, t := range current {
			t.Since = now
			if before, ok := known[t.Key]; ok {
				t.Since = before.Since
			} else {
				begun = append(begun, t)
			}
			still[t.Key] = t
		}
		for key, t := range known {
			if _, ok := still[key]; !ok {
				over = append(over, t)
			}
		}
		if len(begun)+len(over) == 0 {
			return nil
		}
		if err := s.tellTroubles(tx, now, begun, over); err != nil {
			return err
		}
		return put(tx, metaKey("troubles"), still)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("reporting troubles: %w", err)
	}
	if len(begun)+len(over) > 0 {
		kick(d.owed)
	}
	return begun, over, nil
}

func (s *Settings) tellTroubles(tx store.Txn, now time.Time, begun, over []Trouble) error {
	notice := func(t Trouble, stage, subject string, lines ...string) error {
		return s.tell(tx, Notice{
			Key:  key(Service, kindOperator, "trouble", short(t.Key), t.Since.Format(time.RFC3339), stage),
			Kind: kindOperator, Template: "operator", Urgency: Regardless, Owed: now, Subject: subject, Lines: lines,
		}, s.operators())
	}
	for _, t := range begun {
		if err := notice(t, "begun", "Trouble: "+t.Says, t.Says, t.Do, "One more mail comes when it is over."); err != nil {
			return err
		}
	}
	for _, t := range over {
		lasted := now.Sub(t.Since).Round(time.Second)
		if err := notice(t, "over", "Over: "+t.Says, "This is over: "+t.Says, fmt.Sprintf("It lasted %v.", lasted)); err != nil {
			return err
		}
	}
	return nil
}

// A Brake holds back what is owed to send, until it is released.
type Brake struct {
	Since time.Time `json:"since"`
	// ExceptAcks lets acknowledgments go out.
	ExceptAcks bool `json:"except_acks"`
}

// SetBrake pauses sending, or, with nil, resumes it. It is kept across restarts.
func SetBrake(ctx context.Context, db store.DB, b *Brake) error {
	err := store.Essential(db).Update(ctx, func(tx store.Txn) error {
		if b == nil {
			return tx.Delete(metaKey("brake"))
		}
		return put(tx, metaKey("brake"), b)
	})
	if err != nil {
		return fmt.Errorf("noting the brake: %w", err)
	}
	return nil
}

// Braked returns the brake in force, or nil.
func (d *Desk) Braked(ctx context.Context) (*Brake, error) {
	var b *Brake
	err := d.db.View(ctx, func(r store.Reader) (err error) {
		b, err = braked(r)
		return err
	})
	return b, err
}

func braked(r store.Reader) (*Brake, error) {
	b, set, err := get[Brake](r, metaKey("brake"))
	if err != nil || !set {
		return nil, err
	}
	return &b, nil
}

// Kick makes whoever sends look again, after something was changed beside the desk.
func (d *Desk) Kick() {
	kick(d.owed)
	kick(d.due)
}
