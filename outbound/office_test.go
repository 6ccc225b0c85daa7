package outbound

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"github.com/id8labs/escalated/classify"
	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/auth"
	"github.com/id8labs/escalated/mailbox/mailserver"
	"github.com/id8labs/escalated/outbound/smtp"
	"github.com/id8labs/escalated/templates"
	"github.com/id8labs/escalated/threads"
	"github.com/id8labs/escalated/threads/cadence"
	"github.com/id8labs/escalated/threads/store"
	"github.com/id8labs/escalated/threads/store/badger"
)

const (
	us   = "escalations@acme.example"
	dana = "dana@acme.example" // agent, so the owner
	mia  = "mia@acme.example"  // manager
	eve  = "eve@northwind.example"
	adam = "adam@northwind.example"
)

// An office is a desk with its store, an outbox and a mail server, all in one
// bubble. Fields are changed before start.
type office struct {
	*testing.T
	db       store.DB
	config   threads.Config
	desk     *threads.Desk
	server   *mailserver.Server
	relays   []smtp.Server
	composer *Composer
	user     string // how the outbox logs in; "" does not
	password string
	workers  int // 1, so that mails leave in an order and faults need no lock

	mu     sync.Mutex
	faults func(ctx context.Context, at mailserver.Stage, arg string) error
	got    []taken // what the server read up to the final dot
	dials  []dial
	refuse func(addr string) bool // dialing fails; set before start or under mu
	stop   func() error
	uid    uint32
}

type dial struct {
	at   time.Time
	addr string
}

// taken is one mail as the server got it, delivered or not.
type taken struct {
	at time.Time
	mailserver.Envelope
}

func (m taken) kind() string { return header(m.Bytes).Get("X-Escalated-Notice") }

// inBubble runs a test with an office of its own in a synctest bubble.
func inBubble(t *testing.T, test func(t *testing.T, o *office)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newOffice(t)) })
}

func newOffice(t *testing.T) *office {
	t.Helper()
	db, err := badger.Open(badger.Config{Dir: t.TempDir(), NoCompaction: true})
	if err != nil {
		t.Fatal(err)
	}
	o := &office{T: t, db: db, workers: 1, config: threads.Config{Settings: testSettings(), Classify: verdictOf}}
	o.relays = []smtp.Server{{URL: "smtp+insecure://localhost:25"}}
	o.composer = &Composer{Templates: templates.Builtin(), Company: "Acme"}
	o.server = mailserver.New(mailserver.Config{
		Domain: "acme.example",
		Users:  []mailserver.User{{Address: us, Password: "right"}, {Address: dana}, {Address: mia}},
		OnSMTP: o.fault,
		OnMail: o.took,
	})
	t.Cleanup(func() {
		if o.stop != nil {
			o.halt()
		}
		if err := o.server.Close(); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

func testSettings() threads.Settings {
	person := func(name, email string, roles ...classify.Role) classify.Person {
		return classify.Person{Name: name, Email: email, Roles: roles, Zone: time.UTC}
	}
	return threads.Settings{
		Address: us, SubAddress: true, Key: threads.Key(strings.Repeat("k", 32)),
		Trust:  auth.Trust{AuthservID: "mx.acme.example", Own: []string{us}, Host: "acme.example"},
		Policy: cadence.Default(),
		Directory: classify.Directory{
			People: []classify.Person{person("Dana Ortiz", dana, classify.Agent), person("Mia Chen", mia, classify.Manager)},
		},
	}
}

// verdictOf stands for package classify: what these tests are about is behind it.
func verdictOf(m *mailbox.Message, _ *classify.Directory) classify.Verdict {
	return classify.Verdict{
		Kind: classify.KindEscalation, Severity: 2, Type: classify.Technical, Summary: m.Subject, Language: "en",
		Customer: classify.Customer{Name: m.From[0].Name, FirstName: "Eve"},
	}
}

// open opens a desk on the store, as a start of the program does.
func (o *office) open() {
	o.Helper()
	o.config.DB = o.db
	desk, err := threads.NewDesk(o.Context(), o.config)
	if err != nil {
		o.Fatal(err)
	}
	o.desk, o.composer.Desk = desk, desk
}

// start runs an outbox on the desk, which it opens if nobody has.
func (o *office) start() {
	o.Helper()
	if o.desk == nil {
		o.open()
	}
	for i := range o.relays {
		if o.user != "" {
			o.relays[i].Username, o.relays[i].Password = o.user, o.secret
		}
	}
	client, err := smtp.New(smtp.Config{Servers: o.relays, HELO: "acme.example", Dial: o.connect})
	if err != nil {
		o.Fatal(err)
	}
	desk := o.desk
	outbox := NewOutbox(Config{Desk: o.desk, Composer: o.composer, Client: client, Workers: o.workers, Redirect: o.composer.Redirect, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- outbox.Run(ctx) }()
	go func() { ended <- desk.Run(ctx) }()
	o.stop = func() error {
		cancel()
		return errors.Join(<-ended, <-ended, client.Close())
	}
}

func (o *office) secret() (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.password, nil
}

// halt stops the outbox and forgets the desk, as the end of the program does.
func (o *office) halt() {
	o.Helper()
	if err := o.stop(); err != nil {
		o.Error(err)
	}
	o.stop, o.desk = nil, nil
}

// connect dials the server through a pipe and notes when.
func (o *office) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	o.mu.Lock()
	o.dials = append(o.dials, dial{time.Now(), addr})
	refuse := o.refuse
	o.mu.Unlock()
	if refuse != nil && refuse(addr) {
		return nil, errors.New("connection refused")
	}
	return o.server.DialSMTP(ctx, network, addr)
}

// allow lets the server be reached from now on.
func (o *office) allow() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refuse = nil
}

// set changes what the server does wrong from now on.
func (o *office) set(faults func(ctx context.Context, at mailserver.Stage, arg string) error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.faults = faults
}

func (o *office) fault(ctx context.Context, at mailserver.Stage, arg string) error {
	o.mu.Lock()
	faults := o.faults
	o.mu.Unlock()
	if faults == nil {
		return nil
	}
	return faults(ctx, at, arg)
}

func (o *office) took(e mailserver.Envelope) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.got = append(o.got, taken{time.Now(), e})
}

// mails are those the server took since the last call, after the bubble has
// come to rest.
func (o *office) mails() []taken {
	synctest.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	got := o.got
	o.got = nil
	return got
}

// to filters mails by recipient.
func to(list []taken, address string) []taken {
	return slices.DeleteFunc(slices.Clone(list), func(m taken) bool { return !slices.Contains(m.To, address) })
}

// the mail of a list that should hold just one.
func (o *office) the(list []taken) taken {
	o.Helper()
	if len(list) != 1 {
		o.Fatalf("%d mails, want 1:%s", len(list), summary(list))
	}
	return list[0]
}

func summary(list []taken) string {
	var b strings.Builder
	for _, m := range list {
		fmt.Fprintf(&b, "\n  %s %s to %s", m.at.Format(time.TimeOnly), m.kind(), m.To)
	}
	return b.String()
}

// arrive hands the desk a customer's mail that their domain vouches for.
func (o *office) arrive(mails ...string) {
	o.Helper()
	if o.desk == nil {
		o.open()
	}
	var batch []mailbox.Raw
	for _, m := range mails {
		o.uid++
		raw := []byte(strings.ReplaceAll(m, "\n", "\r\n"))
		batch = append(batch, mailbox.Raw{
			Location: mailbox.Location{Folder: "INBOX", UIDValidity: 1, UID: o.uid},
			Received: time.Now(), Size: int64(len(raw)), Bytes: raw,
		})
	}
	fates, err := o.desk.Receive(o.Context(), batch)
	if err != nil {
		o.Fatal(err)
	}
	for i, f := range fates {
		if f != mailbox.Archive {
			o.Fatalf("mail %d has fate %v, want it archived", i, f)
		}
	}
}

// vouched is a mail of Eve's about a subject, with Authentication-Results of pass.
func vouched(id, subject string, fields ...string) string {
	return "Authentication-Results: mx.acme.example; dmarc=pass header.from=northwind.example\n" +
		"From: Eve Adams <" + eve + ">\nTo: " + us + "\nSubject: " + subject + "\nMessage-ID: <" + id + "@northwind.example>\n" +
		strings.Join(append(fields, ""), "\n") + "\nNothing works since 8:40.\n"
}

// record is the only escalation there is, with its events.
func (o *office) record() threads.Record {
	o.Helper()
	all, err := threads.List(o.Context(), o.db, true)
	if err != nil || len(all) != 1 {
		o.Fatalf("%d escalations (%v), want 1", len(all), err)
	}
	r, err := threads.Show(o.Context(), o.db, all[0].ID)
	if err != nil {
		o.Fatal(err)
	}
	return r
}

// events counts an escalation's events by type.
func events(r threads.Record) map[threads.EventType]int {
	count := map[threads.EventType]int{}
	for _, e := range r.Events {
		count[e.Type]++
	}
	return count
}

func header(raw []byte) mail.Header {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return nil
	}
	return m.Header
}

// refuse refuses one recipient for good.
func refuse(address string) func(context.Context, mailserver.Stage, string) error {
	return func(_ context.Context, at mailserver.Stage, arg string) error {
		if at == mailserver.Rcpt && arg == address {
			return reply(550, gosmtp.EnhancedCode{5, 1, 1}, "no such user")
		}
		return nil
	}
}

// customTemplates are the built-in ones with one file of the user's.
func customTemplates(t *testing.T, file, text string) *templates.Set {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := templates.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return set
}
