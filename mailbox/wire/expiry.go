package wire

import (
	"crypto/tls"
	"time"
)

// NoteExpiry makes a TLS configuration tell when the certificate of each server
// that was verified ends.
func NoteExpiry(c *tls.Config, ends func(time.Time)) {
	c.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) > 0 {
			ends(state.PeerCertificates[0].NotAfter)
		}
		return nil
	}
}
