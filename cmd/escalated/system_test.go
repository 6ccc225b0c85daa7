package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/id8labs/escalated/mailbox/mailserver/dovecot"
)

// The tests of system_*_test.go drive the program from outside, as an operator
// does: with a configuration file, signals and its own command line, against a
// real Dovecot and an SMTP server that keeps what it accepts. The program is
// this test binary run again, so that what watches the tests watches it, too.

// role is the environment variable that says what this binary is.
const (
	role      = "ESCALATED_TEST_ROLE"
	asProgram = "program" // the program, as it is built
	asDoomed  = "doomed"  // the program with a reader that some mails kill
)

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case asProgram:
		main()
	case asDoomed:
		doomed()
	default:
		os.Exit(m.Run())
	}
}

// patience is how long the tests wait for what must happen.
const patience = 90 * time.Second

const (
	archive    = "Escalations/Archive"
	quarantine = "Escalations/Quarantine"
)

// A site is an installation of the program.
type site struct {
	tb    testing.TB
	dir   string
	imap  *dovecot.Server
	relay *relay
	knobs
}

// knobs are what tests configure differently.
type knobs struct {
	IMAP, SMTP, HTTP string
	CA               string // a file; "" is the system's authorities
	Data             string // relative to the configuration file
	FreeSpace        string
	Agent            string // the local part of the one agent
}

var configuration = template.Must(template.New("escalated.yaml").Parse(`
company: Acme
address: escalations@acme.example
data: {{.Data}}
mailbox:
  server: {{.IMAP}}
  username: escalations@acme.example
  password_file: imap.password
  ca_file: "{{.CA}}"
  poll: 1s
smtp: {server: "{{.SMTP}}"}
trust: {authserv_id: mx.acme.example}
people:
  - {name: Dana Ortiz, email: {{.Agent}}@acme.example, roles: [agent]}
  - {name: Mia Chen, email: mia@acme.example, roles: [manager]}
customers:
  - {company: Northwind Hospitals, domains: [northwind.example], tier: enterprise}
limits: {acks_per_address: 100000/24h, acks_per_domain: 100000/24h, free_space: {{.FreeSpace}}}
http: {{.HTTP}}
log: {format: json}
`))

// newSite installs the program beside a Dovecot of its own, which it reaches by
// STARTTLS.
func newSite(tb testing.TB, options ...dovecot.Option) *site {
	tb.Helper()
	s := &site{tb: tb, dir: tb.TempDir(), imap: dovecot.Start(tb, options...), relay: newRelay(tb)}
	s.knobs = knobs{
		IMAP: s.imap.URL("imap+starttls"), SMTP: "smtp+insecure://" + s.relay.server.SMTPAddr(), HTTP: freeAddress(tb),
		CA: "ca.pem", Data: "data", FreeSpace: "1MiB", Agent: "dana",
	}
	s.write("imap.password", []byte(dovecot.Password+"\n"))
	s.write("ca.pem", authority(tb, s.imap))
	s.configure()
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

// authority asks a server for its certificate, which vouches for itself.
func authority(tb testing.TB, server *dovecot.Server) []byte {
	tb.Helper()
	conn, err := tls.Dial("tcp", server.TLS, &tls.Config{RootCAs: server.Roots})
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: conn.ConnectionState().PeerCertificates[0].Raw})
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) write(name string, content []byte) {
	s.tb.Helper()
	if err := os.WriteFile(s.path(name), content, 0o600); err != nil {
		s.tb.Fatal(err)
	}
}

// configure writes the configuration as the knobs are now.
func (s *site) configure() {
	s.tb.Helper()
	var b bytes.Buffer
	if err := configuration.Execute(&b, s.knobs); err != nil {
		s.tb.Fatal(err)
	}
	s.write("escalated.yaml", b.Bytes())
}

// command is the program with a command line.
func (s *site) command(as string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), role+"="+as, "GORACE=exitcode=66 atexit_sleep_ms=10")
	return cmd
}

// run runs a command to its end.
func (s *site) run(args ...string) (stdout, stderr string, code int) {
	s.tb.Helper()
	var out, errs bytes.Buffer
	cmd := s.command(asProgram, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if _, ended := errors.AsType[*exec.ExitError](err); !ended {
			s.tb.Error(err)
			return "", "", -1
		}
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// A record is what list and show print of an escalation, as a reader of the
// JSON knows it.
type record struct {
	ID       string `json:"id"`
	Customer struct {
		Address string `json:"address"`
	} `json:"customer"`
	Status         string     `json:"status"`
	Owner          string     `json:"owner"`
	AcknowledgedAt *time.Time `json:"acknowledged_at"`
	Messages       int        `json:"messages"`
	Events         []struct {
		Type   string `json:"type"`
		Reason string `json:"reason"`
	} `json:"events"`
}

// happened reports whether a shown record has an event of a type.
func (r *record) happened(event string) bool {
	for _, e := range r.Events {
		if e.Type == event {
			return true
		}
	}
	return false
}

// query runs a command that prints JSON lines.
func query[T any](s *site, args ...string) []T {
	s.tb.Helper()
	stdout, stderr, code := s.run(append(args, "--json")...)
	if code != exitDone {
		s.tb.Errorf("%v: exit code %d\n%s", args, code, stderr)
	}
	var list []T
	decoder := json.NewDecoder(strings.NewReader(stdout))
	for {
		var one T
		if err := decoder.Decode(&one); err != nil {
			if errors.Is(err, io.EOF) {
				return list
			}
			s.tb.Errorf("%v: %v\n%s", args, err, stdout)
			return nil
		}
		list = append(list, one)
	}
}

func (s *site) list() []record { s.tb.Helper(); return query[record](s, "list", "--all") }

// health asks /healthz or /readyz; 0 is no answer.
func (s *site) health(path string) (status int, body string) {
	response, err := http.Get("http://" + s.HTTP + path)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}

func (s *site) awaitReady() {
	s.tb.Helper()
	await(s.tb, "/readyz says 200", func() bool { status, _ := s.health("/readyz"); return status == http.StatusOK })
}

// await waits until something holds.
func await(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !holds() {
		select {
		case <-again.C:
		case <-ctx.Done():
			tb.Fatalf("waited in vain until %s", what)
		}
	}
}

// A service is the program serving.
type service struct {
	tb    testing.TB
	cmd   *exec.Cmd
	log   *logFile
	ended chan struct{}
}

// serve starts the program; it ends with the test.
func (s *site) serve() *service { s.tb.Helper(); return s.start(asProgram) }

func (s *site) start(as string) *service {
	s.tb.Helper()
	p := &service{tb: s.tb, cmd: s.command(as, "serve", "--config", s.path("escalated.yaml")), log: &logFile{}, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // its exit code is asked for where it matters
	}()
	s.tb.Cleanup(func() {
		p.kill()
		if s.tb.Failed() {
			s.tb.Logf("log of %d, %v:\n%s", p.cmd.Process.Pid, p.cmd.ProcessState, p.log.tail())
		}
	})
	return p
}

// alive reports whether the service still runs.
func (p *service) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// kill ends the service as kill -9 does, and checks what it logged.
func (p *service) kill() {
	p.tb.Helper()
	_ = p.cmd.Process.Kill()
	<-p.ended
	p.check()
}

func (p *service) signal(sig syscall.Signal) {
	p.tb.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.tb.Fatal(err)
	}
}

// stop ends the service as an operator does; it must be through within stopWithin.
func (p *service) stop() {
	p.tb.Helper()
	asked := time.Now()
	p.signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(3 * stopWithin):
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // its goroutines go to the log
		p.tb.Fatalf("still runs %v after SIGTERM", 3*stopWithin)
	}
	if took := time.Since(asked); took > stopWithin {
		p.tb.Errorf("stopped %v after SIGTERM, want at most %v", took, stopWithin)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != exitDone {
		p.tb.Errorf("exit code %d after SIGTERM", code)
	}
	p.check()
}

// check looks for what must be in no log.
func (p *service) check() {
	p.tb.Helper()
	for _, bad := range []string{"DATA RACE", "\npanic:", "\nfatal error:", dovecot.Password} {
		if strings.Contains(p.log.String(), bad) {
			p.tb.Errorf("the log has %q", bad)
		}
	}
}

// A logFile keeps what a service writes.
type logFile struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logFile) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logFile) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logFile) has(text string) bool { return strings.Contains(l.String(), text) }

// tail is as much of the log as one reads.
func (l *logFile) tail() string {
	const enough = 8 << 10
	text := l.String()
	return text[max(0, len(text)-enough):]
}
