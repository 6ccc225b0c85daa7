package wire_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/id8labs/escalated/mailbox/wire"
	"github.com/id8labs/escalated/mailbox/wire/wiretest"
)

// handshake returns the client's error.
func handshake(t *testing.T, fault wiretest.Fault) error {
	t.Helper()
	ours, theirs := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = tls.Server(theirs, fault.Server).Handshake()
		_ = theirs.Close()
	}()
	err := tls.Client(ours, &tls.Config{ServerName: "127.0.0.1", RootCAs: fault.Roots, MinVersion: tls.VersionTLS12}).Handshake()
	_ = ours.Close()
	<-done
	return err
}

func TestExplainTLS(t *testing.T) {
	for _, fault := range wiretest.Faults(t) {
		err := handshake(t, fault)
		got := wire.ExplainTLS(err)
		if err == nil || !errors.Is(got, err) || !strings.Contains(got.Error(), fault.Remedy) {
			t.Errorf("%s: %v", fault.Name, got)
		}
	}
	if err := wire.ExplainTLS(nil); err != nil {
		t.Errorf("no error gives %v", err)
	}
	if err := wire.ExplainTLS(io.EOF); err != io.EOF {
		t.Errorf("an error nobody knows a remedy for gives %v", err)
	}
}

func TestManyNames(t *testing.T) {
	names := strings.Fields("a.example b.example c.example d.example e.example f.example g.example")
	server, roots := wiretest.Certificate(t, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = names, nil })
	fault := wiretest.Fault{Server: server, Roots: roots}
	if err := wire.ExplainTLS(handshake(t, fault)); !strings.Contains(err.Error(), "e.example, …; write") {
		t.Errorf("got %v", err)
	}
}

func TestNoStartTLS(t *testing.T) {
	if err := wire.NoStartTLS("imaps"); !strings.Contains(err.Error(), "use imaps://") {
		t.Errorf("got %v", err)
	}
}
