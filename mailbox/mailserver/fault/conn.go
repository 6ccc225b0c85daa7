package fault

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A conn is one connection across a wire.
type conn struct {
	client, server net.Conn
	up, down       atomic.Int64 // octets that have passed
	lost           atomic.Bool  // what is sent arrives nowhere

	once  sync.Once
	ended chan struct{}
}

// end hangs up on both sides.
func (c *conn) end() {
	c.once.Do(func() { close(c.ended) })
	_, _ = c.client.Close(), c.server.Close() // one of them often was closed before
}

// pump carries one direction until a side hangs up or the spoil has it end.
func (c *conn) pump(to, from net.Conn, s Stream, passed *atomic.Int64) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !c.lost.Load() {
			c.pass(to, buffer[:n], s, passed)
		}
		if err == nil {
			continue
		}
		if !c.lost.Load() {
			c.end()
		}
		return
	}
}

// pass carries one piece as far as the spoil lets it.
func (c *conn) pass(to net.Conn, piece []byte, s Stream, passed *atomic.Int64) {
	if s.Edit != nil {
		piece = s.Edit(piece)
	}
	if !c.wait(s.Delay) {
		return
	}
	for len(piece) > 0 && !c.lost.Load() {
		n := len(piece)
		if s.Drip > 0 {
			n = 1
		}
		n = min(n, left(s.Cut, passed), left(s.Hole, passed))
		if !c.wait(s.Drip) {
			return
		}
		if _, err := to.Write(piece[:n]); err != nil {
			if !c.lost.Load() {
				c.end()
			}
			return
		}
		passed.Add(int64(n))
		piece = piece[n:]
		if left(s.Hole, passed) == 0 {
			c.lost.Store(true)
		}
		if left(s.Cut, passed) == 0 {
			c.end()
			return
		}
	}
}

// left is how many octets may still pass before a limit.
func left(limit int, passed *atomic.Int64) int {
	if limit == 0 {
		return int(^uint(0) >> 1)
	}
	return limit - int(passed.Load())
}

// wait reports whether the connection is still there after a while.
func (c *conn) wait(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.ended:
		return false
	}
}
