package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// nasties are mails made to break a reader, by name: those that package parse
// is tested with, and some too large to keep.
func nasties(t *testing.T) map[string][]byte {
	t.Helper()
	mails := map[string][]byte{}
	files, err := filepath.Glob("../../mailbox/parse/testdata/nasty/*.eml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no nasty mails: %v", err)
	}
	for _, file := range files {
		mail, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".eml")
		// With one Message-ID for all, some would be copies of others.
		mails[name] = bytes.ReplaceAll(mail, []byte("<nasty@"), []byte("<"+name+"@"))
	}
	maps.Copy(mails, generated())
	return mails
}

func generated() map[string][]byte {
	const (
		text   = "Content-Type: text/plain\r\n\r\nSince 08:40 nobody can check out.\r\n"
		passed = "Authentication-Results: mx.acme.example; dmarc=pass header.from=northwind.example\r\n" // so that it is greeted by name
		mixed  = "Content-Type: multipart/mixed; boundary=edge\r\n\r\n"
	)
	head := func(n int) string {
		return fmt.Sprintf("From: Eve <eve@northwind.example>\r\nSubject: Checkout is down, case %d\r\nMessage-ID: <generated-%d@northwind.example>\r\n", n, n)
	}
	var nested strings.Builder
	for level := range 10_000 {
		fmt.Fprintf(&nested, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", level, level)
	}
	inject := "=?utf-8?Q?down=0D=0ABcc:_victim@evil.example=0D=0AX-Evil:_1?="
	mails := map[string]string{
		"a line end and nothing else": "\r\n",
		"nested 10,000 deep":          head(1) + nested.String() + text,
		"1 MB of header":              head(2) + strings.Repeat("X-Filler: "+strings.Repeat("x", 90)+"\r\n", 10_000) + text,
		"1 MB in one field":           head(3) + "X-Filler: " + strings.Repeat("x", 1<<20) + "\r\n" + text,
		"2 MB in one line":            head(4) + "\r\n" + strings.Repeat("x", 2<<20),
		"100,000 parts":               head(5) + mixed + strings.Repeat("--edge\r\n"+text, 100_000) + "--edge--\r\n",
		"200,000 recipients":          head(6) + "Cc: " + strings.Repeat("a@b.example, ", 200_000) + "c@d.example\r\n" + text,
		"100,000 references":          head(7) + "References: " + strings.Repeat("<a@b.example>\r\n ", 100_000) + "<c@d.example>\r\n" + text,
		"line ends in every word": "From: " + inject + " <eve@northwind.example>\r\nReply-To: " + inject + " <eve@northwind.example>\r\nSubject: " + inject +
			"\r\nMessage-ID: <" + inject + "@northwind.example>\r\nReferences: <a\r\n Bcc:victim@evil.example>\r\n" + text,
		"an address with line ends":   "From: \"eve\\\r\n Bcc: victim\"@northwind.example\r\nSubject: Checkout is down, quoted\r\n" + text,
		"an address that is a header": "From: <\"eve\r\nBcc: victim@evil.example\r\n\"@northwind.example>\r\nSubject: Checkout is down, cut\r\n" + text,
		"a subject of 1 MB":           "From: eve@northwind.example\r\nSubject: " + strings.Repeat("down ", 200_000) + "\r\n" + text,
		"a sender of 1 MB":            "From: " + strings.Repeat("e", 1<<20) + "@northwind.example\r\nSubject: Checkout is down, long\r\n" + text,
		"a name of 1 MB":              "From: " + strings.Repeat("Eve ", 1<<18) + "<eve@northwind.example>\r\nSubject: Checkout is down, named\r\n" + text,
		"quotes in a name":            passed + "From: \"Eve \\\"Boss\\\" Adams\" <quoted1@northwind.example>\r\nSubject: Checkout is down, quotes\r\n" + text,
		"an address in a quoted name": passed + "From: \"a\\\" <victim@evil.example>, \\\"b\" <quoted2@northwind.example>\r\nSubject: Checkout is down, two\r\n" + text,
		"a name ends in a backslash":  passed + "From: \"Eve \\\\\" <quoted3@northwind.example>\r\nSubject: Checkout is down, slash\r\n" + text,
		"a name in encoded quotes":    passed + "From: =?utf-8?Q?Eve_=22Boss=22_=5C?= <quoted4@northwind.example>\r\nSubject: Checkout is down, encoded\r\n" + text,
		"brackets in a name":          passed + "From: =?utf-8?Q?Eve_=3Cvictim=40evil.example=3E?= <quoted5@northwind.example>\r\nSubject: Checkout is down, brackets\r\n" + text,
		"template in every field":     "From: \"{{.Company}} {{template}} %s%n\" <eve@northwind.example>\r\nSubject: {{range .}}{{end}} <script>alert(1)</script>\r\n" + text,
	}
	all := map[string][]byte{}
	for name, mail := range mails {
		all[name] = []byte(mail)
	}
	return all
}

func TestNastyMails(t *testing.T) {
	s := newSite(t)
	p := s.serve()
	s.awaitReady()
	mails := nasties(t)
	good := 0
	for _, mail := range mails {
		s.imap.Deliver(mail, complaint(good))
		good++
	}
	await(t, "every good mail is acknowledged", func() bool { return s.acknowledgedOf(good) == good })
	await(t, "the folder is empty", func() bool { return s.imap.Count("INBOX") == 0 })
	await(t, "nothing waits in the outbox", s.quiet)
	p.stop() // what is on the wire settles
	s.checkEnds(len(mails) + good)
	recipients := map[string]bool{"dana@acme.example": true, "mia@acme.example": true}
	for n := range good {
		recipients[customerOf(n)] = true
	}
	for _, r := range s.list() {
		if r.AcknowledgedAt != nil {
			recipients[strings.ReplaceAll(r.Customer.Address, `"`, "")] = true
		} else if shown := query[record](s, "show", r.ID)[0]; !shown.happened("acknowledgment_withheld") {
			t.Errorf("%s of %q is neither acknowledged nor is it said why not: %v", r.ID, r.Customer.Address, shown.Events)
		}
	}
	for to := range recipients {
		if !strings.HasSuffix(to, "@acme.example") && !strings.HasSuffix(to, "@northwind.example") {
			t.Errorf("%q was acknowledged", to)
		}
	}
	s.relay.checkHeaders(t, recipients)
}

// acknowledgedOf counts the writers of good mails who have an acknowledgment.
func (s *site) acknowledgedOf(mails int) int {
	count, all := 0, s.relay.acknowledged()
	for n := range mails {
		if all[customerOf(n)] {
			count++
		}
	}
	return count
}

// quiet reports that nothing waits to be sent, asking as a monitor does.
func (s *site) quiet() bool {
	_, metrics := s.health("/metrics")
	return strings.Contains(metrics, "\nescalated_outbox_due 0\n")
}

// checkEnds wants as many mails recorded, set aside or in quarantine as were
// delivered, and a human told of each in quarantine.
func (s *site) checkEnds(mails int) {
	s.tb.Helper()
	recorded := 0
	for _, r := range s.list() {
		recorded += r.Messages
	}
	aside := len(query[map[string]any](s, "list", "--set-aside"))
	quarantined := s.imap.Count(quarantine)
	s.tb.Logf("%d mails: %d recorded, %d set aside, %d in quarantine", mails, recorded, aside, quarantined)
	if recorded+aside+quarantined != mails || s.imap.Count(archive)+quarantined != mails {
		s.tb.Errorf("the archive holds %d", s.imap.Count(archive))
	}
	told := 0
	for _, m := range s.relay.all("operator") {
		if strings.Contains(m.text(s.tb), "quarantine folder") {
			told++
		}
	}
	if told != quarantined {
		s.tb.Errorf("operators were told of %d mails in quarantine", told)
	}
}
