package config

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// write puts a file into a folder of the test's own.
func write(t *testing.T, folder, file, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(folder, file)
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSecret(t *testing.T) {
	folder := t.TempDir()
	for content, want := range map[string]string{"s3cret\n": "s3cret", "s3cret\r\n": "s3cret", "s3cret": "s3cret", " s p ": " s p "} {
		got, err := Credentials{PasswordFile: write(t, folder, "p", content, 0o600)}.Secret()
		if err != nil || got != want {
			t.Errorf("%q gives %q, %v", content, got, err)
		}
	}
	for _, content := range []string{"", "\n", "a\nb\n", "a\x00", strings.Repeat("x", 70_000)} {
		if got, err := (Credentials{PasswordFile: write(t, folder, "p", content, 0o600)}).Secret(); err == nil {
			t.Errorf("%.10q gives %.10q, want an error", content, got)
		}
	}
	if _, err := (Credentials{PasswordFile: filepath.Join(folder, "none")}).Secret(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
	if _, err := (Credentials{PasswordFile: folder}).Secret(); err == nil {
		t.Error("a folder gives no error")
	}
	if got, err := (Credentials{}).Secret(); got != "" || err != nil {
		t.Errorf("no credentials give %q, %v", got, err)
	}
}

func TestSecretFromEnvironment(t *testing.T) {
	c := Credentials{PasswordEnv: "ESCALATED_TEST_PASSWORD"}
	t.Setenv(c.PasswordEnv, "")
	if _, err := c.Secret(); err == nil {
		t.Error("an empty variable gives no error")
	}
	t.Setenv(c.PasswordEnv, "s3cret")
	if got, err := c.Secret(); got != "s3cret" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestLoadChecked(t *testing.T) {
	folder := t.TempDir()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	write(t, folder, "ca.pem", string(certificate), 0o644)
	write(t, folder, "imap", "s3cret\n", 0o600)
	const good = `address: escalations@acme.example
mailbox: {server: imaps://imap.acme.test, username: u, password_file: imap, ca_file: ca.pem}
smtp: {server: smtps://smtp.acme.test}
templates: .
people: [{name: D, email: d@acme.example, roles: [agent]}]
`
	if _, err := LoadChecked(write(t, folder, "good.yaml", good, 0o644)); err != nil {
		t.Error(err)
	}
	bad := strings.NewReplacer("imap, ca", "gone, ca", "ca.pem", "imap", "templates: .", "templates: gone\npoll: 1m",
		"imap.acme.test", "imap.acme.example", "smtps://smtp.acme.test", `smtps://smtp.acme.test, username: u, password_env: ESCALATED_TEST_UNSET, fallback: [{server: smtps://h, username: u, oauth2: {token_url: "https://h/t", client_id: c, client_secret_file: gone1, refresh_token_file: gone2}}]`).Replace(good)
	path := write(t, folder, "bad.yaml", bad, 0o644)
	c, err := LoadChecked(path)
	if c != nil || err == nil {
		t.Fatalf("got %v, %v", c, err)
	}
	golden(t, "testdata/checked.txt", []byte(strings.ReplaceAll(err.Error(), folder+string(filepath.Separator), "")+"\n"))
}

// TestCheckWithoutFile: a Config made in code is checked like any other.
func TestCheckWithoutFile(t *testing.T) {
	c := defaults()
	c.Mailbox.PasswordFile = filepath.Join(t.TempDir(), "none")
	if err := c.Check(); err == nil || !strings.Contains(err.Error(), "mailbox.password_file") {
		t.Errorf("got %v", err)
	}
}

func TestLoadMissing(t *testing.T) {
	for _, load := range []func(string) (*Config, error){Load, LoadChecked} {
		c, err := load(filepath.Join(t.TempDir(), "escalated.yaml"))
		if c != nil || err == nil || !strings.Contains(err.Error(), "escalated init") {
			t.Errorf("got %v, %v", c, err)
		}
	}
}

func TestWarnings(t *testing.T) {
	folder := t.TempDir()
	c, err := Parse(filepath.Join(folder, "x.yaml"), []byte(`address: escalations@acme.example
mailbox: {server: imap+insecure://localhost, username: u, password_file: open}
smtp: {server: smtp+insecure://localhost, redirect_to: shadow@acme.example}
trust: {insecure_from_only: true, subaddress: false}
people: [{name: D, email: d@acme.example, roles: [agent]}]
customers: [{company: N, domains: [n.example], csm: gone@acme.example}]
`))
	if err != nil {
		t.Fatal(err)
	}
	write(t, folder, "open", "s3cret", 0o644)
	if err := os.Chmod(filepath.Join(folder, "open"), 0o644); err != nil {
		t.Fatal(err)
	}
	want := []string{"insecure_from_only", "authserv_id", "subaddress", "redirect_to", "mailbox.server", "smtp.server", "chmod", "csm"}
	if runtime.GOOS == "windows" {
		want = append(want[:6:6], "csm")
	}
	got := c.Warnings()
	if len(got) != len(want) {
		t.Fatalf("%d warnings, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("warning %d is %q, want one of %s", i, got[i], want[i])
		}
	}
}

// TestExample: what init writes is valid, has every key, stays valid without
// the # of its optional keys, and shows true defaults.
func TestExample(t *testing.T) {
	c, err := Parse("escalated.yaml", Example())
	if err != nil {
		t.Fatal(err)
	}
	if warnings := c.Warnings(); len(warnings) > 0 {
		t.Errorf("warnings: %q", warnings)
	}
	golden(t, "testdata/example.txt", fmt.Appendln(nil, c.Check()))
	full := regexp.MustCompile(`(?m)^( *)#(\S| {2,}\S)`).ReplaceAll(Example(), []byte("$1$2"))
	all, err := Parse("escalated.yaml", full)
	if err != nil {
		t.Fatal(err)
	}
	all.Customers[0].Prefers, all.Policy.Raise, all.Mailbox.Sent = "email", nil, ""
	if diff := cmp.Diff(c.Policy, all.Policy); diff != "" {
		t.Errorf("the example shows other defaults (-real +shown):\n%s", diff)
	}
	if diff := cmp.Diff([]any{c.Limits, c.Digest, c.Log, c.HTTP, c.Subjects, c.Trust, c.Data, c.Retention, c.Mailbox, c.TimeZone.String()},
		[]any{all.Limits, all.Digest, all.Log, all.HTTP, all.Subjects, all.Trust, all.Data, all.Retention, all.Mailbox, all.TimeZone.String()}); diff != "" {
		t.Errorf("the example shows other defaults (-real +shown):\n%s", diff)
	}
	requireKeys(t, reflect.TypeFor[Config]())
}

func requireKeys(t *testing.T, section reflect.Type) {
	t.Helper()
	for section.Kind() == reflect.Slice || section.Kind() == reflect.Map || section.Kind() == reflect.Pointer {
		section = section.Elem()
	}
	if !isSection(section) {
		return
	}
	for _, f := range fieldsOf(section) {
		if !regexp.MustCompile(`\b` + f.key + `\b`).Match(Example()) {
			t.Errorf("the example lacks the key %s of %v", f.key, section)
		}
		requireKeys(t, f.of)
	}
}
