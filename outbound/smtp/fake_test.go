package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A fake is a server at the other end of a net.Pipe that misbehaves as told.
// An answer is a line (\n between lines of one answer), or
//
//	cut         hang up instead of answering
//	hang        never answer
//	LINE|cut    answer, then hang up
//	flood       send one line that never ends
//	wait        all is well, but later
//	drip        the same, some bytes a second
type fake struct {
	answers  map[string]string // by phase, "starttls" or "rcpt:ADDRESS"; else all is well
	features []string          // lines of the EHLO answer
	refuse   error             // the dial's result
	wait     time.Duration     // before an answer of "wait"
	secured  *tls.Config       // for STARTTLS, which without it is only a word
	implicit bool              // TLS from the start

	mu       sync.Mutex
	dials    int
	open     int
	commands []string
	mails    []string
}

var errHangUp = errors.New("hang up")

func (f *fake) dial(context.Context, string, string) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dials++
	if f.refuse != nil {
		return nil, f.refuse
	}
	ours, theirs := net.Pipe()
	f.open++
	go f.serve(theirs)
	return ours, nil
}

func (f *fake) serve(conn net.Conn) {
	if f.implicit {
		conn = tls.Server(conn, f.secured)
	}
	text := &peer{textproto.NewConn(conn), conn}
	defer func() {
		text.Close()
		f.mu.Lock()
		f.open--
		f.mu.Unlock()
	}()
	if f.say(text, "220 mx.example ESMTP", phaseGreeting) != nil {
		return
	}
	for {
		line, err := text.ReadLine()
		if err != nil {
			return
		}
		f.note(line)
		if f.obey(text, line) != nil {
			return
		}
	}
}

func (f *fake) obey(text *peer, line string) error {
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "EHLO":
		f.mu.Lock()
		lines := append([]string{"mx.example"}, f.features...)
		f.mu.Unlock()
		for i, feature := range lines[:len(lines)-1] {
			lines[i] = "250-" + feature
		}
		lines[len(lines)-1] = "250 " + lines[len(lines)-1]
		return f.say(text, strings.Join(lines, "\n"), phaseHello)
	case "STARTTLS":
		err := f.say(text, "220 go on", "starttls")
		if f.secured != nil && err == nil {
			text.net = tls.Server(text.net, f.secured)
			text.Conn = textproto.NewConn(text.net)
		}
		return err
	case "AUTH":
		return f.say(text, "235 2.7.0 welcome", phaseAuth)
	case "MAIL":
		return f.say(text, "250 2.1.0 ok", phaseMail)
	case "RCPT":
		to := strings.Trim(strings.TrimPrefix(rest, "TO:"), "<>")
		return f.say(text, "250 2.1.5 ok", "rcpt:"+to, phaseRcpt)
	case "DATA":
		return f.data(text)
	case "QUIT":
		_ = f.say(text, "221 2.0.0 bye")
		return errHangUp
	}
	return f.say(text, "250 2.0.0 ok", strings.ToLower(verb))
}

func (f *fake) data(text *peer) error {
	answer := f.answer(phaseData)
	if err := f.say(text, "354 go on", phaseData); err != nil {
		return err
	}
	if answer != "" && !strings.HasPrefix(answer, "354") {
		return nil
	}
	if amid := f.answer("content"); amid != "" {
		_, _ = io.CopyN(io.Discard, text.R, 5)
		return f.amid(text, amid)
	}
	mail, err := io.ReadAll(text.DotReader())
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.mails = append(f.mails, string(mail))
	f.mu.Unlock()
	return f.say(text, "250 2.0.0 queued as 1", phaseFinal)
}

// amid answers while the client still writes, reads no more, and hangs up once
// the answer is read.
func (f *fake) amid(text *peer, answer string) error {
	if answer != "cut" {
		_, _ = fmt.Fprintf(text.net, "%s\r\n", answer)
	}
	return errHangUp
}

// said lists the commands heard since the last call of said or verbs.
func (f *fake) said() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	said := f.commands
	f.commands = nil
	return said
}

func (f *fake) answer(keys ...string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, key := range keys {
		if a := f.answers[key]; a != "" {
			return a
		}
	}
	return ""
}

// received lists the mails whose final dot arrived.
func (f *fake) received() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.mails)
}

// dialed returns how many connections were made, and how many are open.
func (f *fake) dialed() (all, open int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dials, f.open
}

// set changes an answer; "" makes all well again.
func (f *fake) set(key, answer string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.answers == nil {
		f.answers = map[string]string{}
	}
	f.answers[key] = answer
}

func (f *fake) note(line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commands = append(f.commands, line)
}

// verbs lists what was asked since the last call.
func (f *fake) verbs() string {
	var verbs []string
	for _, line := range f.said() {
		verb, _, _ := strings.Cut(line, " ")
		verbs = append(verbs, verb)
	}
	return strings.Join(verbs, " ")
}

func (f *fake) say(text *peer, well string, keys ...string) error {
	answer := f.answer(keys...)
	if answer == "" {
		answer = well
	}
	line, after, _ := strings.Cut(answer, "|")
	switch line {
	case "wait":
		if err := text.pause(f.wait); err != nil {
			return err
		}
		line = well
	case "cut":
		return errHangUp
	case "hang":
		_, _ = io.Copy(io.Discard, text.R)
		return errHangUp
	case "flood":
		return f.endless(text, 0)
	case "drip":
		return f.endless(text, time.Second)
	}
	if err := text.PrintfLine("%s", strings.ReplaceAll(line, "\n", "\r\n")); err != nil {
		return err
	}
	if after == "cut" {
		return errHangUp
	}
	return nil
}

func (f *fake) endless(text *peer, every time.Duration) error {
	for {
		if _, err := text.net.Write([]byte("220-")); err != nil {
			return err
		}
		if every == 0 {
			continue
		}
		if err := text.pause(every); err != nil {
			return err
		}
	}
}

// A peer is the fake's end of a connection.
type peer struct {
	*textproto.Conn
	net net.Conn
}

// pause waits, or fails as soon as the client hangs up.
func (p *peer) pause(d time.Duration) error {
	_ = p.net.SetReadDeadline(time.Now().Add(d))
	defer func() { _ = p.net.SetReadDeadline(time.Time{}) }()
	if _, err := p.R.Peek(1); !errors.Is(err, os.ErrDeadlineExceeded) {
		return errHangUp
	}
	return nil
}

var letter = Envelope{From: "us@acme.example", To: "dana@north.example", Mail: []byte("Subject: hi\r\n\r\nhello\r\n")}

// client delivers to fakes, the first being the main server.
func client(t *testing.T, fakes ...*fake) *Client {
	t.Helper()
	var config Config
	config.HELO = "us.example"
	for i := range fakes {
		config.Servers = append(config.Servers, Server{URL: fmt.Sprintf("smtp+insecure://127.0.0.%d:25", i+1)})
	}
	config.Dial = dialFakes(fakes)
	return start(t, config)
}

func dialFakes(fakes []*fake) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		var i int
		if _, err := fmt.Sscanf(addr, "127.0.0.%d:25", &i); err != nil {
			return nil, err
		}
		return fakes[i-1].dial(ctx, network, addr)
	}
}

func start(t *testing.T, config Config) *Client {
	t.Helper()
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// mustSend sends a letter that has to be accepted.
func mustSend(t *testing.T, c *Client, e Envelope) Reply {
	t.Helper()
	reply, err := c.Send(t.Context(), e)
	if err != nil {
		t.Fatalf("Send: %v", err)
	}
	return reply
}

// mustFail sends a letter that must not be accepted.
func mustFail(t *testing.T, c *Client, e Envelope) *Error {
	t.Helper()
	_, err := c.Send(t.Context(), e)
	failed, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("Send: %v, want an *Error", err)
	}
	return failed
}
