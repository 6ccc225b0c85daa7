package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"github.com/id8labs/escalated/mailbox/mailserver/dovecot"
)

// BenchmarkBacklog is the figure of the issue: a backlog of mails in Dovecot is
// read, recorded, acknowledged to an SMTP sink and moved by the real binary.
// Run it with -benchtime 1x; ESCALATED_BACKLOG is the number of mails, 10000.
func BenchmarkBacklog(b *testing.B) {
	for _, kind := range []struct {
		name string
		make func(*rand.Rand, int) []byte
	}{{"12KB", plainMail}, {"44KB", mailWithAttachment}} {
		b.Run(kind.name, func(b *testing.B) {
			for range b.N {
				backlog(b, kind.make)
			}
		})
	}
}

func backlog(b *testing.B, make func(*rand.Rand, int) []byte) {
	n, err := strconv.Atoi(os.Getenv("ESCALATED_BACKLOG"))
	if err != nil {
		n = 10_000
	}
	dovecot.Available(b)
	server := dovecot.Start(b)
	defer server.Stop()
	random := rand.New(rand.NewPCG(1, 2))
	size := 0
	for i := 0; i < n; i += 1000 {
		var mails [][]byte
		for j := i; j < min(i+1000, n); j++ {
			mails = append(mails, make(random, j))
			size += len(mails[len(mails)-1])
		}
		server.Deliver(mails...)
	}
	sink := startSink(b)
	config := writeServeConfig(b, server, sink.addr)
	binary := buildBinary(b)

	start := time.Now()
	daemon := startBinary(b, binary, "serve", "--config", config)
	memory := newMemoryWatch(daemon.Process.Pid)
	var acknowledged time.Duration
	for done := false; !done; time.Sleep(20 * time.Millisecond) {
		memory.sample()
		if acknowledged == 0 && int(sink.acks.Load()) >= n {
			acknowledged = time.Since(start)
		}
		done = acknowledged > 0 && server.Count("INBOX") == 0
		if time.Since(start) > 5*time.Minute {
			b.Fatalf("after 5 minutes %d of %d are acknowledged and %d are left", sink.acks.Load(), n, server.Count("INBOX"))
		}
	}
	elapsed := time.Since(start)
	stopBinary(b, daemon)
	b.ReportMetric(float64(n)/elapsed.Seconds(), "mails/s")
	b.ReportMetric(float64(n)/acknowledged.Seconds(), "acks/s")
	b.ReportMetric(float64(memory.heap)/(1<<20), "MB-anonymous")
	b.ReportMetric(float64(memory.peak)/(1<<20), "MB-with-database-files")
	b.ReportMetric(float64(size)/float64(n)/1000, "KB/mail")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkAtRest measures one mail at a time: from the moment Dovecot has it
// until the sink has accepted the acknowledgment. Dovecot announces a mail up
// to half a second after its delivery, so the embedded server is used, whose
// push is immediate.
func BenchmarkAtRest(b *testing.B) {
	mail := sandboxMail()
	defer mail.Close()
	if err := mail.Start("127.0.0.1:0", "127.0.0.1:0"); err != nil {
		b.Fatal(err)
	}
	cfg, err := sandboxSettings(mail, b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	cfg.Limits.AcksPerDomain.Count, cfg.Limits.AcksPerAddress.Count = 0, 0
	ctx, stop := context.WithCancel(b.Context())
	d, err := newDaemon(ctx, cfg, discard(), daemonOptions{})
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- d.run(ctx, nil, func() {}) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}()
	for d.inbox.Status().LastPass.IsZero() {
		time.Sleep(time.Millisecond)
	}
	var latencies []time.Duration
	for i := 0; b.Loop(); i++ {
		before := len(mail.Mailbox(sandboxCustomer, "INBOX"))
		raw := bytes.ReplaceAll(plainMail(rand.New(rand.NewPCG(1, uint64(i))), i), []byte("@customer"), []byte("@x"))
		raw = append([]byte("From: eve@northwind.example\r\n"), raw[bytes.IndexByte(raw, '\n')+1:]...)
		start := time.Now()
		if err := mail.Deliver(sandboxCustomer, sandboxWatched, raw); err != nil {
			b.Fatal(err)
		}
		_, err := mail.Await(ctx, sandboxCustomer, "INBOX", func(m []mailserverMail) bool { return len(m) > before })
		if err != nil {
			b.Fatal(err)
		}
		latencies = append(latencies, time.Since(start))
		time.Sleep(20 * time.Millisecond) // at rest again: moved, alerts sent, IDLE
	}
	reportPercentiles(b, latencies)
}

// plainMail is a mail of about 12 KB from a customer of its own.
func plainMail(r *rand.Rand, i int) []byte {
	var b bytes.Buffer
	head(&b, i)
	fmt.Fprint(&b, "Content-Type: multipart/alternative; boundary=alt\r\n\r\n")
	alternative(&b, r)
	return b.Bytes()
}

// mailWithAttachment is the same with a file: about 44 KB.
func mailWithAttachment(r *rand.Rand, i int) []byte {
	var b bytes.Buffer
	head(&b, i)
	fmt.Fprint(&b, "Content-Type: multipart/mixed; boundary=mixed\r\n\r\n--mixed\r\nContent-Type: multipart/alternative; boundary=alt\r\n\r\n")
	alternative(&b, r)
	fmt.Fprint(&b, "--mixed\r\nContent-Type: image/png; name=screen.png\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=screen.png\r\n\r\n")
	for range 32_000 / 78 {
		line := make([]byte, 76)
		for k := range line {
			line[k] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[r.IntN(64)]
		}
		fmt.Fprintf(&b, "%s\r\n", line)
	}
	fmt.Fprint(&b, "--mixed--\r\n")
	return b.Bytes()
}

func head(b *bytes.Buffer, i int) {
	fmt.Fprintf(b, "From: Eve Adams %d <eve%d@customer%d.example>\r\nTo: escalations@acme.example\r\nSubject: Order export %d stopped\r\nDate: %s\r\nMessage-ID: <bench-%d@customer%d.example>\r\nMIME-Version: 1.0\r\n",
		i, i, i, i, time.Now().Format(time.RFC1123Z), i, i)
}

// alternative writes the same 5 KB or so as text and as HTML.
func alternative(b *bytes.Buffer, r *rand.Rand) {
	words := strings.Fields("since this morning the order export stops with an error after the second page and nobody in the warehouse can print a label we restarted the service twice which changed nothing please call me our trucks wait")
	var text strings.Builder
	for line := range 70 {
		for range 10 + r.IntN(4) {
			text.WriteString(words[r.IntN(len(words))] + " ")
		}
		text.WriteString([]string{"\r\n", ".\r\n\r\n"}[line%3/2])
	}
	fmt.Fprintf(b, "--alt\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n", text.String())
	fmt.Fprintf(b, "--alt\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body><p>%s</p></body></html>\r\n--alt--\r\n",
		strings.ReplaceAll(text.String(), "\r\n\r\n", "</p>\r\n<p style=\"font-family:Calibri,sans-serif;margin:0cm\">"))
}

// A sink accepts every mail and counts the acknowledgments.
type sink struct {
	addr string
	acks atomic.Int64
}

func startSink(b *testing.B) *sink {
	s := &sink{}
	server := gosmtp.NewServer(gosmtp.BackendFunc(func(*gosmtp.Conn) (gosmtp.Session, error) { return &sinkSession{s}, nil }))
	server.Domain = "localhost"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s.addr = listener.Addr().String()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	b.Cleanup(func() {
		if err := errors.Join(server.Close(), <-ended); err != nil && !errors.Is(err, gosmtp.ErrServerClosed) {
			b.Error(err)
		}
	})
	return s
}

type sinkSession struct{ sink *sink }

func (s *sinkSession) Reset()                                 {}
func (s *sinkSession) Logout() error                          { return nil }
func (s *sinkSession) Mail(string, *gosmtp.MailOptions) error { return nil }
func (s *sinkSession) Rcpt(string, *gosmtp.RcptOptions) error { return nil }
func (s *sinkSession) Data(r io.Reader) error {
	mail, err := io.ReadAll(r)
	if bytes.Contains(mail, []byte("\r\nX-Escalated-Notice: ack\r\n")) {
		s.sink.acks.Add(1)
	}
	return err
}

func writeServeConfig(b *testing.B, server *dovecot.Server, smtp string) string {
	dir := b.TempDir()
	text := fmt.Sprintf(`company: Acme
address: escalations@acme.example
data: %s
mailbox: {server: "%s", username: %s, password_file: password}
smtp: {server: "smtp+insecure://%s"}
trust: {authserv_id: ""}
people:
  - {name: Dana Ortiz, email: dana@acme.example, roles: [agent], title: Escalation Lead, phone: "+1 555 0100"}
  - {name: Mia Chen, email: mia@acme.example, roles: [manager]}
limits: {acks_per_address: 100000/24h, acks_per_domain: 100000/24h, free_space: 64MiB}
http: ""
log: {level: warn}
`, filepath.Join(dir, "data"), server.URL("imap+insecure"), dovecot.Username, smtp)
	path := filepath.Join(dir, "escalated.yaml")
	for name, content := range map[string]string{path: text, filepath.Join(dir, "password"): dovecot.Password} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return path
}

func buildBinary(b *testing.B) string {
	path := filepath.Join(b.TempDir(), "escalated")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		b.Fatalf("building: %v\n%s", err, out)
	}
	return path
}

func startBinary(b *testing.B, path string, args ...string) *exec.Cmd {
	c := exec.Command(path, args...)
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	return c
}

func stopBinary(b *testing.B, c *exec.Cmd) {
	if err := errors.Join(c.Process.Signal(os.Interrupt), c.Wait()); err != nil {
		b.Error(err)
	}
}

// A memoryWatch keeps the peaks of a process's private memory (Linux): what is
// its own, and that together with the pages of the database's files it has mapped,
// which the kernel takes back whenever it wants.
type memoryWatch struct {
	file       string
	heap, peak int64 // octets
	last       time.Time
}

func newMemoryWatch(pid int) *memoryWatch {
	return &memoryWatch{file: fmt.Sprintf("/proc/%d/smaps_rollup", pid)}
}

// sample looks four times a second: each look costs the kernel some milliseconds.
func (m *memoryWatch) sample() {
	if time.Since(m.last) < 250*time.Millisecond {
		return
	}
	m.last = time.Now()
	raw, err := os.ReadFile(m.file)
	if err != nil {
		return
	}
	var private, anonymous int64
	for line := range strings.Lines(string(raw)) {
		name, value, _ := strings.Cut(line, ":")
		kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			continue
		}
		switch name {
		case "Private_Clean", "Private_Dirty":
			private += kb << 10
		case "Anonymous":
			anonymous = kb << 10
		}
	}
	m.heap, m.peak = max(m.heap, anonymous), max(m.peak, private)
}
