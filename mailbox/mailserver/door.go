package mailserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

// A door is where connections come in, from TCP and from pipes. A library's
// server sees it as a [net.Listener]. Neither library waits for its connections
// to end, or knows those it has accepted but not begun to serve: a door does.
type door struct {
	ctx     context.Context // ends when the door closes
	tls     *tls.Config     // nil: connections begin in the clear
	secure  bool            // passwords are not accepted in the clear
	greet   func(net.Conn) error
	log     *slog.Logger
	waiting chan net.Conn
	busy    sync.WaitGroup // listening, ushering, and connections not yet closed

	mu       sync.Mutex
	closed   bool
	listener net.Listener
	conns    map[*conn]struct{}
}

// newDoor makes a door that calls greet, unless nil, with every connection
// before the library's server gets it; an error turns the client away.
func newDoor(ctx context.Context, config Config, greet func(net.Conn) error) *door {
	d := &door{
		ctx: ctx, secure: config.TLS != nil, greet: greet, log: config.Log,
		waiting: make(chan net.Conn), conns: make(map[*conn]struct{}),
	}
	if config.ImplicitTLS {
		d.tls = config.TLS
	}
	return d
}

var errExposed = errors.New("without TLS only loopback addresses are served")

// listen opens a TCP port for clients until the door closes.
func (d *door) listen(address string) error {
	if address == "" {
		return nil
	}
	at, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return err
	}
	if at.IP == nil {
		at.IP = net.IPv4(127, 0, 0, 1)
	}
	if !at.IP.IsLoopback() && !d.secure {
		return fmt.Errorf("%s: %w", address, errExposed)
	}
	listener, err := net.ListenTCP("tcp", at)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || d.listener != nil {
		return errors.Join(fmt.Errorf("%s: closed or listening already", address), listener.Close())
	}
	d.listener = listener
	d.busy.Go(func() { d.take(listener) })
	return nil
}

// take lets clients in until the listener is closed. Other errors, such as too
// many open files, pass.
func (d *door) take(listener net.Listener) {
	for {
		c, err := listener.Accept()
		switch {
		case err == nil:
			d.admit(c) // fails only when closing
		case errors.Is(err, net.ErrClosed):
			return
		default:
			d.log.Debug("accepting a connection", "error", err)
			time.Sleep(10 * time.Millisecond) // until others have ended
		}
	}
}

// dial returns the client's end of a new connection.
func (d *door) dial(ctx context.Context) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	client, server := net.Pipe()
	if err := d.admit(server); err != nil {
		return nil, fmt.Errorf("connecting: %w", errors.Join(err, client.Close()))
	}
	return client, nil
}

// admit brings a new connection to the library's server.
func (d *door) admit(raw net.Conn) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errors.Join(net.ErrClosed, raw.Close())
	}
	c := &conn{Conn: raw, door: d}
	d.conns[c] = struct{}{}
	d.busy.Add(1) // until c.Close
	d.busy.Go(func() { d.usher(c) })
	return nil
}

func (d *door) usher(c *conn) {
	var client net.Conn = c
	if d.tls != nil {
		client = tls.Server(c, d.tls)
	}
	if d.greet != nil && d.greet(client) != nil {
		client.Close()
		return
	}
	select {
	case d.waiting <- client:
	case <-d.ctx.Done():
		c.Close()
	}
}

// Accept implements [net.Listener].
func (d *door) Accept() (net.Conn, error) {
	select {
	case c := <-d.waiting:
		return c, nil
	case <-d.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener]; the door's owner uses close.
func (d *door) Close() error { return nil }

// Addr implements [net.Listener].
func (d *door) Addr() net.Addr { return &net.TCPAddr{} }

func (d *door) address() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.listener == nil {
		return ""
	}
	return d.listener.Addr().String()
}

// close cuts all connections and waits until the library has let go of them.
// The context must have ended.
func (d *door) close() error {
	err := d.shut()
	d.busy.Wait()
	return err
}

func (d *door) shut() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	for c := range d.conns {
		c.Conn.Close() // what the client misses is what a cut means
	}
	if d.listener == nil {
		return nil
	}
	return d.listener.Close()
}

// A conn is a connection that came through a door. Its Close is the library's
// last act on it.
type conn struct {
	net.Conn
	door  *door
	close sync.Once
}

// Read gives a closed pipe the error both libraries know.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if errors.Is(err, io.ErrClosedPipe) {
		err = net.ErrClosed
	}
	return n, err
}

func (c *conn) Close() error {
	err := c.Conn.Close()
	c.close.Do(func() {
		c.door.mu.Lock()
		delete(c.door.conns, c)
		c.door.mu.Unlock()
		c.door.busy.Done()
	})
	return err
}

// cut ends a connection under the library's feet.
func cut(client net.Conn) {
	if t, ok := client.(*tls.Conn); ok {
		client = t.NetConn()
	}
	if c, ok := client.(*conn); ok {
		client = c.Conn
	}
	client.Close()
}
