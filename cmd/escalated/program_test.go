package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/mail"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/id8labs/escalated/cmd/escalated/config"
	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/mailserver"
	"github.com/id8labs/escalated/threads"
)

// The people of the tests of program_*_test.go.
const (
	ourAddress = "escalations@acme.example"
	ourHost    = "acme.example"
	theAgent   = "dana@acme.example"
	theManager = "mia@acme.example"
	eve        = "eve@northwind.example"
)

// programConfig is what every test of the whole program begins with. All
// severities are promised the same, so that no test of the way of a mail hangs
// on how a text is rated.
const programConfig = `
company: Acme
address: escalations@acme.example
mailbox:
  server: imap+insecure://localhost
  username: escalations@acme.example
  password_env: ESCALATED_TEST_PASSWORD
smtp:
  server: smtp+insecure://localhost
  username: escalations@acme.example
  password_env: ESCALATED_TEST_PASSWORD
trust:
  authserv_id: mx.acme.example
people:
  - {name: Dana Ortiz, email: dana@acme.example, roles: [agent], title: Escalation Lead}
  - {name: Mia Chen, email: mia@acme.example, roles: [manager]}
policy:
  severities:
    1: {respond: 1h, update: 6h, resolve: 8h, audience: [manager]}
    2: {respond: 1h, update: 6h, resolve: 8h, audience: [manager]}
    3: {respond: 1h, update: 6h, resolve: 8h, audience: [manager]}
    4: {respond: 1h, update: 6h, resolve: 8h, audience: [manager]}
limits: {free_space: 1MiB}
http: ""
`

// A program is the whole service with its mail server in one synctest bubble.
// Faults are switched on its two wires.
type program struct {
	*testing.T
	yaml string
	data string
	mail *mailserver.Server
	imap imapWire
	smtp smtpWire

	daemon *daemon // nil while stopped
	end    func()

	mu      sync.Mutex
	results string                         // what our server says of who vouches for the next mail
	out     []mailserver.Envelope          // what left since the last look
	last    map[string]mailserver.Envelope // the last mail to each address
	seen    map[string][]byte              // bytes by Message-ID
	in      mailserver.Envelope            // the last mail that was delivered
	count   int
	ids     []string // of escalations, in the order they opened
}

// newProgram must be called in a bubble, with ESCALATED_TEST_PASSWORD set.
func newProgram(t *testing.T) *program {
	t.Helper()
	p := &program{T: t, yaml: programConfig, data: t.TempDir(), last: map[string]mailserver.Envelope{}, seen: map[string][]byte{}}
	user := func(address string) mailserver.User {
		return mailserver.User{Address: address, Password: os.Getenv("ESCALATED_TEST_PASSWORD")}
	}
	p.mail = mailserver.New(mailserver.Config{
		Domain:     ourHost,
		Users:      []mailserver.User{user(ourAddress), user(theAgent), user(theManager)},
		AuthservID: "mx.acme.example",
		Results: func(mailserver.Envelope) string {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.results
		},
		OnMail: p.took,
		OnSMTP: p.smtp.stage,
	})
	p.imap.dial, p.smtp.dial = p.mail.DialIMAP, p.mail.DialSMTP
	t.Cleanup(func() {
		p.stop()
		if err := p.mail.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// inProgram runs a test in a bubble with a program that has started.
func inProgram(t *testing.T, test func(t *testing.T, p *program)) {
	t.Helper()
	t.Setenv("ESCALATED_TEST_PASSWORD", "secret")
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t)
		p.start()
		test(t, p)
	})
}

// configure puts top-level keys in the place of those of the same name.
func (p *program) configure(yaml string) {
	p.Helper()
	for _, block := range blocks(yaml) {
		key, _, _ := strings.Cut(block, ":")
		p.yaml = strings.Join(slices.DeleteFunc(blocks(p.yaml), func(b string) bool { return strings.HasPrefix(b, key+":") }), "") + block
	}
}

// blocks splits YAML into its top-level keys.
func blocks(yaml string) []string {
	var list []string
	for line := range strings.Lines(yaml) {
		if len(list) == 0 || line[0] >= 'a' && line[0] <= 'z' {
			list = append(list, "")
		}
		list[len(list)-1] += line
	}
	return list
}

func (p *program) settings() *config.Config {
	p.Helper()
	cfg, err := config.Parse("story.yaml", []byte(p.yaml+"\ndata: "+p.data+"\n"))
	if err != nil {
		p.Fatal(err)
	}
	return cfg
}

// start runs a daemon on the data and the mail server there are.
func (p *program) start() {
	p.Helper()
	log := slog.New(slog.NewTextHandler(p.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	ctx, cancel := context.WithCancel(context.Background())
	d, err := newDaemon(ctx, p.settings(), log, daemonOptions{
		dialIMAP: p.imap.connect, dialSMTP: p.smtp.connect, noCompaction: true, noControl: true,
	})
	if err != nil {
		p.Fatal(err)
	}
	hangup := make(chan os.Signal)
	ended := make(chan error, 1)
	go func() { ended <- d.run(ctx, hangup, func() {}) }()
	p.daemon = d
	p.end = func() {
		began := time.Now()
		cancel()
		if err := <-ended; err != nil {
			p.Errorf("the service ended with: %v", err)
		}
		if took := time.Since(began); took > stopWithin {
			p.Errorf("stopping took %v, want at most %v", took, stopWithin)
		}
	}
	p.settle()
}

// stop ends the daemon as SIGTERM does, if it runs.
func (p *program) stop() {
	p.Helper()
	if p.daemon == nil {
		return
	}
	p.records() // while there is a store to read
	p.end()
	p.daemon = nil
}

// settle lets one second pass and waits until nothing moves.
func (p *program) settle() { p.pass(time.Second) }

func (p *program) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// took notes what left, and holds what is true of every mail in every test: a
// Message-ID stands for the same bytes for ever, and an escalation has one
// acknowledgment.
func (p *program) took(e mailserver.Envelope) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m, err := mail.ReadMessage(bytes.NewReader(e.Bytes))
	if err != nil {
		p.Errorf("sent what is no mail: %v", err)
		return
	}
	keys := []string{m.Header.Get("Message-ID")}
	if m.Header.Get("X-Escalated-Notice") == "ack" {
		keys = append(keys, "acknowledgment of "+m.Header.Get("X-Escalated-ID"))
	}
	for _, key := range keys {
		if before, known := p.seen[key]; known && !bytes.Equal(before, e.Bytes) {
			p.Errorf("%s went out again with other bytes:\n%s\n\nfirst:\n%s", key, e.Bytes, before)
		}
		p.seen[key] = e.Bytes
	}
	p.out = append(p.out, e)
	for _, to := range e.To {
		p.last[to] = e
	}
}

// mails are those that the service's server took since the last call.
func (p *program) mails() []mailserver.Envelope {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.out
	p.out = nil
	return out
}

// lastTo is the last mail that left to an address.
func (p *program) lastTo(address string) mailserver.Envelope {
	p.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.last[address]
	if !ok {
		p.Fatalf("%s has got no mail from us", address)
	}
	return e
}

// deliver lets a mail arrive from a server of the world; fields that every mail
// has are added where they are missing. Its sender's domain vouches for it
// unless results says otherwise.
func (p *program) deliver(from, to, results, text string) {
	p.Helper()
	p.count++
	domain := mailbox.Domain(from)
	if results == "" {
		results = "dmarc=pass header.from=" + domain
		if domain == ourHost {
			results = "auth=pass smtp.auth=" + from // one of ours submits here
		}
	}
	header, body, _ := strings.Cut(text, "\n\n")
	for _, field := range []struct{ name, value string }{
		{"From", from}, {"To", ourAddress}, {"Date", time.Now().Format(time.RFC1123Z)},
		{"Message-ID", fmt.Sprintf("<%d@%s>", p.count, domain)}, {"Content-Type", "text/plain; charset=utf-8"},
	} {
		if !regexp.MustCompile(`(?im)^` + field.name + `:`).MatchString(header) {
			header = field.name + ": " + field.value + "\n" + header
		}
	}
	raw := strings.ReplaceAll(strings.TrimRight(header, "\n")+"\n\n"+body, "\n", "\r\n")
	p.send(mailserver.Envelope{From: from, To: []string{to}, Bytes: []byte(raw)}, results)
}

func (p *program) send(e mailserver.Envelope, results string) {
	p.Helper()
	p.mu.Lock()
	p.results, p.in = results, e
	p.mu.Unlock()
	if err := p.mail.Deliver(e.From, e.To[0], e.Bytes); err != nil {
		p.Fatal(err)
	}
	p.settle()
}

// records are all escalations in the order they opened. A stopped service has none.
func (p *program) records() []threads.Record {
	p.Helper()
	if p.daemon == nil {
		p.Fatal("the service does not run, so nobody can ask for its records")
	}
	list, err := threads.List(context.Background(), p.daemon.db, true) // also while the test ends
	if err != nil {
		p.Fatal(err)
	}
	slices.SortFunc(list, func(a, b threads.Record) int {
		if c := a.OpenedAt.Compare(*b.OpenedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	p.ids = nil
	for _, r := range list {
		p.ids = append(p.ids, r.ID)
	}
	return list
}

// lastMail stands for the Message-ID of the last mail to an address.
var lastMail = regexp.MustCompile(`\{last to (\S+?)\}`)

// withIDs puts ids of escalations in the place of {ID1}, {ID2}, …, and a
// Message-ID in that of {last to ADDRESS}.
func (p *program) withIDs(text string) string {
	for i, id := range p.ids {
		text = strings.ReplaceAll(text, fmt.Sprintf("{ID%d}", i+1), id)
	}
	return lastMail.ReplaceAllStringFunc(text, func(match string) string {
		m, err := mail.ReadMessage(bytes.NewReader(p.lastTo(lastMail.FindStringSubmatch(match)[1]).Bytes))
		if err != nil {
			p.Fatal(err)
		}
		return m.Header.Get("Message-ID")
	})
}
