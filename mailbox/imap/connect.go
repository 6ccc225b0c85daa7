package imap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/id8labs/escalated/mailbox/wire"
)

// A session is one connection, logged in, the folder selected. It is used by
// one goroutine; only news is written by go-imap's reader.
type session struct {
	in   *Inbox
	line *line
	c    *imapclient.Client
	hard context.Context // ends when even the batch in hand must be left
	caps imap.CapSet
	news chan struct{} // one slot: the server said there are more mails

	folder, archive, quarantine string // as the server calls them
	keyword                     bool   // the folder keeps the keyword filedFlag

	next    imap.UID    // the lowest UID not yet seen
	deleted imap.UIDSet // carried \Deleted at the last reconcile
	fresh   bool        // news was heard and not yet followed
	plain   bool        // the server refused IDLE
	useful  bool

	unhook func() bool // stops waiting for hard
}

// connect returns a session ready to watch. A refused token is replaced once.
func (in *Inbox) connect(ctx, hard context.Context) (*session, error) {
	s, err := in.open(ctx, hard)
	if e, ok := errors.AsType[refusedError](err); ok && e.another {
		return in.open(ctx, hard)
	}
	return s, err
}

// open makes one attempt. Until it is done the end of ctx cuts it short,
// afterwards only that of hard.
func (in *Inbox) open(ctx, hard context.Context) (*session, error) {
	conn, err := in.cfg.Dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	s := &session{in: in, line: &line{Conn: conn}, hard: hard, news: make(chan struct{}, 1)}
	s.unhook = context.AfterFunc(hard, s.line.hangUp)
	defer context.AfterFunc(ctx, s.line.hangUp)()
	for _, step := range []func(context.Context) error{s.greet, s.login, s.findFolders, s.selectFolder} {
		if err = step(ctx); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

// greet secures the connection and waits for the greeting.
func (s *session) greet(ctx context.Context) error {
	defer s.line.guard()()
	options := &imapclient.Options{
		TLSConfig:             s.in.server.tls(s.in.cfg.RootCAs),
		UnilateralDataHandler: &imapclient.UnilateralDataHandler{Mailbox: s.heard},
	}
	wire.NoteExpiry(options.TLSConfig, func(end time.Time) { s.in.state.set(func(st *Status) { st.CertificateEnds = end }) })
	switch s.in.server.security {
	case implicitTLS:
		conn := tls.Client(s.line, options.TLSConfig)
		if err := conn.HandshakeContext(ctx); err != nil {
			return s.explain("tls", wire.ExplainTLS(err))
		}
		s.c = imapclient.New(conn, options)
	case startTLS:
		c, err := imapclient.NewStartTLS(s.line, options)
		if refused(err) {
			err = fmt.Errorf("%w (it says %w)", wire.NoStartTLS("imaps"), err)
		}
		if err != nil {
			return s.explain("starttls", wire.ExplainTLS(err))
		}
		s.c = c
	case insecure:
		s.c = imapclient.New(s.line, options)
	}
	return s.explain("greeting", s.c.WaitGreeting())
}

// heard runs in go-imap's reader and must not block.
func (s *session) heard(data *imapclient.UnilateralDataMailbox) {
	if data.NumMessages == nil {
		return
	}
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// close takes leave if the connection still listens.
func (s *session) close() {
	defer s.unhook()
	if s.c == nil {
		s.line.hangUp()
		return
	}
	cut := time.AfterFunc(time.Second, s.line.hangUp)
	defer cut.Stop()
	if s.c.State() == imap.ConnStateSelected {
		_ = s.c.Logout().Wait() // a courtesy: what follows closes anyway
	}
	s.line.hangUp()
	<-s.c.Closed()
}

// do runs one exchange with the server under the watchdog.
func (s *session) do(step string, exchange func() error) error {
	defer s.line.guard()()
	return s.explain(step, exchange())
}

func (s *session) explain(step string, err error) error {
	if err != nil && s.line.silenced() {
		err = fmt.Errorf("no word from the server for %v: %w", silence, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", step, err)
	}
	return nil
}

// refused tells a server's NO or BAD, after which the connection is still good.
func refused(err error) bool {
	e, ok := errors.AsType[*imap.Error](err)
	return ok && e.Type != imap.StatusResponseTypeBye
}

// A line is a connection that ends when, while guarded, nothing is heard on it
// for a while: go-imap itself waits for answers for ever.
type line struct {
	net.Conn
	mu     sync.Mutex
	dog    *time.Timer // nil while unguarded
	silent bool        // the dog bit
}

func (l *line) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	l.mu.Lock()
	defer l.mu.Unlock()
	if n > 0 && l.dog != nil {
		l.dog.Reset(silence)
	}
	return n, err
}

// SetReadDeadline does nothing. go-imap allows a literal five minutes however
// much of it arrives; the watchdog asks only that something does.
func (l *line) SetReadDeadline(time.Time) error { return nil }

// guard starts the watchdog; the function it returns stops it.
func (l *line) guard() (release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	dog := time.AfterFunc(silence, l.bite)
	l.dog = dog
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		dog.Stop()
		l.dog = nil
	}
}

func (l *line) bite() {
	l.mu.Lock()
	l.silent = true
	l.mu.Unlock()
	l.hangUp()
}

func (l *line) hangUp() { _ = l.Close() } // an error of Close changes nothing

func (l *line) silenced() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.silent
}
