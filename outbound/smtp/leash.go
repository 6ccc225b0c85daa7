package smtp

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

const (
	maxRead = 64 << 10        // bytes a server may send in one phase, TLS handshake included
	grace   = 5 * time.Second // for the answer to the final dot after the context ended
	hangup  = 2 * time.Second // for a goodbye
)

var errTooLong = errors.New("the server's answer does not end")

// A leash is a connection under the bounds of a phase: a deadline for the
// whole of it, a number of bytes, and a context. The end of the context
// shortens the phase to nothing, or to the grace once a mail is wholly sent,
// since hanging up then would turn "delivered" into "unsure".
type leash struct {
	net.Conn
	left int // bytes; used by the one goroutine that reads

	mu    sync.Mutex
	stop  func() bool // ends following the context
	cause error       // why the context ended
	phase string
}

// follow binds the connection to ctx until unfollow.
func (l *leash) follow(ctx context.Context) {
	l.stop = context.AfterFunc(ctx, func() { l.end(context.Cause(ctx)) })
}

// unfollow reports whether the context had not ended: else the connection is
// of no more use.
func (l *leash) unfollow() bool { return l.stop() }

// begin starts a phase.
func (l *leash) begin(phase string, limit time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left = maxRead
	l.phase = phase
	l.bound(limit)
}

func (l *leash) end(cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cause = cause
	l.bound(grace)
}

// bound sets the deadline. That it can fail on a closed connection is no
// matter: so does the next read or write.
func (l *leash) bound(limit time.Duration) {
	deadline := time.Now().Add(limit)
	if l.cause != nil && l.phase == phaseFinal {
		deadline = time.Now().Add(min(limit, grace))
	} else if l.cause != nil {
		deadline = time.Unix(1, 0)
	}
	_ = l.SetDeadline(deadline)
}

// ended returns the phase and why the context ended, nil if it has not.
func (l *leash) ended() (phase string, cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.phase, l.cause
}

// Read implements [net.Conn] within the bytes left.
func (l *leash) Read(b []byte) (int, error) {
	if l.left == 0 {
		return 0, errTooLong
	}
	n, err := l.Conn.Read(b[:min(len(b), l.left)])
	l.left -= n
	return n, err
}
