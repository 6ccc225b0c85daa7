package parse

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/auth"
)

// FuzzMail holds every mail to the promises of [mailbox.Message].
func FuzzMail(f *testing.F) {
	for _, raw := range samples(f) {
		f.Add(raw)
	}
	files, err := filepath.Glob("testdata/nasty/*.eml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := Mail(mailbox.Raw{Bytes: raw}, auth.Trust{})
		if err != nil {
			if strings.Trim(string(raw), "\x00 \r\n\t") != "" {
				t.Fatal(err)
			}
			return
		}
		check(t, m)
		for _, a := range m.Attached {
			check(t, a)
			if len(a.Attached) > 0 {
				t.Error("attached mails go one level deep")
			}
		}
	})
}

func check(t *testing.T, m mailbox.Message) {
	t.Helper()
	lines := []string{m.MessageID, m.Subject}
	lines = append(append(lines, m.InReplyTo...), m.References...)
	for _, list := range [][]mailbox.Address{m.From, m.Sender, m.ReplyTo, m.To, m.Cc} {
		for _, a := range list {
			lines = append(lines, a.Name, a.Address)
			if a.Domain() == "" || a.Domain() != mailbox.Domain(strings.ToLower(a.Address)) {
				t.Errorf("address %q", a.Address)
			}
		}
	}
	for _, f := range m.Header {
		lines = append(lines, f.Name, f.Value)
	}
	for _, a := range m.Attachments {
		lines = append(lines, a.Name, a.Type)
	}
	lines = append(lines, m.Defects...)
	for _, s := range lines {
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\r\n\u202e\u200b") {
			t.Errorf("unclean line %q", s)
		}
	}
	for _, s := range []string{m.Text, m.FullText} {
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\r\u202e") || utf8.RuneCountInString(s) > maxText {
			t.Errorf("unclean text %q", s)
		}
	}
}
