package smtp

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"
)

// Config says whom to deliver through. Zero values get the default named.
type Config struct {
	Servers  []Server // the main one, then fallbacks in order; at least one
	Conns    int      // connections kept to each server, 4; keep it under the server's own limit
	Timeouts Timeouts
	// Dial opens a connection; nil dials with [net.Dialer]. Tests give net.Pipe.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	HELO string       // our name in EHLO, the host's name
	Log  *slog.Logger // told when a server goes down and comes back; nil is silent
}

// Timeouts bound each phase as a whole, so that a server which sends a byte at
// a time gains nothing. They are shorter than RFC 5321 §4.5.3.2 asks for,
// because an acknowledgment owed within minutes must still have time for a
// fallback.
type Timeouts struct {
	Connect time.Duration // TCP and TLS each, 10 s
	Greet   time.Duration // the greeting, and EHLO, 30 s
	Command time.Duration // AUTH, MAIL, RCPT, DATA, 1 min
	Block   time.Duration // each 64 KiB of mail, 1 min
	Final   time.Duration // the answer to the final dot, 5 min: giving up here risks a duplicate (RFC 1047)
}

// A Server is one SMTP server and how to log in there.
type Server struct {
	// URL is smtps://host:port, smtp+starttls://host:port, or, for loopback
	// hosts only, smtp+insecure://host:port. The port may be left out: 465,
	// 587, 25.
	URL      string
	Username string                 // empty: no login
	Password func() (string, error) // asked anew at each login; required with Username unless Token is set
	// Token, where set, is asked at each login instead of Password, for an
	// OAuth2 access token. To send as a shared mailbox, Username is that
	// mailbox's address, whoever the token was given to.
	Token func(ctx context.Context) (string, error)
	// TokenRefused is told of a token that the server refused, and reports
	// whether another may do better: then one more login is tried at once. May be nil.
	TokenRefused func(token string) (another bool)
	RootCAs      *x509.CertPool // nil: the system's
}

// An Envelope is one mail for one recipient.
type Envelope struct {
	From string // envelope sender; empty is the null sender <>
	To   string
	Mail []byte // the whole RFC 5322 mail; a bare CR or LF is sent as CRLF. Not changed.
}

// A Reply is the answer with which a server took responsibility for a mail.
type Reply struct {
	Code   int
	Text   string // the server's words on one line, at most 500 bytes
	Server string // host:port
}

// A Client delivers through the first of its servers that is up. It is safe
// for use by many goroutines.
type Client struct {
	servers []*server

	mu      sync.Mutex
	closed  bool
	sending sync.WaitGroup
}

// errClosed is wrapped by what Send returns after Close.
var errClosed = errors.New("client is closed")

// New checks the configuration, all of it at once, and contacts nobody.
func New(config Config) (*Client, error) {
	config, err := config.withDefaults()
	mistakes := []error{err}
	if len(config.Servers) == 0 {
		mistakes = append(mistakes, errors.New("no server is configured"))
	}
	c := &Client{}
	for _, s := range config.Servers {
		server, err := newServer(s, config)
		mistakes = append(mistakes, err)
		c.servers = append(c.servers, server)
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, fmt.Errorf("smtp: %w", err)
	}
	return c, nil
}

func (c Config) withDefaults() (Config, error) {
	orDefault(&c.Conns, 4)
	orDefault(&c.Timeouts.Connect, 10*time.Second)
	orDefault(&c.Timeouts.Greet, 30*time.Second)
	orDefault(&c.Timeouts.Command, time.Minute)
	orDefault(&c.Timeouts.Block, time.Minute)
	orDefault(&c.Timeouts.Final, 5*time.Minute)
	if c.Dial == nil {
		c.Dial = new(net.Dialer).DialContext
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	var err error
	if c.HELO == "" {
		if c.HELO, err = os.Hostname(); err != nil {
			err = fmt.Errorf("find a name for EHLO: %w", err)
		}
	}
	if !printable(c.HELO) {
		err = fmt.Errorf("%q cannot be a name in EHLO", c.HELO)
	}
	return c, err
}

func orDefault[T int | time.Duration](value *T, otherwise T) {
	if *value <= 0 {
		*value = otherwise
	}
}

// Send makes one delivery attempt (MAIL, RCPT, DATA) and returns the accepting
// answer, or else an [*Error], whose Verdict says what is known of the mail.
// A server that is down is passed over for the next one; only when none is
// left does Send return [Down].
//
// When ctx ends before the mail is wholly sent the attempt is [Deferred]; the
// answer to a mail wholly sent is waited for a few seconds longer.
func (c *Client) Send(ctx context.Context, e Envelope) (Reply, error) {
	if !c.enter() {
		return Reply{}, &Error{Verdict: Deferred, Phase: phaseConnect, Err: errClosed}
	}
	defer c.sending.Done()
	m, failed := newMail(e)
	if failed != nil {
		return Reply{}, failed
	}
	var down *Error
	for _, s := range c.servers {
		reply, failed := s.deliver(ctx, m)
		if failed == nil {
			return reply, nil
		}
		if failed.Verdict != Down {
			return Reply{}, failed
		}
		down = down.or(failed)
	}
	return Reply{}, down
}

func (c *Client) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.sending.Add(1)
	}
	return !c.closed
}

// Health tells how each server is, in the order of the configuration.
func (c *Client) Health() []ServerHealth {
	var all []ServerHealth
	for _, s := range c.servers {
		all = append(all, s.health.snapshot(s.addr))
	}
	return all
}

// Close refuses further mails, waits for those under way (end their contexts
// to hurry them), and ends all connections.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.sending.Wait()
	for _, s := range c.servers {
		s.close()
	}
	return nil
}
