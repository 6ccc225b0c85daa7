package outbound

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"github.com/id8labs/escalated/mailbox/mailserver"
	"github.com/id8labs/escalated/threads"
	"github.com/id8labs/escalated/threads/store"
)

// A sickDB refuses transactions while told to.
type sickDB struct {
	store.DB
	reading, writing atomic.Bool
}

var errSick = errors.New("the store is sick")

func (s *sickDB) View(ctx context.Context, read func(store.Reader) error) error {
	if s.reading.Load() {
		return errSick
	}
	return s.DB.View(ctx, read)
}

func (s *sickDB) Update(ctx context.Context, write func(store.Txn) error) error {
	if s.writing.Load() {
		return errSick
	}
	return s.DB.Update(ctx, write)
}

// TestResultsAreRecordedOnceTheStoreIsWell: a mail that a server took is not
// sent again because the store could not take that down for a while.
func TestResultsAreRecordedOnceTheStoreIsWell(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		db := &sickDB{DB: o.db}
		o.db = db
		o.set(func(_ context.Context, at mailserver.Stage, _ string) error {
			db.writing.Store(db.writing.Load() || at == mailserver.Accepted)
			return nil
		})
		o.start()
		o.arrive(vouched("1", "Orders fail"))
		time.Sleep(time.Hour)
		if r := o.record(); r.AcknowledgedAt != nil {
			t.Fatal("recorded on a store that takes nothing")
		}
		o.set(nil)
		db.writing.Store(false)
		time.Sleep(2 * time.Second)
		if r := o.record(); r.AcknowledgedAt == nil {
			t.Error("still not recorded")
		}
		time.Sleep(2 * time.Hour)
		o.the(to(o.mails(), eve))
	})
}

// TestStoreCannotBeRead: what is owed goes out as soon as it can be read.
func TestStoreCannotBeRead(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		db := &sickDB{DB: o.db}
		o.db = db
		o.arrive(vouched("1", "Orders fail"))
		db.reading.Store(true)
		o.start()
		time.Sleep(time.Minute)
		if got := o.mails(); len(got) > 0 {
			t.Fatalf("sent blindly:%s", summary(got))
		}
		db.reading.Store(false)
		time.Sleep(2 * time.Second)
		o.the(to(o.mails(), eve))
	})
}

// TestAttemptNotRecorded: without the attempt on disk nothing is dialled.
func TestAttemptNotRecorded(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		db := &sickDB{DB: o.db}
		o.db = db
		o.arrive(vouched("1", "Orders fail"))
		db.writing.Store(true)
		o.start()
		time.Sleep(time.Minute)
		o.mu.Lock()
		dials := len(o.dials)
		o.mu.Unlock()
		if dials > 0 {
			t.Errorf("dialled %d times", dials)
		}
		db.writing.Store(false)
		time.Sleep(2 * time.Second)
		o.the(to(o.mails(), eve))
	})
}

// TestOutageCountsAgainstNoMail: an hour without a server, then one refusal for
// now: the next attempt comes as after any first one.
func TestOutageCountsAgainstNoMail(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		var refused atomic.Int64
		o.set(func(_ context.Context, at mailserver.Stage, arg string) error {
			if at == mailserver.Rcpt && arg == eve && refused.CompareAndSwap(0, time.Now().UnixNano()) {
				return reply(451, gosmtp.EnhancedCode{4, 7, 1}, "greylisted")
			}
			return nil
		})
		o.refuse = func(string) bool { return true }
		o.start()
		o.arrive(vouched("1", "Orders fail"))
		time.Sleep(time.Hour)
		o.allow()
		time.Sleep(time.Hour)
		m := o.the(to(o.mails(), eve))
		if wait := m.at.Sub(time.Unix(0, refused.Load())); wait != putOff[0] {
			t.Errorf("the next attempt came after %v, want %v", wait, putOff[0])
		}
	})
}

// TestGivesUp: what is put off for five days is refused, and people are told.
func TestGivesUp(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.set(func(_ context.Context, at mailserver.Stage, arg string) error {
			if at == mailserver.Rcpt && arg == eve {
				return reply(451, gosmtp.EnhancedCode{4, 7, 1}, "greylisted")
			}
			return nil
		})
		o.start()
		o.arrive(vouched("1", "Orders fail"))
		time.Sleep(giveUp - time.Hour)
		if r := o.record(); len(r.Undeliverable) > 0 {
			t.Fatal("gave up early")
		}
		o.mails()
		time.Sleep(2 * time.Hour)
		if r := o.record(); len(r.Undeliverable) != 1 || events(r)[threads.EventUndeliverable] != 1 {
			t.Errorf("undeliverable %v", r.Undeliverable)
		}
		if text := string(o.the(to(o.mails(), mia)).Bytes); !strings.Contains(text, "greylisted") {
			t.Errorf("the manager does not learn what the server said:\n%s", text)
		}
	})
}
