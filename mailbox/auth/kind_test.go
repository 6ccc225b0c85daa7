package auth

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/id8labs/escalated/mailbox"
)

// TestKinds judges every mail of testdata; its name begins with its kind.
// "withheld" is a person's mail that is not to be answered.
func TestKinds(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.eml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no mails: %v", err)
	}
	kinds := map[string]mailbox.Kind{
		"bounce": mailbox.KindBounce, "robot": mailbox.KindRobot, "bulk": mailbox.KindBulk, "own": mailbox.KindOwn,
		"human": mailbox.KindHuman, "withheld": mailbox.KindHuman,
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".eml")
		t.Run(name, func(t *testing.T) {
			word, _, _ := strings.Cut(name, "-")
			got := trust.Judge(readFile(t, file))
			if got.Kind != kinds[word] {
				t.Errorf("%s (%s), want %s", got.Kind, got.Because, kinds[word])
			}
			if quiet := word != "human"; got.NoReply != quiet || (got.Because != "") != quiet {
				t.Errorf("NoReply %t because %q", got.NoReply, got.Because)
			}
			if diff := cmp.Diff(bounces[name], got.Bounce); diff != "" {
				t.Error(diff)
			}
		})
	}
}

var bounces = map[string]*mailbox.Bounce{
	"bounce-postfix":           {Recipient: "sales@b.example", Permanent: true, Status: "5.1.1", OriginalMessageID: "esc-1-ack@acme.example", Token: "Qx7k2"},
	"bounce-delayed":           {Recipient: "ann@b.example", Status: "4.4.1", OriginalMessageID: "esc-1-ack@acme.example", Token: "tok"},
	"bounce-mixed":             {Recipient: "gone@b.example", Permanent: true, Status: "4.4.7", OriginalMessageID: "esc-1-ack@acme.example"},
	"bounce-without-action":    {Recipient: "o'brien@b.example", Permanent: true, Status: "5.2.2", OriginalMessageID: "esc-1-ack@acme.example"},
	"bounce-diagnostic-only":   {Recipient: "ann@b.example", Permanent: true, Status: "5.7.1"},
	"bounce-qmail":             {Recipient: "ann@b.example", Permanent: true, Status: "5.7.1", OriginalMessageID: "esc-2-upd@acme.example", Token: "q1"},
	"bounce-exim":              {Recipient: "ann@b.example", Permanent: true},
	"bounce-exim-warning":      {Recipient: "ann@b.example"},
	"bounce-exchange":          {Recipient: "ann@b.example", Permanent: true, Status: "5.1.10", OriginalMessageID: "esc-3-ack@acme.example"},
	"bounce-postmaster-german": {Recipient: "ann@b.example", Permanent: true, Status: "5.1.1"},
}

// TestReportWithoutGroups judges delivery reports of which only the text is left.
func TestReportWithoutGroups(t *testing.T) {
	for subject, want := range map[string]*mailbox.Bounce{
		"Undelivered Mail":                       {Recipient: "ann@b.example", Permanent: true, Status: "5.1.1", OriginalMessageID: "esc-4@acme.example"},
		"Delivery Status Notification (Delay)":   {Recipient: "ann@b.example", Status: "5.1.1", OriginalMessageID: "esc-4@acme.example"},
		"Delivery Status Notification (Success)": nil,
	} {
		m := &mailbox.Message{
			Subject: subject, Report: mailbox.Report{Type: "Delivery-Status"}, Attached: []mailbox.Message{{}, {MessageID: "esc-4@acme.example"}},
			Text: "From 10.4.2.2.1 to escalations@acme.example: ann@B.example, 5.1.1.",
		}
		if diff := cmp.Diff(want, trust.Judge(m).Bounce); diff != "" {
			t.Errorf("%s:\n%s", subject, diff)
		}
	}
}

// TestAction reads the fields of one recipient, of which the first of a kind counts.
func TestAction(t *testing.T) {
	field := func(name, value string) mailbox.Header { return mailbox.Header{{Name: name, Value: value}} }
	for want, group := range map[string]mailbox.Header{
		"failed": field("Status", "5.0.0"), "delayed": field("Status", "4.0.0 (busy)"), "delivered": field("status", "2.1.5"),
		"relayed": field("Action", " (said) Relayed (x)"), "": field("Status", "no idea"),
	} {
		if got := action(group); got != want {
			t.Errorf("%v is %q, want %q", group, got, want)
		}
	}
	m := &mailbox.Message{Report: mailbox.Report{Type: "delivery-status", Status: []mailbox.Header{
		{{Name: "Action", Value: "failed"}, {Name: "Final-Recipient", Value: "rfc822; a@b.example"}},
		{{Name: "Action", Value: "failed"}, {Name: "Final-Recipient", Value: "rfc822; z@b.example"}},
	}}}
	if got := trust.Judge(m).Bounce.Recipient; got != "a@b.example" {
		t.Errorf("recipient %q", got)
	}
	m.Report.Status = nil
	m.Text = "To escalations@acme.example from postmaster@b.example"
	if got := trust.Judge(m).Bounce.Recipient; got != "" {
		t.Errorf("nobody's address: %q", got)
	}
}

// TestCorpus judges the labelled mails in the folder ESCALATED_CORPUS names.
func TestCorpus(t *testing.T) {
	folder := os.Getenv("ESCALATED_CORPUS")
	if folder == "" {
		t.Skip("ESCALATED_CORPUS is not set")
	}
	kinds := map[string]mailbox.Kind{"auto-reply": mailbox.KindRobot, "bounce": mailbox.KindBounce, "newsletter": mailbox.KindBulk}
	for _, label := range labels[struct{ File, Kind string }](t, filepath.Join(folder, "labels.jsonl")) {
		checkKind(t, filepath.Join(folder, label.File), kinds[label.Kind])
	}
	expected, _ := filepath.Glob(filepath.Join(folder, "threads", "*", "expected.json"))
	for _, file := range expected {
		var mails []struct{ File, Role string }
		if data, err := os.ReadFile(file); err != nil || json.Unmarshal(data, &mails) != nil {
			t.Fatalf("reading %s: %v", file, err)
		}
		roles := map[string]mailbox.Kind{"auto": mailbox.KindRobot, "outbound": mailbox.KindOwn}
		for _, mail := range mails {
			checkKind(t, filepath.Join(filepath.Dir(file), mail.File), roles[mail.Role])
		}
	}
	replies, _ := filepath.Glob(filepath.Join(folder, "replies", "*.eml"))
	for _, file := range replies {
		checkKind(t, file, "")
	}
}

func checkKind(t *testing.T, file string, want mailbox.Kind) {
	t.Helper()
	got := trust.Judge(readFile(t, file))
	if want == mailbox.KindRobot && got.Kind == mailbox.KindBounce && strings.Contains(file, "bounce") {
		return // the threads call a bounce automatic too
	}
	if want == "" {
		want = mailbox.KindHuman
	}
	if got.Kind != want {
		t.Errorf("%s: %s (%s), want %s", file, got.Kind, got.Because, want)
	}
	if want == mailbox.KindHuman && got.NoReply || want == mailbox.KindBounce && got.Bounce.Recipient == "" {
		t.Logf("%s: %+v", file, got)
	}
}

func labels[T any](t *testing.T, file string) (all []T) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var label T
		if err := json.Unmarshal(lines.Bytes(), &label); err != nil {
			t.Fatal(err)
		}
		all = append(all, label)
	}
	return all
}

func readFile(t *testing.T, file string) *mailbox.Message {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, raw)
}
