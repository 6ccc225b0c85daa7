package main

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/id8labs/escalated/mailbox/mailserver/fault"
)

// lacking strikes words from what the server says it can do.
func lacking(words ...string) fault.Spoil {
	place := regexp.MustCompile(`\[COPYUID [^]]*\] `)
	return fault.Spoil{Down: fault.Stream{Edit: func(piece []byte) []byte {
		for _, word := range words {
			piece = bytes.ReplaceAll(piece, []byte(" "+word), nil)
		}
		if slices.Contains(words, "UIDPLUS") {
			piece = place.ReplaceAll(piece, nil)
		}
		return piece
	}}}
}

func TestServersThatLack(t *testing.T) {
	for _, test := range []struct {
		name  string
		words []string
		left  bool // in the folder, marked deleted
	}{
		{"IDLE", []string{"IDLE"}, false},
		{"MOVE", []string{"MOVE"}, false},
		{"UIDPLUS", []string{"UIDPLUS"}, false},
		{"keywords", []string{`\*`}, false},
		{"MOVE and UIDPLUS", []string{"MOVE", "UIDPLUS"}, true},
		{"all", []string{"IDLE", "MOVE", "UIDPLUS", "NAMESPACE", "ESEARCH", `\*`}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			inFaulty(t, func(f *faulty) {
				f.in.Spoil(lacking(test.words...))
				f.complain(2)
				f.start()
				f.pass(recovery)
				f.complain(2)
				f.pass(recovery)
				f.in.Cut()
				f.pass(recovery)
				f.recorded()
				f.folders(map[bool]int{true: 4}[test.left], 4)
				f.healthy()
				for _, m := range f.box("INBOX") {
					if !slices.Contains(m.Flags, `\Deleted`) {
						t.Errorf("mail %d, which was archived, has the flags %v", m.UID, m.Flags)
					}
				}
			})
		})
	}
}

func TestByeInIdle(t *testing.T) {
	for name, cut := range map[string]bool{"and hangs up": true, "and does not hang up": false} {
		t.Run(name, func(t *testing.T) {
			inFaulty(t, func(f *faulty) {
				f.start()
				for range 5 {
					f.in.Say("* BYE Server is being restarted\r\n")
					if cut {
						f.in.Cut()
					}
					f.complain(1)
					f.pass(recovery)
					f.whole()
				}
				f.healthy()
			})
		})
	}
}

// A connection that died without a word is found within five minutes, wherever
// it died, and in whichever direction.
func TestHalfOpenIMAP(t *testing.T) {
	for name, when := range map[string]time.Duration{"in IDLE": 0, "just before a look": time.Minute - 2*time.Second, "just after": time.Minute + time.Second} {
		t.Run(name, func(t *testing.T) {
			inFaulty(t, func(f *faulty) {
				f.start()
				f.pass(when)
				f.in.Hole()
				f.complain(1)
				f.pass(5 * time.Minute)
				f.whole()
				f.healthy()
			})
		})
	}
	t.Run("anywhere in a session", func(t *testing.T) {
		inFaulty(t, func(f *faulty) {
			for _, at := range f.cutPoints(12) {
				f.in.SpoilNext(fault.Spoil{Down: fault.Stream{Hole: at}})
				f.in.Cut()
				f.complain(2)
				f.pass(5 * time.Minute)
				f.whole()
			}
			f.healthy()
		})
	})
}

// cutPoints starts the program and returns points of a session, in octets the
// server sends, from the greeting to behind the second of two mails.
func (f *faulty) cutPoints(points int) []int {
	f.Helper()
	f.start()
	f.in.Cut()
	f.complain(1) // waits when the session begins
	f.pass(2 * time.Second)
	f.complain(1) // is pushed
	_, down := f.in.Passed()
	return spaced(points, down)
}

func spaced(points, total int) []int {
	var at []int
	for i := range points {
		at = append(at, 1+i*total/points)
	}
	return at
}

// TestIMAPCutAnywhere cuts one connection after the other, each a little later,
// in either direction.
func TestIMAPCutAnywhere(t *testing.T) {
	cut := func(f *faulty, points []int, spoil func(at int) fault.Spoil) {
		for _, at := range points {
			f.in.SpoilNext(spoil(at))
			f.in.Cut()
			f.complain(1)
			f.pass(2 * time.Second)
			f.complain(1)
			f.pass(recovery - time.Second)
			f.folders(0, f.mails)
			if f.Failed() {
				f.Fatalf("after a cut at octet %d", at)
			}
		}
		f.whole()
		f.healthy()
	}
	t.Run("down", func(t *testing.T) {
		inFaulty(t, func(f *faulty) {
			cut(f, f.cutPoints(60), func(at int) fault.Spoil { return fault.Spoil{Down: fault.Stream{Cut: at}} })
		})
	})
	t.Run("up", func(t *testing.T) {
		inFaulty(t, func(f *faulty) {
			f.cutPoints(1)
			up, _ := f.in.Passed()
			cut(f, spaced(40, up), func(at int) fault.Spoil { return fault.Spoil{Up: fault.Stream{Cut: at}} })
		})
	})
}

// bodyOf matches the server's answer with the whole of one mail.
func bodyOf(uid int) *regexp.Regexp {
	return regexp.MustCompile(fmt.Sprintf(`\* \d+ FETCH \(UID %d [^)]*BODY\[\]`, uid))
}

// One mail whose answer the parser cannot read goes to quarantine after three
// tries, people are told, and all other mails go their way at once.
func TestAnswerThatCannotBeRead(t *testing.T) {
	inFaulty(t, func(f *faulty) {
		poisoned := bodyOf(2)
		f.in.Spoil(fault.Spoil{Down: fault.Stream{Edit: func(piece []byte) []byte {
			return poisoned.ReplaceAll(piece, []byte("* 2 FETCH (UID 2 BODY[[] NIL NIL"))
		}}})
		f.complain(3)
		f.start()
		f.pass(20 * time.Second)
		if n := len(f.box(archive)); n != 2 {
			t.Errorf("%d of the two good mails are archived", n)
		}
		f.complain(1)
		f.pass(5 * time.Minute)
		if in, kept, away := f.box("INBOX"), f.box(archive), f.box(quarantine); len(in) != 0 || len(kept) != 3 || len(away) != 1 {
			t.Errorf("%d mails are left, %d archived, %d in quarantine", len(in), len(kept), len(away))
		}
		if n := f.told(theManager, "could not be read"); n != 1 {
			t.Errorf("the manager was told %d times", n)
		}
		if n := len(f.records()); n != 3 {
			t.Errorf("%d records, want 3", n)
		}
	})
}
