package imap

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/id8labs/escalated/mailbox/wire/wiretest"
)

// A gate is a server that offers everything and never keeps a client from
// making the mistake of telling it a password.
type gate struct {
	greeting string      // default: OK
	starttls string      // the answer to STARTTLS; default: OK. "cut" hangs up
	then     string      // said instead of beginning TLS
	secured  *tls.Config // nil: there is no TLS here
	implicit bool

	mu    sync.Mutex
	heard bytes.Buffer // before TLS and inside it
}

// dial reaches the gate by TCP: both may speak at once, as over net.Pipe they
// cannot.
func (g *gate) dial(t *testing.T) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		var serving sync.WaitGroup
		serving.Go(func() {
			if conn, err := listener.Accept(); err == nil {
				defer conn.Close()
				g.serve(conn)
			}
		})
		t.Cleanup(func() { _ = listener.Close(); serving.Wait() })
		return net.Dial("tcp", listener.Addr().String())
	}
}

func (g *gate) serve(conn net.Conn) {
	if g.implicit {
		conn = tls.Server(conn, g.secured)
	}
	greeting := g.greeting
	if greeting == "" {
		greeting = "OK"
	}
	_, _ = fmt.Fprintf(conn, "* %s ready\r\n", greeting)
	r := bufio.NewReader(io.TeeReader(conn, g))
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		tag, command, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch command, _, _ = strings.Cut(command, " "); command {
		case "CAPABILITY":
			_, _ = fmt.Fprintf(conn, "* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2\r\n%s OK done\r\n", tag)
		case "STARTTLS":
			if conn, r = g.begin(conn, tag); conn == nil {
				return
			}
		case "SELECT":
			_, _ = fmt.Fprintf(conn, "* 0 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n%s OK done\r\n", tag)
		case "SEARCH":
			_, _ = fmt.Fprintf(conn, "* SEARCH\r\n%s OK done\r\n", tag)
		default:
			_, _ = fmt.Fprintf(conn, "%s OK done\r\n", tag)
		}
	}
}

// begin answers STARTTLS, and begins TLS where that is the answer.
func (g *gate) begin(conn net.Conn, tag string) (net.Conn, *bufio.Reader) {
	switch {
	case g.starttls == "cut":
		return nil, nil
	case g.starttls != "":
		_, _ = fmt.Fprintf(conn, "%s %s\r\n", tag, g.starttls)
		return conn, bufio.NewReader(io.TeeReader(conn, g))
	}
	_, _ = fmt.Fprintf(conn, "%s OK begin\r\n%s", tag, g.then)
	if g.then == "" {
		conn = tls.Server(conn, g.secured)
	}
	return conn, bufio.NewReader(io.TeeReader(conn, g))
}

func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.heard.Write(p)
}

// secrets reports whether the server heard of a command that only follows TLS.
func (g *gate) secrets() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	for line := range strings.Lines(g.heard.String()) {
		for _, word := range []string{"AUTH", "LOGIN", "hunter2", "SELECT", "us@"} {
			if strings.Contains(line, word) {
				return line
			}
		}
	}
	return ""
}

// attempt logs in with a password and with a token, and returns the errors.
func (g *gate) attempt(t *testing.T, cfg Config) (errs []error) {
	t.Helper()
	cfg.Username, cfg.Dial, cfg.Log = "us@acme.example", g.dial(t), slog.New(slog.DiscardHandler)
	for _, token := range []func(context.Context) (string, error){nil, func(context.Context) (string, error) { return "hunter2", nil }} {
		cfg.Password, cfg.Token = secret("hunter2"), token
		in, err := New(cfg, newDesk())
		if err != nil {
			t.Fatal(err)
		}
		s, err := in.connect(t.Context(), t.Context())
		if err == nil {
			s.close()
		}
		errs = append(errs, err)
	}
	return errs
}

// A bad certificate gets nothing, and is explained.
func TestBadCertificates(t *testing.T) {
	for _, scheme := range []string{"imaps", "imap+starttls"} {
		for _, fault := range wiretest.Faults(t) {
			g := &gate{secured: fault.Server, implicit: scheme == "imaps"}
			for _, err := range g.attempt(t, Config{Server: scheme + "://127.0.0.1", RootCAs: fault.Roots}) {
				if err == nil || !strings.Contains(err.Error(), fault.Remedy) {
					t.Errorf("%s, %s: %v", scheme, fault.Name, err)
				}
			}
			if line := g.secrets(); line != "" {
				t.Errorf("%s, %s: told %q", scheme, fault.Name, line)
			}
		}
	}
}

// The gate is one that a client with a good certificate passes: else the tests
// around this could not fail.
func TestGoodCertificate(t *testing.T) {
	secured, roots := wiretest.Certificate(t, nil)
	for _, scheme := range []string{"imaps", "imap+starttls"} {
		g := &gate{secured: secured, implicit: scheme == "imaps"}
		for _, err := range g.attempt(t, Config{Server: scheme + "://127.0.0.1", RootCAs: roots}) {
			if err != nil {
				t.Errorf("%s: %v", scheme, err)
			}
		}
		if g.secrets() == "" {
			t.Errorf("%s: nothing was heard", scheme)
		}
	}
}

// Whoever strips STARTTLS gets nothing.
func TestStrippedSTARTTLS(t *testing.T) {
	for name, test := range map[string]struct {
		g    *gate
		want string
	}{
		"unknown":       {&gate{starttls: "BAD what"}, "use imaps:// if it has a port"},
		"refused":       {&gate{starttls: "NO not now"}, "(it says imap: NO not now)"},
		"cut":           {&gate{starttls: "cut"}, "starttls: "},
		"no TLS":        {&gate{then: "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello, hello, hello\r\n"}, "does not begin with TLS"},
		"preauth":       {&gate{greeting: "PREAUTH", starttls: "BAD what"}, "offers no STARTTLS"},
		"preauth, then": {&gate{greeting: "PREAUTH", then: "* OK hello, hello, hello\r\n"}, "starttls: "},
		"bye":           {&gate{greeting: "BYE"}, "starttls: "},
	} {
		for _, err := range test.g.attempt(t, Config{Server: "imap+starttls://127.0.0.1"}) {
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if line := test.g.secrets(); line != "" {
			t.Errorf("%s: told %q", name, line)
		}
	}
}

// No TLS on the port of imaps, and a handshake that never ends.
func TestNoTLSAtAll(t *testing.T) {
	g := &gate{}
	for _, err := range g.attempt(t, Config{Server: "imaps://127.0.0.1"}) {
		if err == nil || !strings.Contains(err.Error(), "correct the port, or use +starttls://") {
			t.Errorf("got %v", err)
		}
	}
	if line := g.secrets(); line != "" {
		t.Errorf("told %q", line)
	}
	synctest.Test(t, func(t *testing.T) {
		o := open(t)
		cfg := o.config()
		cfg.Server, cfg.Dial = "imaps://127.0.0.1", o.dialSilent
		in, _ := o.watch(cfg, newDesk())
		pass(silence + time.Second)
		if st := in.Status(); !strings.Contains(st.Err, "tls: no word from the server for 1m0s") {
			t.Errorf("status %+v", st)
		}
	})
}
