package smtp

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// next sleeps until a server will be tried again and returns how long that was.
func next(failed *Error) time.Duration {
	wait := time.Until(failed.RetryAt)
	time.Sleep(wait)
	return wait
}

func TestProbeSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{refuse: io.ErrUnexpectedEOF}
		c := client(t, f)
		var waits []time.Duration
		for range 7 {
			failed := mustFail(t, c, letter)
			dials, _ := f.dialed()
			if again := mustFail(t, c, letter); again.RetryAt != failed.RetryAt || !errors.Is(again, f.refuse) {
				t.Errorf("between probes: %v at %v, want %v at %v", again, again.RetryAt, failed, failed.RetryAt)
			}
			if now, _ := f.dialed(); now != dials {
				t.Error("dialled between probes")
			}
			waits = append(waits, next(failed))
		}
		s := time.Second
		if want := []time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 30 * s, 30 * s}; !slices.Equal(waits, want) {
			t.Errorf("waited %v, want %v", waits, want)
		}
		h := c.Health()[0]
		if h.Up || h.Server != "127.0.0.1:25" || h.Since.IsZero() || !strings.Contains(h.Error, "unexpected EOF") {
			t.Errorf("Health = %+v", h)
		}
		f.refuse = nil
		mustSend(t, c, letter)
		if h := c.Health()[0]; !h.Up {
			t.Errorf("Health = %+v, want up", h)
		}
		f.set(phaseMail, "421 bye|cut")
		if wait := next(mustFail(t, c, letter)); wait != firstProbe {
			t.Errorf("after being up, waited %v, want %v", wait, firstProbe)
		}
	})
}

// A server that greets but takes no mail is not up: the wait keeps doubling.
func TestProbeNeedsMoreThanAGreeting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client(t, &fake{answers: map[string]string{phaseMail: "421 bye|cut"}})
		next(mustFail(t, c, letter))
		if wait := next(mustFail(t, c, letter)); wait != 2*firstProbe {
			t.Errorf("waited %v, want %v", wait, 2*firstProbe)
		}
	})
}

func TestFailuresAtOnceCountOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client(t, &fake{answers: map[string]string{phaseGreeting: "hang"}})
		began := time.Now()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				want := began.Add(c.servers[0].config.Timeouts.Greet + firstProbe)
				if failed := mustFail(t, c, letter); !failed.RetryAt.Equal(want) {
					t.Errorf("RetryAt %v, want %v", failed.RetryAt, want)
				}
			})
		}
		wg.Wait()
	})
}

// One mail probes, the others do not wait for it.
func TestOneProbeAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answers: map[string]string{phaseGreeting: "421 busy|cut"}}
		c := client(t, f)
		next(mustFail(t, c, letter))
		f.set(phaseGreeting, "hang")
		var wg sync.WaitGroup
		wg.Go(func() { mustFail(t, c, letter) })
		synctest.Wait()
		failed := mustFail(t, c, letter)
		if until := time.Until(failed.RetryAt); until != firstProbe || failed.Code != 421 {
			t.Errorf("during a probe: %v, to be tried in %v", failed, until)
		}
		if dials, _ := f.dialed(); dials != 2 {
			t.Errorf("%d connections, want 2", dials)
		}
		wg.Wait()
	})
}

// A mail that is refused, before or after it was shown, proves the server up.
func TestRefusalEndsDown(t *testing.T) {
	for _, test := range []struct{ at, answer string }{
		{phaseMail, "552 too big"}, {phaseMail, "451 later"}, {phaseRcpt, "550 no"}, {phaseFinal, "cut"},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{refuse: io.EOF}
			c := client(t, f)
			next(mustFail(t, c, letter))
			f.refuse = nil
			f.set(test.at, test.answer)
			mustFail(t, c, letter)
			if h := c.Health()[0]; !h.Up {
				t.Errorf("after %s at %s: %+v", test.answer, test.at, h)
			}
		})
	}
}

// A probe that its context ends tells nothing, and frees the way for the next.
func TestUnfinishedProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answers: map[string]string{phaseGreeting: "cut"}}
		c := client(t, f)
		next(mustFail(t, c, letter))
		f.set(phaseGreeting, "hang")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Send(ctx, letter); !errors.Is(err, context.DeadlineExceeded) || c.Health()[0].Up {
			t.Errorf("%v; %+v", err, c.Health())
		}
		f.set(phaseGreeting, "")
		mustSend(t, c, letter)
	})
}

func TestFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second, third := &fake{}, &fake{}, &fake{}
		c := client(t, first, second, third)
		expect := func(server string) {
			t.Helper()
			if got := mustSend(t, c, letter).Server; got != server {
				t.Errorf("delivered through %s, want %s", got, server)
			}
		}
		expect("127.0.0.1:25")
		first.set(phaseMail, "cut")
		expect("127.0.0.2:25")
		second.set(phaseMail, "421 4.3.2 restarting|cut")
		expect("127.0.0.3:25")
		third.set(phaseMail, "530 5.7.0 log in")
		if failed := mustFail(t, c, letter); failed.Server != "127.0.0.1:25" || time.Until(failed.RetryAt) != firstProbe {
			t.Errorf("all down: %v, to be tried at %v", failed, failed.RetryAt)
		}
		first.set(phaseMail, "")
		second.set(phaseMail, "")
		time.Sleep(firstProbe)
		expect("127.0.0.1:25")
	})
}

// A refusal is an answer: no second server is asked, and no mail sent twice.
func TestOnlyDownFallsBack(t *testing.T) {
	for at, answer := range map[string]string{phaseRcpt: "550 nobody", phaseMail: "451 later", phaseFinal: "cut"} {
		synctest.Test(t, func(t *testing.T) {
			second := &fake{}
			mustFail(t, client(t, &fake{answers: map[string]string{at: answer}}, second), letter)
			if dials, _ := second.dialed(); dials != 0 {
				t.Errorf("%s at %s: the fallback was asked", answer, at)
			}
		})
	}
}

// The earliest probe of all servers is the time to try again.
func TestRetryAtIsTheEarliest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := &fake{answers: map[string]string{phaseMail: "530 log in"}}, &fake{refuse: io.EOF}
		failed := mustFail(t, client(t, first, second), letter)
		if failed.Code != 530 || time.Until(failed.RetryAt) != firstProbe {
			t.Errorf("got %v, to be tried in %v", failed, time.Until(failed.RetryAt))
		}
	})
}
