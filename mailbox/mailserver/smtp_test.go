package mailserver_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"

	"github.com/id8labs/escalated/mailbox/mailserver"
)

// loginAuth speaks LOGIN, without an initial response as most clients do.
type loginAuth struct{ answers []string }

func (l *loginAuth) Start(*smtp.ServerInfo) (string, []byte, error) { return "LOGIN", nil, nil }

func (l *loginAuth) Next(_ []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	answer := l.answers[0]
	l.answers = l.answers[1:]
	return []byte(answer), nil
}

func TestLoginOverSMTP(t *testing.T) {
	c := config()
	c.AuthservID = "mx.acme.example"
	for name, test := range map[string]struct {
		auth smtp.Auth
		want string
	}{
		"PLAIN":        {smtp.PlainAuth("", desk, secret, "localhost"), ""},
		"LOGIN":        {&loginAuth{[]string{"ESCALATIONS@acme.example", secret}}, ""},
		"wrong PLAIN":  {smtp.PlainAuth("", desk, "guess", "localhost"), "535 5.7.8"},
		"wrong LOGIN":  {&loginAuth{[]string{desk, "guess"}}, "535 5.7.8"},
		"unknown user": {smtp.PlainAuth("", client, secret, "localhost"), "535 5.7.8"},
		"other":        {smtp.CRAMMD5Auth(desk, secret), "504 5.7.4"},
	} {
		t.Run(name, func(t *testing.T) {
			s := run(t, c)
			submit := submitter(t, s)
			err := submit.Auth(test.auth)
			if test.want != "" {
				if got := reply(err); !strings.HasPrefix(got, test.want) {
					t.Errorf("%s, want %s", got, test.want)
				}
				return
			}
			ok(t, err)
			ok(t, send(submit, desk, note, agent))
			got := string(s.Mailbox(agent, "INBOX")[0].Bytes)
			if !strings.Contains(got, "\r\nAuthentication-Results: mx.acme.example;\r\n\tauth=pass smtp.auth="+desk+"\r\n") ||
				!strings.Contains(got, " with ESMTPA id ") {
				t.Errorf("delivered %q", got)
			}
		})
	}
}

func TestHookReplies(t *testing.T) {
	busy := &gosmtp.SMTPError{Code: 450, EnhancedCode: gosmtp.EnhancedCode{4, 2, 1}, Message: "Busy"}
	for stage, arg := range map[mailserver.Stage]string{
		mailserver.Connect: "pipe", mailserver.Auth: desk, mailserver.From: desk, mailserver.Rcpt: agent,
		mailserver.Data: "", mailserver.EndData: "", mailserver.Accepted: "",
	} {
		for want, failure := range map[string]error{
			"450 4.2.1 Busy": fmt.Errorf("wrapped: %w", busy), "451 4.3.0 Local error in processing": errors.New("odd"), "": mailserver.ErrCut,
		} {
			t.Run(string(stage)+" "+want, func(t *testing.T) {
				c := config()
				c.OnSMTP = func(_ context.Context, at mailserver.Stage, got string) error {
					if at != stage {
						return nil
					}
					if got != arg {
						t.Errorf("%s has argument %q, want %q", at, got, arg)
					}
					return failure
				}
				s := run(t, c)
				err := submit(t, s)
				if got := reply(err); err == nil || got != want {
					t.Errorf("client sees %v, want %q", err, want)
				}
				delivered := 0
				if stage == mailserver.Accepted {
					delivered = 1
				}
				if n := len(s.Mailbox(agent, "INBOX")); n != delivered {
					t.Errorf("%d mails delivered, want %d", n, delivered)
				}
			})
		}
	}
}

// submit goes through a whole session up to the first error.
func submit(t *testing.T, s *mailserver.Server) error {
	conn, err := s.DialSMTP(t.Context(), "", "")
	ok(t, err)
	defer conn.Close()
	c, err := smtp.NewClient(conn, "localhost")
	if err != nil {
		return err
	}
	if err := c.Auth(smtp.PlainAuth("", desk, secret, "localhost")); err != nil {
		return err
	}
	return send(c, desk, note, agent)
}

func TestHookHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := config()
		c.OnSMTP = func(_ context.Context, at mailserver.Stage, _ string) error {
			if at == mailserver.EndData {
				time.Sleep(time.Hour)
			}
			return nil
		}
		s := run(t, c)
		start := time.Now()
		ok(t, send(submitter(t, s), client, note, desk))
		if d := time.Since(start); d != time.Hour {
			t.Errorf("took %v", d)
		}
		ok(t, s.Deliver(client, desk, []byte(note))) // while nothing hangs any more
	})
}

// A client that goes away in the middle of a mail has sent none.
func TestHalfMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, config())
		c := submitter(t, s)
		ok(t, c.Mail(client))
		ok(t, c.Rcpt(desk))
		w, err := c.Data()
		ok(t, err)
		fmt.Fprint(w, note)
		ok(t, c.Text.W.Flush())
		ok(t, c.Close())
		synctest.Wait()
		if n := len(s.Mailbox(desk, "INBOX")); n != 0 {
			t.Errorf("%d mails", n)
		}
	})
}

// What a client calls itself stays in its place in Received.
func TestHostileHello(t *testing.T) {
	s := run(t, config())
	ok(t, s.Start("", ":0"))
	c, err := smtp.Dial(s.SMTPAddr())
	ok(t, err)
	defer c.Close()
	ok(t, c.Hello("x(comment)<y>"))
	ok(t, send(c, "", note, desk))
	got := string(s.Mailbox(desk, "INBOX")[0].Bytes)
	if !strings.Contains(got, "\r\nReceived: from x_comment__y_ ([127.0.0.1])\r\n\tby acme.example with ESMTP id 1\r\n") {
		t.Errorf("delivered %q", got)
	}
}

func TestTooLargeMail(t *testing.T) {
	s := run(t, config())
	c := submitter(t, s)
	ok(t, c.Mail(client))
	ok(t, c.Rcpt(desk))
	w, err := c.Data()
	ok(t, err)
	for range 51 {
		fmt.Fprint(w, strings.Repeat(strings.Repeat("x", 126)+"\r\n", 1<<13))
	}
	if got := reply(w.Close()); !strings.HasPrefix(got, "552 5.3.4") {
		t.Errorf("too large: %q", got)
	}
	ok(t, send(c, client, note, desk))
	if n := len(s.Mailbox(desk, "INBOX")); n != 1 {
		t.Errorf("%d mails", n)
	}
}

func TestChunkedMail(t *testing.T) {
	s := run(t, config())
	c := submitter(t, s)
	ok(t, c.Mail(client))
	ok(t, c.Rcpt(desk))
	ok(t, c.Text.PrintfLine("BDAT %d LAST\r\n%s", len(note), strings.TrimSuffix(note, "\r\n")))
	_, _, err := c.Text.ReadResponse(250)
	ok(t, err)
	if mails := s.Mailbox(desk, "INBOX"); len(mails) != 1 || !strings.HasSuffix(string(mails[0].Bytes), note) {
		t.Errorf("delivered %q", texts(mails))
	}
}

// testTLS returns a server's and a client's configuration.
func testTLS(t *testing.T) (server, client *tls.Config) {
	web := httptest.NewTLSServer(nil)
	t.Cleanup(web.Close)
	client = web.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.ServerName = "example.com" // of the certificate
	return &tls.Config{Certificates: web.TLS.Certificates}, client
}

func TestTLS(t *testing.T) {
	server, trust := testTLS(t)
	c := config()
	c.TLS = server

	t.Run("STARTTLS", func(t *testing.T) {
		s := run(t, c)
		ok(t, s.Start("0.0.0.0:0", ""))
		submit := submitter(t, s)
		if err := submit.Auth(smtp.PlainAuth("", desk, secret, "localhost")); err == nil {
			t.Error("password taken in the clear")
		}
		submit = submitter(t, s)
		ok(t, submit.StartTLS(trust))
		ok(t, submit.Auth(smtp.PlainAuth("", desk, secret, "localhost")))
		ok(t, send(submit, desk, note, agent))
		if got := string(s.Mailbox(agent, "INBOX")[0].Bytes); !strings.Contains(got, " with ESMTPSA ") {
			t.Errorf("delivered %q", got)
		}
		conn, err := s.DialIMAP(t.Context(), "", "")
		ok(t, err)
		box, err := imapclient.NewStartTLS(conn, &imapclient.Options{TLSConfig: trust})
		ok(t, err)
		defer box.Close()
		ok(t, box.Authenticate(sasl.NewPlainClient("", desk, secret)))
	})
	t.Run("implicit", func(t *testing.T) {
		c.ImplicitTLS = true
		c.OnSMTP = func(_ context.Context, at mailserver.Stage, _ string) error {
			if at == mailserver.EndData {
				return mailserver.ErrCut
			}
			return nil
		}
		s := run(t, c)
		conn, err := s.DialSMTP(t.Context(), "", "")
		ok(t, err)
		defer conn.Close()
		submit, err := smtp.NewClient(tls.Client(conn, trust), trust.ServerName)
		ok(t, err)
		if send(submit, desk, note, agent) == nil {
			t.Error("not cut")
		}
	})
}
