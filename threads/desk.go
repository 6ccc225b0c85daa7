package threads

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/id8labs/escalated/classify"
	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/threads/match"
	"github.com/id8labs/escalated/threads/store"
)

// maxTries is how often one mail is tried before it goes to quarantine.
const maxTries = 3

// Config is what a desk works with.
type Config struct {
	DB       store.DB
	Settings Settings
	Classify func(*mailbox.Message, *classify.Directory) classify.Verdict // default classify.Read
	NewID    func() string                                                // default: random
	Log      *slog.Logger
}

// A Desk takes mails, keeps the records and says what is owed. It implements
// [mailbox.Desk]; its methods may be called concurrently.
type Desk struct {
	db        store.DB
	settings  atomic.Pointer[Settings]
	classify  func(*mailbox.Message, *classify.Directory) classify.Verdict
	newID     func() string
	run       string // marks attempts of this run of the program
	receiving sync.Mutex
	log       *slog.Logger

	owed chan struct{} // one slot: there may be something to send
	due  chan struct{} // one slot: an earlier instant may have become due
}

// NewDesk opens a desk on a store.
func NewDesk(ctx context.Context, c Config) (*Desk, error) {
	d := &Desk{
		db:       c.DB,
		classify: c.Classify,
		newID:    c.NewID,
		run:      randomHex(8),
		log:      c.Log,
		owed:     make(chan struct{}, 1),
		due:      make(chan struct{}, 1),
	}
	if d.classify == nil {
		d.classify = classify.Read
	}
	if d.newID == nil {
		d.newID = randomID
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	d.settings.Store(&c.Settings)
	if err := d.suspect(ctx); err != nil {
		return nil, fmt.Errorf("finding what was being read: %w", err)
	}
	if err := d.reclaim(ctx); err != nil {
		return nil, fmt.Errorf("taking back what was being sent: %w", err)
	}
	return d, nil
}

// Reload replaces the settings.
func (d *Desk) Reload(s Settings) { d.settings.Store(&s) }

// Settings returns what is in force. It must not be changed.
func (d *Desk) Settings() *Settings { return d.settings.Load() }

// Owed receives when something may have become owed to send.
func (d *Desk) Owed() <-chan struct{} { return d.owed }

func kick(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

func randomID() string {
	b := make([]byte, 6)
	rand.Read(b)
	return match.ID(b)
}

// Fates implements [mailbox.Desk].
func (d *Desk) Fates(ctx context.Context, at []mailbox.Location) ([]mailbox.Fate, error) {
	fates := make([]mailbox.Fate, len(at))
	var given []int // mails to give up
	if err := d.sight(ctx); err != nil {
		return nil, err
	}
	err := d.db.View(ctx, func(r store.Reader) error {
		given = given[:0]
		for i, l := range at {
			f, known, err := get[file](r, locationKey(l))
			if err != nil {
				return err
			}
			fates[i] = d.fate(f, known)
			if f.Tries >= maxTries && fates[i] != mailbox.Quarantine {
				given = append(given, i)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking up what was decided: %w", err)
	}
	for _, i := range given {
		if err := d.quarantine(ctx, at[i]); err != nil {
			return nil, err
		}
		fates[i] = mailbox.Quarantine
	}
	return fates, nil
}

// fate is what the file of a mail says is to happen with it now.
func (d *Desk) fate(f file, known bool) mailbox.Fate {
	switch {
	case !known:
		return mailbox.Fetch
	case f.Fate == mailbox.Archive || f.Fate == mailbox.Quarantine:
		return f.Fate
	case f.Run == d.run && f.Tries == 0:
		return mailbox.Fetch
	default: // tried before, here or in a run that ended in the middle
		return mailbox.FetchAlone
	}
}

// sight notes when a mailbox was seen first: what is older than the backlog
// then is not acknowledged.
func (d *Desk) sight(ctx context.Context) error {
	seen := false
	err := d.db.View(ctx, func(r store.Reader) (err error) {
		_, seen, err = get[time.Time](r, metaKey("first-sight"))
		return err
	})
	if seen || err != nil {
		return err
	}
	return d.db.Update(ctx, func(tx store.Txn) error {
		return put(tx, metaKey("first-sight"), time.Now().UTC())
	})
}

// Fail implements [mailbox.Desk].
func (d *Desk) Fail(ctx context.Context, at mailbox.Location, reason error) (mailbox.Fate, error) {
	fates, err := d.failed(ctx, []mailbox.Location{at}, []error{reason})
	if err != nil {
		return mailbox.Leave, err
	}
	return fates[0], nil
}

// failed counts an attempt against each mail and gives up those that had enough.
func (d *Desk) failed(ctx context.Context, at []mailbox.Location, reasons []error) ([]mailbox.Fate, error) {
	fates := make([]mailbox.Fate, len(at))
	for i, l := range at {
		tries := 0
		err := d.db.Update(ctx, func(tx store.Txn) error {
			f, _, err := get[file](tx, locationKey(l))
			if err != nil {
				return err
			}
			f.Tries++
			f.Run, f.Reason, tries = d.run, bounded(reasons[i].Error(), 300), f.Tries
			return put(tx, locationKey(l), f)
		})
		if err != nil {
			return nil, fmt.Errorf("counting a failed attempt: %w", err)
		}
		fates[i] = mailbox.Leave
		if tries < maxTries {
			continue
		}
		if err := d.quarantine(ctx, l); err != nil {
			return nil, err
		}
		fates[i] = mailbox.Quarantine
	}
	return fates, nil
}

// quarantine gives a mail up and tells the operators in the same transaction.
func (d *Desk) quarantine(ctx context.Context, l mailbox.Location) error {
	s := d.Settings()
	err := d.db.Update(ctx, func(tx store.Txn) error {
		f, _, err := get[file](tx, locationKey(l))
		if err != nil || f.Fate == mailbox.Quarantine {
			return err
		}
		if f.Reason == "" {
			f.Reason = "the program ended each time while it was reading this mail"
		}
		f.Fate = mailbox.Quarantine
		if err := put(tx, locationKey(l), f); err != nil {
			return err
		}
		return s.tell(tx, Notice{
			Key: key(Service, kindOperator, "quarantine", string(locationKey(l)[2:])), Kind: kindOperator, Template: "operator", Owed: time.Now().UTC(),
			Subject: "A mail could not be read and was set aside",
			Lines: []string{
				"Reason: " + f.Reason,
				fmt.Sprintf("It was mail %d of folder %s and is being moved to the quarantine folder.", l.UID, l.Folder),
				"Nobody was acknowledged. Read it there in a mail client and answer the sender.",
			},
		}, s.operators())
	})
	if err != nil {
		return fmt.Errorf("setting a mail aside: %w", err)
	}
	d.log.Warn("mail goes to quarantine", "folder", l.Folder, "uid", l.UID)
	kick(d.owed)
	return nil
}

// operators are who hears of the service's own troubles: managers by default,
// agents where there are none.
func (s *Settings) operators() []string {
	if len(s.Operators) > 0 {
		return s.Operators
	}
	if managers := s.managers(); len(managers) > 0 {
		return managers
	}
	var agents []string
	for _, p := range s.Directory.With(classify.Agent) {
		agents = append(agents, p.Email)
	}
	return agents
}

// operatorsBut is who hears that one of ours can't be reached: the other
// operators, or else all other agents and managers.
func (s *Settings) operatorsBut(person string) []string {
	without := func(people []string) []string {
		return slices.DeleteFunc(slices.Clone(people), func(p string) bool { return mailbox.Same(p, person) })
	}
	if others := without(s.operators()); len(others) > 0 {
		return others
	}
	others := s.managers()
	for _, p := range s.Directory.With(classify.Agent) {
		others = append(others, p.Email)
	}
	return without(others)
}

// Filed implements [mailbox.Desk].
func (d *Desk) Filed(ctx context.Context, moves []mailbox.Move) error {
	err := d.db.Update(ctx, func(tx store.Txn) error {
		for _, m := range moves {
			f, _, err := get[file](tx, locationKey(m.From))
			if err != nil {
				return err
			}
			f.Lies = &m.To
			if err := put(tx, locationKey(m.From), f); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("noting where mails lie: %w", err)
	}
	return nil
}

func bounded(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// Tell owes the operators one mail about the service itself. What is about the
// same thing on the same day is told once.
func (d *Desk) Tell(ctx context.Context, about, subject string, lines ...string) error {
	s, now := d.Settings(), time.Now().UTC()
	err := store.Essential(d.db).Update(ctx, func(tx store.Txn) error {
		return s.tell(tx, Notice{
			Key: key(Service, kindOperator, short(about), now.Format(time.DateOnly)), Kind: kindOperator, Template: "operator",
			Owed: now, Subject: subject, Lines: lines,
		}, s.operators())
	})
	kick(d.owed)
	return err
}
