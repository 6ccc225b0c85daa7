package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReloadIsRefusedWhole: a key that only a restart changes keeps all others
// from changing, too. Else an operator who turns shadow mode on would believe it.
func TestReloadIsRefusedWhole(t *testing.T) {
	for name, yaml := range map[string]string{
		"company":       "company: Other\n",
		"address":       "address: other@acme.example\n",
		"subjects":      "subjects: stable\n",
		"http":          "http: 127.0.0.1:0\n",
		"free_space":    "limits: {free_space: 2MiB}\n",
		"shadow mode":   "smtp: {server: smtp+insecure://localhost, username: escalations@acme.example, password_env: ESCALATED_TEST_PASSWORD, redirect_to: shadow@acme.test}\n",
		"fallback":      "smtp: {server: smtp+insecure://localhost, username: escalations@acme.example, password_env: ESCALATED_TEST_PASSWORD, fallback: [\"smtp+insecure://localhost:2525\"]}\n",
		"archive":       "mailbox: {server: imap+insecure://localhost, username: escalations@acme.example, password_env: ESCALATED_TEST_PASSWORD, archive: Elsewhere}\n",
		"imap password": "mailbox: {server: imap+insecure://localhost, username: escalations@acme.example, password_env: OTHER}\n",
	} {
		t.Run(name, func(t *testing.T) {
			inProgram(t, func(t *testing.T, p *program) {
				p.configure(yaml + "people: [{name: Kim Park, email: kim@acme.test, roles: [agent]}]\n")
				if err := p.daemon.reload(p.settings()); err == nil || !strings.Contains(err.Error(), "restart") {
					t.Errorf("error %v, want one that asks for a restart", err)
				}
				p.deliver(eve, ourAddress, "", "Subject: Order export fails\n\nSince noon no order is exported.\n")
				if owner := p.records()[0].Owner; *owner != theAgent {
					t.Errorf("owned by %s: the refused roster is in force", *owner)
				}
				p.mails()
			})
		})
	}
}

// TestReloadOfTemplates takes a corrected template, and keeps the old ones
// when the new has a mistake.
func TestReloadOfTemplates(t *testing.T) {
	inProgram(t, func(t *testing.T, p *program) {
		dir := t.TempDir()
		write := func(text string) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, "ack.txt"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		p.configure("templates: " + dir + "\n")
		write("Subject: Ours\nOur own words.\n")
		if err := p.daemon.reload(p.settings()); err != nil {
			t.Fatal(err)
		}
		write("Subject: Ours\n{{.NoSuchField}}\n")
		if err := p.daemon.reload(p.settings()); err == nil || !strings.Contains(err.Error(), "ack.txt") {
			t.Errorf("error %v, want one that names ack.txt", err)
		}
		p.deliver(eve, ourAddress, "", "Subject: Order export fails\n\nSince noon no order is exported.\n")
		if text := readable(p, p.lastTo(eve)); !strings.Contains(text, "Our own words.") {
			t.Errorf("not worded by the last good template: %s", text)
		}
	})
}
