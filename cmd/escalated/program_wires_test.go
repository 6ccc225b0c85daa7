package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"

	gosmtp "github.com/emersion/go-smtp"

	"github.com/id8labs/escalated/mailbox/mailserver"
)

var errRefused = errors.New("connection refused")

// An imapWire is the way to the IMAP server.
type imapWire struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu     sync.Mutex
	down   bool
	silent bool   // nothing gets through, and nobody is told
	trap   []byte // the connection is cut, once, when the client says this
	conns  []net.Conn
}

func (w *imapWire) connect(ctx context.Context) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return nil, errRefused
	}
	conn, err := w.dial(ctx, "", "")
	if err != nil {
		return nil, err
	}
	w.conns = append(w.conns, conn)
	w.silent = false // of the connections there were
	return &tapped{Conn: conn, wire: w}, nil
}

// cut ends all connections, and refuses new ones while down.
func (w *imapWire) cut(down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = down
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
}

func (w *imapWire) set(change func(*imapWire)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

func (w *imapWire) mute() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.silent
}

// springs reports whether what the client says springs the trap, which is then gone.
func (w *imapWire) springs(said []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.trap == nil || !bytes.Contains(said, w.trap) {
		return false
	}
	w.trap = nil
	return true
}

// tapped is the client's end of a connection.
type tapped struct {
	net.Conn
	wire *imapWire
}

func (t *tapped) Write(b []byte) (int, error) {
	switch {
	case t.wire.springs(b):
		return 0, errors.Join(errors.New("cut by the test"), t.Close())
	case t.wire.mute():
		return len(b), nil
	}
	return t.Conn.Write(b)
}

func (t *tapped) Read(b []byte) (int, error) {
	for {
		n, err := t.Conn.Read(b)
		if err != nil || !t.wire.mute() {
			return n, err
		}
	}
}

// An smtpWire is the way to the SMTP server, and how that behaves.
type smtpWire struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu     sync.Mutex
	down   bool
	faults []*smtpFault
}

// An smtpFault is what the server does wrong at a stage.
type smtpFault struct {
	at    mailserver.Stage
	whom  string // "": any argument
	times int    // how often; negative: always
	reply error  // nil: it hangs
}

// refusal is a reply of the server's; [mailserver.ErrCut] is another.
func refusal(code int) error {
	return &gosmtp.SMTPError{Code: code, EnhancedCode: gosmtp.EnhancedCode{code / 100, 1, 1}, Message: "said by the test"}
}

func (w *smtpWire) connect(ctx context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	down := w.down
	w.mu.Unlock()
	if down {
		return nil, errRefused
	}
	return w.dial(ctx, network, address)
}

// works ends all faults.
func (w *smtpWire) works() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down, w.faults = false, nil
}

func (w *smtpWire) breaks() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = true
}

func (w *smtpWire) fails(f smtpFault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, &f)
}

// stage is the server's hook.
func (w *smtpWire) stage(ctx context.Context, at mailserver.Stage, arg string) error {
	f := w.fault(at, arg)
	if f == nil {
		return nil
	}
	if f.reply == nil {
		<-ctx.Done()
	}
	return f.reply
}

func (w *smtpWire) fault(at mailserver.Stage, arg string) *smtpFault {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.faults {
		if f.at == at && f.times != 0 && (f.whom == "" || f.whom == arg) {
			f.times--
			return f
		}
	}
	return nil
}
