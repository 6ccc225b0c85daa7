package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/id8labs/escalated/mailbox/mailserver/dovecot"
	"github.com/id8labs/escalated/mailbox/mailserver/fault"
)

// wire puts a wire that can be spoiled before the site's Dovecot.
func (s *site) wire() *fault.Wire {
	s.tb.Helper()
	w := &fault.Wire{Dial: func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", s.imap.Plain)
	}}
	s.tb.Cleanup(w.Close)
	address, err := w.Listen()
	if err != nil {
		s.tb.Fatal(err)
	}
	s.IMAP = "imap+insecure://" + address
	s.configure()
	return w
}

// TestDovecotFaults lets a Dovecot without MOVE misbehave, one way after the other.
func TestDovecotFaults(t *testing.T) {
	t.Parallel()
	s := newSite(t, dovecot.Capabilities("IMAP4rev1 IDLE UIDPLUS NAMESPACE AUTH=PLAIN"))
	w := s.wire()
	p := s.serve()
	s.awaitReady()
	mails := 0
	arrive := func() {
		s.imap.Deliver(complaint(mails))
		mails++
	}
	for range 3 {
		s.imap.Kick()
		arrive()
		s.awaitFiled(mails)
	}
	_, session := w.Passed()
	for _, at := range spaced(3, session) {
		w.SpoilNext(fault.Spoil{Down: fault.Stream{Cut: at}})
		w.Cut()
		arrive()
		s.awaitFiled(mails)
	}

	s.imap.SetQuota(100) // octets: no copy fits
	arrive()
	s.awaitDegraded("cannot be moved")
	s.awaitAcknowledged(mails)
	s.imap.SetQuota(100 << 20)
	s.awaitFiled(mails)

	s.imap.SetReadOnly(archive, true)
	arrive()
	s.awaitDegraded("cannot be moved")
	s.awaitAcknowledged(mails)
	s.imap.SetReadOnly(archive, false)
	s.awaitFiled(mails)

	before := p.connections()
	s.imap.Stop()
	arrive()
	s.imap.SetReadOnly("INBOX", true) // Dovecot does not even list what is new then
	s.imap.Start()
	await(t, "it is connected again", func() bool { return p.connections() > before })
	s.imap.SetReadOnly("INBOX", false)
	s.awaitFiled(mails)
	s.awaitAcknowledged(mails)

	s.checkRecords(mails)
	await(t, "health is well again", func() bool { status, _ := s.health("/healthz"); return status == 200 })
	p.stop()
	s.relay.checkRepeats(t, 0)
}

// connections counts how often the service has connected to the mailbox.
func (p *service) connections() int { return strings.Count(p.log.String(), `"imap connected"`) }

// person lets somebody work in the mailbox with a mail client.
func (s *site) person(work func(c *imapclient.Client) error) {
	s.tb.Helper()
	c, err := imapclient.DialInsecure(s.imap.Plain, nil)
	if err != nil {
		s.tb.Fatal(err)
	}
	defer c.Close()
	if err = c.Login(dovecot.Username, dovecot.Password).Wait(); err == nil {
		err = work(c)
	}
	if err != nil {
		s.tb.Fatalf("a person at work: %v", err)
	}
}

// awaitDegraded waits until /healthz says something.
func (s *site) awaitDegraded(says string) {
	s.tb.Helper()
	await(s.tb, "/healthz says "+says, func() bool { _, body := s.health("/healthz"); return strings.Contains(body, says) })
}

// TestBareDovecot is the way of a mail with a server that can do nothing but IMAP4rev1.
func TestBareDovecot(t *testing.T) {
	t.Parallel()
	s := newSite(t, dovecot.Capabilities("IMAP4rev1 AUTH=PLAIN STARTTLS"))
	p := s.serve()
	s.awaitReady()
	s.imap.Deliver(complaints(0, 5)...)
	s.awaitAcknowledged(5)
	await(t, "every mail is in the archive", func() bool { return s.imap.Count(archive) == 5 })
	p.stop()
	p = s.serve()
	s.awaitReady()
	s.imap.Deliver(complaint(5))
	s.awaitAcknowledged(6)
	await(t, "every mail is in the archive", func() bool { return s.imap.Count(archive) == 6 })
	s.checkRecords(6)
	p.stop()
	s.relay.checkRepeats(t, 0)
}

// TestDovecotFolderReplaced renames and deletes the watched folder, and makes it again.
func TestDovecotFolderReplaced(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	yaml, err := os.ReadFile(s.path("escalated.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s.write("escalated.yaml", bytes.Replace(yaml, []byte("  poll: 1s\n"), []byte("  poll: 1s\n  folder: Support\n"), 1))
	mails := 0
	arrive := func() {
		s.person(func(c *imapclient.Client) error { return c.Create("Support", nil).Wait() })
		mail := complaint(mails)
		mails++
		s.person(func(c *imapclient.Client) error {
			w := c.Append("Support", int64(len(mail)), nil)
			_, err := w.Write(mail)
			err = errors.Join(err, w.Close())
			_, refused := w.Wait()
			return errors.Join(err, refused)
		})
		s.awaitFiled(mails)
	}
	p := s.serve()
	arrive()
	for _, change := range []func(c *imapclient.Client) error{
		func(c *imapclient.Client) error {
			return c.Rename("Support", fmt.Sprint("Support until ", mails), nil).Wait()
		},
		func(c *imapclient.Client) error { return c.Delete("Support").Wait() },
	} {
		s.person(change)
		s.awaitDegraded("imap: ")
		arrive()
		s.person(change) // and it is made again at once
		arrive()
	}
	s.awaitAcknowledged(mails)
	s.checkRecords(mails)
	p.stop()
	s.relay.checkRepeats(t, 0)
}

// TestTooLongForDovecot sends a mail of 60 MB through the default limit.
func TestTooLongForDovecot(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.serve()
	s.awaitReady()
	long := append(complaint(0), bytes.Repeat([]byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n"), 60<<20/64)...)
	s.imap.Deliver(long, complaint(1))
	s.awaitFiled(2)
	s.awaitAcknowledged(2)
	s.checkRecords(2)
	for _, ack := range s.relay.all("ack") {
		if told := strings.Contains(strings.Join(strings.Fields(ack.text(t)), " "), "too long to be read whole"); told != (ack.to == customerOf(0)) {
			t.Errorf("%s was told that the mail is too long: %v", ack.to, told)
		}
	}
	p.stop()
}
