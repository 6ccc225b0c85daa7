package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/id8labs/escalated/mailbox/mailserver"
	"github.com/id8labs/escalated/mailbox/wire/wiretest"
	"github.com/id8labs/escalated/threads/store/badger"
)

const theSecret = "hunter22-never-shown"

// A patient is an installation to check: a configuration, a mailbox and a relay
// that delivers into it as its route says.
type patient struct {
	*testing.T
	dir   string
	post  *mailserver.Server // the mailbox
	relay *mailserver.Server
	route func(p *patient, to string, mail []byte) // nil: as a good server does

	imap, smtp string // servers in the configuration
	mailbox    string // more keys of it
	fallback   string
	trust      string
	free       string // limits.free_space
	data       string
	more       string // top-level keys
}

// newPatient is well. Adjust may be nil.
func newPatient(t *testing.T, adjust func(post, relay *mailserver.Config)) *patient {
	t.Helper()
	p := &patient{T: t, dir: t.TempDir(), trust: "{authserv_id: mx.acme.example}", free: "1MiB", data: "data"}
	user := []mailserver.User{{Address: ourAddress, Password: theSecret, Aliases: []string{"urgent@acme.example"}}}
	post := mailserver.Config{Domain: ourHost, Users: user, AuthservID: "mx.acme.example"}
	relay := mailserver.Config{Domain: "relay.test", Users: []mailserver.User{{Address: ourAddress, Password: theSecret}}}
	relay.Users[0].Address = "login@relay.test"
	relay.OnMail = func(e mailserver.Envelope) {
		for _, to := range e.To {
			p.deliver(e.From, to, e.Bytes)
		}
	}
	if adjust != nil {
		adjust(&post, &relay)
	}
	p.post, p.relay = mailserver.New(post), mailserver.New(relay)
	for s, addresses := range map[*mailserver.Server][2]string{p.post: {"127.0.0.1:0", ""}, p.relay: {"", "127.0.0.1:0"}} {
		t.Cleanup(func() { _ = s.Close() })
		if err := s.Start(addresses[0], addresses[1]); err != nil {
			t.Fatal(err)
		}
	}
	p.imap, p.smtp = "imap+insecure://"+p.post.IMAPAddr(), "smtp+insecure://"+p.relay.SMTPAddr()
	p.write("imap.password", theSecret)
	return p
}

func (p *patient) deliver(from, to string, mail []byte) {
	if p.route != nil {
		p.route(p, to, mail)
	} else if err := p.post.Deliver(from, to, mail); err != nil {
		p.Error(err)
	}
}

// put lays a mail into a folder as it is.
func (p *patient) put(folder string, mail []byte) {
	if _, err := p.post.Append(ourAddress, folder, mail, time.Now()); err != nil {
		p.Error(err)
	}
}

func (p *patient) path(name string) string { return filepath.Join(p.dir, name) }

func (p *patient) write(name, content string) {
	p.Helper()
	if err := os.WriteFile(p.path(name), []byte(content), 0o600); err != nil {
		p.Fatal(err)
	}
}

// check runs the command and returns its findings.
func (p *patient) check(args ...string) (code int, found []finding) {
	p.Helper()
	code, stdout, stderr := p.run(append(args, "--json")...)
	for line := range strings.Lines(stdout) {
		var f finding
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			p.Fatalf("%v: %s", err, line)
		}
		found = append(found, f)
	}
	if want := strings.Contains(stderr, "problem"); want != (code == exitFailed) {
		p.Errorf("exit code %d with %q", code, stderr)
	}
	return code, found
}

func (p *patient) run(args ...string) (code int, stdout, stderr string) {
	p.Helper()
	p.write("escalated.yaml", `
company: Acme
address: escalations@acme.example
aliases: [urgent@acme.example]
data: `+p.data+`
mailbox: {server: "`+p.imap+`", username: escalations@acme.example, password_file: imap.password`+p.mailbox+`}
smtp: {server: "`+p.smtp+`", username: login@relay.test, password_file: imap.password`+p.fallback+`}
trust: `+p.trust+`
people: [{name: Dana Ortiz, email: dana@acme.example, roles: [agent]}]
limits: {free_space: `+p.free+`}
`+p.more)
	code, stdout, stderr = escalated(p.T, append([]string{"check", "--config", p.path("escalated.yaml")}, args...)...)
	if strings.Contains(stdout+stderr, theSecret) {
		p.Errorf("the password is shown:\n%s%s", stdout, stderr)
	}
	return code, stdout, stderr
}

// changing are parts of findings that differ from run to run.
var changing = []struct {
	part *regexp.Regexp
	by   string
}{
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "HOST"},
	{regexp.MustCompile(`\b[a-z2-7]{16}\b`), "NONCE"},
	{regexp.MustCompile(`\d+(\.\d)?m?s after`), "SOON after"},
	{regexp.MustCompile(`\d+ MiB free\b`), "SOME free"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d(T\S+)?`), "DAY"},
}

// plain is a finding on a line, without what changes.
func (p *patient) plain(f finding) string {
	line := f.Result + " " + f.Check + ": " + f.Says
	if f.Do != nil {
		line += " → " + *f.Do
	}
	line = strings.ReplaceAll(line, p.dir, "DIR")
	for _, c := range changing {
		line = c.part.ReplaceAllString(line, c.by)
	}
	return line
}

// finds wants the findings of some checks, and the exit code that goes with them.
func (p *patient) finds(args []string, checks string, want ...string) {
	p.Helper()
	code, found := p.check(args...)
	var got []string
	problems := false
	for _, f := range found {
		problems = problems || f.Result == resultProblem
		if strings.HasPrefix(f.Check, checks) {
			got = append(got, p.plain(f))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		p.Errorf("findings (-want +got):\n%s", diff)
	}
	if wantCode := map[bool]int{true: exitFailed, false: exitDone}[problems]; code != wantCode {
		p.Errorf("exit code %d, want %d", code, wantCode)
	}
}

func toUs() []string { return []string{"--send-to", ourAddress} }

// A patient in good health, as a person reads it.
func TestCheckAllWell(t *testing.T) {
	p := newPatient(t, nil)
	code, stdout, stderr := p.run(toUs()...)
	if code != exitDone || stderr != "" {
		t.Errorf("exit code %d, %q", code, stderr)
	}
	got := strings.ReplaceAll(stdout, p.dir, "DIR")
	for _, c := range changing {
		got = c.part.ReplaceAllString(got, c.by)
	}
	want := `ok       config             DIR/escalated.yaml is valid
note     config             mailbox.server is imap+insecure://HOST: not encrypted, for this machine only
note     config             smtp.server is smtp+insecure://HOST: not encrypted, for this machine only
ok       data               DIR/data does not exist yet; the first start makes it
ok       token_key          DIR/data/token.key does not exist yet; the first start makes it
ok       imap.connect       HOST answers
ok       imap.tls           none, and none needed: the server is on this machine
ok       imap.login         as escalations@acme.example
ok       imap.capabilities  has IDLE, MOVE, UIDPLUS, NAMESPACE; "/" separates levels of folders
ok       imap.folder        INBOX holds 0 mails, and can be written
ok       imap.archive       Escalations/Archive does not exist yet; the first start makes it
ok       imap.quarantine    Escalations/Quarantine does not exist yet; the first start makes it
ok       smtp.connect       HOST answers
ok       smtp.tls           none, and none needed: the server is on this machine
ok       smtp.login         as login@relay.test
ok       smtp.extensions    takes mail up to 50 MiB; has SIZE, 8BITMIME, SMTPUTF8, PIPELINING
ok       mail.sent          HOST took the test mail to escalations@acme.example: 250 OK: queued
ok       mail.sent          HOST took the test mail to escalations+check-NONCE@acme.example: 250 OK: queued
ok       mail.arrived       in INBOX, SOON after it was sent
ok       mail.message_id    was kept
ok       mail.reply_to      was kept, with its token
ok       mail.authserv_id   Authentication-Results from top to bottom: mx.acme.example; the topmost is by trust.authserv_id, and this mail counts as "none"
ok       mail.subaddress    mail to escalations+check-NONCE@acme.example arrives, SOON after it was sent
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(p.path("data")); err == nil {
		t.Error("check made the data folder, which the service's user must own")
	}
	for _, m := range p.post.Mailbox(ourAddress, "INBOX") {
		if len(m.Flags) != 0 {
			t.Errorf("check marked a mail: %v", m.Flags)
		}
	}
}

func TestCheckUsage(t *testing.T) {
	p := newPatient(t, nil)
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"--send-to", "nobody"}, `--send-to "nobody" is no mail address; write it as name@acme.example`},
		{[]string{"--wait", "0s"}, "--wait 0s is no time to wait; write --wait 2m"},
		{[]string{"--wait", "soon"}, "soon"},
	} {
		if code, stdout, stderr := p.run(test.args...); code != exitUsage || stdout != "" || !strings.Contains(stderr, test.says) {
			t.Errorf("%v: exit code %d, said %q and %q", test.args, code, stdout, stderr)
		}
	}
}

// With a mistake in the configuration nobody is contacted: the servers are not there.
func TestCheckConfigurationMistakes(t *testing.T) {
	p := newPatient(t, nil)
	p.imap, p.smtp = "imaps://nowhere.test", "smtps://nowhere.test"
	p.more = "nonsense: 1\n"
	p.mailbox = ", usrname: x"
	code, stdout, stderr := p.run()
	if code != exitUsage || stdout != "" || strings.Count(stderr, "escalated.yaml:") != 2 {
		t.Errorf("exit code %d, %q, %s", code, stdout, stderr)
	}
	p.more, p.mailbox = "templates: words\n", ""
	if err := os.Mkdir(p.path("words"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.write("words/ack.txt", "Subject: {{.Nobody}}\n\nHello.\n")
	if code, stdout, stderr = p.run(); code != exitUsage || stdout != "" || !strings.Contains(stderr, "ack.txt") {
		t.Errorf("exit code %d, %q, %s", code, stdout, stderr)
	}
}

func TestCheckTemplates(t *testing.T) {
	p := newPatient(t, nil)
	p.more = "templates: words\n"
	if err := os.Mkdir(p.path("words"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.finds(nil, "templates", "ok templates: all in DIR/words can be used")
}

func TestCheckDataFolder(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(p *patient)
		want    []string
	}{
		{"new", func(p *patient) { p.mkdir("data") }, []string{
			"ok data: DIR/data can be written, SOME free",
			"ok data.records: there are none yet",
		}},
		{"a file", func(p *patient) { p.write("data", "") }, []string{
			"problem data: DIR/data is a file → name a folder in `data`",
		}},
		{"used", func(p *patient) { p.open().Close() }, []string{
			"ok data: DIR/data can be written, SOME free",
			"ok data.records: can be opened",
		}},
		{"in use", func(p *patient) { db := p.open(); p.Cleanup(func() { db.Close() }) }, []string{
			"ok data: DIR/data can be written, SOME free",
			"note data.records: another process has them open and does not answer on DIR/data/control.sock → look which: a service that hangs, or one that starts just now",
		}},
		{"service runs", func(p *patient) { p.mkdir("data"); p.listen() }, []string{
			"ok data: DIR/data can be written, SOME free",
			"ok data.records: a service runs and has them open",
		}},
		{"full", func(p *patient) { p.mkdir("data"); p.free = "8000000GiB" }, []string{
			"problem data: SOME free on the disk of DIR/data, less than limits.free_space, 8192000000 MiB: no mail is taken in → free some space, or put `data` on a larger disk",
		}},
		{"damaged", func(p *patient) { p.mkdir("data"); p.write("data/MANIFEST", "nonsense") }, []string{
			"ok data: DIR/data can be written, SOME free",
			"problem data.records: open the store DIR/data: manifest has bad magic → restore a backup, or have the disk looked at",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPatient(t, nil)
			p.dir = short(t)
			p.write("imap.password", theSecret)
			test.prepare(p)
			p.finds(nil, "data", test.want...)
		})
	}
}

// short is a folder whose path leaves room for a socket's.
func short(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "check")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (p *patient) mkdir(name string) {
	p.Helper()
	if err := os.Mkdir(p.path(name), 0o700); err != nil {
		p.Fatal(err)
	}
}

func (p *patient) open() *badger.DB {
	p.Helper()
	db, err := badger.Open(badger.Config{Dir: p.path("data")})
	if err != nil {
		p.Fatal(err)
	}
	return db
}

// listen stands on the control socket as a service does.
func (p *patient) listen() {
	p.Helper()
	l, err := net.Listen("unix", socketPath(p.path("data")))
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { l.Close() })
}

// What another user owns is checked as that user. Only root can give files away.
func TestCheckOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	p := newPatient(t, nil)
	p.mkdir("data")
	if err := os.Chown(p.path("data"), 4242, 4242); err != nil {
		t.Fatal(err)
	}
	p.finds(nil, "data", "problem data: DIR/data belongs to the user with id 4242 → run check and serve as the user with id 4242")
}

func TestCheckTokenKey(t *testing.T) {
	for _, test := range []struct {
		name, key string
		mode      os.FileMode
		want      string
	}{
		{"good", strings.Repeat("k", 32), 0o600, "ok token_key: DIR/token.key can be read by its owner only"},
		{"open", strings.Repeat("k", 32), 0o640, "note token_key: DIR/token.key can be read by others, who could then answer in an agent's name → chmod 0600 DIR/token.key"},
		{"short", "k", 0o600, "problem token_key: token key DIR/token.key has 1 bytes, at least 32 are needed → remove it to get a new one (links in mails already sent stop working)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPatient(t, nil)
			p.trust = "{key_file: token.key}"
			p.write("token.key", test.key)
			if err := os.Chmod(p.path("token.key"), test.mode); err != nil {
				t.Fatal(err)
			}
			p.finds(nil, "token_key", test.want)
		})
	}
}

func TestCheckInterrupted(t *testing.T) {
	f := newFindings(io.Discard, false)
	k := &checkup{findings: f}
	if err := k.verdict(t.Context()); err != nil {
		t.Errorf("all is well, yet: %v", err)
	}
	f.problem("a", "b", "c")
	if err := k.verdict(t.Context()); err == nil || err.Error() != "there is a problem, see above" {
		t.Errorf("one problem: %v", err)
	}
	f.problem("a", "b", "c")
	if err := k.verdict(t.Context()); err == nil || err.Error() != "there are 2 problems, see above" {
		t.Errorf("two problems: %v", err)
	}
	f.failed = io.ErrClosedPipe
	if err := k.verdict(t.Context()); err == nil || !strings.Contains(err.Error(), "writing the findings") {
		t.Errorf("nobody reads: %v", err)
	}
}

// What servers say is shown as one line without control characters, and with
// every form of a secret masked.
func TestFindingsAreSafeToShow(t *testing.T) {
	var out bytes.Buffer
	f := newFindings(&out, false)
	f.masks.add("us", theSecret)
	f.masks.add("us", "abc") // too short to be one
	f.problem("smtp.login", "535 \x1b[31mno\r\n\u202e "+theSecret+" AHVzAGh1bnRlcjIyLW5ldmVyLXNob3du abc", "say "+theSecret)
	want := "PROBLEM  smtp.login         535 [31mno *** *** abc\n                            → say ***\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	if long := oneLine(strings.Repeat("x", 9999)); len(long) > 700 {
		t.Errorf("%d bytes", len(long))
	}
}

// certified makes a certificate for 127.0.0.1 that vouches for itself, also as
// PEM for ca_file.
func certified(t *testing.T, name string, left time.Duration) (server *tls.Config, authority string) {
	t.Helper()
	server, _ = wiretest.Certificate(t, func(c *x509.Certificate) {
		c.Subject.CommonName = name
		c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(left)
		c.IsCA, c.BasicConstraintsValid = true, true
	})
	return server, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificates[0].Certificate[0]}))
}

// through puts a wire before a server that replaces words of what the server says.
func (p *patient) through(server string, replace ...string) (address string) {
	p.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.Fatal(err)
	}
	var busy sync.WaitGroup
	p.Cleanup(func() { listener.Close(); busy.Wait() })
	busy.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			busy.Go(func() { rewrite(client, server, strings.NewReplacer(replace...)) })
		}
	})
	return listener.Addr().String()
}

// rewrite joins a client with a server until either ends.
func rewrite(client net.Conn, address string, words *strings.Replacer) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	var back sync.WaitGroup
	back.Go(func() {
		defer client.Close()
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			if _, failed := words.WriteString(client, string(buffer[:n])); err != nil || failed != nil {
				return
			}
		}
	})
	_, _ = io.Copy(server, client)
	server.Close()
	back.Wait()
}
