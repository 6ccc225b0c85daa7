// Package wiretest makes the certificates of TLS servers, good and bad, for
// tests of who logs in to them. All are for 127.0.0.1 unless spoilt.
package wiretest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"
)

// Certificate makes one, spoilt if spoil is given, and the pool that trusts it.
func Certificate(t testing.TB, spoil func(*x509.Certificate)) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	if spoil != nil {
		spoil(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

// A Fault is a server that a client must not talk to, and what the client is
// to say of it.
type Fault struct {
	Name   string
	Server *tls.Config
	Roots  *x509.CertPool // what the client trusts
	Remedy string
}

// Faults are all of them.
func Faults(t testing.TB) []Fault {
	t.Helper()
	fault := func(name, remedy string, spoil func(*x509.Certificate)) Fault {
		server, roots := Certificate(t, spoil)
		return Fault{name, server, roots, remedy}
	}
	unknown := fault("unknown CA", "name that CA's PEM file with `ca_file`", nil)
	unknown.Roots = x509.NewCertPool()
	old := fault("old TLS", "older than 1.2; have it updated", nil)
	old.Server.MinVersion, old.Server.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	return []Fault{
		unknown, old,
		fault("expired", "have it renewed there", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }),
		fault("not yet valid", "set this machine's clock", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }),
		fault("wrong name", "is for mail.acme.example, 192.0.2.1; write the host name", func(c *x509.Certificate) {
			c.DNSNames, c.IPAddresses = []string{"mail.acme.example"}, []net.IP{net.IPv4(192, 0, 2, 1)}
		}),
		fault("no name", "for no host name at all", func(c *x509.Certificate) { c.IPAddresses = nil }),
	}
}
