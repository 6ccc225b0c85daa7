package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/id8labs/escalated/mailbox/mailserver"
	"github.com/id8labs/escalated/mailbox/mailserver/fault"
	"github.com/id8labs/escalated/threads"
)

func TestSMTPFaults(t *testing.T) {
	says := func(code int, at mailserver.Stage) func(*faulty) {
		return func(f *faulty) { f.smtp.fails(smtpFault{at: at, times: -1, reply: refusal(code)}) }
	}
	hangs := func(at mailserver.Stage) func(*faulty) {
		return func(f *faulty) { f.smtp.fails(smtpFault{at: at, times: 1}) }
	}
	cuts := func(at mailserver.Stage) func(*faulty) {
		return func(f *faulty) { f.smtp.fails(smtpFault{at: at, times: 2, reply: mailserver.ErrCut}) }
	}
	spoils := func(s fault.Spoil) func(*faulty) { return func(f *faulty) { f.out.Spoil(s) } }
	for _, test := range []struct {
		name   string
		breaks func(f *faulty)
		lasts  time.Duration
		health string        // says so meanwhile
		within time.Duration // of the end, when not recovery
		copies int           // of one mail at most, when not 1
	}{
		{name: "greylisting", breaks: says(451, mailserver.Rcpt), lasts: time.Minute},
		{name: "greylisting for five minutes", breaks: says(451, mailserver.Rcpt), lasts: 5 * time.Minute, within: 4 * time.Minute},
		{name: "421 for a greeting", breaks: says(421, mailserver.Connect), lasts: time.Hour, health: "421"},
		{name: "554 for a greeting", breaks: says(554, mailserver.Connect), lasts: time.Hour, health: "554"},
		{name: "421 at MAIL", breaks: says(421, mailserver.From), lasts: time.Hour, health: "421"},
		{name: "421 at RCPT", breaks: says(421, mailserver.Rcpt), lasts: time.Minute},
		{name: "421 at DATA", breaks: says(421, mailserver.Data), lasts: time.Minute},
		{name: "421 at the final dot", breaks: says(421, mailserver.EndData), lasts: time.Minute},
		{name: "452 at the final dot", breaks: says(452, mailserver.EndData), lasts: time.Minute},
		{name: "550 at MAIL", breaks: says(550, mailserver.From), lasts: time.Hour, health: "550"},
		{name: "refused login", breaks: says(535, mailserver.Auth), lasts: time.Hour, health: "535", within: recovery + time.Second},
		{name: "hangs at the greeting", breaks: hangs(mailserver.Connect), lasts: time.Second},
		{name: "hangs before the final dot", breaks: hangs(mailserver.Data), lasts: time.Second, within: 2 * recovery},
		{name: "hangs after the final dot", breaks: hangs(mailserver.EndData), lasts: 5 * time.Minute},
		{name: "hangs with the mail taken", breaks: hangs(mailserver.Accepted), lasts: 5 * time.Minute, copies: 2},
		{name: "cuts at DATA", breaks: cuts(mailserver.Data), lasts: time.Second},
		{name: "cuts after the final dot", breaks: cuts(mailserver.EndData), lasts: time.Second},
		{name: "cuts with the mail taken", breaks: cuts(mailserver.Accepted), lasts: time.Second, copies: 3},
		{name: "an octet a second", breaks: spoils(fault.Spoil{Down: fault.Stream{Drip: time.Second}}), lasts: time.Hour, health: "smtp: ", within: 2 * recovery},
		{name: "silent", breaks: spoils(fault.Spoil{Down: fault.Stream{Hole: 1}}), lasts: time.Hour, health: "smtp: ", within: 2 * recovery},
		{name: "refuses connections", breaks: func(f *faulty) { f.out.Refuse(true) }, lasts: time.Hour, health: "refused"},
		{name: "no 8BITMIME, no SMTPUTF8, no PIPELINING", breaks: spoils(plainSMTP), lasts: time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			inFaulty(t, func(f *faulty) {
				f.start()
				test.breaks(f)
				f.complain(2)
				f.pass(test.lasts)
				if test.health != "" {
					f.degraded(test.health)
				}
				f.smtp.works()
				f.out.Refuse(false)
				f.out.Spoil(fault.Spoil{})
				f.pass(max(recovery, test.within))
				f.whole()
				f.healthy()
				f.copies(max(1, test.copies))
			})
		})
	}
}

var (
	plainSMTP   = noExtension("8BITMIME", "SMTPUTF8", "PIPELINING", "CHUNKING", "SIZE")
	withoutUTF8 = noExtension("SMTPUTF8")
)

func noExtension(names ...string) fault.Spoil {
	return fault.Spoil{Down: fault.Stream{Edit: func(piece []byte) []byte {
		for _, name := range names {
			piece = bytes.ReplaceAll(piece, []byte(name), []byte("X-NOTHING"))
		}
		return piece
	}}}
}

// copies wants no mail to have left more often than that to anybody.
func (f *faulty) copies(most int) { f.Helper(); f.copiesOf(f.program.mails(), most) }

func (f *faulty) copiesOf(out []mailserver.Envelope, most int) {
	f.Helper()
	count := map[string]int{}
	for _, e := range out {
		id, _, _ := bytes.Cut(e.Bytes[bytes.Index(e.Bytes, []byte("Message-ID: ")):], []byte("\r\n"))
		for _, to := range e.To {
			if count[to+" "+string(id)]++; count[to+" "+string(id)] > most {
				f.Errorf("%s to %s left %d times, want %d at most", kindOf(e), to, count[to+" "+string(id)], most)
			}
		}
	}
}

// What is refused for good is told to the owner and the manager.
func TestRefusedForGood(t *testing.T) {
	for _, at := range []mailserver.Stage{mailserver.Rcpt, mailserver.Data, mailserver.EndData} {
		t.Run(string(at), func(t *testing.T) {
			inFaulty(t, func(f *faulty) {
				f.start()
				f.smtp.fails(smtpFault{at: at, times: 3, reply: refusal(552)}) // the acknowledgment, and both alerts beside it
				f.complain(1)
				f.pass(recovery)
				if r := f.records()[0]; len(r.Undeliverable) != 1 || r.AcknowledgedAt != nil {
					t.Errorf("%s is undeliverable to %v, acknowledged at %v", r.ID, r.Undeliverable, r.AcknowledgedAt)
				}
				if out := strings.Join(f.sent(), "\n"); strings.Contains(out, "to "+writer(1)) {
					t.Errorf("sent:\n%s", out)
				}
				f.healthy()
			})
		})
	}
}

// One recipient's trouble is nobody else's: the others get the mail once.
func TestOneRecipientOfTwo(t *testing.T) {
	const adam = "adam@northwind.example"
	for name, test := range map[string]struct {
		code, times int
		adams       int // mails to adam
	}{"refused": {550, -1, 0}, "put off": {451, 3, 1}} {
		t.Run(name, func(t *testing.T) {
			inFaulty(t, func(f *faulty) {
				f.start()
				f.smtp.fails(smtpFault{at: mailserver.Rcpt, whom: adam, times: test.times, reply: refusal(test.code)})
				f.deliver(eve, ourAddress, "", "Subject: Order export fails\nCc: "+adam+"\n\nSince noon no order is exported.\n")
				f.pass(5 * time.Minute)
				of, about := map[string]int{}, 0
				for _, e := range f.program.mails() {
					if kindOf(e) == "ack" {
						of[e.To[0]]++
					} else if e.To[0] == theAgent && strings.Contains(readable(f.program, e), "said by the test") {
						about++
					}
				}
				if of[eve] != 1 || of[adam] != test.adams {
					t.Errorf("acknowledgments: %v", of)
				}
				if told := about > 0; told == (test.adams > 0) {
					t.Errorf("the agent heard %d times of %s", about, adam)
				}
			})
		})
	}
}

// A server without SMTPUTF8 cannot reach an address that is not ASCII, which
// people hear of; all other mail passes.
func TestNoSMTPUTF8(t *testing.T) {
	const jürgen = "jürgen@northwind.example"
	inFaulty(t, func(f *faulty) {
		f.out.Spoil(withoutUTF8)
		f.start()
		f.deliver(jürgen, ourAddress, "", "Subject: Order export fails\n\nSince noon no order is exported.\n")
		f.pass(recovery)
		r := f.records()[0]
		if len(r.Undeliverable) != 1 || r.Undeliverable[0] != jürgen {
			t.Errorf("undeliverable: %v", r.Undeliverable)
		}
		if n := f.told(theAgent, "SMTPUTF8"); n != 1 {
			t.Errorf("the agent was told %d times", n)
		}
		f.out.Spoil(fault.Spoil{})
		f.out.Cut()
		f.deliver("ärger@southwind.example", ourAddress, "", "Subject: Login is broken\n\nNobody can log in.\n")
		if n := f.told("ärger@southwind.example", "We're on it"); n != 1 {
			t.Errorf("%d acknowledgments where the server has SMTPUTF8", n)
		}
	})
}

// A refused login is tried once a minute and no more.
func TestRefusedLoginOnceAMinute(t *testing.T) {
	inFaulty(t, func(f *faulty) {
		f.start()
		refused := smtpFault{at: mailserver.Auth, times: 1000, reply: refusal(535)}
		f.smtp.fails(refused)
		f.complain(5)
		f.pass(time.Hour)
		f.smtp.mu.Lock()
		tries := refused.times - f.smtp.faults[0].times
		f.smtp.mu.Unlock()
		if tries < 58 || tries > 60+4 { // the first time on four connections at once
			t.Errorf("%d logins in an hour", tries)
		}
		f.smtp.works()
		f.pass(recovery + time.Second)
		f.whole()
	})
}

// A relay may write Message-IDs of its own: a reply joins by the address it
// goes to, and by the tag in the subject where even that is lost.
func TestRelayRewritesMessageID(t *testing.T) {
	inFaulty(t, func(f *faulty) {
		f.start()
		f.complain(1)
		out := f.program.mails()
		for i := range out {
			if out[i].To[0] == writer(1) {
				out = out[i : i+1]
				break
			}
		}
		header, _, _ := bytes.Cut(out[0].Bytes, []byte("\r\n\r\n"))
		field := func(name string) string {
			_, rest, _ := strings.Cut(string(header)+"\r\n", "\r\n"+name+": ")
			value, _, _ := strings.Cut(rest, "\r\n")
			return strings.Trim(value, "<>")
		}
		for i, to := range []string{field("Reply-To"), ourAddress} {
			f.deliver(writer(1), to, "", fmt.Sprintf("In-Reply-To: <%d@relay.example>\nReferences: <%d@relay.example>\nTo: %s\nSubject: Re: %s\n\nIt got worse, case %d.\n", i, i, to, field("Subject"), i))
			if r := f.records(); len(r) != 1 || r[0].Messages != 2+i {
				t.Errorf("a reply to %q opened a case of its own: %d records", to, len(r))
			}
		}
	})
}

// TestSMTPCutAnywhere cuts one connection after the other, each a little later,
// in either direction.
func TestSMTPCutAnywhere(t *testing.T) {
	for name, spoil := range map[string]func(at int) fault.Spoil{
		"down": func(at int) fault.Spoil { return fault.Spoil{Down: fault.Stream{Cut: at}} },
		"up":   func(at int) fault.Spoil { return fault.Spoil{Up: fault.Stream{Cut: at}} },
	} {
		t.Run(name, func(t *testing.T) {
			inFaulty(t, func(f *faulty) {
				f.start()
				f.complain(1) // three mails on one connection or on several
				up, down := f.out.Passed()
				total := map[string]int{"up": up, "down": down}[name]
				for _, at := range spaced(40, total) {
					f.out.Cut()
					f.out.SpoilNext(spoil(at))
					f.complain(1)
					f.pass(recovery)
					if f.recorded(); f.Failed() {
						t.Fatalf("after a cut at octet %d", at)
					}
				}
				f.whole()
				f.healthy()
				f.copies(2)
			})
		})
	}
}

// A connection kept for the next mail that died without a word costs seconds.
func TestHalfOpenSMTP(t *testing.T) {
	inFaulty(t, func(f *faulty) {
		f.start()
		for range 3 {
			f.complain(1)
			f.out.Hole()
			f.complain(1)
			f.pass(recovery)
			f.whole()
		}
		f.healthy()
		f.copies(1)
	})
}

// After an hour without a server, a thousand mails (an acknowledgment, an alert
// and a notice of its lateness for each customer) go out within five minutes,
// acknowledgments first.
func TestOutage(t *testing.T) {
	const customers, work = 340, 20 * time.Millisecond
	inFaulty(t, func(f *faulty) {
		f.configure("people:\n  - {name: Mia Chen, email: mia@acme.example, roles: [agent, manager]}\n")
		f.start()
		f.out.Refuse(true)
		f.mails = customers
		for n := range customers {
			raw := fmt.Sprintf("From: %s\r\nTo: %s\r\nMessage-ID: <%d@x.example>\r\nDate: %s\r\nSubject: Order export %d fails\r\n\r\nSince noon no order is exported.\r\n",
				writer(n+1), ourAddress, n, time.Now().Format(time.RFC1123Z), n)
			vouched := fmt.Sprintf("Authentication-Results: mx.acme.example; dmarc=pass header.from=c%d.example\r\n", n+1)
			if _, err := f.mail.Append(ourAddress, "INBOX", []byte(vouched+raw), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		f.pass(time.Hour)
		f.degraded("refused")
		f.out.Spoil(fault.Spoil{Down: fault.Stream{Delay: work}}) // of each answer
		f.out.Refuse(false)
		f.pass(5 * time.Minute)
		f.whole()
		f.healthy()
		out := f.program.mails()
		last := 0
		for i, e := range out {
			if kindOf(e) == "ack" {
				last = i
			}
		}
		t.Logf("%d mails, the last acknowledgment being the %d-th", len(out), last+1)
		if last > customers+customers/10 {
			t.Errorf("the last acknowledgment was the %d-th of %d mails", last+1, len(out))
		}
		f.copiesOf(out, 1)
	})
}

// A relay that suddenly refuses everybody must not set off a chain of mails
// about mails that were refused.
func TestEverybodyRefused(t *testing.T) {
	inFaulty(t, func(f *faulty) {
		f.start()
		f.smtp.fails(smtpFault{at: mailserver.Rcpt, times: -1, reply: refusal(550)})
		f.complain(2)
		f.pass(time.Hour)
		waiting, err := f.daemon.desk.Waiting(t.Context(), time.Now())
		if err != nil || waiting.Due > 0 {
			t.Errorf("%d mails are due, %v", waiting.Due, err)
		}
		events := 0
		for _, r := range f.records() {
			shown, err := threads.Show(t.Context(), f.daemon.db, r.ID)
			if err != nil {
				t.Fatal(err)
			}
			events += len(shown.Events)
		}
		if events > 2*20 {
			t.Errorf("%d events on two escalations", events)
		}
	})
}
