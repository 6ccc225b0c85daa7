package imap

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/google/go-cmp/cmp"

	"github.com/id8labs/escalated/mailbox"
)

func TestReceivedMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, desk := open(t), newDesk()
		received := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
		body := "Subject: bytes\r\n\r\n\x00\xff bare\ncr\r and no end"
		_, err := o.user.Append("INBOX", strings.NewReader(body), &imap.AppendOptions{Time: received, Flags: []imap.Flag{imap.FlagSeen}})
		if err != nil {
			t.Fatal(err)
		}
		o.watch(o.config(), desk)
		at := mailbox.Location{Account: "u@localhost", Folder: "INBOX", UIDValidity: 1, UID: 1}
		want := []mailbox.Raw{{Location: at, Received: received, Size: int64(len(body)), Bytes: []byte(body)}}
		if diff := cmp.Diff(want, desk.raws()); diff != "" {
			t.Errorf("received (-want +got):\n%s", diff)
		}
		to := mailbox.Location{Account: "u@localhost", Folder: "Escalations/Archive", UIDValidity: desk.moves[0].To.UIDValidity, UID: 1}
		if diff := cmp.Diff([]mailbox.Move{{From: at, To: to}}, desk.moves); diff != "" {
			t.Errorf("filed (-want +got):\n%s", diff)
		}
	})
}

func TestBatchBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, desk := open(t), newDesk()
		for _, size := range []int{10, 10, 10, 10, 60, 45, 10, 500, 10} {
			o.put(header + strings.Repeat("x", size-len(header)))
		}
		cfg := o.config()
		cfg.BatchCount, cfg.BatchBytes, cfg.Limit = 3, 100, 200
		o.watch(cfg, desk)
		want := [][]uint32{{1, 2, 3}, {4, 5}, {6, 7}, {8}, {9}}
		if diff := cmp.Diff(want, desk.shape()); diff != "" {
			t.Errorf("batches (-want +got):\n%s", diff)
		}
		if big := desk.raws()[7]; big.Size != 500 || len(big.Bytes) != 200 {
			t.Errorf("a mail of 500 octets came as %d of %d, want 200 of 500", len(big.Bytes), big.Size)
		}
		o.expect("Escalations/Archive", 9, 0)
	})
}

func TestFatesDecide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, desk := open(t), newDesk()
		fates := map[uint32]mailbox.Fate{1: mailbox.FetchAlone, 3: mailbox.FetchAlone, 4: mailbox.Archive, 5: mailbox.Quarantine, 6: mailbox.Leave}
		desk.recall = func(at mailbox.Location) (mailbox.Fate, bool) { fate, ok := fates[at.UID]; return fate, ok }
		desk.rule = func(raw mailbox.Raw) mailbox.Fate {
			if raw.Location.UID == 7 {
				return mailbox.Leave
			}
			return mailbox.Archive
		}
		o.put("1", "2", "3", "4", "5", "6", "7")
		in, _ := o.watch(o.config(), desk)
		if diff := cmp.Diff([][]uint32{{2, 7}, {1}, {3}}, desk.shape()); diff != "" {
			t.Errorf("batches (-want +got):\n%s", diff)
		}
		o.expect("INBOX", 2, 0)
		o.expect("Escalations/Archive", 4, 0)
		o.expect("Escalations/Quarantine", 1, 0)
		if n := in.Status().Backlog; n != 2 {
			t.Errorf("backlog %d, want 2", n)
		}
		pass(time.Minute)
		if diff := cmp.Diff([]uint32{7}, desk.shape()[3]); diff != "" {
			t.Errorf("next look (-want +got):\n%s", diff)
		}
	})
}

func TestDeskTrouble(t *testing.T) {
	full := errors.New("store is full")
	for name, trouble := range map[string]func(*testDesk){
		"every method":  func(d *testDesk) { d.setErr(full) },
		"receive only":  func(d *testDesk) { d.during = failUntil(time.Now().Add(10*time.Second), full) },
		"filed only":    func(d *testDesk) { d.filedErr = 3 },
		"too few fates": func(d *testDesk) { d.short = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, desk := open(t), newDesk()
				trouble(desk)
				o.put("1", "2")
				in, _ := o.watch(o.config(), desk)
				if st := in.Status(); !st.Connected || st.Err == "" {
					t.Errorf("status in trouble %+v", st)
				}
				o.put("3")
				pass(10 * time.Second)
				desk.setErr(nil)
				pass(75 * time.Second)
				if st := in.Status(); !st.Connected || st.Err != "" {
					t.Errorf("status afterwards %+v", st)
				}
				if n := len(o.dialled()); n != 1 {
					t.Errorf("%d connections, want 1: it is not the server's fault", n)
				}
				if n := len(desk.raws()); n != 3 {
					t.Errorf("received %d mails, want 3", n)
				}
				o.expect("INBOX", 0, 0)
				o.expect("Escalations/Archive", 3, 0)
			})
		})
	}
}

func failUntil(end time.Time, err error) func(context.Context) error {
	return func(context.Context) error {
		if time.Now().Before(end) {
			return err
		}
		return nil
	}
}

// One mail that breaks connections does not keep others waiting, and is
// reported until the desk gives it up.
func TestPoisonedMail(t *testing.T) {
	faults := map[string]func(conn *imapserver.Conn, options *imap.FetchOptions) error{
		"kills the connection": func(conn *imapserver.Conn, _ *imap.FetchOptions) error { return conn.NetConn().Close() },
		"is refused":           func(*imapserver.Conn, *imap.FetchOptions) error { return no(imap.ResponseCodeServerBug) },
		"has no body": func(_ *imapserver.Conn, options *imap.FetchOptions) error {
			options.BodySection = nil
			return nil
		},
		"is larger than asked for": func(_ *imapserver.Conn, options *imap.FetchOptions) error {
			options.BodySection[0].Partial = nil
			return nil
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, desk := open(t), newDesk()
				desk.judge = afterThree
				o.onFetch = func(conn *imapserver.Conn, uids imap.UIDSet, options *imap.FetchOptions) error {
					if uids.Contains(2) && len(options.BodySection) > 0 {
						return fault(conn, options)
					}
					return nil
				}
				o.put("1", header+"more than ten octets", "3", "4")
				cfg := o.config()
				cfg.Limit = 10
				o.watch(cfg, desk)
				pass(10 * time.Second)
				o.expect("Escalations/Archive", 3, 0)
				o.expect("INBOX", 1, 0)
				pass(4 * time.Minute)
				if n := desk.failures(2); n != 3 {
					t.Errorf("failed %d times, want 3", n)
				}
				if n := len(desk.raws()); n != 3 {
					t.Errorf("received %d mails, want 3", n)
				}
				o.expect("INBOX", 0, 0)
				o.expect("Escalations/Quarantine", 1, 0)
			})
		})
	}
}

// While no mail can be fetched at all, the server is to blame, and no mail is
// given up for an hour; what lasts shows in the status.
func TestNothingCanBeFetched(t *testing.T) {
	for name, test := range map[string]struct {
		fault func(conn *imapserver.Conn) error
		mails []string
	}{
		"refused":             {func(*imapserver.Conn) error { return no(imap.ResponseCodeServerBug) }, []string{"1", "2", "3"}},
		"cut":                 {func(conn *imapserver.Conn) error { return conn.NetConn().Close() }, []string{"1", "2", "3"}},
		"one mail, it is ill": {func(*imapserver.Conn) error { return no(imap.ResponseCodeUnavailable) }, []string{"1"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, desk := open(t), newDesk()
				desk.judge = afterThree
				o.onFetch = func(conn *imapserver.Conn, _ imap.UIDSet, options *imap.FetchOptions) error {
					if len(options.BodySection) > 0 {
						return test.fault(conn)
					}
					return nil
				}
				o.put(test.mails...)
				in, _ := o.watch(o.config(), desk)
				pass(50 * time.Minute)
				o.expect("INBOX", uint32(len(test.mails)), 0)
				if st := in.Status(); st.Err == "" {
					t.Errorf("status %+v", st)
				}
				mend(o, &o.onFetch)
				pass(time.Minute + 2*time.Second)
				o.expect("Escalations/Archive", uint32(len(test.mails)), 0)
				if st := in.Status(); st.Err != "" {
					t.Errorf("status afterwards %+v", st)
				}
			})
		})
	}
}

// Mails that cannot be fetched for hours are given up even where none can.
func TestNothingCanBeFetchedForHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, desk := open(t), newDesk()
		desk.judge = afterThree
		o.onFetch = func(_ *imapserver.Conn, _ imap.UIDSet, options *imap.FetchOptions) error {
			if len(options.BodySection) > 0 {
				return no(imap.ResponseCodeServerBug)
			}
			return nil
		}
		o.put("1", "2")
		o.watch(o.config(), desk)
		pass(2 * time.Hour)
		o.expect("Escalations/Quarantine", 2, 0)
	})
}

// afterThree gives a mail up at its third failure.
func afterThree(_ mailbox.Location, fails int) mailbox.Fate {
	if fails < 3 {
		return mailbox.Leave
	}
	return mailbox.Quarantine
}

// Whatever a server says of sizes, a mail is whole or known to be cut, and what
// is in memory at once has a bound.
func TestSizesLie(t *testing.T) {
	const limit = 100
	long := header + strings.Repeat("x", 150-len(header))
	fits := header + strings.Repeat("y", limit-len(header))
	for _, lie := range []string{"0", "7", "99999999", "4294967295"} {
		t.Run(lie, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, desk := open(t), newDesk()
				size := regexp.MustCompile(`RFC822.SIZE \d+`)
				o.hear = func(sent []byte) []byte { return size.ReplaceAll(sent, []byte("RFC822.SIZE "+lie)) }
				mails := []string{header, long, fits, long, header + "z"}
				o.put(mails...)
				cfg := o.config()
				cfg.Limit, cfg.BatchBytes = limit, 120
				o.watch(cfg, desk)
				pass(time.Minute)
				if n := len(desk.raws()); n != len(mails) {
					t.Errorf("received %d mails, want %d", n, len(mails))
				}
				for _, raw := range desk.raws() {
					mail := mails[raw.Location.UID-1]
					if string(raw.Bytes) != mail[:min(len(mail), limit)] {
						t.Errorf("mail %d came as %q", raw.Location.UID, raw.Bytes)
					}
					if cut := raw.Size > int64(len(raw.Bytes)); cut != (len(mail) > limit) {
						t.Errorf("mail %d of %d octets came with %d of %d", raw.Location.UID, len(mail), len(raw.Bytes), raw.Size)
					}
				}
				for _, batch := range desk.shape() {
					octets := 0
					for _, uid := range batch {
						octets += min(len(mails[uid-1]), limit+1)
					}
					if len(batch) > 1 && octets > 120+limit+1 {
						t.Errorf("a batch of %d octets: %v", octets, batch)
					}
				}
				if n := len(o.dialled()); n > 2 {
					t.Errorf("%d connections", n)
				}
			})
		})
	}
}

// A server that cannot even tell sizes is asked mail by mail.
func TestSizesRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, desk := open(t), newDesk()
		o.onFetch = func(_ *imapserver.Conn, _ imap.UIDSet, options *imap.FetchOptions) error {
			if len(options.BodySection) == 0 {
				return no(imap.ResponseCodeServerBug)
			}
			return nil
		}
		o.put("1", "2")
		o.watch(o.config(), desk)
		if diff := cmp.Diff([][]uint32{{1}, {2}}, desk.shape()); diff != "" {
			t.Errorf("batches (-want +got):\n%s", diff)
		}
	})
}

// A mail somebody else expunges before it is fetched is nobody's failure.
func TestVanishedMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, desk := open(t), newDesk()
		other := o.other()
		once := true
		o.onFetch = func(_ *imapserver.Conn, uids imap.UIDSet, options *imap.FetchOptions) error {
			if once && len(options.BodySection) > 0 {
				once = false
				other.expunge(1)
				return no("EXPUNGEISSUED")
			}
			return nil
		}
		o.put("1", "2")
		o.watch(o.config(), desk)
		pass(2 * time.Minute)
		if diff := cmp.Diff([][]uint32{{2}}, desk.shape()); diff != "" {
			t.Errorf("batches (-want +got):\n%s", diff)
		}
		if n := desk.failures(1); n != 0 {
			t.Errorf("failed %d times, want 0", n)
		}
	})
}

func TestShutdown(t *testing.T) {
	for _, test := range []struct {
		name     string
		takes    time.Duration
		archived uint32
		within   time.Duration
	}{
		{"finishes the batch in hand", 5 * time.Second, 1, 5 * time.Second},
		{"leaves it when that takes too long", time.Hour, 0, grace},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, desk := open(t), newDesk()
				desk.during = func(ctx context.Context) error {
					pause(ctx, test.takes)
					return ctx.Err()
				}
				o.put("1", "2", "3")
				cfg := o.config()
				cfg.BatchCount = 1
				_, stop := o.watch(cfg, desk)
				began := time.Now()
				stop()
				if took := time.Since(began); took != test.within {
					t.Errorf("took %v, want %v", took, test.within)
				}
				o.expect("INBOX", 3-test.archived, 0)
				o.expect("Escalations/Archive", test.archived, 0)
				if n := len(desk.raws()); n != int(test.archived) {
					t.Errorf("received %d mails, want %d", n, test.archived)
				}
			})
		})
	}
}
