package imap

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/google/go-cmp/cmp"
)

func TestIdleForHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, desk := open(t), newDesk()
		in, _ := o.watch(o.config(), desk)
		for range 3 {
			pass(time.Hour)
			o.put("Subject: news\r\n\r\n")
		}
		if n := len(desk.raws()); n != 3 {
			t.Errorf("received %d mails, want each at once: 3", n)
		}
		if n := len(o.dialled()); n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
		looks := 0
		for _, command := range o.said() {
			if command == "SELECT" {
				looks++
			}
		}
		if looks < 3*60-1 || looks > 3*60+4 {
			t.Errorf("%d looks in three hours, want one a minute", looks)
		}
		if got, want := in.Status(), (Status{Connected: true, LastPass: in.Status().LastPass}); got != want || time.Since(got.LastPass) > time.Minute {
			t.Errorf("status %+v", got)
		}
	})
}

// A new mail costs few round trips, and none is spent on a look at the rest.
func TestArrivalRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, desk := open(t), newDesk()
		o.put("Subject: old\r\n\r\n")
		o.watch(o.config(), desk)
		o.said()
		o.put("Subject: new\r\n\r\n")
		want := []string{"DONE", "UID FETCH", "UID FETCH", "UID MOVE", "IDLE"}
		if diff := cmp.Diff(want, o.said()); diff != "" {
			t.Errorf("commands (-want +got):\n%s", diff)
		}
		o.expect("INBOX", 0, 0)
		o.expect("Escalations/Archive", 2, 0)
	})
}

func TestPollingWithoutIdle(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(*office)
	}{
		{"not offered", func(o *office) { o.lacks(imap.CapIdle) }},
		{"refused", func(o *office) { o.refuseIdle = true }},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, desk := open(t), newDesk()
				test.spoil(o)
				o.watch(o.config(), desk)
				o.put("Subject: news\r\n\r\n")
				pass(time.Minute)
				if n := len(desk.raws()); n != 1 {
					t.Errorf("received %d mails after a minute, want 1", n)
				}
				if n := len(o.dialled()); n != 1 {
					t.Errorf("%d connections, want 1", n)
				}
			})
		})
	}
}

func TestReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, desk := open(t), newDesk()
		in, _ := o.watch(o.config(), desk)
		o.setDown(true)
		_ = o.last().Conn.Close()
		pass(time.Hour)
		if st := in.Status(); st.Connected || st.Err == "" {
			t.Errorf("status while down %+v", st)
		}
		gaps := gaps(o.dialled()[1:])
		if len(gaps) < 50 || gaps[0] > 3*time.Second || slices.Max(gaps) > time.Minute || slices.Min(gaps) < time.Second {
			t.Errorf("between attempts: %v", gaps)
		}
		o.put("Subject: while down\r\n\r\n")
		o.setDown(false)
		pass(time.Minute + time.Second)
		if n := len(desk.raws()); n != 1 {
			t.Errorf("received %d mails, want 1", n)
		}
		if st := in.Status(); !st.Connected || st.Err != "" {
			t.Errorf("status afterwards %+v", st)
		}
	})
}

func gaps(times []time.Time) (gaps []time.Duration) {
	for i := range len(times) - 1 {
		gaps = append(gaps, times[i+1].Sub(times[i]))
	}
	return gaps
}

func TestBlackHole(t *testing.T) {
	for name, when := range map[string]time.Duration{"idle": 0, "just before a look": time.Minute - time.Nanosecond} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, desk := open(t), newDesk()
				cfg := o.config()
				cfg.Poll = time.Hour // is cut to maxPoll
				o.watch(cfg, desk)
				pass(when)
				o.last().blacken()
				o.put("Subject: unheard\r\n\r\n")
				pass(5*time.Minute + 2*time.Second)
				if n := len(desk.raws()); n != 1 {
					t.Errorf("received %d mails within five minutes, want 1", n)
				}
			})
		})
	}
}

func TestSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t)
		cfg := o.config()
		cfg.Dial = o.dialSilent
		in, _ := o.watch(cfg, newDesk())
		pass(time.Minute + time.Second)
		if st := in.Status(); st.Connected || st.Err == "" {
			t.Errorf("status %+v", st)
		}
	})
}

// A slow server is borne as long as it sends anything, a silent one for a minute.
func TestLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		l := &line{Conn: ours}
		if err := l.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		defer l.guard()()
		go func() {
			for range 10 {
				pause(context.Background(), silence-time.Second)
				_, _ = theirs.Write([]byte("."))
			}
		}()
		began := time.Now()
		got, err := io.ReadAll(l)
		if len(got) != 10 || err == nil {
			t.Errorf("read %d octets, %v; want 10 and an error", len(got), err)
		}
		if took := time.Since(began); took != 10*(silence-time.Second)+silence || !l.silenced() {
			t.Errorf("ended after %v, silenced: %v", took, l.silenced())
		}
	})
}

func TestLoginRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t)
		var password atomic.Value
		password.Store("wrong")
		cfg := o.config()
		cfg.Password = func() (string, error) { return password.Load().(string), nil }
		in, _ := o.watch(cfg, newDesk())
		pass(time.Hour)
		if gaps := gaps(o.dialled()); len(gaps) < 40 || slices.Min(gaps) < time.Minute {
			t.Errorf("between attempts: %v", gaps)
		}
		if st := in.Status(); st.Connected || st.Err == "" {
			t.Errorf("status while refused %+v", st)
		}
		password.Store("p")
		pass(time.Minute + time.Second)
		if st := in.Status(); !st.Connected || st.Err != "" {
			t.Errorf("status afterwards %+v", st)
		}
	})
}

func TestLoginFailsForNow(t *testing.T) {
	for name, spoil := range map[string]func(*office, *Config){
		"server unavailable": func(o *office, _ *Config) { o.onLogin = func() error { return no(imap.ResponseCodeUnavailable) } },
		"password unreadable": func(_ *office, cfg *Config) {
			cfg.Password = func() (string, error) { return "", errors.New("no such file") }
		},
		"no mechanism":   func(o *office, _ *Config) { o.hear = replace("AUTH=PLAIN", "LOGINDISABLED") },
		"no UIDVALIDITY": func(o *office, _ *Config) { o.hear = replace("UIDVALIDITY", "UIDVALIDITE") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := open(t)
				cfg := o.config()
				spoil(o, &cfg)
				in, _ := o.watch(cfg, newDesk())
				pass(10 * time.Second)
				if n := len(o.dialled()); n < 3 || n > 5 {
					t.Errorf("%d attempts in ten seconds, want a few", n)
				}
				if st := in.Status(); st.Connected || st.Err == "" {
					t.Errorf("status %+v", st)
				}
			})
		})
	}
}

func TestLoginCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t)
		cfg := o.config()
		o.hear = replace(" AUTH=PLAIN", "")
		in, _ := o.watch(cfg, newDesk())
		if !in.Status().Connected {
			t.Errorf("status %+v", in.Status())
		}
		if !slices.Contains(o.said(), "LOGIN") {
			t.Error("LOGIN was not used where PLAIN is not offered")
		}
	})
}
