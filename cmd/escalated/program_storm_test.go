package main

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/id8labs/escalated/mailbox/mailserver"
)

// TestStorm lets mails arrive while connections are cut, fall silent, hang and
// are refused and the service is restarted, all at random. When the storm is
// over, every mail is recorded once and archived, and its sender acknowledged;
// [program.took] has seen to it that nothing went out twice but as it was.
func TestStorm(t *testing.T) {
	t.Setenv("ESCALATED_TEST_PASSWORD", "secret")
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProgram(t)
				p.start()
				p.storm(rand.New(rand.NewPCG(seed, 0)), 60)
			})
		})
	}
}

func (p *program) storm(random *rand.Rand, steps int) {
	p.Helper()
	mails := 0
	for range steps {
		if random.IntN(3) == 0 {
			mails++
			p.deliver(fmt.Sprintf("eve%d@c%d.example", mails, mails), ourAddress, "", fmt.Sprintf("Subject: Order export %d fails\n\nSince noon no order is exported.\n", mails))
		}
		p.mischief(random)
		p.pass(time.Duration(random.IntN(90)) * time.Second)
	}
	p.smtp.works()
	p.imap.cut(false)
	p.imap.set(func(w *imapWire) { w.trap = nil })
	p.pass(40 * time.Minute)
	records := p.records()
	if len(records) != mails {
		p.Errorf("%d records of %d mails", len(records), mails)
	}
	for _, r := range records {
		if r.Messages != 1 || r.AcknowledgedAt == nil || len(r.Undeliverable) > 0 {
			p.Errorf("%s: %d messages, acknowledged at %v, undeliverable %v", r.ID, r.Messages, r.AcknowledgedAt, r.Undeliverable)
		}
	}
	if in, kept := len(p.mail.Mailbox(ourAddress, "INBOX")), len(p.mail.Mailbox(ourAddress, archive)); in != 0 || kept != mails {
		p.Errorf("%d mails are left and %d archived, of %d", in, kept, mails)
	}
	for i := range mails {
		p.lastTo(fmt.Sprintf("eve%d@c%d.example", i+1, i+1))
	}
}

// mischief does one thing that happens to a service.
func (p *program) mischief(random *rand.Rand) {
	p.Helper()
	stages := []mailserver.Stage{
		mailserver.Connect, mailserver.Auth, mailserver.From, mailserver.Rcpt, mailserver.Data, mailserver.EndData, mailserver.Accepted,
	}
	fault := smtpFault{at: stages[random.IntN(len(stages))], times: 1 + random.IntN(3)}
	switch random.IntN(12) {
	case 0, 1:
		p.smtp.fails(fault) // hangs
	case 2, 3:
		fault.reply = mailserver.ErrCut
		p.smtp.fails(fault)
	case 4:
		fault.at = stages[random.IntN(len(stages)-1)] // a server that has the mail does not put it off
		fault.reply = refusal(451)
		p.smtp.fails(fault)
	case 5:
		p.smtp.breaks()
	case 6:
		p.smtp.works()
	case 7:
		p.imap.cut(random.IntN(2) == 0)
	case 8:
		p.imap.set(func(w *imapWire) { w.silent = true })
	case 9:
		trap := []string{"MOVE ", "FETCH ", "SEARCH ", "IDLE", "SELECT ", "NOOP"}[random.IntN(6)]
		p.imap.set(func(w *imapWire) { w.trap = []byte(trap) })
	default:
		p.stop()
		p.start()
	}
}
