package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"
)

// lapsing is how long before its end a certificate is worth a word.
const lapsing = 14 * 24 * time.Hour

// encryption tells what a server showed to prove who it is. nil is a connection
// in the clear, which the configuration allows within this machine only.
func (k *checkup) encryption(check string, state *tls.ConnectionState) {
	if state == nil {
		k.ok(check, "none, and none needed: the server is on this machine")
		return
	}
	c := state.PeerCertificates[0]
	left := time.Until(c.NotAfter)
	says := fmt.Sprintf("%s, certificate for %s by %s, valid until %s, %d days left", tls.VersionName(state.Version),
		nameOf(c), cmp.Or(c.Issuer.CommonName, c.Issuer.String(), "itself"), c.NotAfter.UTC().Format(time.DateOnly), int(left/(24*time.Hour)))
	if left < lapsing {
		k.note(check, says, "have it renewed before that day: from then on nothing is sent to this server, neither password nor mail")
		return
	}
	k.ok(check, says)
}

// nameOf is whom a certificate is for.
func nameOf(c *x509.Certificate) string {
	switch {
	case c.Subject.CommonName != "":
		return c.Subject.CommonName
	case len(c.DNSNames) > 0:
		return c.DNSNames[0]
	case len(c.IPAddresses) > 0:
		return c.IPAddresses[0].String()
	}
	return "nobody"
}

// unreachable says why a server was not reached or did not answer; the key is
// the configuration's.
func unreachable(err error, key, address string) (says, do string) {
	var name *net.DNSError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("%s did not answer within %v", address, serverLimit), "look whether the server is up and a firewall lets this machine through, or correct `" + key + "`"
	case errors.As(err, &name) && name.IsNotFound:
		return fmt.Sprintf("no machine has the name %s", name.Name), "correct `" + key + "`"
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("nothing listens at %s", address), "correct host and port in `" + key + "`, or start the server"
	}
	return fmt.Sprintf("%s: %v", address, err), "look whether the server is up and the network works, or correct `" + key + "`"
}

// advised splits an error that ends in what to do about it, as package wire
// writes them. Otherwise what to do is the fallback.
func advised(err error, otherwise string) (says, do string) {
	text := err.Error()
	for e := err; e != nil; e = errors.Unwrap(e) {
		inner := errors.Unwrap(e)
		if inner == nil {
			break
		}
		if rest, ok := strings.CutPrefix(e.Error(), inner.Error()+": "); ok {
			return strings.TrimSuffix(text, ": "+rest), rest
		}
	}
	if before, after, ok := strings.Cut(text, ": use "); ok {
		return before, "use " + after
	}
	return text, otherwise
}
