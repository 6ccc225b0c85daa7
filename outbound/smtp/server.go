package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/id8labs/escalated/mailbox/wire"
)

const (
	maxIdle  = 30 * time.Second // servers end idle sessions after a minute or more
	maxMails = 100              // on one connection
)

// A security is how a connection is protected.
type security int

const (
	implicitTLS security = iota
	startTLS
	noTLS
)

// schemes are those of [Server.URL], each with its default port.
var schemes = map[string]struct {
	security security
	port     string
}{
	"smtps":         {implicitTLS, "465"},
	"smtp+starttls": {startTLS, "587"},
	"smtp+insecure": {noTLS, "25"},
}

// A server keeps the connections to one SMTP server. Whoever uses or dials one
// holds a slot, and dials only when none is idle, so that there are never more
// than slots.
type server struct {
	Server
	config   Config
	security security
	host     string
	addr     string // host:port
	tls      *tls.Config
	health   health
	slots    chan struct{}

	mu       sync.Mutex
	idle     []*session // the one used last at the end
	expiring sync.WaitGroup
}

func newServer(s Server, config Config) (*server, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	scheme, known := schemes[u.Scheme]
	host := u.Hostname()
	switch {
	case u.User != nil:
		return nil, errors.New("server: the URL must not hold the login") // nor this error
	case !known:
		return nil, fmt.Errorf("server %s: the scheme must be smtps, smtp+starttls or smtp+insecure", s.URL)
	case host == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("server %s: want %s://host:port", s.URL, u.Scheme)
	case scheme.security == noTLS && !loopback(host):
		return nil, fmt.Errorf("server %s: smtp+insecure is for loopback only: mail and password would be readable on the way", s.URL)
	case s.Username != "" && s.Password == nil && s.Token == nil:
		return nil, fmt.Errorf("server %s: a username needs a password or a token", s.URL)
	case s.Username == "" && s.Token != nil:
		return nil, fmt.Errorf("server %s: a token needs a username", s.URL)
	}
	port := u.Port()
	if port == "" {
		port = scheme.port
	}
	made := &server{
		Server: s, config: config, security: scheme.security,
		host: host, addr: net.JoinHostPort(host, port),
		tls:    &tls.Config{ServerName: host, RootCAs: s.RootCAs, MinVersion: tls.VersionTLS12},
		health: health{log: config.Log},
		slots:  make(chan struct{}, config.Conns),
	}
	wire.NoteExpiry(made.tls, made.health.certificate)
	return made, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// deliver makes one attempt here.
func (s *server) deliver(ctx context.Context, m mail) (Reply, *Error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return Reply{}, s.canceled(ctx)
	}
	for {
		c, failed := s.session(ctx)
		if failed != nil {
			return Reply{}, failed
		}
		reply, failed := c.send(m)
		stale := c.stale(failed)
		s.put(c, failed) // from here on it may be another's
		if stale {
			s.endIdle() // they are as old
			continue
		}
		s.note(failed)
		return reply, failed
	}
}

// session returns an idle connection or, where the server is not known to be
// down, a new one.
func (s *server) session(ctx context.Context) (*session, *Error) {
	if c := s.takeIdle(); c != nil {
		c.conn.follow(ctx)
		c.reused = true
		return c, nil
	}
	if failed := s.health.admit(time.Now()); failed != nil {
		return nil, failed
	}
	c, failed := s.dial(ctx)
	if failed != nil {
		s.note(failed)
	}
	return c, failed
}

// note keeps what an attempt told about the server. That it is up is known,
// and noted by the session, as soon as it takes a sender.
func (s *server) note(failed *Error) {
	switch {
	case failed == nil:
	case failed.Verdict == Down:
		s.health.down(time.Now(), failed)
	case failed.Code != 0:
		s.health.up(time.Now())
	default:
		s.health.unknown()
	}
}

// canceled is the failure of an attempt that ctx ended before it had a connection.
func (s *server) canceled(ctx context.Context) *Error {
	return &Error{Verdict: Deferred, Phase: phaseConnect, Server: s.addr, Err: context.Cause(ctx)}
}

// put keeps a connection for the next mail if it is good for one.
func (s *server) put(c *session, failed *Error) {
	if !c.conn.unfollow() || !c.inStep(failed) {
		c.conn.Close()
		return
	}
	if c.mails >= maxMails {
		c.quit()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, c)
	c.expiry = time.AfterFunc(maxIdle, func() { s.expire(c) })
}

func (s *server) takeIdle() *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) == 0 {
		return nil
	}
	last := len(s.idle) - 1
	c := s.idle[last]
	s.idle = s.idle[:last]
	c.expiry.Stop()
	return c
}

// expire ends one connection, unless it was taken meanwhile.
func (s *server) expire(c *session) {
	s.mu.Lock()
	i := slices.Index(s.idle, c)
	if i < 0 {
		s.mu.Unlock()
		return
	}
	s.idle = slices.Delete(s.idle, i, i+1)
	s.expiring.Add(1)
	s.mu.Unlock()
	defer s.expiring.Done()
	c.quit()
}

// endIdle ends all idle connections without a word: they are thought dead.
func (s *server) endIdle() {
	for c := s.takeIdle(); c != nil; c = s.takeIdle() {
		c.conn.Close()
	}
}

// close says goodbye on all idle connections, and waits for goodbyes under way.
// No mail may be under way.
func (s *server) close() {
	for c := s.takeIdle(); c != nil; c = s.takeIdle() {
		s.expiring.Go(c.quit)
	}
	s.expiring.Wait()
}
