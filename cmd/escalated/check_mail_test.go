package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/auth"
	"github.com/id8labs/escalated/mailbox/mailserver"
	"github.com/id8labs/escalated/mailbox/parse"
)

const (
	sentToUs   = "ok mail.sent: HOST took the test mail to escalations@acme.example: 250 OK: queued"
	sentToSub  = "ok mail.sent: HOST took the test mail to escalations+check-NONCE@acme.example: 250 OK: queued"
	arrived    = "ok mail.arrived: in INBOX, SOON after it was sent"
	idKept     = "ok mail.message_id: was kept"
	replyKept  = "ok mail.reply_to: was kept, with its token"
	authKept   = `ok mail.authserv_id: Authentication-Results from top to bottom: mx.acme.example; the topmost is by trust.authserv_id, and this mail counts as "none"`
	subArrived = "ok mail.subaddress: mail to escalations+check-NONCE@acme.example arrives, SOON after it was sent"
	subAdvice  = "let the server deliver user+detail@ (RFC 5233) to the mailbox, or write `trust.subaddress: false`"
)

// swap is a route that changes the mail on its way.
func swap(old, by string) func(*patient, string, []byte) {
	return func(p *patient, to string, mail []byte) {
		if err := p.post.Deliver("x@relay.test", to, bytes.ReplaceAll(mail, []byte(old), []byte(by))); err != nil {
			p.Error(err)
		}
	}
}

func TestCheckReadsBack(t *testing.T) {
	const trusted, off = "{authserv_id: mx.acme.example}", "{authserv_id: mx.acme.example, subaddress: false}"
	for _, test := range []struct {
		name, trust string
		route       func(*patient, string, []byte)
		args        []string
		want        []string
	}{
		{"rewritten Message-ID", trusted, swap("Message-ID: <check.", "Message-ID: <other."), nil, []string{
			sentToUs, sentToSub, arrived,
			"note mail.message_id: was rewritten, <check.NONCE@acme.example> into <other.NONCE@acme.example>: replies are recognised by the reply address alone → have the SMTP server keep Message-IDs, or see to it that mail.subaddress below is ok",
			replyKept, authKept, subArrived,
		}},
		{"rewritten Message-ID, no sub-addresses", off, swap("Message-ID: <check.", "Message-ID: <other."), nil, []string{
			sentToUs, sentToSub, arrived,
			"problem mail.message_id: was rewritten, <check.NONCE@acme.example> into <other.NONCE@acme.example>: replies are recognised by the tag in the subject alone → have the SMTP server keep Message-IDs, or use sub-addresses (`trust.subaddress: true`)",
			authKept,
			"note mail.subaddress: mail to escalations+check-NONCE@acme.example arrives, but trust.subaddress is false → write `trust.subaddress: true`: replies and bounces are then recognised whatever a server does to Message-IDs",
		}},
		{"Reply-To taken off", trusted, swap("Reply-To:", "X-Was:"), nil, []string{
			sentToUs, sentToSub, arrived, idKept,
			"problem mail.reply_to: Reply-To was changed: replies come without the token that proves whom they answer → have the SMTP server leave Reply-To as it is",
			authKept, subArrived,
		}},
		{"sub-addresses dropped", trusted, plainOnly, []string{"--wait", "1s"}, []string{
			sentToUs, sentToSub, arrived, idKept, replyKept, authKept,
			"problem mail.subaddress: mail to escalations+check-NONCE@acme.example is neither in INBOX nor in Escalations/Archive after 1s: replies to our mails, and bounces of them, would be lost → " + subAdvice,
		}},
		{"sub-addresses dropped, none used", off, plainOnly, []string{"--wait", "1s"}, []string{
			sentToUs, sentToSub, arrived, idKept, authKept,
			"ok mail.subaddress: mail to escalations+check-NONCE@acme.example is neither in INBOX nor in Escalations/Archive after 1s; none are used, trust.subaddress is false",
		}},
		{"detail stripped", trusted, func(p *patient, _ string, mail []byte) {
			p.put("INBOX", stripped(mail))
		}, nil, []string{
			sentToUs, sentToSub, arrived, idKept, replyKept,
			`note mail.authserv_id: the test mail has no Authentication-Results, as is common for a server's own users; whether trust.authserv_id "mx.acme.example" is right cannot be told → look for the topmost Authentication-Results in the source of a mail from outside: its first word is what trust.authserv_id must be`,
			"problem mail.subaddress: mail to escalations+check-NONCE@acme.example arrives, but no longer says so: replies to our mails, and bounces of them, would be lost → " + subAdvice,
		}},
		{"filed by a service", trusted, func(p *patient, _ string, mail []byte) {
			p.put("Escalations/Archive", append([]byte("Authentication-Results: mx.acme.example; none\r\n"), mail...))
		}, nil, []string{
			sentToUs, sentToSub, "ok mail.arrived: in Escalations/Archive, SOON after it was sent", idKept, replyKept, authKept, subArrived,
		}},
		{"lost", trusted, func(*patient, string, []byte) {}, []string{"--wait", "10ms"}, []string{
			sentToUs, sentToSub,
			"problem mail.arrived: the test mail is neither in INBOX nor in Escalations/Archive after 10ms → look for \"escalated check NONCE\" in the spam folder and at the server's filters; see that mail to escalations@acme.example reaches the mailbox of escalations@acme.example; if it is only slow, give --wait more time",
			"problem mail.subaddress: mail to escalations+check-NONCE@acme.example is neither in INBOX nor in Escalations/Archive after 10ms: replies to our mails, and bounces of them, would be lost → " + subAdvice,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPatient(t, nil)
			p.put("INBOX", []byte("Subject: an old mail\r\n\r\nhello\r\n"))
			p.trust, p.route = test.trust, test.route
			p.finds(append(toUs(), test.args...), "mail", test.want...)
			for _, m := range p.post.Mailbox(ourAddress, "INBOX") {
				if len(m.Flags) != 0 {
					t.Errorf("a mail is marked %v", m.Flags)
				}
			}
		})
	}
}

// plainOnly delivers only mail without a sub-address.
func plainOnly(p *patient, to string, mail []byte) {
	if _, detail := mailbox.SubAddress(to); detail == "" {
		swap("", "")(p, to, mail)
	}
}

// stripped takes the detail from the To of a mail.
func stripped(mail []byte) []byte {
	before, after, ok := bytes.Cut(mail, []byte("To: <escalations+check-"))
	if !ok || bytes.HasSuffix(before, []byte("Reply-")) {
		return mail
	}
	_, after, _ = bytes.Cut(after, []byte("@"))
	return append(append(before, "To: <escalations@"...), after...)
}

func TestCheckAuthservID(t *testing.T) {
	const source = "look for the topmost Authentication-Results in the source of a mail from outside: its first word is what trust.authserv_id must be"
	const write = "if mx.acme.example is your own server, and takes off forged fields of its name, write `trust.authserv_id: mx.acme.example`"
	for _, test := range []struct {
		name, trust, fields, want string
	}{
		{"none", "{}", "", "note mail.authserv_id: the test mail has no Authentication-Results, as is common for a server's own users; whether trust.authserv_id may be set cannot be told → " + source},
		{"not configured", "{}", "Authentication-Results: mx.acme.example; none\r\nAuthentication-Results: relay.test; none\r\n",
			"note mail.authserv_id: Authentication-Results from top to bottom: mx.acme.example, relay.test; trust.authserv_id is empty, so none is believed → " + write},
		{"another", "{authserv_id: mx.other.example}", "Authentication-Results: mx.acme.example; none\r\n",
			`problem mail.authserv_id: Authentication-Results from top to bottom: mx.acme.example; trust.authserv_id is "mx.other.example", so no mail counts as authenticated → ` + write},
		{"not the topmost", "{authserv_id: relay.test}", "Authentication-Results: mx.acme.example; none\r\nAuthentication-Results: relay.test; none\r\n",
			`note mail.authserv_id: Authentication-Results from top to bottom: mx.acme.example, relay.test; trust.authserv_id is "relay.test", but the last server to check this mail was "mx.acme.example" → ` + write},
		{"nameless", "{authserv_id: mx.acme.example}", "Authentication-Results: spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=acme.example\r\n",
			"note mail.authserv_id: Authentication-Results from top to bottom: (no name); the topmost names no server, so it cannot be told from a forged one → have your mail server write its name (RFC 8601 §2.5), or leave trust.authserv_id empty"},
		{"vouched for", "{authserv_id: MX.acme.example}", "Authentication-Results: mx.acme.example; dmarc=pass header.from=acme.example\r\n",
			`ok mail.authserv_id: Authentication-Results from top to bottom: mx.acme.example; the topmost is by trust.authserv_id, and this mail counts as "pass"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPatient(t, nil)
			p.trust = test.trust
			p.route = func(p *patient, to string, mail []byte) { p.put("INBOX", append([]byte(test.fields), mail...)) }
			p.finds(toUs(), "mail.authserv_id", test.want)
		})
	}
}

func TestCheckElsewhere(t *testing.T) {
	p := newPatient(t, nil)
	p.route = func(*patient, string, []byte) {}
	took := "ok mail.sent: HOST took the test mail to pat@northwind.example: 250 OK: queued"
	look := `ok mail.arrived: look for "escalated check NONCE" in the mailbox of pat@northwind.example and in its spam folder; only mail to our own address is read back`
	p.finds([]string{"--send-to", "Pat <pat@northwind.example>"}, "mail", took, look)

	// Shadow mode is for the service's mail; who types an address means it.
	p.fallback = ", redirect_to: dana@acme.example"
	p.finds([]string{"--send-to", "pat@northwind.example"}, "mail", took,
		"note mail.sent: smtp.redirect_to is set, yet the test mail went to pat@northwind.example, since you named it", look)
}

// Without a mailbox the mail is sent all the same, and not waited for.
func TestCheckSendsWithoutMailbox(t *testing.T) {
	p := newPatient(t, nil)
	p.imap = "imaps://127.0.0.1:1"
	p.finds(toUs(), "mail", sentToUs, "note mail.arrived: the test mail is not read back: the mailbox is out of reach, see above → mend that first")
	p.imap, p.smtp = "imap+insecure://"+p.post.IMAPAddr(), "smtps://127.0.0.1:1"
	p.finds(toUs(), "mail", "problem mail.sent: no test mail was sent: no SMTP server takes any, see above → mend that first")
}

func TestCheckSubAddressRefused(t *testing.T) {
	p := newPatient(t, func(_, relay *mailserver.Config) {
		refuse := refuses(mailserver.Rcpt, "+check-", 550, 5)
		relay.OnSMTP = func(_ context.Context, at mailserver.Stage, arg string) error { return refuse(at, arg) }
	})
	p.finds(toUs(), "mail.subaddress", "problem mail.subaddress: mail to escalations+check-NONCE@acme.example is not taken: HOST says 550 5.0.0 no: replies to our mails, and bounces of them, would be lost → "+subAdvice)
}

// An alias of ours is read back as well.
func TestCheckAlias(t *testing.T) {
	p := newPatient(t, nil)
	p.finds([]string{"--send-to", "urgent@acme.example"}, "mail.arrived", arrived)
}

func TestCheckConnectionLostWhileWaiting(t *testing.T) {
	p := newPatient(t, nil)
	p.route = func(p *patient, _ string, _ []byte) { p.post.Close() }
	code, found := p.check(toUs()...)
	last := p.plain(found[len(found)-1])
	if code != exitFailed || !strings.HasPrefix(last, "problem mail.arrived: the connection to the mailbox was lost while waiting: ") || !strings.HasSuffix(last, " → check again") {
		t.Errorf("exit code %d, %s", code, last)
	}
}

// The test mail is what a mail to operators is, and proves nothing to anybody
// before there is a key.
func TestCheckMailHeader(t *testing.T) {
	p := newPatient(t, nil)
	var raw [][]byte
	p.route = func(_ *patient, _ string, mail []byte) { raw = append(raw, mail) }
	p.finds([]string{"--send-to", theManager}, "mail.sent", "ok mail.sent: HOST took the test mail to mia@acme.example: 250 OK: queued")
	m, err := parse.Mail(mailbox.Raw{Bytes: raw[0]}, auth.Trust{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, name := range []string{"From", "To", "Auto-Submitted", "X-Escalated-Notice", "X-Auto-Response-Suppress"} {
		got[name] = m.Header.Get(name)
	}
	want := map[string]string{
		"From": `"Acme" <escalations@acme.example>`, "To": "<mia@acme.example>", "Auto-Submitted": "auto-generated",
		"X-Escalated-Notice": "operator", "X-Auto-Response-Suppress": "DR, RN, NRN, OOF, AutoReply",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	nonce := strings.TrimPrefix(m.Subject, "escalated check ")
	if len(nonce) != 16 || !strings.Contains(m.Text, nonce) || m.MessageID != "check."+nonce+"@acme.example" {
		t.Errorf("subject %q, Message-ID %q, text %q", m.Subject, m.MessageID, m.Text)
	}
	if _, detail := mailbox.SubAddress(m.ReplyTo[0].Address); !strings.HasPrefix(detail, "service-") {
		t.Errorf("Reply-To %v has no token", m.ReplyTo)
	}
}

func TestAuthservIDs(t *testing.T) {
	for field, want := range map[string]string{
		"mx.acme.example; none":             "mx.acme.example",
		" mx.acme.example 1; spf=pass":      "mx.acme.example",
		"(a (b) c) mx.acme.example;none":    "mx.acme.example",
		`"mx acme"; none`:                   "mx acme",
		"mx.acme.example(x); none":          "mx.acme.example",
		"spf=pass smtp.mailfrom=a.example;": "",
		`"never ends`:                       "",
		"(never ends":                       "",
		`(\) still in) mx`:                  "mx",
		"":                                  "",
		")":                                 "",
		`a\b; none`:                         "",
	} {
		if got := authservID(field); got != want {
			t.Errorf("%q: %q, want %q", field, got, want)
		}
	}
	if got := names([]string{"a", "", "c", "d", "e", "f", "g", "h", "i"}); got != "a, (no name), c, d, e, f, g, h, …" {
		t.Errorf("names: %s", got)
	}
}

func FuzzAuthservID(f *testing.F) {
	for _, seed := range []string{"mx.acme.example; none", `"mx \" x"; none`, "((a)\\) b", "spf=pass", "(", "\\", "a(", "()()x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		id := authservID(field)
		if !strings.Contains(field, id) || strings.ContainsAny(id, "\r\n\\\"") {
			t.Errorf("%q: %q", field, id)
		}
	})
}
