package mailserver_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/id8labs/escalated/mailbox/mailserver"
)

func TestForgedResultsAreRemoved(t *testing.T) {
	const field = "Authentication-Results:"
	for name, test := range map[string]struct {
		field string
		kept  bool
	}{
		"ours":                {field + " mx.acme.example; dmarc=pass\r\n", false},
		"other case":          {"authentication-results:MX.Acme.Example 1; dmarc=pass\r\n", false},
		"quoted":              {field + ` "mx.\acme.example"; dmarc=pass` + "\r\n", false},
		"behind a comment":    {field + " (a (b \\) c))\r\n\tmx.acme.example; dmarc=pass\r\n", false},
		"folded":              {field + "\r\n mx.acme.example;\r\n dmarc=pass\r\n", false},
		"space before colon":  {"Authentication-Results : mx.acme.example; dmarc=pass\r\n", false},
		"bare line feed":      {field + " mx.acme.example; dmarc=pass\n", false},
		"comment without end": {field + " (mx.acme.example; dmarc=pass\r\n", false},
		"string without end":  {field + " \"mx.acme.example; dmarc=pass\r\n", false},
		"no name":             {field + " ; dmarc=pass\r\n", false},
		"nothing":             {field + "\r\n", false},
		"theirs":              {field + " mx.northwind.example; dmarc=pass\r\n", true},
		"ours in a comment":   {field + " (mx.acme.example) other.example; dkim=pass\r\n", true},
		"another field":       {"ARC-Authentication-Results: i=1; mx.acme.example; dmarc=pass\r\n", true},
		"Return-Path":         {"Return-Path: <forged@acme.example>\r\n", false},
		"no field":            {"mx.acme.example\r\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			c := config()
			c.AuthservID = "mx.acme.example"
			s := run(t, c)
			ok(t, s.Deliver(client, desk, []byte("Subject: before\r\n"+test.field+note)))
			got := string(s.Mailbox(desk, "INBOX")[0].Bytes)
			want := "Subject: before\r\n" + note
			if test.kept {
				want = "Subject: before\r\n" + test.field + note
			}
			if !strings.HasSuffix(got, "\r\n"+want) {
				t.Errorf("delivered %q", got)
			}
			if n := strings.Count(got, field+" mx.acme.example;\r\n\tauth=none; spf=none; dkim=none; dmarc=none\r\n"); n != 1 {
				t.Errorf("%d fields of ours in %q", n, got)
			}
		})
	}
}

func TestResultsOfStrangers(t *testing.T) {
	c := config()
	c.AuthservID = "mx.acme.example"
	c.Results = func(e mailserver.Envelope) string { return "dmarc=pass header.from=" + strings.Split(e.From, "@")[1] }
	s := run(t, c)
	ok(t, send(submitter(t, s), client, note, desk))
	got := string(s.Mailbox(desk, "INBOX")[0].Bytes)
	if want := "Authentication-Results: mx.acme.example;\r\n\tdmarc=pass header.from=northwind.example\r\n"; !strings.Contains(got, want) {
		t.Errorf("delivered %q", got)
	}
}

// Without an id nothing is claimed, and what others claim stays.
func TestNoAuthservID(t *testing.T) {
	s := run(t, config())
	mail := "Authentication-Results: mx.acme.example; dmarc=pass\r\n" + note
	ok(t, s.Deliver(client, desk, []byte(mail)))
	_, got, _ := strings.Cut(string(s.Mailbox(desk, "INBOX")[0].Bytes), "+0000\r\n")
	if diff := cmp.Diff(mail, got); diff != "" {
		t.Error(diff)
	}
}

// Addresses are the client's and must stay on their line.
func TestHostileAddresses(t *testing.T) {
	s := run(t, config())
	ok(t, s.Deliver("a>\r\nX: y@x.example", "escalations+\r\nX: y@acme.example", []byte(note)))
	if got := string(s.Mailbox(desk, "INBOX")[0].Bytes); strings.Contains(got, "\nX:") {
		t.Errorf("delivered %q", got)
	}
}

// Delivery adds to the top, takes away whole reserved fields, and nothing else.
func FuzzDelivery(f *testing.F) {
	f.Add([]byte(note))
	f.Add([]byte("Authentication-Results: mx.acme.example; dmarc=pass\r\n" + note))
	f.Add([]byte("Return-Path: <x>\n folded\nA: b\n\nbody"))
	f.Add([]byte(" \r\n\r\n"))
	f.Add([]byte("Authentication-Results: (\\"))
	f.Add([]byte("Authentication-Results: \"\\"))
	f.Fuzz(func(t *testing.T, mail []byte) {
		c := config()
		c.AuthservID = "mx.acme.example"
		s := run(t, c)
		ok(t, s.Deliver(client, desk, mail))
		got := string(s.Mailbox(desk, "INBOX")[0].Bytes)
		_, rest, found := strings.Cut(got, "\tfor <"+desk+">; ")
		_, rest, _ = strings.Cut(rest, "\r\n")
		lower := strings.ToLower(string(mail))
		touched := strings.Contains(lower, "return-path") || strings.Contains(lower, "authentication-results")
		if !found || !touched && rest != string(mail) || len(rest) > len(mail) {
			t.Errorf("%q became %q", mail, got)
		}
		for line := range strings.SplitSeq(strings.ToLower(rest), "\n") {
			if line == "" || line == "\r" {
				break
			}
			if strings.HasPrefix(line, "authentication-results: mx.acme.example;") {
				t.Errorf("forged field stays in %q", got)
			}
		}
	})
}
