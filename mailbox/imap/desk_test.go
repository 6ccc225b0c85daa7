package imap

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/id8labs/escalated/mailbox"
)

func secret(password string) func() (string, error) {
	return func() (string, error) { return password, nil }
}

// A testDesk remembers what it is given and keeps the contract of mailbox.Desk.
type testDesk struct {
	rule      func(mailbox.Raw) mailbox.Fate                      // nil: archive
	judge     func(at mailbox.Location, fails int) mailbox.Fate   // of mails that cannot be fetched; nil: quarantine
	recall    func(mailbox.Location) (fate mailbox.Fate, ok bool) // overrides what Fates remembers
	during    func(ctx context.Context) error                     // runs inside Receive
	forgetful bool                                                // keep no mails

	mu       sync.Mutex
	err      error // of all methods
	filedErr int   // so many calls of Filed fail
	short    int   // so many calls of Receive answer too little
	fates    map[mailbox.Location]mailbox.Fate
	fails    map[mailbox.Location]int
	batches  [][]mailbox.Raw
	received int
	moves    []mailbox.Move
	changed  chan struct{} // closed at the next change
}

func newDesk() *testDesk {
	return &testDesk{
		fates: map[mailbox.Location]mailbox.Fate{}, fails: map[mailbox.Location]int{},
		changed: make(chan struct{}),
	}
}

func (d *testDesk) change() {
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *testDesk) Fates(_ context.Context, at []mailbox.Location) ([]mailbox.Fate, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fates := make([]mailbox.Fate, len(at))
	for i, location := range at {
		fates[i] = d.fates[location]
		if d.recall != nil {
			if fate, ok := d.recall(location); ok {
				fates[i] = fate
			}
		}
	}
	return fates, d.err
}

func (d *testDesk) Receive(ctx context.Context, batch []mailbox.Raw) ([]mailbox.Fate, error) {
	if d.during != nil {
		if err := d.during(ctx); err != nil {
			return nil, err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return nil, d.err
	}
	if d.short--; d.short >= 0 {
		return nil, nil
	}
	fates := make([]mailbox.Fate, len(batch))
	for i, raw := range batch {
		fates[i] = mailbox.Archive
		if d.rule != nil {
			fates[i] = d.rule(raw)
		}
		if fates[i] != mailbox.Leave {
			d.fates[raw.Location] = fates[i]
		}
	}
	d.received += len(batch)
	if !d.forgetful {
		d.batches = append(d.batches, batch)
	}
	d.change()
	return fates, nil
}

func (d *testDesk) Fail(_ context.Context, at mailbox.Location, _ error) (mailbox.Fate, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails[at]++
	fate := mailbox.Quarantine
	if d.judge != nil {
		fate = d.judge(at, d.fails[at])
	}
	if fate != mailbox.Leave {
		d.fates[at] = fate
	}
	d.change()
	return fate, d.err
}

func (d *testDesk) Filed(_ context.Context, moves []mailbox.Move) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.moves = append(d.moves, moves...)
	d.change()
	if d.filedErr--; d.filedErr >= 0 {
		return errors.New("not filed")
	}
	return d.err
}

func (d *testDesk) setErr(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

func (d *testDesk) failures(uid uint32) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for at, fails := range d.fails {
		if at.UID == uid {
			n += fails
		}
	}
	return n
}

// bodies returns the mails received, in order.
func (d *testDesk) bodies() (bodies [][]byte) {
	for _, raw := range d.raws() {
		bodies = append(bodies, raw.Bytes)
	}
	return bodies
}

func (d *testDesk) locations() (at []mailbox.Location) {
	for _, raw := range d.raws() {
		at = append(at, raw.Location)
	}
	return at
}

func (d *testDesk) raws() (raws []mailbox.Raw) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, batch := range d.batches {
		raws = append(raws, batch...)
	}
	return raws
}

// shape returns the UIDs of each batch.
func (d *testDesk) shape() (shape [][]uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, batch := range d.batches {
		var uids []uint32
		for _, raw := range batch {
			uids = append(uids, raw.Location.UID)
		}
		shape = append(shape, uids)
	}
	return shape
}

func (d *testDesk) awaitFiled(tb testing.TB, n int) {
	tb.Helper()
	d.await(tb, "filed", n, func() int { return len(d.moves) })
}

func (d *testDesk) awaitReceived(tb testing.TB, n int) {
	tb.Helper()
	d.await(tb, "received", n, func() int { return d.received })
}

// await waits, for real servers only: within a bubble, look after a while of
// its time instead.
func (d *testDesk) await(tb testing.TB, what string, n int, count func() int) {
	tb.Helper()
	limit := time.After(time.Minute)
	for {
		d.mu.Lock()
		got, changed := count(), d.changed
		d.mu.Unlock()
		if got >= n {
			return
		}
		select {
		case <-changed:
		case <-limit:
			tb.Fatalf("%s %d mails in a minute, want %d", what, got, n)
		}
	}
}
