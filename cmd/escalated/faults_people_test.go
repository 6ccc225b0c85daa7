package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/id8labs/escalated/mailbox/mailserver/fault"
)

// person lets somebody work in the watched mailbox with a mail client.
func (f *faulty) person(work func(c *imapclient.Client) error) {
	f.Helper()
	conn, err := f.mail.DialIMAP(f.Context(), "", "")
	if err != nil {
		f.Error(err)
		return
	}
	c := imapclient.New(conn, nil)
	defer c.Close()
	err = c.Login(ourAddress, "secret").Wait()
	if err == nil {
		_, err = c.Select("INBOX", nil).Wait()
	}
	if err == nil {
		err = work(c)
	}
	if err != nil {
		f.Errorf("a person at work: %v", err)
	}
}

func deleteIt(c *imapclient.Client) error {
	first := imap.UIDSetNum(1)
	if err := c.Store(first, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		return err
	}
	return c.UIDExpunge(first).Close()
}

func moveIt(c *imapclient.Client) error {
	if err := c.Create("Mine", nil).Wait(); err != nil {
		return err
	}
	_, err := c.Move(imap.UIDSetNum(1), "Mine").Wait()
	return err
}

// onceAt does something before the server hears a command.
func onceAt(command string, do func()) fault.Spoil {
	var once sync.Once
	return fault.Spoil{Up: fault.Stream{Edit: func(piece []byte) []byte {
		if bytes.Contains(piece, []byte(command)) {
			once.Do(do)
		}
		return piece
	}}}
}

// A mail that a person takes away is gone or recorded, and nobody's failure.
func TestPersonTakesMailAway(t *testing.T) {
	for command, known := range map[string]int{"RFC822.SIZE)": 1, "BODY.PEEK[]": 1, "UID MOVE": 2} {
		for name, take := range map[string]func(*imapclient.Client) error{"deletes": deleteIt, "moves": moveIt} {
			t.Run(name+" before "+command, func(t *testing.T) {
				inFaulty(t, func(f *faulty) {
					f.complain(2)
					f.in.Spoil(onceAt(command, func() { f.person(take) }))
					f.start()
					f.pass(5 * time.Minute)
					f.healthy()
					if n := len(f.records()); n != known {
						t.Errorf("%d records, want %d", n, known)
					}
					if n := len(f.acknowledgments()); n != known {
						t.Errorf("%d customers acknowledged, want %d", n, known)
					}
					f.folders(0, 1)
					if n := f.told(theManager, "could not be read"); n != 0 {
						t.Errorf("the manager was told %d times", n)
					}
				})
			})
		}
	}
}

// What a person moves back from the archive is known, and archived again.
func TestPersonMovesMailBack(t *testing.T) {
	inFaulty(t, func(f *faulty) {
		f.start()
		f.complain(2)
		f.person(func(c *imapclient.Client) error {
			if _, err := c.Select(archive, nil).Wait(); err != nil {
				return err
			}
			_, err := c.Move(imap.UIDSet{{Start: 1, Stop: 0}}, "INBOX").Wait()
			return err
		})
		f.pass(recovery)
		f.whole()
	})
}

// spoiled rewrites what the client says while broken, on a line that is no faster than most.
func spoiled(broken *atomic.Bool, pattern, replacement string) fault.Spoil {
	said := regexp.MustCompile(pattern)
	return fault.Spoil{Down: fault.Stream{Delay: 50 * time.Millisecond}, Up: fault.Stream{Edit: func(piece []byte) []byte {
		if broken.Load() {
			return said.ReplaceAll(piece, []byte(replacement))
		}
		return piece
	}}}
}

// Mails that cannot be moved are taken in all the same, once; health says that
// they stay, and they go as soon as they can.
func TestMovesRefusedForHours(t *testing.T) {
	for name, words := range map[string][2]string{
		"read-only folder": {" SELECT ", " EXAMINE "},
		"archive full":     {`(UID MOVE \S+ "?)` + archive, "${1}Nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			inFaulty(t, func(f *faulty) {
				f.start() // the folders are there
				f.pass(recovery)
				var broken atomic.Bool
				broken.Store(true)
				f.in.Spoil(spoiled(&broken, words[0], words[1]))
				f.in.Cut()
				f.complain(3)
				f.pass(2 * time.Hour)
				f.recorded()
				f.folders(3, 0)
				f.degraded("cannot be moved")
				f.stop()
				f.start()
				f.pass(recovery)
				f.folders(3, 0)
				broken.Store(false)
				f.pass(recovery)
				f.whole()
				f.healthy()
			})
		})
	}
}

// No mail is given up because the server can fetch none for an hour; health
// says so, and then all go their way.
func TestNoMailCanBeFetched(t *testing.T) {
	inFaulty(t, func(f *faulty) {
		var broken atomic.Bool
		broken.Store(true)
		f.in.Spoil(spoiled(&broken, `BODY\.PEEK\[\]`, "BODY.PEEK[NOTHING]"))
		f.complain(4)
		f.start()
		f.pass(50 * time.Minute)
		f.folders(4, 0)
		f.degraded("cannot be fetched")
		broken.Store(false)
		f.pass(recovery + 2*time.Second)
		f.whole()
		f.healthy()
	})
}

// A mail over limits.message is recorded as far as it was read, and its sender
// and the owner are told.
func TestMailTooLong(t *testing.T) {
	for _, test := range []struct{ results, lang, says string }{
		{"", "en", "Your mail was too long to be read whole"},
		{"dmarc=none; spf=none; dkim=none", "en", "It was too long to be read whole"},
		{"", "de", "Ihre E-Mail war zu lang, um ganz gelesen zu werden"},
	} {
		t.Run(test.says, func(t *testing.T) {
			inFaulty(t, func(f *faulty) {
				f.configure("limits: {message: 64KiB, free_space: 1MiB}\n")
				f.start()
				text := map[string]string{
					"en": "Subject: Order export fails\n\nSince noon no order is exported.\n",
					"de": "Subject: Auftragsexport steht\n\nSeit heute Mittag wird kein Auftrag mehr exportiert. Bitte helfen Sie uns, wir verlieren Geld.\n",
				}[test.lang]
				f.deliver(eve, ourAddress, test.results, text+strings.Repeat("0123456789abcdef\n", 8<<10))
				f.folders(0, 1)
				out := f.program.mails()
				if list := f.records(); len(list) != 1 {
					t.Fatalf("%d records", len(list))
				}
				for whom, says := range map[string]string{eve: test.says, theAgent: "Only its beginning was read"} {
					found := false
					for _, e := range out {
						found = found || e.To[0] == whom && strings.Contains(readable(f.program, e), says)
					}
					if !found {
						t.Errorf("no mail to %s says %q: %v", whom, says, briefs(out))
					}
				}
				f.reply(eve, test.results, "This is it once more.\n"+strings.Repeat("0123456789abcdef\n", 8<<10))
				if n := f.told(theAgent, "too long to be read whole"); n != 1 {
					t.Errorf("the owner was told %d times of the second mail", n)
				}
				f.deliver(eve, ourAddress, test.results, "Subject: Login is broken\n\nNobody can log in.\n")
				if n := f.told(eve, test.says); n != 0 {
					t.Error("a short mail is called too long")
				}
			})
		})
	}
}

// The watched folder is renamed, deleted and made again while it is watched.
func TestWatchedFolderReplaced(t *testing.T) {
	inFaulty(t, func(f *faulty) {
		f.yaml = strings.Replace(f.yaml, "\nmailbox:\n", "\nmailbox:\n  folder: Support\n", 1)
		arrives := func() {
			f.mails++
			mail := fmt.Sprintf("Authentication-Results: mx.acme.example; dmarc=pass header.from=c%d.example\r\nFrom: %s\r\nTo: %s\r\nMessage-ID: <%d@x.example>\r\nSubject: Export %d fails\r\n\r\nSince noon no order is exported.\r\n",
				f.mails, writer(f.mails), ourAddress, f.mails, f.mails)
			if _, err := f.mail.Append(ourAddress, "Support", []byte(mail), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		arrives()
		f.start()
		for _, change := range []func(c *imapclient.Client) error{
			func(c *imapclient.Client) error {
				return c.Rename("Support", fmt.Sprint("Support until ", f.mails), nil).Wait()
			},
			func(c *imapclient.Client) error { return c.Delete("Support").Wait() },
		} {
			for _, away := range []time.Duration{10 * time.Minute, 0} {
				f.person(change)
				if away > 0 {
					f.pass(away)
					f.degraded("imap: select Support")
				}
				f.person(func(c *imapclient.Client) error { return c.Create("Support", nil).Wait() })
				arrives()
				f.pass(recovery)
				f.whole()
				f.healthy()
			}
		}
	})
}
