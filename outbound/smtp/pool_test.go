package smtp

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestReuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		c := client(t, f)
		mustSend(t, c, letter)
		time.Sleep(maxIdle - time.Second)
		mustSend(t, c, letter)
		if got, want := f.verbs(), "EHLO MAIL RCPT DATA MAIL RCPT DATA"; got != want {
			t.Errorf("commands: %s\nwant:     %s", got, want)
		}
		time.Sleep(maxIdle)
		synctest.Wait()
		if got := f.verbs(); got != "QUIT" {
			t.Errorf("an idle connection gets %q, want QUIT", got)
		}
		mustSend(t, c, letter)
		if got, want := f.verbs(), "EHLO MAIL RCPT DATA"; got != want {
			t.Errorf("commands: %s\nwant:     %s", got, want)
		}
	})
}

func TestConnectionEndsAfterManyMails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		c := client(t, f)
		for range maxMails + 1 {
			mustSend(t, c, letter)
		}
		if dials, _ := f.dialed(); dials != 2 {
			t.Errorf("%d connections, want 2", dials)
		}
		if !strings.HasSuffix(f.verbs(), "DATA QUIT EHLO MAIL RCPT DATA") {
			t.Error("no goodbye after the last mail of a connection")
		}
	})
}

// A kept connection that proves dead costs neither an attempt nor a verdict.
func TestStaleConnection(t *testing.T) {
	for _, answer := range []string{"cut", "hang", "421 4.4.2 timeout|cut", "503 5.5.1 who are you"} {
		t.Run(answer, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{}
				c := client(t, f)
				mustSend(t, c, letter)
				f.set(phaseMail, answer)
				c.servers[0].config.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
					f.set(phaseMail, "")
					return f.dial(ctx, network, addr)
				}
				began := time.Now()
				mustSend(t, c, letter)
				if took := time.Since(began); took > warmLimit {
					t.Errorf("took %v to notice, want at most %v", took, warmLimit)
				}
				if h := c.Health()[0]; !h.Up {
					t.Errorf("the server counts as down: %+v", h)
				}
				if got := len(f.received()); got != 2 {
					t.Errorf("%d mails arrived, want 2", got)
				}
			})
		})
	}
}

// When one kept connection is dead, the others are not tried in turn.
func TestStaleConnectionsGoTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answers: map[string]string{phaseFinal: "wait"}, wait: time.Second}
		c := client(t, f)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { mustSend(t, c, letter) })
		}
		wg.Wait()
		f.verbs()
		f.set(phaseMail, "cut")
		if failed := mustFail(t, c, letter); failed.Verdict != Down || failed.Phase != phaseMail {
			t.Error(failed)
		}
		synctest.Wait()
		if dials, open := f.dialed(); dials != 5 || open != 0 {
			t.Errorf("%d connections made, %d left, want 5 and none", dials, open)
		}
		if got, want := f.verbs(), "MAIL EHLO MAIL"; got != want {
			t.Errorf("commands: %s\nwant:     %s", got, want)
		}
	})
}

// A mail that fits one write is as surely undelivered when that write fails.
func TestCutBeforeAShortMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answers: map[string]string{phaseData: "354 go on|cut"}}
		if failed := mustFail(t, client(t, f), letter); failed.Verdict != Deferred || failed.Phase != phaseData {
			t.Error(failed)
		}
	})
}

// What is not a sign of a dead connection is not tried twice.
func TestNoSecondAttempt(t *testing.T) {
	for _, at := range []string{phaseRcpt, phaseData, phaseFinal} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{}
			c := client(t, f)
			mustSend(t, c, letter)
			f.set(at, "cut")
			if failed := mustFail(t, c, letter); failed.Phase != at {
				t.Errorf("got %v, want it at %s", failed, at)
			}
			if dials, _ := f.dialed(); dials != 1 {
				t.Errorf("%d connections, want 1", dials)
			}
		})
	}
}

// Half the recipients are refused; the others get their mail over the same
// connection, and only theirs.
func TestRefusedRecipientsLeaveTheConnection(t *testing.T) {
	for _, features := range [][]string{nil, {"PIPELINING"}} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{features: features, answers: map[string]string{"rcpt:bad@north.example": "550 5.1.1 nobody"}}
			c := client(t, f)
			bad := letter
			bad.To = "bad@north.example"
			for range 3 {
				mustSend(t, c, letter)
				if failed := mustFail(t, c, bad); failed.Verdict != Refused {
					t.Error(failed)
				}
			}
			if dials, _ := f.dialed(); dials != 1 || len(f.received()) != 3 {
				t.Errorf("%d mails over %d connections, want 3 over 1", len(f.received()), dials)
			}
			want := "EHLO MAIL RCPT DATA MAIL RCPT RSET MAIL RCPT DATA MAIL RCPT RSET MAIL RCPT DATA MAIL RCPT"
			if got := f.verbs(); got != want {
				t.Errorf("commands: %s\nwant:     %s", got, want)
			}
		})
	}
}

// A transaction left open by a refused DATA is ended before the next.
func TestRefusedDataIsReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answers: map[string]string{phaseData: "451 later"}}
		c := client(t, f)
		mustFail(t, c, letter)
		f.set(phaseData, "")
		mustSend(t, c, letter)
		if got, want := f.verbs(), "EHLO MAIL RCPT DATA RSET MAIL RCPT DATA"; got != want {
			t.Errorf("commands: %s\nwant:     %s", got, want)
		}
	})
}

// When the answers behind a refusal do not come, the connection is given up:
// later answers would be taken for those of the next mail.
func TestLostAnswersEndTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{features: []string{"PIPELINING"}, answers: map[string]string{phaseMail: "552 too big", phaseRcpt: "hang"}}
		c := client(t, f)
		if failed := mustFail(t, c, letter); failed.Verdict != Refused || failed.Phase != phaseMail {
			t.Error(failed)
		}
		f.set(phaseMail, "")
		f.set(phaseRcpt, "")
		began := time.Now()
		mustSend(t, c, letter)
		if dials, _ := f.dialed(); dials != 2 || time.Since(began) > 0 {
			t.Errorf("%d connections, want 2; the next mail took %v, want no wait", dials, time.Since(began))
		}
	})
}

func TestConnsBoundConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		c := client(t, f)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { mustSend(t, c, letter) })
		}
		wg.Wait()
		if dials, open := f.dialed(); dials > 4 || open != dials {
			t.Errorf("%d connections made, %d kept, want at most 4 and all", dials, open)
		}
		if got := len(f.received()); got != 50 {
			t.Errorf("%d mails, want 50", got)
		}
	})
}

func TestWaitingForAConnectionEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answers: map[string]string{phaseRcpt: "hang"}}
		c := client(t, f)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { mustFail(t, c, letter) })
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Send(ctx, letter)
		if failed, _ := errors.AsType[*Error](err); failed == nil || failed.Verdict != Deferred || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		wg.Wait()
	})
}

// The end of the context ends an attempt at once, and is nobody's fault.
func TestContextEndsAttempt(t *testing.T) {
	for _, at := range []string{phaseGreeting, phaseHello, phaseMail, phaseRcpt, phaseData} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{answers: map[string]string{at: "hang"}}
			c := client(t, f)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			_, err := c.Send(ctx, letter)
			failed, _ := errors.AsType[*Error](err)
			if failed == nil || failed.Verdict != Deferred || failed.Phase != at || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("at %s: %v", at, err)
			}
			if took := time.Since(began); took != time.Second {
				t.Errorf("at %s: took %v", at, took)
			}
			if !c.Health()[0].Up {
				t.Errorf("at %s: the server counts as down", at)
			}
		})
	}
}

func TestContextEndsDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client(t, &fake{})
		c.servers[0].config.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Send(ctx, letter)
		if failed, _ := errors.AsType[*Error](err); failed == nil || failed.Verdict != Deferred {
			t.Errorf("own end: %v", err)
		}
		if failed := mustFail(t, c, letter); failed.Verdict != Down || failed.Phase != phaseConnect {
			t.Errorf("timeout: %v", failed)
		}
	})
}

// Once the final dot is sent, the end of the context leaves the server a
// grace to answer: better than not to know.
func TestGraceForTheFinalAnswer(t *testing.T) {
	for _, test := range []struct {
		after time.Duration
		want  Verdict
	}{{grace - time.Second, 0}, {grace + time.Second, Unsure}} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{answers: map[string]string{phaseFinal: "wait"}, wait: time.Second + test.after}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := client(t, f).Send(ctx, letter)
			failed, _ := errors.AsType[*Error](err)
			if (failed == nil) != (test.want == 0) || failed != nil && failed.Verdict != test.want {
				t.Errorf("answered after %v: %v, want %v", test.after, err, test.want)
			}
		})
	}
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answers: map[string]string{phaseFinal: "wait"}, wait: time.Minute}
		c := client(t, f)
		var wg sync.WaitGroup
		wg.Go(func() { mustSend(t, c, letter) })
		synctest.Wait()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if got := len(f.received()); got != 1 {
			t.Errorf("%d mails when Close returned, want 1", got)
		}
		if got, want := f.verbs(), "EHLO MAIL RCPT DATA QUIT"; got != want {
			t.Errorf("commands: %s\nwant:     %s", got, want)
		}
		if failed := mustFail(t, c, letter); failed.Verdict != Deferred || !errors.Is(failed, errClosed) {
			t.Errorf("after Close: %v", failed)
		}
		wg.Wait()
	})
}
