package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/id8labs/escalated/mailbox/mailserver/dovecot"
)

func TestExitCodesOfTheProcess(t *testing.T) {
	s := newSite(t)
	s.write("broken.yaml", []byte("address: nobody\nmailbox: {server: imaps://127.0.0.1:1, usrname: x}\n"))
	p := s.serve()
	s.awaitReady()
	for _, test := range []struct {
		args []string
		code int
		says string // on stderr, or on stdout when the code is exitDone
	}{
		{[]string{"version"}, exitDone, "escalated"},
		{[]string{"--help"}, exitDone, "serve"},
		{[]string{"list"}, exitDone, ""},
		{[]string{"show", "ESC-NOSUCH"}, exitFailed, "ESC-NOSUCH"},
		{[]string{"init", "--config", "escalated.yaml"}, exitFailed, "was not touched"},
		{[]string{"serve"}, exitFailed, "data"}, // a service has the folder already
		{nil, exitUsage, "expected"},
		{[]string{"serve", "--nonsense"}, exitUsage, "nonsense"},
		{[]string{"srve"}, exitUsage, "serve"},
		{[]string{"show"}, exitUsage, "<id>"},
		{[]string{"serve", "--config", "missing.yaml"}, exitUsage, "missing.yaml"},
		{[]string{"serve", "--config", "broken.yaml"}, exitUsage, "broken.yaml:2"},
		{[]string{"list", "--config", "broken.yaml"}, exitUsage, "broken.yaml:1"},
	} {
		stdout, stderr, code := s.run(test.args...)
		said := stderr
		if test.code == exitDone {
			said = stdout
		}
		if code != test.code || !strings.Contains(said, test.says) {
			t.Errorf("%q: exit code %d, want %d, and %q in:\n%s", test.args, code, test.code, test.says, stdout+stderr)
		}
	}
	p.stop()
}

// TestMailboxOutOfReach starts a service that cannot log in: it says why, in the
// log and to monitors, and goes on trying.
func TestMailboxOutOfReach(t *testing.T) {
	for _, test := range []struct {
		name, password, ca string
		log, health        string
	}{
		{"wrong password", "hunter2", "ca.pem", "refuses the login: check the mailbox's username and password", "imap: "},
		{"unknown authority", dovecot.Password, "", "certificate signed by unknown authority", "unknown authority"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			s.CA = test.ca
			s.configure()
			s.write("imap.password", []byte(test.password+"\n"))
			s.imap.Deliver(complaint(0))
			p := s.serve()
			await(t, "the log says why", func() bool { return p.log.has(test.log) })
			await(t, "/healthz says why", func() bool {
				status, body := s.health("/healthz")
				return status == http.StatusServiceUnavailable && strings.Contains(body, test.health)
			})
			if p.log.has("hunter2") {
				t.Error("the password is in the log")
			}
			p.stop()
			s.CA = "ca.pem"
			s.configure()
			s.write("imap.password", []byte(dovecot.Password))
			p = s.serve()
			s.awaitAcknowledged(1)
			s.awaitFiled(1)
			p.stop()
		})
	}
}

func TestReload(t *testing.T) {
	s := newSite(t)
	p := s.serve()
	s.awaitReady()
	owner := func(n int) string {
		s.imap.Deliver(complaint(n))
		s.awaitAcknowledged(n + 1)
		for _, r := range s.list() {
			if r.Customer.Address == customerOf(n) {
				return r.Owner
			}
		}
		return "nobody"
	}
	if got := owner(0); got != "dana@acme.example" {
		t.Errorf("owner %s", got)
	}
	s.Agent = "uma"
	s.write("escalated.yaml", []byte("adress: nobody\npeople: []\n"))
	p.signal(syscall.SIGHUP)
	await(t, "the broken file is refused", func() bool { return p.log.has("the old one stays in force") })
	s.configure()
	if got := owner(1); got != "dana@acme.example" {
		t.Errorf("owner %s after a refused reload", got)
	}
	p.signal(syscall.SIGHUP)
	await(t, "the right file is in force", func() bool { return p.log.has("the configuration was reloaded") })
	if got := owner(2); got != "uma@acme.example" {
		t.Errorf("owner %s after the reload", got)
	}
	p.stop()
}

// TestQueriesBesideAStart asks while a service starts and stops: neither the
// queries nor the service mind.
func TestQueriesBesideAStart(t *testing.T) {
	s := newSite(t)
	s.imap.Deliver(complaint(0))
	p := s.serve()
	s.awaitAcknowledged(1)
	s.awaitFiled(1)
	for range 3 {
		p.stop()
		p = s.serve()
		var asking sync.WaitGroup
		for range 4 {
			asking.Go(func() {
				if records := s.list(); len(records) != 1 {
					t.Errorf("%d records", len(records))
				}
			})
		}
		asking.Wait()
		s.awaitReady()
	}
	p.stop()
}

// TestStopsBesideHangingServers ends a service whose servers answer nothing.
func TestStopsBesideHangingServers(t *testing.T) {
	s := newSite(t)
	pipe := newPipe(t, s.imap.Plain)
	s.IMAP = "imap+starttls://" + pipe.address
	s.configure()
	p := s.serve()
	s.awaitReady()
	hung := make(chan struct{})
	var once sync.Once
	s.relay.onMail(func(ctx context.Context) error {
		once.Do(func() { close(hung) })
		<-ctx.Done()
		return ctx.Err()
	})
	s.imap.Deliver(complaint(0))
	select {
	case <-hung:
	case <-p.ended:
		t.Fatal("ended by itself")
	}
	s.awaitFiled(1)
	pipe.hole.Store(true)
	p.stop()
}

// A pipe stands before a server, and can turn into a black hole.
type pipe struct {
	address string
	server  string
	hole    atomic.Bool
	ctx     context.Context // ends with the test
}

func newPipe(t *testing.T, server string) *pipe {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &pipe{address: listener.Addr().String(), server: server, ctx: ctx}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { p.join(client) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		cancel()
		conns.Wait()
	})
	return p
}

// join connects a client with the server.
func (p *pipe) join(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	defer context.AfterFunc(p.ctx, func() { client.Close(); server.Close() })()
	var back sync.WaitGroup
	back.Go(func() { p.pass(client, server) })
	p.pass(server, client)
	back.Wait()
}

// pass copies until either side ends, or for ever holds what it read.
func (p *pipe) pass(to io.WriteCloser, from io.Reader) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if p.hole.Load() {
			<-p.ctx.Done()
		}
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			return
		}
	}
}
