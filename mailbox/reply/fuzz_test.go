package reply_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/id8labs/escalated/mailbox/reply"
)

// FuzzReply holds the new text to its promises: it is valid, made of what is in
// the mail, and there when the mail holds text that nothing marks as another's.
func FuzzReply(f *testing.F) {
	files, err := filepath.Glob("testdata/replies/*.eml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		_, body, _ := strings.Cut(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n\n")
		f.Add("Re: kiln", "Leah Monroe", body, "")
		f.Add("Fwd: kiln", "Leah Monroe", "", body)
		f.Add("", "", body, body)
	}
	f.Fuzz(func(t *testing.T, subject, sender, text, html string) {
		for _, s := range []string{subject, sender, text, html} {
			if !utf8.ValidString(s) {
				t.Skip("the parser gives valid UTF-8 only")
			}
		}
		got := reply.New(reply.Mail{Subject: subject, Sender: sender, Text: text, HTML: html})
		if !utf8.ValidString(got) {
			t.Errorf("invalid: %q", got)
		}
		if html == "" && len(got) > 12*len(text)+12 {
			t.Errorf("%d octets of %d", len(got), len(text))
		}
		if html == "" && got == "" && strings.Contains(text, "problem") && !strings.Contains(text, ">") {
			t.Errorf("nothing left of %q", text)
		}
		reply.Forwarded(subject, text)
	})
}
