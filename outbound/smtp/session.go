package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// A session is one connection, ready for the next mail. One goroutine uses it
// at a time.
type session struct {
	server *server
	conn   *leash
	smtp   *smtp.Client
	mails  int         // attempts made
	reused bool        // has carried a mail before this one
	dirty  bool        // a transaction may be open: RSET first
	lost   bool        // answers are missing
	expiry *time.Timer // while idle
}

// dial connects, and leaves the session ready for mail.
func (s *server) dial(ctx context.Context) (*session, *Error) {
	dialing, cancel := context.WithTimeout(ctx, s.config.Timeouts.Connect)
	defer cancel()
	conn, err := s.config.Dial(dialing, "tcp", s.addr)
	if err != nil && ctx.Err() != nil {
		return nil, s.canceled(ctx)
	}
	if err != nil {
		return nil, &Error{Verdict: Down, Phase: phaseConnect, Server: s.addr, Err: err}
	}
	c := &session{server: s, conn: &leash{Conn: conn}}
	c.conn.follow(ctx)
	if err := c.open(); err != nil {
		c.conn.unfollow()
		conn.Close()
		return nil, c.failure(err)
	}
	return c, nil
}

// open does all that comes before the first mail.
func (c *session) open() error {
	limits := c.server.config.Timeouts
	conn := net.Conn(c.conn)
	if c.server.security == implicitTLS {
		c.conn.begin(phaseTLS, limits.Connect)
		secured := tls.Client(c.conn, c.server.tls)
		if err := secured.Handshake(); err != nil {
			return explainTLS(err)
		}
		conn = secured
	}
	var err error
	c.conn.begin(phaseGreeting, limits.Greet)
	if c.smtp, err = smtp.NewClient(conn, c.server.host); err != nil {
		return err
	}
	c.conn.begin(phaseHello, limits.Greet)
	if err := c.smtp.Hello(c.server.config.HELO); err != nil {
		return err
	}
	if c.server.security == startTLS {
		c.conn.begin(phaseTLS, limits.Connect)
		if err := c.startTLS(); err != nil {
			return err
		}
	}
	c.conn.begin(phaseAuth, limits.Command)
	return c.login()
}

func (c *session) startTLS() error {
	if !c.offers("STARTTLS") {
		return errors.New("the server offers no STARTTLS, so neither password nor mail was sent: " +
			"use smtps:// if it has a port for that, and look for a firewall that strips STARTTLS on the way")
	}
	return explainTLS(c.smtp.StartTLS(c.server.tls))
}

// explainTLS adds what to do where that is not plain.
func explainTLS(err error) error {
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		return fmt.Errorf("%w: if the server's certificate is meant to be from an own CA, configure that CA", err)
	}
	return err
}

// login logs in if there is a username, by PLAIN (RFC 4616) or else LOGIN.
// That a password goes unencrypted to loopback only was seen to by newServer.
func (c *session) login() error {
	s := c.server
	if s.Username == "" {
		return nil
	}
	_, offer := c.smtp.Extension("AUTH")
	mechanisms := strings.Fields(strings.ToUpper(offer))
	insecure := s.security == noTLS
	plain := slices.Contains(mechanisms, "PLAIN")
	if !plain && !slices.Contains(mechanisms, "LOGIN") {
		return fmt.Errorf("the server offers neither AUTH PLAIN nor LOGIN (offered: %q), so the password was not sent", offer)
	}
	password, err := s.Password()
	if err != nil {
		return fmt.Errorf("read password: %w", err)
	}
	if plain {
		return c.smtp.Auth(smtp.PlainAuth("", s.Username, password, s.host, insecure))
	}
	return c.smtp.Auth(smtp.LoginAuth(s.Username, password, s.host, insecure))
}

func (c *session) offers(extension string) bool {
	offered, _ := c.smtp.Extension(extension)
	return offered
}

// failure makes an Error of what went wrong in the current phase.
func (c *session) failure(err error) *Error {
	phase, ended := c.conn.ended()
	e := &Error{Phase: phase, Server: c.server.addr}
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		e.Code = answer.Code
		e.Status, e.Text = parseReply(answer.Code, answer.Msg)
	} else {
		e.Err = err
	}
	if ended != nil && e.Code == 0 {
		e.Err = fmt.Errorf("%w: %w", ended, err)
	}
	e.Verdict, e.LoginRefused = judge(phase, e.Code)
	if ended != nil && e.Code == 0 && e.Verdict == Down {
		e.Verdict = Deferred // our doing
	}
	return e
}

// stale reports that a kept connection turned out to be dead before the server
// took anything of the mail. A new one deserves to be tried at once.
func (c *session) stale(failed *Error) bool {
	return failed != nil && c.reused && failed.Phase == phaseMail &&
		failed.Verdict == Down && !failed.LoginRefused
}

// inStep reports whether both sides agree on where they are after an attempt.
func (c *session) inStep(failed *Error) bool {
	if failed == nil || c.lost {
		return !c.lost
	}
	answered := failed.Code/100 == 4 && failed.Code != 421
	return failed.Verdict == Refused || failed.Verdict == Deferred && answered
}

// quit says goodbye and hangs up.
func (c *session) quit() {
	c.conn.begin("quit", hangup)
	_ = c.smtp.Quit()
	c.conn.Close()
}
