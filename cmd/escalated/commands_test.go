package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// escalated runs a command line and returns its exit code and output.
func escalated(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, world{&out, &err})
	return code, out.String(), err.String()
}

func TestExitCodes(t *testing.T) {
	t.Chdir(t.TempDir())
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	if err := os.WriteFile(broken, []byte("addres: x\nmailbox: 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"version"}, exitDone, ""},
		{[]string{"--help"}, exitDone, ""},
		{[]string{"srve"}, exitUsage, "serve"},
		{[]string{}, exitUsage, "expected one of"},
		{[]string{"list", "--nonsense"}, exitUsage, "nonsense"},
		{[]string{"serve", "--config", broken}, exitUsage, "did you mean `address`"},
		{[]string{"serve", "--config", broken}, exitUsage, "broken.yaml:2"},
		{[]string{"serve"}, exitUsage, "escalated.yaml"},
		{[]string{"list", "--config", broken}, exitUsage, "broken.yaml:1"},
		{[]string{"inspect"}, exitUsage, "file"},
	} {
		code, _, stderr := escalated(t, c.args...)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("%v: exit %d, want %d; said %q, want %q", c.args, code, c.code, stderr, c.says)
		}
	}
}

func TestInit(t *testing.T) {
	t.Chdir(t.TempDir())
	if code, out, _ := escalated(t, "init"); code != exitDone || !strings.Contains(out, "escalated.yaml") {
		t.Fatalf("exit %d, %q", code, out)
	}
	if code, _, stderr := escalated(t, "init"); code != exitFailed || !strings.Contains(stderr, "was not touched") {
		t.Errorf("a second init: exit %d, %q", code, stderr)
	}
	if code, _, stderr := escalated(t, "list"); code != exitFailed || !strings.Contains(stderr, "no service runs") {
		t.Errorf("list before the first start: exit %d, %q", code, stderr)
	}
}

func TestInspect(t *testing.T) {
	mail := filepath.Join("..", "..", "threads", "testdata", "threads", "04-cc-colleague", "01.eml")
	code, out, stderr := escalated(t, "inspect", "--json", mail, "missing.eml")
	if code != exitDone {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines for two files", len(lines))
	}
	var got struct {
		MessageID string `json:"message_id"`
		Text      string
		Kind      string
		From      struct{ Name, Address string }
		To        []any
		Commands  []any
	}
	if err := json.Unmarshal([]byte(lines[0]), &got); err != nil {
		t.Fatal(err)
	}
	if got.Kind != "escalation" || got.From.Address != "eunseo.baek@hanbit-biolabs.example" || !strings.HasPrefix(got.MessageID, "<") || len(got.To) != 1 || got.Commands == nil {
		t.Errorf("inspected %+v", got)
	}
	if !strings.Contains(got.Text, "reezer") {
		t.Errorf("the text is %q", got.Text)
	}
	if !strings.Contains(lines[1], `"error"`) {
		t.Errorf("a missing file gives %s", lines[1])
	}
	if code, out, _ := escalated(t, "inspect", mail); code != exitDone || !strings.Contains(out, "SEV-") {
		t.Errorf("for people: exit %d, %q", code, out)
	}
}
