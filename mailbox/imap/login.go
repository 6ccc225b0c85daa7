package imap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"

	"github.com/id8labs/escalated/mailbox/wire"
)

// refusedError is a login the server refused.
type refusedError struct {
	error
	another bool // another token may do better
}

func (e refusedError) Unwrap() error { return e.error }

// login authenticates. The connection is of no use after a failure: go-imap's
// SASL exchange may be left half done.
func (s *session) login(ctx context.Context) error {
	if s.c.State() == imap.ConnStateNotAuthenticated {
		authenticate := s.byPassword
		if s.in.cfg.Token != nil {
			authenticate = s.byToken
		}
		if err := authenticate(ctx); err != nil {
			return err
		}
	}
	return s.do("capability", func() (err error) {
		s.caps, err = s.c.Capability().Wait()
		return err
	})
}

// byPassword authenticates with PLAIN or LOGIN.
func (s *session) byPassword(context.Context) error {
	password, err := s.in.cfg.Password()
	if err != nil {
		return fmt.Errorf("password: %w", err)
	}
	defer s.line.guard()()
	caps, err := s.c.Capability().Wait()
	switch {
	case err != nil:
		return s.explain("capability", err)
	case caps.Has(imap.AuthCap(sasl.Plain)):
		err = s.c.Authenticate(sasl.NewPlainClient("", s.in.cfg.Username, password))
	case caps.Has(imap.CapLoginDisabled):
		return errors.New("login: the server offers neither PLAIN nor LOGIN")
	default:
		err = s.c.Login(s.in.cfg.Username, password).Wait()
	}
	if refusesLogin(err) {
		return refusedError{error: fmt.Errorf("login: %w", err)}
	}
	return s.explain("login", err)
}

// byToken authenticates with XOAUTH2 or OAUTHBEARER.
func (s *session) byToken(ctx context.Context) error {
	cfg := &s.in.cfg
	token, err := cfg.Token(ctx)
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	defer s.line.guard()()
	caps, err := s.c.Capability().Wait()
	if err != nil {
		return s.explain("capability", err)
	}
	offers := func(mechanism string) bool { return caps.Has(imap.AuthCap(mechanism)) }
	login, ok := wire.NewBearer(offers, cfg.Username, token, net.JoinHostPort(s.in.server.host, s.in.server.port))
	if !ok {
		return fmt.Errorf("login: %w", wire.NoBearer(strings.Join(caps.AuthMechanisms(), " ")))
	}
	exchange := &bearer{Bearer: login}
	err = s.c.Authenticate(exchange)
	if refusesLogin(err) {
		return refusedError{
			error:   fmt.Errorf("login: %w: %s", err, wire.Refusal("IMAP", exchange.challenge)),
			another: cfg.TokenRefused != nil && cfg.TokenRefused(token),
		}
	}
	return s.explain("login", err)
}

// refusesLogin tells the server's no from trouble.
func refusesLogin(err error) bool {
	e, ok := errors.AsType[*imap.Error](err)
	return ok && e.Code != imap.ResponseCodeUnavailable
}

// bearer is a [wire.Bearer] as go-imap wants it.
type bearer struct {
	wire.Bearer
	challenge []byte // the server's explanation
}

// Start implements [sasl.Client].
func (b *bearer) Start() (mechanism string, response []byte, err error) {
	return b.Mechanism, b.Initial, nil
}

// Next answers the explanation of a refusal, so that the server ends the
// exchange. It says AQ== for both mechanisms: any answer ends XOAUTH2, and the
// empty one that belongs there go-imap would write as "=", which is no base64.
func (b *bearer) Next(challenge []byte) ([]byte, error) {
	if b.challenge != nil {
		return nil, errors.New("the server asks on after refusing the token")
	}
	b.challenge = challenge
	return []byte{1}, nil
}
