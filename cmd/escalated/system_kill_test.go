package main

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// inFlight bounds what one kill can make come twice: the notices the outbox has
// in hand.
const inFlight = 128

const kills = 24

// TestKilledAtRandom kills the program again and again while mails arrive.
func TestKilledAtRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if given, err := strconv.ParseUint(os.Getenv("ESCALATED_SEED"), 10, 64); err == nil {
		seed = given
	}
	t.Logf("ESCALATED_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s, mails := newSite(t), 0
	for round := range kills {
		mails = s.killUnderLoad(round, random, mails)
		if round == kills/2 {
			s.imap.ResetUIDValidity()
		}
	}
	t.Logf("%d mails came during %d kills", mails, kills)
	p := s.serve()
	s.awaitFiled(mails)
	s.awaitAcknowledged(mails)
	await(t, "the owner is alerted of every mail", func() bool { return s.relay.of("alert", "dana@acme.example") >= mails })
	s.checkRecords(mails)
	p.stop()
	s.checkRecords(mails)
	if alerts := s.relay.of("alert", "dana@acme.example"); alerts != mails {
		t.Errorf("%d alerts of %d mails", alerts, mails)
	}
	s.checkOperatorMails()
	s.relay.checkRepeats(t, kills*inFlight)
}

// TestKilledOnce kills the program in the middle of a few hundred mails: what
// comes twice is what was in flight, and not all that went out before.
func TestKilledOnce(t *testing.T) {
	const mails = 300
	s := newSite(t)
	s.imap.Deliver(complaints(0, mails)...)
	p := s.serve()
	var accepted atomic.Int64
	s.relay.onAccepted(func() {
		if accepted.Add(1) == mails {
			p.kill()
		}
	})
	await(t, "it is killed", func() bool { return !p.alive() })
	s.relay.onAccepted(nil)
	p = s.serve()
	s.awaitFiled(mails)
	s.awaitAcknowledged(mails)
	s.checkRecords(mails)
	await(t, "nothing waits in the outbox", s.quiet)
	p.stop()
	if repeats := s.relay.checkRepeats(t, inFlight); repeats == 0 {
		t.Error("nothing came twice: the kill came at no bad time, and the test is no test")
	}
}

// TestKilledThenRefused lets servers refuse what they may have taken before the
// kill: it must come as the same bytes all the same.
func TestKilledThenRefused(t *testing.T) {
	const mails = 20
	s := newSite(t)
	s.imap.Deliver(complaints(0, mails)...)
	p := s.serve()
	var accepted, refused atomic.Int64
	s.relay.onAccepted(func() {
		if accepted.Add(1) == mails {
			p.kill()
		}
	})
	await(t, "it is killed", func() bool { return !p.alive() })
	s.relay.onAccepted(nil)
	s.relay.onMail(func(context.Context) error {
		if refused.Add(1) <= 2*mails {
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Try again later"}
		}
		return nil
	})
	p = s.serve()
	s.awaitAcknowledged(mails)
	await(t, "every notice was sent", func() bool { return s.relay.of("alert", "dana@acme.example") == mails && s.quiet() })
	s.checkRecords(mails)
	p.stop()
	if s.relay.checkRepeats(t, inFlight) == 0 {
		t.Error("nothing came twice: the kill came at no bad time, and the test is no test")
	}
}

// killUnderLoad runs the program and kills it while mails arrive: so long after
// its start, so long after it looked into the mailbox, or just when a server
// took a mail and has not said so, in turns. It returns how many mails have come.
func (s *site) killUnderLoad(round int, random *rand.Rand, mails int) int {
	p := s.serve()
	delay := 20*time.Millisecond + time.Duration(random.Int64N(int64(580*time.Millisecond)))
	var fuse <-chan time.Time
	switch round % 3 {
	case 0:
		fuse = time.After(delay)
	case 2:
		var left atomic.Int64
		left.Store(1 + random.Int64N(30))
		s.relay.onAccepted(func() {
			if left.Add(-1) == 0 {
				p.kill()
			}
		})
		defer s.relay.onAccepted(nil)
	}
	arrival := time.NewTicker(40 * time.Millisecond)
	defer arrival.Stop()
	for {
		select {
		case <-p.ended:
			if code := p.cmd.ProcessState.ExitCode(); code >= 0 {
				s.tb.Errorf("it ended by itself with exit code %d:\n%s", code, p.log.tail())
			}
			return mails
		case <-fuse:
			p.kill()
		case <-arrival.C:
			s.imap.Deliver(complaint(mails))
			mails++
			if fuse == nil && round%3 == 1 && p.log.has("imap connected") {
				fuse = time.After(delay)
			}
		}
	}
}
