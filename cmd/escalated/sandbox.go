package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"text/template"
	"time"

	"github.com/id8labs/escalated/cmd/escalated/config"
	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/auth"
	"github.com/id8labs/escalated/mailbox/mailserver"
	"github.com/id8labs/escalated/mailbox/parse"
	"github.com/id8labs/escalated/threads"
)

// The people of the sandbox. All have the same password.
const (
	sandboxWatched  = "escalations@acme.example"
	sandboxAgent    = "dana@acme.example"
	sandboxManager  = "mia@acme.example"
	sandboxCustomer = "eve@northwind.example"
	sandboxPassword = "sandbox"
	sandboxServer   = "mx.acme.example"
)

//go:embed sandbox/config.yaml
var sandboxConfig string

//go:embed sandbox/sample.eml
var sandboxSample string

//go:embed sandbox/welcome.txt
var sandboxWelcome string

type sandboxCommand struct {
	Data string `type:"path" help:"Keep the records in this folder; else they go with the sandbox. Mailboxes are always in memory."`
	IMAP string `name:"imap" default:"127.0.0.1:1143" help:"Where to serve the mailboxes; another port is taken when this one is in use."`
	SMTP string `name:"smtp" default:"127.0.0.1:1025" help:"Where to take mail; another port is taken when this one is in use."`
}

// Run runs the service on an embedded mail server until ctx ends.
func (c *sandboxCommand) Run(ctx context.Context, w world) (err error) {
	data := c.Data
	if data == "" {
		if data, err = os.MkdirTemp("", "escalated-sandbox-"); err != nil {
			return fmt.Errorf("making a folder for the records: %w", err)
		}
		defer os.RemoveAll(data)
	}
	mail := sandboxMail()
	defer mail.Close()
	if err := startMail(mail, c.IMAP, c.SMTP); err != nil {
		return err
	}
	cfg, err := sandboxSettings(mail, data)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(w.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	printer := &mailPrinter{out: w.stdout}
	d, err := newDaemon(ctx, cfg, log, daemonOptions{sent: printer.print})
	if err != nil {
		return err
	}
	if err := welcome(w.stdout, mail, cfg.Data); err != nil {
		return err
	}
	if err := mail.Deliver(sandboxCustomer, sandboxWatched, sampleMail(time.Now())); err != nil {
		return err
	}
	return d.run(ctx, nil, func() {})
}

// sandboxMail is the mail server of an invented company and one customer. It
// vouches for whoever writes, as if every sender's domain had DMARC.
func sandboxMail() *mailserver.Server {
	user := func(address string) mailserver.User {
		return mailserver.User{Address: address, Password: sandboxPassword}
	}
	return mailserver.New(mailserver.Config{
		Domain:     mailbox.Domain(sandboxWatched),
		Users:      []mailserver.User{user(sandboxWatched), user(sandboxAgent), user(sandboxManager), user(sandboxCustomer)},
		AuthservID: sandboxServer,
		Results: func(e mailserver.Envelope) string {
			if domain := mailbox.Domain(e.From); domain != "" && domain != mailbox.Domain(sandboxWatched) {
				return "dmarc=pass header.from=" + domain
			}
			return "dmarc=none"
		},
	})
}

// startMail listens where it was asked to, or on any free port.
func startMail(mail *mailserver.Server, imap, smtp string) error {
	err := mail.Start(imap, "")
	if err != nil {
		err = mail.Start("127.0.0.1:0", "")
	}
	if err != nil {
		return err
	}
	if mail.Start("", smtp) == nil {
		return nil
	}
	return mail.Start("", "127.0.0.1:0")
}

// sandboxSettings is an ordinary configuration that points at the embedded
// server; its file lies beside the records, for list and show.
func sandboxSettings(mail *mailserver.Server, data string) (*config.Config, error) {
	if err := os.Setenv("ESCALATED_SANDBOX_PASSWORD", sandboxPassword); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder for the records: %w", err)
	}
	text := strings.NewReplacer("IMAP_ADDRESS", mail.IMAPAddr(), "SMTP_ADDRESS", mail.SMTPAddr()).Replace(sandboxConfig)
	path := filepath.Join(data, "sandbox.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("writing the sandbox's configuration: %w", err)
	}
	return config.Load(path)
}

func sampleMail(now time.Time) []byte {
	text := strings.NewReplacer("DATE", now.Format(time.RFC1123Z), "ID", fmt.Sprint(now.UnixNano())).Replace(sandboxSample)
	return []byte(strings.ReplaceAll(text, "\n", "\r\n"))
}

func welcome(out io.Writer, mail *mailserver.Server, data string) error {
	t, err := template.New("welcome").Parse(sandboxWelcome)
	if err != nil {
		return err
	}
	return t.Execute(out, map[string]string{
		"Watched": sandboxWatched, "Agent": sandboxAgent, "Manager": sandboxManager, "Customer": sandboxCustomer,
		"Password": sandboxPassword, "IMAP": mail.IMAPAddr(), "SMTP": mail.SMTPAddr(), "Config": filepath.Join(data, "sandbox.yaml"),
	})
}

// A mailPrinter prints each mail as its reader sees it.
type mailPrinter struct {
	mu  sync.Mutex
	out io.Writer
}

func (p *mailPrinter) print(n *threads.Notice, raw []byte) {
	m, err := parse.Mail(mailbox.Raw{Bytes: raw}, auth.Trust{})
	if err != nil {
		return // we wrote it ourselves
	}
	var b bytes.Buffer
	rule := strings.Repeat("─", 78)
	fmt.Fprintf(&b, "\n%s\n%s  to %s\nSubject: %s\n%s\n%s\n", rule, strings.ToUpper(n.Kind), m.Header.Get("To"), m.Subject, rule, strings.TrimSpace(m.FullText))
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = p.out.Write(b.Bytes()) // a closed terminal is no reason to stop sending
}
