// Package fault stands between a client and a server, for tests, and spoils
// the connections that cross it: cut after so many octets, silent, slow,
// garbled, refused. It works on TCP and on pipes, and in testing/synctest
// bubbles.
//
// Each side sees only what a network shows it: a cut ends both ends, and in a
// hole neither is told anything, not even that the other has hung up.
package fault

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// ErrRefused is what Connect fails with while the wire is down.
var ErrRefused = errors.New("fault: connection refused")

// A Spoil is what is wrong with one connection. The zero value is nothing.
type Spoil struct {
	Up   Stream // from the client to the server
	Down Stream // from the server to the client
}

// A Stream is one direction of a connection.
type Stream struct {
	Cut   int           // the connection is cut when so many octets have passed; 0: never
	Hole  int           // after so many octets nothing passes any more, either way; 0: never
	Delay time.Duration // of each piece
	Drip  time.Duration // octets pass one by one, each so long after the one before
	// Edit rewrites each piece as it was written: a TCP segment, or one Write
	// to a pipe. It may block, and then nothing passes meanwhile.
	Edit func(piece []byte) []byte
}

// A Wire carries connections to one server.
type Wire struct {
	// Dial opens a connection to the server. It is set before the first.
	Dial func(ctx context.Context) (net.Conn, error)

	mu        sync.Mutex
	down      bool
	spoil     Spoil   // of every new connection
	next      *Spoil  // of the next one instead
	conns     []*conn // all there were
	listeners []io.Closer
	busy      sync.WaitGroup
}

// Connect opens a connection, of which it returns the client's end.
func (w *Wire) Connect(ctx context.Context) (net.Conn, error) {
	client, ours := net.Pipe()
	if err := w.join(ctx, ours); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return client, nil
}

// Listen lets clients in on a TCP port of loopback until Close. Those who come
// while the wire is down are hung up on.
func (w *Wire) Listen() (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listeners = append(w.listeners, listener)
	w.busy.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			_ = w.join(context.Background(), client) // the client sees that it is hung up on
		}
	})
	return listener.Addr().String(), nil
}

// join connects a client to the server.
func (w *Wire) join(ctx context.Context, client net.Conn) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return errors.Join(ErrRefused, client.Close())
	}
	server, err := w.Dial(ctx)
	if err != nil {
		return errors.Join(err, client.Close())
	}
	c := &conn{client: client, server: server, ended: make(chan struct{})}
	w.conns = append(w.conns, c)
	spoil := w.spoil
	if w.next != nil {
		spoil, w.next = *w.next, nil
	}
	w.busy.Go(func() { c.pump(c.server, c.client, spoil.Up, &c.up) })
	w.busy.Go(func() { c.pump(c.client, c.server, spoil.Down, &c.down) })
	return nil
}

// Refuse makes the wire refuse new connections, or no longer.
func (w *Wire) Refuse(down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = down
}

// Spoil says what is wrong with every new connection.
func (w *Wire) Spoil(s Spoil) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spoil = s
}

// SpoilNext says what is wrong with the next new connection alone.
func (w *Wire) SpoilNext(s Spoil) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next = &s
}

// Cut ends the connections there are.
func (w *Wire) Cut() {
	for _, c := range w.all() {
		c.end()
	}
}

// Hole lets nothing pass any more on the connections there are.
func (w *Wire) Hole() {
	for _, c := range w.all() {
		c.lost.Store(true)
	}
}

// Say writes to the clients there are, as if their server had.
func (w *Wire) Say(words string) {
	for _, c := range w.all() {
		_, _ = io.WriteString(c.client, words) // who has hung up hears nothing
	}
}

// Connections returns how many there were.
func (w *Wire) Connections() int { return len(w.all()) }

// Passed returns how many octets the newest connection has carried.
func (w *Wire) Passed() (up, down int) {
	all := w.all()
	if len(all) == 0 {
		return 0, 0
	}
	c := all[len(all)-1]
	return int(c.up.Load()), int(c.down.Load())
}

func (w *Wire) all() []*conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.conns)
}

// Close ends listening and all connections, and waits for their end.
func (w *Wire) Close() {
	w.Refuse(true)
	w.mu.Lock()
	for _, l := range w.listeners {
		_ = l.Close() // nobody is to connect any more, and nobody will
	}
	w.mu.Unlock()
	w.Cut()
	w.busy.Wait()
}
