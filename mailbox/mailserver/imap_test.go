package mailserver_test

import (
	"bufio"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
	"github.com/google/go-cmp/cmp"

	"github.com/id8labs/escalated/mailbox/mailserver"
)

// fetch returns BODY[] of messages, and checks RFC822.SIZE against it.
func fetch(t *testing.T, c *imapclient.Client, set imap.NumSet) []string {
	t.Helper()
	whole := &imap.FetchItemBodySection{Peek: true}
	got, err := c.Fetch(set, &imap.FetchOptions{RFC822Size: true, BodySection: []*imap.FetchItemBodySection{whole}}).Collect()
	ok(t, err)
	var all []string
	for _, m := range got {
		body := m.FindBodySection(whole)
		if m.RFC822Size != int64(len(body)) {
			t.Errorf("RFC822.SIZE is %d of %d", m.RFC822Size, len(body))
		}
		all = append(all, string(body))
	}
	return all
}

// put appends mails to the desk's INBOX.
func put(t *testing.T, s *mailserver.Server, mails ...string) {
	t.Helper()
	for _, mail := range mails {
		_, err := s.Append(desk, "INBOX", []byte(mail), time.Now())
		ok(t, err)
	}
}

// Broken mails are those a reader most needs to get whole.
func TestFetchIsByteExact(t *testing.T) {
	mails := []string{
		note,
		"From: a@x.example\r\nno colon here\r\nSubject: x\r\n\r\nbody\r\n",
		"From: a@x.example\nSubject: bare line feeds\n\nbody\n.\n",
		"From a@x.example Mon Jan  1\r\nFrom: a@x.example\r\n\r\nmbox\r\n",
		"From: a@x.example\r\nSubject: no body",
		" starts folded\r\n\r\n",
		"\r\nno header",
		"nothing at all",
		"Subject: \xff\x00raw\r\n\r\n\x80\x00",
		"",
	}
	s := run(t, config())
	put(t, s, mails...)
	if diff := cmp.Diff(mails, fetch(t, reader(t, s, nil), imap.SeqSet{{Start: 1, Stop: 0}})); diff != "" {
		t.Error(diff)
	}
}

func TestSections(t *testing.T) {
	const mixed = "From: a@x.example\r\nno field\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>two\r\n--b--\r\n"
	header, body, _ := strings.Cut(mixed, "\r\n\r\n")
	s := run(t, config())
	put(t, s, mixed)
	c := reader(t, s, nil)
	for want, item := range map[string]*imap.FetchItemBodySection{
		header + "\r\n\r\n":         {Specifier: imap.PartSpecifierHeader},
		body:                        {Specifier: imap.PartSpecifierText},
		mixed[5:12]:                 {Partial: &imap.SectionPartial{Offset: 5, Size: 7}},
		mixed[len(mixed)-3:]:        {Partial: &imap.SectionPartial{Offset: int64(len(mixed)) - 3, Size: 99}},
		"":                          {Partial: &imap.SectionPartial{Offset: 9999, Size: 9}},
		"<p>two":                    {Part: []int{2}},
		"From: a@x.example\r\n\r\n": {Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"From"}},
	} {
		item.Peek = true
		got, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{
			Envelope: true, BodyStructure: &imap.FetchItemBodyStructure{}, BodySection: []*imap.FetchItemBodySection{item},
		}).Collect()
		ok(t, err)
		if diff := cmp.Diff(want, string(got[0].FindBodySection(item))); diff != "" {
			t.Errorf("%+v: %s", item, diff)
		}
		if got[0].Envelope.Subject != "café" || got[0].BodyStructure.MediaType() != "multipart/mixed" {
			t.Errorf("subject %q, type %s", got[0].Envelope.Subject, got[0].BodyStructure.MediaType())
		}
	}
	if flags := s.Mailbox(desk, "INBOX")[0].Flags; len(flags) != 0 {
		t.Errorf("peeking set %v", flags)
	}
	_, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{}}}).Collect()
	ok(t, err)
	if diff := cmp.Diff([]string{`\Seen`}, s.Mailbox(desk, "INBOX")[0].Flags); diff != "" {
		t.Error(diff)
	}
}

// watcher returns a client in INBOX, and what it is told of mails and expunges.
func watcher(t *testing.T, s *mailserver.Server) (c *imapclient.Client, exists, gone <-chan uint32) {
	added, removed := make(chan uint32, 100), make(chan uint32, 100)
	c = reader(t, s, &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(data *imapclient.UnilateralDataMailbox) {
			if data.NumMessages != nil {
				added <- *data.NumMessages
			}
		},
		Expunge: func(n uint32) { removed <- n },
	}})
	return c, added, removed
}

func TestIdlePush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, config())
		put(t, s, note)
		c, exists, gone := watcher(t, s)
		other := reader(t, s, nil)
		ok(t, other.Create("Escalations/Archive", nil).Wait())
		put(t, s, "queued before IDLE")
		idle, err := c.Idle()
		ok(t, err)
		put(t, s, "pushed")
		if a, b := <-exists, <-exists; a != 2 || b != 3 {
			t.Errorf("pushed EXISTS %d, %d", a, b)
		}
		ok(t, other.Noop().Wait()) // a session can't move what it has not been told of
		moved, err := other.Move(imap.UIDSetNum(1, 3), "Escalations/Archive").Wait()
		ok(t, err)
		if a, b := <-gone, <-gone; a != 3 || b != 1 {
			t.Errorf("pushed EXPUNGE %d, %d", a, b)
		}
		ok(t, idle.Close())
		ok(t, idle.Wait())
		if diff := cmp.Diff([]string{"queued before IDLE"}, fetch(t, c, imap.SeqSetNum(1))); diff != "" {
			t.Error(diff)
		}
		if got := moved.DestUIDs.String(); got != "1:2" {
			t.Errorf("moved to UIDs %s", got)
		}
		if diff := cmp.Diff([]string{note, "pushed"}, texts(s.Mailbox(desk, "Escalations/Archive"))); diff != "" {
			t.Error(diff)
		}
	})
}

// Two sessions move the same mail; it must not end up twice.
func TestMoveOnce(t *testing.T) {
	s := run(t, config())
	put(t, s, note)
	one, two := reader(t, s, nil), reader(t, s, nil)
	ok(t, one.Create("Done", nil).Wait())
	first, second := one.Move(imap.UIDSetNum(1), "Done"), two.Move(imap.UIDSetNum(1), "Done")
	_, err := first.Wait()
	ok(t, err)
	_, err = second.Wait()
	ok(t, err)
	if n, left := len(s.Mailbox(desk, "Done")), len(s.Mailbox(desk, "INBOX")); n != 1 || left != 0 {
		t.Errorf("%d moved, %d left", n, left)
	}
	if _, err := one.Move(imap.UIDSetNum(1), "Nowhere").Wait(); err == nil {
		t.Error("moved to nowhere")
	}
}

// Sessions deliver and move at once; every mail ends up in one place, once.
func TestNothingIsLostAmongSessions(t *testing.T) {
	s := run(t, config())
	ok(t, reader(t, s, nil).Create("Done", nil).Wait())
	const each = 40
	var work sync.WaitGroup
	for range 2 {
		work.Go(func() {
			for range each {
				s.Deliver(client, desk, []byte(note))
			}
		})
		c := reader(t, s, nil)
		work.Go(func() {
			for len(s.Mailbox(desk, "Done")) < 2*each {
				if err := c.Noop().Wait(); err != nil {
					t.Error(err)
					return
				}
				if _, err := c.Move(imap.SeqSet{{Start: 1, Stop: 0}}, "Done").Wait(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	work.Wait()
	ids := make(map[string]bool) // of the Received fields
	for _, mail := range texts(s.Mailbox(desk, "Done")) {
		ids[mail] = true
	}
	if left := len(s.Mailbox(desk, "INBOX")); len(ids) != 2*each || left != 0 || len(s.Mailbox(desk, "Done")) != 2*each {
		t.Errorf("%d of %d mails moved, %d left", len(ids), 2*each, left)
	}
}

func TestFlagsReachOtherSessions(t *testing.T) {
	s := run(t, config())
	put(t, s, "1", "2")
	seen := make(chan []imap.Flag, 1)
	watch := reader(t, s, &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Fetch: func(m *imapclient.FetchMessageData) {
			got, err := m.Collect()
			if err != nil || got.SeqNum != 2 {
				t.Errorf("told of %+v, %v", got, err)
			}
			seen <- got.Flags
		},
	}})
	idle, err := watch.Idle()
	ok(t, err)
	reading := &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{}}}
	_, err = reader(t, s, nil).Fetch(imap.UIDSetNum(2), reading).Collect()
	ok(t, err)
	if diff := cmp.Diff([]imap.Flag{imap.FlagSeen}, <-seen); diff != "" {
		t.Error(diff)
	}
	ok(t, idle.Close())
}

func TestIdleWithoutFolder(t *testing.T) {
	s := run(t, config())
	c := reader(t, s, nil)
	ok(t, c.Unselect().Wait())
	idle, err := c.Idle()
	ok(t, err)
	put(t, s, note)
	ok(t, idle.Close())
	ok(t, idle.Wait())
	ok(t, c.Noop().Wait())
}

// The old session of a deleted folder goes on seeing what it had.
func TestDeletedFolderStaysSelected(t *testing.T) {
	s := run(t, config())
	c, other := reader(t, s, nil), reader(t, s, nil)
	ok(t, other.Create("Old", nil).Wait())
	_, err := c.Select("Old", nil).Wait()
	ok(t, err)
	ok(t, other.Delete("Old").Wait())
	if got := fetch(t, c, imap.SeqSet{{Start: 1, Stop: 0}}); got != nil {
		t.Errorf("fetched %q", got)
	}
	ok(t, c.Unselect().Wait())
	if _, err := c.Select("Old", nil).Wait(); err == nil {
		t.Error("selected a deleted folder")
	}
}

// A client that stops reading in the middle of a FETCH holds up nobody.
func TestDeafClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, config())
		put(t, s, strings.Repeat(note, 1000))
		conn, err := s.DialIMAP(t.Context(), "", "")
		ok(t, err)
		defer conn.Close()
		lines := bufio.NewReader(conn)
		line, err := lines.ReadString('\n') // the greeting
		ok(t, err)
		for tag, command := range []string{"LOGIN " + desk + " \"" + secret + "\"", "SELECT INBOX"} {
			fmt.Fprintf(conn, "%d %s\r\n", tag, command)
			for !strings.HasPrefix(line, fmt.Sprint(tag, " OK")) {
				line, err = lines.ReadString('\n')
				ok(t, err)
			}
		}
		fmt.Fprint(conn, "3 FETCH 1 BODY[]\r\n")
		synctest.Wait()
		ok(t, s.Deliver(client, desk, []byte(note)))
		if diff := cmp.Diff(2, len(fetch(t, reader(t, s, nil), imap.SeqSet{{Start: 1, Stop: 0}}))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestCopyKeepsDateAndFlags(t *testing.T) {
	s := run(t, config())
	c := reader(t, s, nil)
	at := time.Date(2026, 3, 3, 8, 0, 0, 0, time.UTC)
	w := c.Append("INBOX", int64(len(note)), &imap.AppendOptions{Time: at, Flags: []imap.Flag{`\SEEN`, "Urgent"}})
	w.Write([]byte(note))
	ok(t, w.Close())
	data, err := w.Wait()
	ok(t, err)
	if data.UID != 1 || data.UIDValidity == 0 {
		t.Errorf("appended as %+v", data)
	}
	_, err = c.Copy(imap.SeqSetNum(1), "INBOX").Wait()
	ok(t, err)
	want := mailserver.Mail{UID: 1, Bytes: []byte(note), Flags: []string{`\Seen`, "urgent"}, Received: at}
	twin := want
	twin.UID = 2
	if diff := cmp.Diff([]mailserver.Mail{want, twin}, s.Mailbox(desk, "INBOX")); diff != "" {
		t.Error(diff)
	}
	w = c.Append("Nowhere", 1, nil)
	w.Write([]byte("x"))
	w.Close()
	if _, err := w.Wait(); err == nil || !strings.Contains(err.Error(), "TRYCREATE") {
		t.Errorf("append to nowhere: %v", err)
	}
	if _, err := c.Copy(imap.SeqSetNum(1), "Nowhere").Wait(); err == nil {
		t.Error("copied to nowhere")
	}
}

func TestFlagsAndExpunge(t *testing.T) {
	s := run(t, config())
	put(t, s, "1", "2", "3", "4")
	c := reader(t, s, nil)
	for _, step := range []struct {
		op    imap.StoreFlagsOp
		flags []imap.Flag
		want  []imap.Flag
	}{
		{imap.StoreFlagsAdd, []imap.Flag{imap.FlagDeleted, "a"}, []imap.Flag{imap.FlagDeleted, "a"}},
		{imap.StoreFlagsDel, []imap.Flag{"A"}, []imap.Flag{imap.FlagDeleted}},
		{imap.StoreFlagsSet, []imap.Flag{imap.FlagSeen, imap.FlagDeleted}, []imap.Flag{imap.FlagDeleted, imap.FlagSeen}},
	} {
		got, err := c.Store(imap.UIDSetNum(2, 3), &imap.StoreFlags{Op: step.op, Flags: step.flags}, nil).Collect()
		ok(t, err)
		if len(got) != 2 || !slices.Equal(got[1].Flags, step.want) {
			t.Errorf("flags are %v, want %v", got, step.want)
		}
	}
	status, err := c.Status("INBOX", &imap.StatusOptions{NumMessages: true, NumUnseen: true, UIDNext: true, Size: true}).Wait()
	ok(t, err)
	if *status.NumMessages != 4 || *status.NumUnseen != 2 || status.UIDNext != 5 || *status.Size != 4 {
		t.Errorf("status %+v", status)
	}
	gone, err := c.UIDExpunge(imap.UIDSetNum(3, 4)).Collect()
	ok(t, err)
	if diff := cmp.Diff([]uint32{3}, gone); diff != "" {
		t.Error(diff)
	}
	_, err = c.Expunge().Collect()
	ok(t, err)
	if diff := cmp.Diff([]string{"1", "4"}, texts(s.Mailbox(desk, "INBOX"))); diff != "" {
		t.Error(diff)
	}
}

func TestReadOnly(t *testing.T) {
	s := run(t, config())
	put(t, s, note)
	c := reader(t, s, nil)
	ok(t, c.Store(imap.SeqSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close())
	_, err := c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	ok(t, err)
	_, err = c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{}}}).Collect()
	ok(t, err)
	if c.Store(imap.SeqSetNum(1), &imap.StoreFlags{Flags: []imap.Flag{imap.FlagSeen}}, nil).Close() == nil {
		t.Error("stored")
	}
	if _, err := c.Move(imap.SeqSetNum(1), "INBOX").Wait(); err == nil {
		t.Error("moved")
	}
	ok(t, c.UnselectAndExpunge().Wait())
	if diff := cmp.Diff([]string{`\Deleted`}, s.Mailbox(desk, "INBOX")[0].Flags); diff != "" {
		t.Error(diff)
	}
}

func TestSearch(t *testing.T) {
	s := run(t, config())
	put(t, s,
		"Message-ID: <1@x.example>\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nplain words\r\n",
		"Message-ID: <2@x.example>\r\nDate: Wed, 04 Mar 2026 10:00:00 +0000\r\nContent-Transfer-Encoding: base64\r\n\r\naGlkZGVuIHdvcmRz\r\n",
		"no header")
	c := reader(t, s, nil)
	ok(t, c.Store(imap.SeqSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagSeen}}, nil).Close())
	day := func(d int) time.Time { return time.Date(2026, 3, d, 0, 0, 0, 0, time.UTC) }
	header := func(key, value string) imap.SearchCriteria {
		return imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: key, Value: value}}}
	}
	for name, test := range map[string]struct {
		criteria imap.SearchCriteria
		want     []imap.UID
	}{
		"all":            {imap.SearchCriteria{}, []imap.UID{1, 2, 3}},
		"last":           {imap.SearchCriteria{UID: []imap.UIDSet{{{Start: 9, Stop: 0}}}}, []imap.UID{3}},
		"sequence":       {imap.SearchCriteria{SeqNum: []imap.SeqSet{imap.SeqSetNum(2)}}, []imap.UID{2}},
		"message-id":     {header("Message-ID", "<2@x.example>"), []imap.UID{2}},
		"decoded header": {header("subject", "grüße"), []imap.UID{1}},
		"header present": {header("Date", ""), []imap.UID{1, 2}},
		"body":           {imap.SearchCriteria{Body: []string{"HIDDEN"}}, []imap.UID{2}},
		"text":           {imap.SearchCriteria{Text: []string{"words"}}, []imap.UID{1, 2}},
		"text in header": {imap.SearchCriteria{Text: []string{"Grüße"}}, []imap.UID{1}},
		"seen":           {imap.SearchCriteria{Flag: []imap.Flag{imap.FlagSeen}}, []imap.UID{1}},
		"unseen":         {imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}}, []imap.UID{2, 3}},
		"sent since":     {imap.SearchCriteria{SentSince: day(3)}, []imap.UID{2}},
		"sent before":    {imap.SearchCriteria{SentBefore: day(3)}, []imap.UID{1}},
		"future":         {imap.SearchCriteria{Since: time.Now().AddDate(0, 0, 2)}, nil},
		"small":          {imap.SearchCriteria{Smaller: 10}, []imap.UID{3}},
		"large":          {imap.SearchCriteria{Larger: 9}, []imap.UID{1, 2}},
		"not":            {imap.SearchCriteria{Not: []imap.SearchCriteria{{Smaller: 10}}}, []imap.UID{1, 2}},
		"or":             {imap.SearchCriteria{Or: [][2]imap.SearchCriteria{{{Smaller: 10}, header("Subject", "g")}}}, []imap.UID{1, 3}},
	} {
		data, err := c.UIDSearch(&test.criteria, nil).Wait()
		ok(t, err)
		if diff := cmp.Diff(test.want, data.AllUIDs()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	data, err := c.Search(&imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}}, &imap.SearchOptions{ReturnMin: true, ReturnMax: true, ReturnCount: true}).Wait()
	ok(t, err)
	if data.Min != 2 || data.Max != 3 || data.Count != 2 {
		t.Errorf("ESEARCH %+v", data)
	}
}

func TestFolders(t *testing.T) {
	s := run(t, config())
	c := reader(t, s, nil)
	list := func(pattern string, options *imap.ListOptions) string {
		t.Helper()
		all, err := c.List("", pattern, options).Collect()
		ok(t, err)
		var names []string
		for _, data := range all {
			names = append(names, data.Mailbox)
		}
		return strings.Join(names, " ")
	}
	ok(t, c.Create("Esc/Archive/", nil).Wait())
	if got := list("*", nil); got != "Esc Esc/Archive INBOX" {
		t.Errorf("folders %s", got)
	}
	ok(t, c.Rename("Esc", "Old/Esc", nil).Wait())
	if got := list("%", nil); got != "INBOX Old" {
		t.Errorf("top folders %s", got)
	}
	ok(t, c.Unsubscribe("Old/Esc").Wait())
	if got := list("*", &imap.ListOptions{SelectSubscribed: true}); got != "INBOX Old Old/Esc/Archive" {
		t.Errorf("subscribed folders %s", got)
	}
	ok(t, c.Delete("Old/Esc/Archive").Wait())
	if got := list("Old/*", &imap.ListOptions{ReturnStatus: &imap.StatusOptions{NumMessages: true}}); got != "Old/Esc" {
		t.Errorf("lower folders %s", got)
	}
	if got := list("", nil); got != "" {
		t.Errorf("delimiter has name %q", got)
	}
	if space, err := c.Namespace().Wait(); err != nil || len(space.Personal) != 1 || space.Personal[0].Delim != '/' {
		t.Errorf("namespace %+v, %v", space, err)
	}
	for name, err := range map[string]error{
		"create again":   c.Create("inbox", nil).Wait(),
		"delete INBOX":   c.Delete("INBOX").Wait(),
		"delete nothing": c.Delete("None").Wait(),
		"rename INBOX":   c.Rename("INBOX", "Other", nil).Wait(),
		"rename nothing": c.Rename("None", "Other", nil).Wait(),
		"rename onto":    c.Rename("Old", "INBOX", nil).Wait(),
		"rename below":   c.Rename("Old", "Old/Older", nil).Wait(),
		"subscribe":      c.Subscribe("None").Wait(),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := c.Status("None", &imap.StatusOptions{NumMessages: true}).Wait(); err == nil {
		t.Error("status of nothing")
	}
	if _, err := c.Select("None", nil).Wait(); err == nil {
		t.Error("nothing selected")
	}
}

// A folder made anew must not look like the old one, nor must a server's whole
// mailbox after a restart.
func TestUIDValidityGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		validity := func(s *mailserver.Server, folder string) uint32 {
			conn, err := s.DialIMAP(t.Context(), "", "")
			ok(t, err)
			c := imapclient.New(conn, nil)
			defer c.Close()
			ok(t, c.Login(desk, secret).Wait())
			if folder != "INBOX" {
				c.Delete(folder).Wait()
				ok(t, c.Create(folder, nil).Wait())
			}
			data, err := c.Select(folder, nil).Wait()
			ok(t, err)
			return data.UIDValidity
		}
		s := run(t, config())
		if first, second := validity(s, "A"), validity(s, "A"); second <= first {
			t.Errorf("UIDVALIDITY %d after %d", second, first)
		}
		time.Sleep(time.Second)
		if first, second := validity(s, "INBOX"), validity(run(t, config()), "INBOX"); second <= first {
			t.Errorf("UIDVALIDITY %d after %d", second, first)
		}
	})
}

func TestLoginOverIMAP(t *testing.T) {
	s := run(t, config())
	for name, test := range map[string]struct {
		auth sasl.Client
		ok   bool
	}{
		"PLAIN":        {sasl.NewPlainClient("", "Escalations@acme.example", secret), true},
		"LOGIN":        {sasl.NewLoginClient(desk, secret), true},
		"wrong":        {sasl.NewPlainClient("", desk, "guess"), false},
		"sub-address":  {sasl.NewPlainClient("", "escalations+x@acme.example", secret), false},
		"no mechanism": {sasl.NewAnonymousClient(""), false},
	} {
		conn, err := s.DialIMAP(t.Context(), "", "")
		ok(t, err)
		c := imapclient.New(conn, nil)
		if err := c.Authenticate(test.auth); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
		c.Close()
	}
}
