package smtp

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"strings"

	"github.com/wneessen/go-mail/smtp"

	"github.com/id8labs/escalated/mailbox/wire"
)

// login logs in if there is a username. That neither password nor token goes
// unencrypted but to loopback was seen to by newServer.
func (c *session) login(ctx context.Context) error {
	if c.server.Username == "" {
		return nil
	}
	_, offer := c.smtp.Extension("AUTH")
	mechanisms := strings.Fields(strings.ToUpper(offer))
	offers := func(mechanism string) bool { return slices.Contains(mechanisms, mechanism) }
	if c.server.Token != nil {
		return c.byToken(ctx, offer, offers)
	}
	return c.byPassword(offer, offers)
}

// byPassword logs in by PLAIN (RFC 4616) or else LOGIN.
func (c *session) byPassword(offer string, offers func(string) bool) error {
	s := c.server
	insecure := s.security == noTLS
	if !offers("PLAIN") && !offers("LOGIN") {
		return fmt.Errorf("the server offers neither AUTH PLAIN nor LOGIN (offered: %q), so the password was not sent", offer)
	}
	password, err := s.Password()
	if err != nil {
		return fmt.Errorf("read password: %w", err)
	}
	if offers("PLAIN") {
		return c.smtp.Auth(smtp.PlainAuth("", s.Username, password, s.host, insecure))
	}
	return c.smtp.Auth(smtp.LoginAuth(s.Username, password, s.host, insecure))
}

// byToken logs in by XOAUTH2 or OAUTHBEARER. It speaks for itself: go-mail's
// Auth sends a stray "*" after a refusal and keeps none of the server's
// explanation.
func (c *session) byToken(ctx context.Context, offer string, offers func(string) bool) error {
	s := c.server
	token, err := s.Token(ctx)
	if ctx.Err() != nil {
		c.conn.end(context.Cause(ctx)) // it may not have heard yet
	}
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	login, ok := wire.NewBearer(offers, s.Username, token, s.addr)
	if !ok {
		return wire.NoBearer(offer)
	}
	c.conn.begin(phaseAuth, s.config.Timeouts.Command) // the token took its own time
	code, words, err := c.ask("AUTH " + login.Mechanism + " " + base64.StdEncoding.EncodeToString(login.Initial))
	var challenge []byte
	if err == nil && code == 334 {
		challenge, _ = base64.StdEncoding.DecodeString(words) // it only explains
		code, words, err = c.ask(base64.StdEncoding.EncodeToString(login.Farewell))
	}
	if err != nil || code == 235 {
		return err
	}
	c.another = code/100 == 5 && s.TokenRefused != nil && s.TokenRefused(token)
	return &tokenRefusal{&textproto.Error{Code: code, Msg: words}, challenge}
}

// ask sends a line and returns the answer, whatever its code.
func (c *session) ask(line string) (code int, words string, err error) {
	if err := c.smtp.Text.PrintfLine("%s", line); err != nil {
		return 0, "", err
	}
	code, words, err = c.smtp.Text.ReadResponse(0)
	return code, words, err
}

// tokenRefusal is the server's answer to a token it does not take.
type tokenRefusal struct {
	answer    *textproto.Error
	challenge []byte
}

func (r *tokenRefusal) Error() string { return r.answer.Error() }
func (r *tokenRefusal) Unwrap() error { return r.answer }

// advice is what to do; nil where the server only has trouble.
func (r *tokenRefusal) advice() error {
	if r.answer.Code/100 != 5 {
		return nil
	}
	return errors.New(wire.Refusal("SMTP", r.challenge))
}
