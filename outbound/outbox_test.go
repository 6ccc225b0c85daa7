package outbound

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"github.com/id8labs/escalated/mailbox/mailserver"
	"github.com/id8labs/escalated/threads"
)

func reply(code int, status gosmtp.EnhancedCode, text string) error {
	return &gosmtp.SMTPError{Code: code, EnhancedCode: status, Message: text}
}

func TestAcknowledgmentAndAlertsGoOut(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.workers = 4
		o.start()
		o.arrive(vouched("1", "Orders fail"))
		got := o.mails()
		if len(got) != 3 || o.the(to(got, eve)).kind() != "ack" || o.the(to(got, dana)).kind() != "alert" || o.the(to(got, mia)).kind() != "alert" {
			t.Fatalf("want one acknowledgment and two alerts, got:%s", summary(got))
		}
		r := o.record()
		if r.AcknowledgedAt == nil || !r.AcknowledgedAt.Equal(*r.OpenedAt) {
			t.Errorf("acknowledged at %v, opened at %v", r.AcknowledgedAt, r.OpenedAt)
		}
		time.Sleep(24 * time.Hour)
		if again := to(o.mails(), eve); len(again) > 0 {
			t.Errorf("a day later the customer got more:%s", summary(again))
		}
	})
}

// TestSameMailAfterCrash lets the program die between the recorded attempt and
// the dial.
func TestSameMailAfterCrash(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.arrive(vouched("1", "Orders fail"))
		attempts := o.attempt()
		time.Sleep(time.Minute) // so that a mail rendered anew would have another date
		o.open()
		o.start()
		got := o.mails()
		if len(got) != len(attempts) {
			t.Fatalf("%d attempts were recorded, then sent:%s", len(attempts), summary(got))
		}
		for _, a := range attempts {
			if !slices.ContainsFunc(got, func(m taken) bool { return bytes.Equal(m.Bytes, a.Mail) }) {
				t.Errorf("the bytes recorded for %s were not sent", a.Key)
			}
		}
	})
}

// attempt does what the outbox does up to the dial, and no more.
func (o *office) attempt() []threads.Attempt {
	o.Helper()
	now := time.Now().UTC()
	jobs, _, err := o.desk.Jobs(o.Context(), threads.Want{Limit: 100, Acks: now, Rest: now, Skip: func(string) bool { return false }})
	if err != nil {
		o.Fatal(err)
	}
	var attempts []threads.Attempt
	for _, job := range jobs {
		a, err := o.composer.Compose(job, now)
		if err != nil {
			o.Fatal(err)
		}
		attempts = append(attempts, a)
	}
	if err := o.desk.Start(o.Context(), now, attempts); err != nil {
		o.Fatal(err)
	}
	return attempts
}

// TestSameMailAfterCrashAndRefusals: what a run that died may have sent stays
// as it is, however often the next run's attempts are refused for now.
func TestSameMailAfterCrashAndRefusals(t *testing.T) {
	for name, fault := range map[string]error{
		"put off": reply(451, gosmtp.EnhancedCode{4, 7, 1}, "greylisted"),
		"down":    mailserver.ErrCut,
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, o *office) {
				o.arrive(vouched("1", "Orders fail"))
				attempts := o.attempt()
				o.open()
				o.set(func(_ context.Context, at mailserver.Stage, _ string) error {
					if at == mailserver.From {
						return fault
					}
					return nil
				})
				o.start()
				time.Sleep(20 * time.Minute) // past the time from which an acknowledgment is late
				o.set(nil)
				time.Sleep(20 * time.Minute)
				m := o.the(to(o.mails(), eve))
				if !bytes.Equal(m.Bytes, attempts[0].Mail) {
					t.Errorf("the mail was rendered anew after an attempt of unknown outcome:\n%s", cmp.Diff(string(attempts[0].Mail), string(m.Bytes)))
				}
			})
		})
	}
}

// TestPutOff sends again 5, 15, 60, … seconds after each temporary refusal.
func TestPutOff(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		var tries []time.Time
		o.set(func(_ context.Context, at mailserver.Stage, arg string) error {
			if at != mailserver.Rcpt || arg != eve {
				return nil
			}
			if tries = append(tries, time.Now()); len(tries) > 8 {
				return nil
			}
			return reply(451, gosmtp.EnhancedCode{4, 7, 1}, "greylisted")
		})
		o.start()
		o.arrive(vouched("1", "Orders fail"))
		time.Sleep(2 * time.Hour)
		o.the(to(o.mails(), eve))
		var waits []time.Duration
		for i := range tries[1:] {
			waits = append(waits, tries[i+1].Sub(tries[i]))
		}
		s, m := time.Second, time.Minute
		if diff := cmp.Diff([]time.Duration{5 * s, 15 * s, m, 2 * m, 5 * m, 15 * m, 15 * m, 15 * m}, waits); diff != "" {
			t.Errorf("waits between attempts (-want +got):\n%s", diff)
		}
	})
}

func TestRefusedForGood(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		tries := 0
		o.set(func(_ context.Context, at mailserver.Stage, arg string) error {
			if at != mailserver.Rcpt || arg != eve {
				return nil
			}
			tries++
			return reply(550, gosmtp.EnhancedCode{5, 1, 1}, "no such user")
		})
		o.start()
		o.arrive(vouched("1", "Orders fail"))
		time.Sleep(10 * time.Minute)
		got := o.mails()
		if tries != 1 {
			t.Errorf("%d attempts, want 1", tries)
		}
		for _, person := range []string{dana, mia} {
			m := to(got, person)
			if m = slices.DeleteFunc(m, func(m taken) bool { return m.kind() != "operator" }); len(m) != 1 {
				t.Errorf("%s was told %d times, want once", person, len(m))
			} else if text := string(m[0].Bytes); !strings.Contains(text, eve) || !strings.Contains(text, "no such user") {
				t.Errorf("%s is not told who refused and why:\n%s", person, text)
			}
		}
		r := o.record()
		if diff := cmp.Diff([]string{eve}, r.Undeliverable); diff != "" || r.AcknowledgedAt != nil || events(r)[threads.EventUndeliverable] != 1 {
			t.Errorf("undeliverable %v, acknowledged %v, events %v", r.Undeliverable, r.AcknowledgedAt, events(r))
		}
	})
}

// TestVerdictPerRecipient: two customers share one mail, and each has an answer
// of their own.
func TestVerdictPerRecipient(t *testing.T) {
	for _, refusal := range []int{550, 451} {
		t.Run(strconv.Itoa(refusal), func(t *testing.T) {
			inBubble(t, func(t *testing.T, o *office) {
				tries := map[string]int{}
				o.set(func(_ context.Context, at mailserver.Stage, arg string) error {
					if at != mailserver.Rcpt {
						return nil
					}
					if tries[arg]++; arg == eve && tries[arg] == 1 {
						return reply(refusal, gosmtp.EnhancedCode{refusal / 100, 2, 1}, "not this one")
					}
					return nil
				})
				o.start()
				o.arrive(vouched("1", "Orders fail", "Cc: Adam <"+adam+">"))
				time.Sleep(time.Minute)
				got := o.mails()
				toAdam, toEve := o.the(to(got, adam)), to(got, eve)
				want := map[int][]int{550: {1, 0}, 451: {2, 1}}[refusal]
				if tries[adam] != 1 || tries[eve] != want[0] || len(toEve) != want[1] {
					t.Errorf("tries %v and %d mails to the refused one, want 1, %d and %d", tries, len(toEve), want[0], want[1])
				}
				if len(toEve) == 1 && !bytes.Equal(toEve[0].Bytes, toAdam.Bytes) {
					t.Error("the two got different mails")
				}
				if !strings.Contains(header(toAdam.Bytes).Get("To"), eve) {
					t.Errorf("the other recipient is not visible in To: %q", header(toAdam.Bytes).Get("To"))
				}
				if o.record().AcknowledgedAt == nil {
					t.Error("not acknowledged though one customer has it")
				}
			})
		})
	}
}

// TestHangs lets the server fall silent once in each phase: one acknowledgment
// arrives all the same, and the same bytes go again where the first may have.
func TestHangs(t *testing.T) {
	for _, stage := range []mailserver.Stage{
		mailserver.Connect, mailserver.Auth, mailserver.From, mailserver.Rcpt, mailserver.Data, mailserver.EndData, mailserver.Accepted,
	} {
		t.Run(string(stage), func(t *testing.T) {
			inBubble(t, func(t *testing.T, o *office) {
				var hung, ack atomic.Bool
				o.user, o.password = us, "right"
				o.set(func(ctx context.Context, at mailserver.Stage, arg string) error {
					if at == mailserver.Rcpt {
						ack.Store(arg == eve)
					}
					early := at == mailserver.Connect || at == mailserver.Auth || at == mailserver.From
					if at == stage && (early || ack.Load()) && hung.CompareAndSwap(false, true) {
						<-ctx.Done()
					}
					return ctx.Err()
				})
				o.arrive(vouched("1", "Orders fail"))
				o.start()
				time.Sleep(14 * time.Minute)
				got := to(o.mails(), eve)
				want := 1
				if stage == mailserver.Accepted {
					want = 2 // the server never said that it had taken the first
				}
				if !hung.Load() || len(got) != want {
					t.Fatalf("hung: %v, the customer got %d mails, want %d:%s", hung.Load(), len(got), want, summary(got))
				}
				if !bytes.Equal(got[0].Bytes, got[want-1].Bytes) {
					t.Error("a mail that may have arrived went again with other bytes")
				}
				if r := o.record(); r.AcknowledgedAt == nil || r.AcknowledgedAt.Sub(*r.OpenedAt) > 15*time.Minute {
					t.Errorf("acknowledged at %v, opened at %v", r.AcknowledgedAt, r.OpenedAt)
				}
			})
		})
	}
}

// TestCutAfterTheDot: nobody knows whether the mail arrived, so just the same
// goes again, also when what follows is refused for now.
func TestCutAfterTheDot(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		n := 0
		o.set(func(_ context.Context, at mailserver.Stage, arg string) error {
			if at == mailserver.Accepted {
				if n++; n == 1 {
					return mailserver.ErrCut
				}
			}
			if at == mailserver.From && n > 0 && n < 4 {
				n++
				return reply(451, gosmtp.EnhancedCode{4, 3, 2}, "later")
			}
			return nil
		})
		o.arrive(vouched("1", "Orders fail"))
		o.start()
		time.Sleep(10 * time.Minute)
		got := to(o.mails(), eve)
		if len(got) != 2 || !bytes.Equal(got[0].Bytes, got[1].Bytes) {
			t.Fatalf("want the same mail twice, got:%s", summary(got))
		}
	})
}

// TestServerDownForAnHour owes 500 notices to a server nobody can reach.
func TestServerDownForAnHour(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.refuse = func(string) bool { return true }
		o.start()
		for i := range 100 { // an acknowledgment and two alerts each
			o.arrive(vouched(strconv.Itoa(i), "Case "+strconv.Itoa(i)))
			time.Sleep(time.Second)
		}
		time.Sleep(time.Hour)
		o.probes()
		o.allow()
		time.Sleep(time.Minute)
		got := o.mails()
		acks := slices.IndexFunc(got, func(m taken) bool { return m.kind() != "ack" })
		if acks < 100 {
			t.Errorf("%d acknowledgments left before the first other mail, want all 100", acks)
		}
		if len(got) != 500 { // two people hear of each that it is late
			t.Errorf("%d mails left, want 500", len(got))
		}
		o.inOrder(got)
	})
}

// probes checks that the server was dialled after 1 s, doubling to 30 s.
func (o *office) probes() {
	o.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	wait := time.Duration(0)
	distinct := slices.CompactFunc(slices.Clone(o.dials), func(a, b dial) bool { return a.at.Equal(b.at) })
	if len(distinct) < 100 {
		o.Fatalf("%d probes in an hour", len(distinct))
	}
	for i := range distinct[1:] {
		wait = min(max(2*wait, time.Second), 30*time.Second)
		if got := distinct[i+1].at.Sub(distinct[i].at); got != wait {
			o.Fatalf("probe %d came after %v, want %v", i+1, got, wait)
		}
	}
}

// inOrder checks that mails of a kind left oldest first.
func (o *office) inOrder(got []taken) {
	o.Helper()
	last := map[string]int{}
	for _, m := range got {
		subject := header(m.Bytes).Get("Subject")
		_, rest, _ := strings.Cut(subject, "Case ")
		n, err := strconv.Atoi(strings.Fields(rest)[0])
		if err != nil {
			o.Fatalf("subject %q", subject)
		}
		if n < last[m.kind()] {
			o.Errorf("the %s of case %d left after that of case %d", m.kind(), n, last[m.kind()])
		}
		last[m.kind()] = max(last[m.kind()], n)
	}
}

// TestLoginRefused tries a refused login once a minute, no more: accounts lock.
func TestLoginRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		var logins []time.Time
		o.user, o.password = us, "wrong"
		o.set(func(_ context.Context, at mailserver.Stage, _ string) error {
			if at == mailserver.Auth {
				o.mu.Lock()
				defer o.mu.Unlock()
				logins = append(logins, time.Now())
			}
			return nil
		})
		o.start()
		o.arrive(vouched("1", "Orders fail"))
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		o.mu.Lock()
		distinct, all := slices.CompactFunc(slices.Clone(logins), time.Time.Equal), len(logins)
		o.password = "right"
		o.mu.Unlock()
		for i := range distinct[1:] {
			if wait := distinct[i+1].Sub(distinct[i]); wait < time.Minute {
				t.Errorf("login %d came %v after the one before", i+1, wait)
			}
		}
		if len(distinct) != 11 || all != 11 {
			t.Errorf("%d logins at %d times in ten minutes, want 11", all, len(distinct))
		}
		time.Sleep(time.Minute)
		o.the(to(o.mails(), eve))
	})
}

func TestFallback(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.relays = append(o.relays, o.relays[0])
		o.relays[1].URL = "smtp+insecure://localhost:2525"
		o.refuse = func(addr string) bool { return addr == "localhost:25" }
		o.start()
		o.arrive(vouched("1", "Orders fail"))
		m := o.the(to(o.mails(), eve))
		if r := o.record(); r.AcknowledgedAt == nil || !m.at.Equal(*r.OpenedAt) {
			t.Errorf("acknowledged at %v, opened at %v", r.AcknowledgedAt, r.OpenedAt)
		}
	})
}

// TestStopsWithinGrace: a server that hangs does not hold up the end.
func TestStopsWithinGrace(t *testing.T) {
	for _, stage := range []mailserver.Stage{mailserver.Connect, mailserver.Rcpt, mailserver.EndData} {
		t.Run(string(stage), func(t *testing.T) {
			inBubble(t, func(t *testing.T, o *office) {
				o.set(func(ctx context.Context, at mailserver.Stage, _ string) error {
					if at == stage {
						<-ctx.Done()
					}
					return nil
				})
				o.start()
				o.arrive(vouched("1", "Orders fail"))
				synctest.Wait()
				began := time.Now()
				o.halt()
				if took := time.Since(began); took > 7*time.Second {
					t.Errorf("stopping took %v", took)
				}
				o.set(nil)
				o.start()
				time.Sleep(time.Minute)
				o.the(to(o.mails(), eve))
			})
		})
	}
}
