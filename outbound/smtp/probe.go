package smtp

import (
	"context"
	"crypto/tls"
	"strconv"
)

// An Offer is what a server showed of itself. What a [Probe] did not get to is zero.
type Offer struct {
	Server     string               // host:port
	TLS        *tls.ConnectionState // nil without TLS
	Size       int64                // octets of the largest mail it takes; 0: it names no limit
	Extensions []string             // of those that matter here, after TLS and login
}

// Probe connects to a server, logs in as a delivery would, and leaves. Of the
// configuration only Timeouts, Dial and HELO count. The error is of type
// [*Error], whose Phase says how far it came, or a mistake in the server's
// configuration.
func Probe(ctx context.Context, at Server, config Config) (Offer, error) {
	config, err := config.withDefaults()
	if err != nil {
		return Offer{}, err
	}
	s, err := newServer(at, config)
	if err != nil {
		return Offer{}, err
	}
	c, failed := s.dial(ctx)
	offer := c.offer()
	if failed != nil {
		return offer, failed
	}
	c.conn.unfollow()
	c.quit()
	return offer, nil
}

// offer tells what is known, also of a session that failed.
func (c *session) offer() Offer {
	o := Offer{Server: c.server.addr}
	if c.smtp == nil {
		return o
	}
	if state, ok := c.smtp.TLSConnectionState(); ok && state.HandshakeComplete {
		o.TLS = &state
	}
	for _, name := range []string{"SIZE", "8BITMIME", "SMTPUTF8", "PIPELINING"} {
		offered, words := c.smtp.Extension(name)
		if !offered {
			continue
		}
		o.Extensions = append(o.Extensions, name)
		if name == "SIZE" {
			o.Size, _ = strconv.ParseInt(words, 10, 64) // RFC 1870 §3: none or 0 is no limit
		}
	}
	return o
}
