// Package dovecot runs a real Dovecot 2.3 on loopback for tests of any package:
// one user, Maildir, everything below one temporary directory, as root or as
// an ordinary user.
package dovecot

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Username and Password log in.
const (
	Username = "escalations@acme.example"
	Password = "correct horse battery staple"
)

// A Server is a running Dovecot. Plain offers IMAP with STARTTLS, TLS IMAP over
// TLS; both are host:port and stay the same across Stop and Start. Roots vouch
// for its certificate, which is for localhost and 127.0.0.1.
type Server struct {
	Plain, TLS string
	Roots      *x509.CertPool

	tb    testing.TB
	dir   string
	cmd   *exec.Cmd
	owner *user.User // of the mails
	count int        // mails delivered
}

// An Option changes the server's configuration.
type Option func(*settings)

type settings struct {
	separator, prefix string
	capabilities      string
	fsync             string
}

// Separator sets what separates levels of folder names; the default is "/".
func Separator(s string) Option { return func(c *settings) { c.separator = s } }

// Prefix sets the namespace's prefix, such as "INBOX."; the default is none.
func Prefix(s string) Option { return func(c *settings) { c.prefix = s } }

// Capabilities sets what the server claims to support, such as "IMAP4rev1 IDLE".
// It does what it could do before.
func Capabilities(s string) Option { return func(c *settings) { c.capabilities = s } }

// Durable makes Dovecot sync to disk as it does by default; tests need not.
func Durable() Option { return func(c *settings) { c.fsync = "optimized" } }

// Available skips the test where Dovecot is not installed, or fails it when
// ESCALATED_REQUIRE_SERVERS=1 demands that it is.
func Available(tb testing.TB) {
	tb.Helper()
	if _, err := find("dovecot"); err == nil {
		return
	}
	if os.Getenv("ESCALATED_REQUIRE_SERVERS") == "1" {
		tb.Fatal("dovecot is not installed, and ESCALATED_REQUIRE_SERVERS=1")
	}
	tb.Skip("dovecot is not installed")
}

// find looks in PATH and where daemons live, which ordinary users' PATH lacks.
func find(program string) (string, error) {
	path, err := exec.LookPath(program)
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if err != nil {
			path, err = exec.LookPath(filepath.Join(dir, program))
		}
	}
	return path, err
}

// Start starts a server that ends with the test.
func Start(tb testing.TB, options ...Option) *Server {
	tb.Helper()
	Available(tb)
	// tb.TempDir may be too long for the sockets below it.
	dir, err := os.MkdirTemp("", "dovecot")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil { // nobody must find the sockets
		tb.Fatal(err)
	}
	s := &Server{Plain: freeAddress(tb), TLS: freeAddress(tb), tb: tb, dir: dir}
	set := settings{separator: "/", fsync: "never"}
	for _, option := range options {
		option(&set)
	}
	s.Roots = writeCertificate(tb, dir)
	writeConfig(tb, s, set)
	tb.Cleanup(s.Stop)
	s.Start()
	return s
}

func freeAddress(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Start starts a stopped server and returns once it greets.
func (s *Server) Start() {
	s.tb.Helper()
	program, err := find("dovecot")
	if err != nil {
		s.tb.Fatal(err)
	}
	s.cmd = exec.Command(program, "-F", "-c", filepath.Join(s.dir, "dovecot.conf"))
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that Stop finds its children
	output, err := os.Create(filepath.Join(s.dir, "output"))
	if err != nil {
		s.tb.Fatal(err)
	}
	defer output.Close()
	s.cmd.Stdout, s.cmd.Stderr = output, output
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	if err := s.greets(ctx); err != nil {
		s.Stop()
		s.tb.Fatalf("dovecot: %v\n%s", err, s.Log())
	}
}

// greets tries until the server says hello.
func (s *Server) greets(ctx context.Context) error {
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		err := greeting(s.Plain)
		if err == nil {
			return nil
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			return err
		}
	}
}

func greeting(address string) error {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	hello := make([]byte, 4)
	if n, err := conn.Read(hello); err != nil || string(hello[:n]) != "* OK" {
		return fmt.Errorf("greeting %q: %w", hello[:n], err)
	}
	return nil
}

// Stop ends the server and its connections. Stopping it twice does nothing.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait() // Dovecot's exit code says nothing we need
	// Processes with a connection outlive their master for some seconds.
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	s.cmd = nil
}

// Log returns what the server said and logged.
func (s *Server) Log() string {
	output, _ := os.ReadFile(filepath.Join(s.dir, "output"))
	log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return string(output) + string(log)
}

// URL returns the server's address with a scheme: imaps, imap+starttls or
// imap+insecure.
func (s *Server) URL(scheme string) string {
	if scheme == "imaps" {
		return scheme + "://" + s.TLS
	}
	return scheme + "://" + s.Plain
}

func port(address string) string {
	return address[strings.LastIndexByte(address, ':')+1:]
}
