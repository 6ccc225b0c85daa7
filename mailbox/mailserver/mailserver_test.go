package mailserver_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/google/go-cmp/cmp"

	"github.com/id8labs/escalated/mailbox/mailserver"
)

const (
	desk   = "escalations@acme.example"
	agent  = "dana@acme.example"
	client = "pat@northwind.example"
	secret = "correct horse"
	note   = "From: pat@northwind.example\r\nTo: escalations@acme.example\r\nSubject: All tills are down\r\n\r\nPlease help.\r\n"
)

// config is a server with the desk's mailbox and an agent's.
func config() mailserver.Config {
	return mailserver.Config{
		Domain: "acme.example",
		Users: []mailserver.User{
			{Address: desk, Password: secret, Aliases: []string{"urgent@acme.example"}},
			{Address: agent, Password: "other"},
		},
	}
}

// run starts a server that ends with the test, and must end cleanly.
func run(t *testing.T, c mailserver.Config) *mailserver.Server {
	t.Helper()
	s := mailserver.New(c)
	t.Cleanup(func() { ok(t, s.Close()) })
	return s
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// submitter returns an SMTP client over a pipe, past its EHLO.
func submitter(t *testing.T, s *mailserver.Server) *smtp.Client {
	t.Helper()
	conn, err := s.DialSMTP(t.Context(), "tcp", "")
	ok(t, err)
	c, err := smtp.NewClient(conn, "localhost")
	ok(t, err)
	t.Cleanup(func() { c.Close() })
	ok(t, c.Hello("client.example"))
	return c
}

// reply returns what a server's negative reply says, or "" where it did not reply.
func reply(err error) string {
	if r, ok := errors.AsType[*textproto.Error](err); ok {
		return fmt.Sprintf("%d %s", r.Code, r.Msg)
	}
	return ""
}

// send submits one mail and returns the first error.
func send(c *smtp.Client, from, mail string, to ...string) error {
	if err := c.Mail(from); err != nil {
		return err
	}
	for _, address := range to {
		if err := c.Rcpt(address); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	fmt.Fprint(w, mail)
	return w.Close()
}

// reader returns an IMAP client of the desk over a pipe, with INBOX selected.
func reader(t *testing.T, s *mailserver.Server, options *imapclient.Options) *imapclient.Client {
	t.Helper()
	conn, err := s.DialIMAP(t.Context(), "tcp", "")
	ok(t, err)
	c := imapclient.New(conn, options)
	t.Cleanup(func() { c.Close() })
	ok(t, c.Login(desk, secret).Wait())
	_, err = c.Select("INBOX", nil).Wait()
	ok(t, err)
	return c
}

func texts(mails []mailserver.Mail) []string {
	var all []string
	for _, m := range mails {
		all = append(all, string(m.Bytes))
	}
	return all
}

func atLeast(n int) func([]mailserver.Mail) bool {
	return func(mails []mailserver.Mail) bool { return len(mails) >= n }
}

func TestRoundTripOverTCP(t *testing.T) {
	s := run(t, config())
	ok(t, s.Start("localhost:0", ":0"))
	if err := smtp.SendMail(s.SMTPAddr(), nil, client, []string{desk}, []byte(note)); err != nil {
		t.Fatal(err)
	}
	c, err := imapclient.DialInsecure(s.IMAPAddr(), nil)
	ok(t, err)
	defer c.Close()
	ok(t, c.Login(desk, secret).Wait())
	_, err = c.Select("inbox", nil).Wait()
	ok(t, err)
	got := fetch(t, c, imap.SeqSetNum(1))
	if !strings.HasSuffix(got[0], note) {
		t.Errorf("fetched %q", got[0])
	}
	ok(t, c.Logout().Wait())
}

func TestTracesOfDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, config())
		ok(t, send(submitter(t, s), client, note, "Escalations+b-TOKEN@acme.example"))
		ok(t, s.Deliver("", "urgent@acme.example", []byte(note)))
		want := []string{
			"Return-Path: <pat@northwind.example>\r\nDelivered-To: Escalations+b-TOKEN@acme.example\r\n" +
				"Received: from client.example\r\n\tby acme.example with ESMTP id 1\r\n" +
				"\tfor <Escalations+b-TOKEN@acme.example>; Sat, 01 Jan 2000 00:00:00 +0000\r\n" + note,
			"Return-Path: <>\r\nDelivered-To: urgent@acme.example\r\nReceived: by acme.example with LMTP id 2\r\n" +
				"\tfor <urgent@acme.example>; Sat, 01 Jan 2000 00:00:00 +0000\r\n" + note,
		}
		mails := s.Mailbox(desk, "INBOX")
		if diff := cmp.Diff(want, texts(mails)); diff != "" {
			t.Error(diff)
		}
		if at := mails[0].Received; !at.Equal(time.Now()) {
			t.Errorf("received at %v", at)
		}
	})
}

func TestEveryRecipientIsServed(t *testing.T) {
	c := config()
	told := make(chan mailserver.Envelope, 1)
	c.OnMail = func(e mailserver.Envelope) { told <- e }
	s := run(t, c)

	to := []string{desk, agent, client, "lou@northwind.example", "PAT@northwind.example"}
	ok(t, send(submitter(t, s), agent, note, to...))
	if len(s.Mailbox(desk, "INBOX")) != 1 || len(s.Mailbox(agent, "INBOX")) != 1 {
		t.Error("not every user got one mail")
	}
	want := mailserver.Envelope{From: agent, To: to[:4], Bytes: []byte(note)}
	if diff := cmp.Diff(want, <-told); diff != "" {
		t.Error(diff)
	}
	want.To = to[2:4]
	if diff := cmp.Diff([]mailserver.Envelope{want}, s.Sent()); diff != "" {
		t.Error(diff)
	}
}

func TestUnknownUserDoesNotStopOthers(t *testing.T) {
	s := run(t, config())
	c := submitter(t, s)
	ok(t, c.Mail(client))
	if got := reply(c.Rcpt("nobody@ACME.example")); got != "550 5.1.1 No such user here" {
		t.Errorf("RCPT for nobody: %s", got)
	}
	ok(t, c.Rcpt(desk))
	w, err := c.Data()
	ok(t, err)
	fmt.Fprint(w, note)
	ok(t, w.Close())
	if n := len(s.Mailbox(desk, "INBOX")); n != 1 {
		t.Errorf("%d mails", n)
	}
}

func TestSinkIsBounded(t *testing.T) {
	c := config()
	c.Sink = 2 * len(note)
	s := run(t, c)
	submit := submitter(t, s)
	for i := range 4 {
		ok(t, send(submit, desk, note, fmt.Sprintf("c%d@northwind.example", i)))
	}
	var got []string
	for _, e := range s.Sent() {
		got = append(got, e.To...)
	}
	if diff := cmp.Diff([]string{"c2@northwind.example", "c3@northwind.example"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestStrangersToTheAPI(t *testing.T) {
	s := run(t, config())
	const nobody = "nobody@acme.example"
	if s.Deliver(client, nobody, nil) == nil {
		t.Error("delivered to nobody")
	}
	if _, err := s.Append(nobody, "INBOX", nil, time.Time{}); err == nil {
		t.Error("appended to nobody's folder")
	}
	if _, err := s.Await(t.Context(), nobody, "INBOX", atLeast(0)); err == nil {
		t.Error("awaited nobody's mail")
	}
	if s.Mailbox(nobody, "INBOX") != nil || s.Mailbox(desk, "None") != nil {
		t.Error("mail from nowhere")
	}
}

func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, config())
		go func() {
			time.Sleep(time.Minute)
			s.Append(desk, "Later", []byte(note), time.Unix(1e9, 0))
		}()
		mails, err := s.Await(t.Context(), desk, "Later", atLeast(1))
		ok(t, err)
		want := []mailserver.Mail{{UID: 1, Bytes: []byte(note), Flags: []string{}, Received: time.Unix(1e9, 0)}}
		if diff := cmp.Diff(want, mails); diff != "" {
			t.Error(diff)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := s.Await(ctx, desk, "Later", atLeast(2)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("awaiting in vain: %v", err)
		}
	})
}

// Clients of every sort hang on; the bubble fails if a goroutine outlives Close.
func TestCloseEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := config()
		c.OnSMTP = func(ctx context.Context, at mailserver.Stage, arg string) error {
			if at == mailserver.Rcpt {
				<-ctx.Done()
			}
			return ctx.Err()
		}
		s := mailserver.New(c)
		idle, err := reader(t, s, nil).Idle()
		ok(t, err)
		submit := submitter(t, s)
		ok(t, submit.Mail(client))
		hung := make(chan error, 1)
		go func() { hung <- submit.Rcpt(desk) }()
		deaf, err := s.DialIMAP(t.Context(), "", "") // reads no greeting
		ok(t, err)
		defer deaf.Close()
		synctest.Wait()

		ok(t, s.Close())
		if idle.Wait() == nil || <-hung == nil {
			t.Error("a client saw no end")
		}
		if _, err := s.DialSMTP(t.Context(), "", ""); !errors.Is(err, net.ErrClosed) {
			t.Errorf("dialling a closed server: %v", err)
		}
		ok(t, s.Close())
	})
}

func TestStartRefuses(t *testing.T) {
	s := run(t, config())
	for _, address := range []string{"192.0.2.1:0", "0.0.0.0:0", "acme.example", "127.0.0.1:99999"} {
		if s.Start(address, "") == nil || s.Start("", address) == nil {
			t.Errorf("listens on %s without TLS", address)
		}
	}
	ok(t, s.Start(":0", ""))
	if s.Start(":0", "") == nil {
		t.Error("listens twice")
	}
	if s.SMTPAddr() != "" {
		t.Error("SMTP listens unasked")
	}
	ok(t, s.Close())
	if s.Start("", ":0") == nil {
		t.Error("listens after Close")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.DialIMAP(ctx, "", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("dialling when canceled: %v", err)
	}
}
