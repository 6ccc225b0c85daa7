package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/auth"
	"github.com/id8labs/escalated/mailbox/mailserver"
	"github.com/id8labs/escalated/mailbox/parse"
)

// A sent is one mail the relay accepted.
type sent struct {
	at     time.Time
	from   string
	to     string // one recipient: the program sends to each in a transaction of its own
	bytes  []byte
	header textproto.MIMEHeader
}

func (m *sent) id() string     { return m.header.Get("Message-Id") }
func (m *sent) notice() string { return m.header.Get("X-Escalated-Notice") }

// text is the decoded plain text.
func (m *sent) text(tb testing.TB) string {
	tb.Helper()
	read, err := parse.Mail(mailbox.Raw{Bytes: m.bytes}, auth.Trust{})
	if err != nil {
		tb.Fatal(err)
	}
	return read.FullText
}

// A relay is an SMTP server that keeps every mail it accepts, with its time and
// envelope.
type relay struct {
	tb     testing.TB
	server *mailserver.Server

	mu       sync.Mutex
	mails    []sent
	accepted func()                          // called when a mail is accepted, before the client knows
	refuse   func(ctx context.Context) error // asked when a mail is read
}

func newRelay(tb testing.TB) *relay {
	tb.Helper()
	s := &relay{tb: tb}
	s.server = mailserver.New(mailserver.Config{Domain: "relay.test", OnMail: s.keep, OnSMTP: s.stage})
	tb.Cleanup(func() { _ = s.server.Close() })
	if err := s.server.Start("", "127.0.0.1:0"); err != nil {
		tb.Fatal(err)
	}
	return s
}

func (s *relay) keep(e mailserver.Envelope) {
	header, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(e.Bytes))).ReadMIMEHeader()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || len(e.To) != 1 {
		s.tb.Errorf("to %v, %v:\n%s", e.To, err, e.Bytes)
		return
	}
	s.mails = append(s.mails, sent{at: time.Now(), from: e.From, to: e.To[0], bytes: e.Bytes, header: header})
}

func (s *relay) stage(ctx context.Context, at mailserver.Stage, _ string) error {
	s.mu.Lock()
	accepted, refuse := s.accepted, s.refuse
	s.mu.Unlock()
	switch {
	case at == mailserver.Accepted && accepted != nil:
		accepted()
	case at == mailserver.EndData && refuse != nil:
		return refuse(ctx)
	}
	return nil
}

// onAccepted sets what is called at each mail before the client hears of it.
func (s *relay) onAccepted(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted = f
}

// onMail sets what is asked of each mail before it is accepted.
func (s *relay) onMail(f func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = f
}

// all returns the mails of a kind of notice, or of every kind.
func (s *relay) all(notice string) []sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.mails), func(m sent) bool { return notice != "" && m.notice() != notice })
}

// of counts the different mails of a kind of notice to somebody.
func (s *relay) of(notice, to string) int {
	different := map[string]bool{}
	for _, m := range s.all(notice) {
		if m.to == to {
			different[m.id()] = true
		}
	}
	return len(different)
}

// acknowledged lists the customers who got an acknowledgment, each once.
func (s *relay) acknowledged() map[string]bool {
	customers := map[string]bool{}
	for _, m := range s.all("ack") {
		customers[m.to] = true
	}
	return customers
}

// checkRepeats wants mails that came more than once to be the same to the byte,
// every notice to be one mail, and no more repeats than most. It returns how
// many there are.
func (s *relay) checkRepeats(tb testing.TB, most int) (repeats int) {
	tb.Helper()
	first, ids := map[string]sent{}, map[string]string{}
	for _, m := range s.all("") {
		occasion := fmt.Sprint(m.header.Get("X-Escalated-Id"), " ", m.notice(), " ", m.to)
		if m.notice() == "ack" || m.notice() == "alert" {
			if id, known := ids[occasion]; known && id != m.id() {
				tb.Errorf("two notices of one thing: %s as %s and %s", occasion, id, m.id())
			}
			ids[occasion] = m.id()
		}
		before, known := first[m.id()+m.to]
		if !known {
			first[m.id()+m.to] = m
			continue
		}
		repeats++
		if !bytes.Equal(before.bytes, m.bytes) {
			tb.Errorf("%s came again with other bytes:\n%s\n--- then\n%s", occasion, before.bytes, m.bytes)
		}
	}
	if repeats > most {
		tb.Errorf("%d mails came more than once, want at most %d", repeats, most)
	}
	tb.Logf("%d mails, %d of them repeats", len(first)+repeats, repeats)
	return repeats
}

// ours are the header fields that the program writes, none of them twice.
var ours = []string{
	"Date", "Mime-Version", "Message-Id", "Subject", "From", "Reply-To", "To", "Auto-Submitted", "X-Auto-Response-Suppress",
	"X-Escalated-Notice", "X-Escalated-Id", "In-Reply-To", "References", "Content-Type", "Content-Transfer-Encoding",
}

// checkHeaders wants no field in any mail that the program does not write, and
// no recipient but those meant.
func (s *relay) checkHeaders(tb testing.TB, recipients map[string]bool) {
	tb.Helper()
	for _, m := range s.all("") {
		if !recipients[m.to] {
			tb.Errorf("mail to %q, whom nothing is owed:\n%s", m.to, m.bytes)
		}
		for name, values := range m.header {
			if !slices.Contains(ours, name) || len(values) != 1 {
				tb.Errorf("header field %s, %d times:\n%s", name, len(values), m.bytes)
			}
		}
		if err := errors.Join(checkTo(&m), checkParts(&m)); err != nil {
			tb.Errorf("%v:\n%s", err, m.bytes)
		}
	}
}

// checkTo wants a mail to go to somebody in its To.
func checkTo(m *sent) error {
	list, err := mail.ParseAddressList(m.header.Get("To"))
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(a *mail.Address) bool { return a.Address == m.to }) {
		return fmt.Errorf("To is %q and it went to %q", m.header.Get("To"), m.to)
	}
	return nil
}

// checkParts wants lines ended by CRLF, and a text and an HTML part with two
// fields each.
func checkParts(m *sent) error {
	if lines := bytes.ReplaceAll(m.bytes, []byte("\r\n"), nil); bytes.ContainsAny(lines, "\r\n\x00") {
		return fmt.Errorf("a bare CR, LF or NUL")
	}
	_, body, _ := bytes.Cut(m.bytes, []byte("\r\n\r\n"))
	_, params, err := mime.ParseMediaType(m.header.Get("Content-Type"))
	if err != nil {
		return err
	}
	var types []string
	for r := multipart.NewReader(bytes.NewReader(body), params["boundary"]); ; {
		part, err := r.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if len(part.Header) != 2 || part.Header.Get("Content-Transfer-Encoding") == "" {
			return fmt.Errorf("a part with the fields %v", part.Header)
		}
		types = append(types, part.Header.Get("Content-Type"))
	}
	if got := strings.ToLower(strings.Join(types, ", ")); got != "text/plain; charset=utf-8, text/html; charset=utf-8" {
		return fmt.Errorf("parts %s", got)
	}
	return nil
}
