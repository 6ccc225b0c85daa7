package dovecot

import (
	"fmt"
	"slices"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

func TestServer(t *testing.T) {
	s := Start(t, Separator("."), Prefix("INBOX."))
	s.Deliver([]byte("Subject: one\n\n1\n"), []byte("Subject: two\r\n\r\n2\r\n"))

	before := sel(t, s)
	if before.NumMessages != 2 {
		t.Fatalf("%d mails in INBOX, want 2\n%s", before.NumMessages, s.Log())
	}
	if got := s.Count("INBOX"); got != 2 {
		t.Errorf("Count = %d, want 2", got)
	}

	s.ResetUIDValidity()
	after := sel(t, s)
	if after.UIDValidity <= before.UIDValidity || after.NumMessages != 2 {
		t.Errorf("UIDVALIDITY %d with %d mails after %d with 2", after.UIDValidity, after.NumMessages, before.UIDValidity)
	}
}

func TestFolders(t *testing.T) {
	s := Start(t, Separator("."), Prefix("INBOX."))
	c := login(t, s)
	if err := c.Create("INBOX.A.B", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	var sizes []int64
	for _, mail := range []string{"Subject: a\n\n1\n", "Subject: b\r\n\r\n22\r\n"} {
		s.Deliver([]byte(mail))
	}
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	msgs, err := c.Fetch(imap.SeqSetNum(1, 2), &imap.FetchOptions{RFC822Size: true}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	for _, msg := range msgs {
		sizes = append(sizes, msg.RFC822Size)
	}
	if want := []int64{17, 18}; !slices.Equal(sizes, want) {
		t.Errorf("sizes %v, want %v", sizes, want)
	}
	if _, err := c.Move(imap.SeqSetNum(2), "INBOX.A.B").Wait(); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%q", s.Mails("A/B")); got != `["Subject: b\r\n\r\n22\r\n"]` {
		t.Errorf("A/B holds %s", got)
	}
	s.RemoveFolder("A/B")
	if n := s.Count("A/B"); n != 0 {
		t.Errorf("A/B holds %d mails after its removal", n)
	}
}

func TestStopTwice(t *testing.T) {
	s := Start(t)
	s.Stop()
	s.Stop()
	if greeting(s.Plain) == nil {
		t.Error("greets after Stop")
	}
	s.Start()
	if err := greeting(s.Plain); err != nil {
		t.Error(err)
	}
}

func login(t *testing.T, s *Server) *imapclient.Client {
	t.Helper()
	c, err := imapclient.DialInsecure(s.Plain, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		if t.Failed() {
			t.Log(s.Log())
		}
	})
	if err := c.Login(Username, Password).Wait(); err != nil {
		t.Fatalf("%v\n%s", err, s.Log())
	}
	return c
}

func sel(t *testing.T, s *Server) *imap.SelectData {
	t.Helper()
	data, err := login(t, s).Select("INBOX", nil).Wait()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestTrouble(t *testing.T) {
	s := Start(t, Capabilities("IMAP4rev1 UIDPLUS"))
	s.Deliver([]byte("Subject: one\n\n1\n"), []byte("Subject: two\n\n2\n"))
	c := login(t, s)
	if err := c.Create("A", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	copied := func(c *imapclient.Client) error {
		if _, err := c.Select("INBOX", nil).Wait(); err != nil {
			t.Fatal(err)
		}
		_, err := c.Copy(imap.SeqSetNum(1), "A").Wait()
		return err
	}
	s.Kick()
	<-c.Closed()
	s.SetReadOnly("A", true)
	if copied(login(t, s)) == nil {
		t.Error("a mail was copied to a read-only folder")
	}
	s.SetReadOnly("A", false)
	s.SetQuota(10)
	if copied(login(t, s)) == nil {
		t.Error("a mail was copied over the quota")
	}
	s.SetQuota(1 << 20)
	if err := copied(login(t, s)); err != nil {
		t.Error(err)
	}
}
