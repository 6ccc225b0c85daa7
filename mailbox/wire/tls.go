package wire

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ExplainTLS adds to the error of a handshake what to do about it, where that
// is known. The error of a handshake that went well is nil and stays so.
func ExplainTLS(err error) error {
	if err == nil {
		return nil
	}
	if what := remedy(err); what != "" {
		return fmt.Errorf("%w: %s; nothing was sent", err, what)
	}
	return err
}

func remedy(err error) string {
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return wrongName(e.Certificate)
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return outOfTime(e.Cert, time.Now())
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "if the server's certificate is from a CA of your own, name that CA's PEM file with `ca_file`; if not, find out who answers there"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the server does not begin with TLS on this port; correct the port, or use +starttls://"
	}
	if strings.Contains(err.Error(), "protocol version") { // crypto/tls has no type for it
		return "the server speaks only TLS older than 1.2; have it updated"
	}
	return ""
}

// wrongName lists the names a certificate is for.
func wrongName(c *x509.Certificate) string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "the server's certificate is for no host name at all; have it replaced"
	}
	const most = 5
	if len(names) > most {
		names = append(names[:most], "…")
	}
	return fmt.Sprintf("the server's certificate is for %s; write the host name it is for into `server`, or have the certificate replaced", strings.Join(names, ", "))
}

// outOfTime tells a certificate that lapsed from one that begins later, which
// is more often the fault of this machine's clock.
func outOfTime(c *x509.Certificate, now time.Time) string {
	if now.Before(c.NotBefore) {
		return fmt.Sprintf("the server's certificate is valid only from %s on; set this machine's clock if it is wrong", c.NotBefore.UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("the server's certificate lapsed on %s; have it renewed there", c.NotAfter.UTC().Format(time.DateOnly))
}

// NoStartTLS is the error where a server does not encrypt as it was told to;
// the scheme is the one of TLS from the start: imaps or smtps.
func NoStartTLS(scheme string) error {
	return fmt.Errorf("the server offers no STARTTLS, so neither password nor mail was sent: "+
		"use %s:// if it has a port for that, and look for a firewall that strips STARTTLS on the way", scheme)
}
