package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/mail"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/id8labs/escalated/mailbox/mailserver"
	"github.com/id8labs/escalated/mailbox/mailserver/fault"
)

// The tests of faults_*_test.go let servers and networks misbehave. Whatever
// they do: nothing is lost, nothing is doubled, within recovery of the cause
// going away all is as if it had never been, and what lasts is seen in
// /healthz.

// recovery is how soon after a fault everything must be done.
const recovery = time.Minute

// A faulty is a program with a wire to each server that can be spoiled.
type faulty struct {
	*program
	in, out *fault.Wire // to the IMAP and to the SMTP server
	mails   int         // delivered, each by a customer of its own
}

// inFaulty runs a test in a bubble; it starts the program itself.
func inFaulty(t *testing.T, test func(f *faulty)) {
	t.Helper()
	t.Setenv("ESCALATED_TEST_PASSWORD", "secret")
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{program: newProgram(t)}
		f.in = &fault.Wire{Dial: through(f.mail.DialIMAP)}
		f.out = &fault.Wire{Dial: through(f.mail.DialSMTP)}
		f.imap.dial, f.smtp.dial = across(f.in), across(f.out)
		test(f)
	})
}

type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

func through(dial dialer) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) { return dial(ctx, "", "") }
}

func across(w *fault.Wire) dialer {
	return func(ctx context.Context, _, _ string) (net.Conn, error) { return w.Connect(ctx) }
}

func writer(n int) string { return fmt.Sprintf("eve%d@c%d.example", n, n) }

// complain lets customers write, one mail each.
func (f *faulty) complain(mails int) {
	f.Helper()
	for range mails {
		f.mails++
		f.deliver(writer(f.mails), ourAddress, "", fmt.Sprintf("Subject: Order export %d fails\n\nSince noon no order is exported.\n", f.mails))
	}
}

// whole wants every mail so far to be recorded once, acknowledged by one mail
// that no customer but its own got, alerted of, and in its folder.
func (f *faulty) whole() {
	f.Helper()
	f.recorded()
	f.folders(0, f.mails)
}

func (f *faulty) recorded() {
	f.Helper()
	records := f.records()
	if len(records) != f.mails {
		f.Errorf("%d records of %d mails", len(records), f.mails)
	}
	for _, r := range records {
		if r.Messages != 1 || r.AcknowledgedAt == nil || len(r.Undeliverable) > 0 {
			f.Errorf("%s of %s: %d messages, acknowledged %v, undeliverable %v", r.ID, *r.Customer.Address, r.Messages, r.AcknowledgedAt, r.Undeliverable)
		}
	}
	acks := f.acknowledgments()
	for n := range f.mails {
		if ids := acks[writer(n+1)]; len(ids) != 1 {
			f.Errorf("%s has the acknowledgments %v", writer(n+1), ids)
		}
	}
}

// acknowledgments are the Message-IDs of those that ever left, by recipient.
func (f *faulty) acknowledgments() map[string]map[string]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	acks := map[string]map[string]bool{}
	for key, raw := range f.seen {
		m, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil || strings.HasPrefix(key, "acknowledgment of ") || m.Header.Get("X-Escalated-Notice") != "ack" {
			continue
		}
		to := strings.Trim(m.Header.Get("To"), "<>")
		if acks[to] == nil {
			acks[to] = map[string]bool{}
		}
		acks[to][key] = true
	}
	return acks
}

// folders wants so many mails in the watched folder and in the archive.
func (f *faulty) folders(watched, kept int) {
	f.Helper()
	synctest.Wait()
	in, archived, away := f.box("INBOX"), f.box(archive), f.box(quarantine)
	if len(in) != watched || len(archived) != kept || len(away) != 0 {
		f.Errorf("%d mails are left, %d archived, %d in quarantine; want %d, %d and none", len(in), len(archived), len(away), watched, kept)
	}
}

func (f *faulty) box(folder string) []mailserver.Mail { return f.mail.Mailbox(ourAddress, folder) }

// degraded wants /healthz to say so, with a text in what it says.
func (f *faulty) degraded(says string) {
	f.Helper()
	synctest.Wait()
	var all []string
	for _, t := range f.daemon.troubles(f.Context()) {
		all = append(all, t.Says)
	}
	if !strings.Contains(strings.Join(all, "\n"), says) {
		f.Errorf("health says %q, want %q", all, says)
	}
}

func (f *faulty) healthy() {
	f.Helper()
	synctest.Wait()
	if list := f.daemon.troubles(f.Context()); len(list) > 0 {
		f.Errorf("health says %v", list)
	}
}

// told counts the mails to somebody, since the last look, that hold a text.
func (f *faulty) told(whom, text string) (n int) {
	f.Helper()
	for _, e := range f.program.mails() {
		if e.To[0] == whom && strings.Contains(readable(f.program, e), text) {
			n++
		}
	}
	return n
}
