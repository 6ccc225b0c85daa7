package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"github.com/id8labs/escalated/mailbox/wire"
)

// A session is one connection, ready for the next mail. One goroutine uses it
// at a time.
type session struct {
	server  *server
	conn    *leash
	smtp    *smtp.Client
	mails   int         // attempts made
	reused  bool        // has carried a mail before this one
	dirty   bool        // a transaction may be open: RSET first
	lost    bool        // answers are missing
	another bool        // the token was refused, another may do better
	expiry  *time.Timer // while idle
}

// dial returns a session ready for mail. A refused token is replaced once.
func (s *server) dial(ctx context.Context) (*session, *Error) {
	c, failed := s.connect(ctx)
	if c.another {
		c, failed = s.connect(ctx)
	}
	return c, failed
}

// connect makes one attempt; the session is of no use after a failure.
func (s *server) connect(ctx context.Context) (*session, *Error) {
	c := &session{server: s}
	dialing, cancel := context.WithTimeout(ctx, s.config.Timeouts.Connect)
	defer cancel()
	conn, err := s.config.Dial(dialing, "tcp", s.addr)
	if err != nil && ctx.Err() != nil {
		return c, s.canceled(ctx)
	}
	if err != nil {
		return c, &Error{Verdict: Down, Phase: phaseConnect, Server: s.addr, Err: err}
	}
	c.conn = &leash{Conn: conn}
	c.conn.follow(ctx)
	if err := c.open(ctx); err != nil {
		c.conn.unfollow()
		conn.Close()
		return c, c.failure(err)
	}
	return c, nil
}

// open does all that comes before the first mail.
func (c *session) open(ctx context.Context) error {
	limits := c.server.config.Timeouts
	conn := net.Conn(c.conn)
	if c.server.security == implicitTLS {
		c.conn.begin(phaseTLS, limits.Connect)
		secured := tls.Client(c.conn, c.server.tls)
		if err := secured.Handshake(); err != nil {
			return wire.ExplainTLS(err)
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
	return c.login(ctx)
}

func (c *session) startTLS() error {
	if !c.offers("STARTTLS") {
		return wire.NoStartTLS("smtps")
	}
	return wire.ExplainTLS(c.smtp.StartTLS(c.server.tls))
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
	if refusal, ok := errors.AsType[*tokenRefusal](err); ok {
		e.Err = refusal.advice()
	}
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
