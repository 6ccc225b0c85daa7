package imap

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/google/go-cmp/cmp"

	"github.com/id8labs/escalated/mailbox"
)

// lackings are what servers can do about moving mails.
var lackings = map[string][]imap.Cap{
	"everything":          nil,
	"no MOVE":             {imap.CapMove},
	"no UIDPLUS":          {imap.CapUIDPlus},
	"no MOVE, no UIDPLUS": {imap.CapMove, imap.CapUIDPlus},
}

func TestMoveRefused(t *testing.T) {
	for name, caps := range lackings {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, desk := open(t), newDesk()
				o.lacks(caps...)
				refusals := 0
				o.onMove = func(string) error { refusals++; return no(imap.ResponseCodeOverQuota) }
				o.put("1", "2")
				in, _ := o.watch(o.config(), desk)
				pass(3 * time.Minute)
				o.expect("INBOX", 2, 0) // above all: not deleted
				if refusals < 4 || refusals > 8 {
					t.Errorf("tried %d times in four looks", refusals)
				}
				if n := in.Status().Backlog; n != 2 {
					t.Errorf("backlog %d, want 2", n)
				}
				if n := len(desk.raws()); n != 2 {
					t.Errorf("received %d mails, want 2", n)
				}
				mend(o, &o.onMove)
				pass(time.Minute)
				o.expect("Escalations/Archive", 2, 0)
			})
		})
	}
}

// Mails that people marked deleted are still mails, and are not deleted in the
// archive, however the server moves.
func TestDeletedMail(t *testing.T) {
	for name, caps := range lackings {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, desk := open(t), newDesk()
				o.lacks(caps...)
				o.putFlagged("1", imap.FlagDeleted)
				o.putFlagged("2")
				o.watch(o.config(), desk)
				pass(5 * time.Minute)
				o.expect("Escalations/Archive", 2, 0)
				if n := len(desk.raws()); n != 2 {
					t.Errorf("received %d mails, want 2", n)
				}
			})
		})
	}
}

// Without MOVE and UIDPLUS mails stay, marked, and are copied once: in later
// looks, by later runs, and while the server keeps refusing the mark.
func TestNoExpunge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, desk := open(t), newDesk()
		o.lacks(imap.CapMove, imap.CapUIDPlus)
		o.onStore = func() error { return no(imap.ResponseCodeServerBug) }
		o.put("1", "2")
		cfg := o.config()
		_, stop := o.watch(cfg, desk)
		pass(3 * time.Minute)
		o.expect("INBOX", 2, 0)
		mend(o, &o.onStore)
		pass(time.Minute)
		o.expect("INBOX", 2, 2)
		stop()
		in, _ := o.watch(cfg, desk)
		pass(time.Minute)
		o.put("3")
		pass(time.Minute)
		o.expect("INBOX", 3, 3)
		o.expect("Escalations/Archive", 3, 0)
		if n := in.Status().Backlog; n != 0 {
			t.Errorf("backlog %d, want 0", n)
		}
	})
}

// Where the folder keeps no keywords, the same holds within a run.
func TestNoExpungeNoKeywords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, desk := open(t), newDesk()
		o.lacks(imap.CapMove, imap.CapUIDPlus)
		cfg := o.config()
		o.hear = replace(`\*`, `\Draft`)
		o.put("1")
		o.watch(cfg, desk)
		_ = o.last().Conn.Close()
		pass(time.Minute)
		o.expect("INBOX", 1, 1)
		o.expect("Escalations/Archive", 1, 0)
	})
}

func TestFolderVanishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, desk := open(t), newDesk()
		o.watch(o.config(), desk)
		if err := o.user.Delete("Escalations/Archive"); err != nil {
			t.Fatal(err)
		}
		o.put("1")
		o.expect("Escalations/Archive", 1, 0)
	})
}

// Mails are taken in even when there is no place to move them to.
func TestFolderCannotBeCreated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, desk := open(t), newDesk()
		o.onMake = func(string) error { return no(imap.ResponseCodeNoPerm) }
		o.put("1")
		o.watch(o.config(), desk)
		if n := len(desk.raws()); n != 1 {
			t.Errorf("received %d mails, want 1", n)
		}
		o.expect("INBOX", 1, 0)
		mend(o, &o.onMake)
		pass(time.Minute)
		o.expect("Escalations/Archive", 1, 0)
	})
}

// A server that tells no namespaces may want all folders below INBOX.
func TestFolderWantedBelowInbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, desk := open(t), newDesk()
		o.lacks(imap.CapNamespace)
		o.onMake = func(folder string) error {
			if folder == "Escalations/Archive" || folder == "Escalations/Quarantine" {
				return no(imap.ResponseCodeCannot)
			}
			return nil
		}
		o.put("1")
		o.watch(o.config(), desk)
		o.expect("INBOX/Escalations/Archive", 1, 0)
	})
}

func TestMovesPairsPlaces(t *testing.T) {
	in := &Inbox{cfg: Config{Folder: "INBOX"}}
	in.memory.validity = 7
	s := &session{in: in}
	for name, test := range map[string]struct {
		data imap.CopyData
		want []mailbox.Move
	}{
		"nothing said":  {},
		"uneven":        {data: imap.CopyData{UIDValidity: 8, SourceUIDs: imap.UIDSetNum(1, 2), DestUIDs: imap.UIDSetNum(5)}},
		"impossible":    {data: imap.CopyData{UIDValidity: 8, SourceUIDs: imap.UIDSet{{Start: 1, Stop: 1<<32 - 1}}, DestUIDs: imap.UIDSetNum(5)}},
		"the whole set": {data: imap.CopyData{UIDValidity: 8, SourceUIDs: imap.UIDSet{{Start: 3, Stop: 0}}, DestUIDs: imap.UIDSetNum(5)}},
		"pairs": {
			data: imap.CopyData{UIDValidity: 8, SourceUIDs: imap.UIDSetNum(1, 3), DestUIDs: imap.UIDSetNum(5, 6)},
			want: []mailbox.Move{
				{From: mailbox.Location{Account: "@", Folder: "INBOX", UIDValidity: 7, UID: 1}, To: mailbox.Location{Account: "@", Folder: "A", UIDValidity: 8, UID: 5}},
				{From: mailbox.Location{Account: "@", Folder: "INBOX", UIDValidity: 7, UID: 3}, To: mailbox.Location{Account: "@", Folder: "A", UIDValidity: 8, UID: 6}},
			},
		},
	} {
		if diff := cmp.Diff(test.want, s.moves("A", test.data)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// An elsewhere is another mail client of the same user.
type elsewhere struct{ *imapmemserver.UserSession }

func (o *office) other() elsewhere {
	s := imapmemserver.NewUserSession(o.user)
	if _, err := s.Select("INBOX", nil); err != nil {
		o.t.Fatal(err)
	}
	return elsewhere{s}
}

// expunge removes a mail.
func (e elsewhere) expunge(uid imap.UID) {
	uids := imap.UIDSetNum(uid)
	_ = e.Store(nil, uids, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil)
	_ = e.Expunge(nil, &uids)
}

// A session follows the name of the folder, not the folder it once selected.
func TestFolderReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, desk := open(t), newDesk()
		cfg := o.config()
		cfg.Folder = "Support"
		if err := o.user.Create("Support", nil); err != nil {
			t.Fatal(err)
		}
		in, _ := o.watch(cfg, desk)
		if err := o.user.Rename("Support", "Old", nil); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Minute)
		if st := in.Status(); st.Connected || st.Err == "" {
			t.Errorf("status without the folder %+v", st)
		}
		if err := o.user.Create("Support", nil); err != nil {
			t.Fatal(err)
		}
		if _, err := o.user.Append("Support", strings.NewReader(header), &imap.AppendOptions{}); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if n := len(desk.raws()); n != 1 {
			t.Errorf("received %d mails of the new folder, want 1", n)
		}
	})
}

// What cannot be moved shows in the status as long as it is so.
func TestRefusedMoveShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, desk := open(t), newDesk()
		o.onMove = func(string) error { return no(imap.ResponseCodeOverQuota) }
		o.put("1")
		in, _ := o.watch(o.config(), desk)
		pass(10 * time.Minute)
		if st := in.Status(); !st.Connected || !strings.Contains(st.Err, "cannot be moved to Escalations/Archive") {
			t.Errorf("status %+v", st)
		}
		other := o.other()
		other.expunge(1) // a person helps out
		pass(time.Minute)
		if st := in.Status(); st.Err != "" {
			t.Errorf("status afterwards %+v", st)
		}
	})
}
