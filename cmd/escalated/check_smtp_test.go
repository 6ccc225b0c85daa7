package main

import (
	"context"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/id8labs/escalated/mailbox/mailserver"
)

const (
	smtpAnswers = "ok smtp.connect: HOST answers"
	smtpPlain   = "ok smtp.tls: none, and none needed: the server is on this machine"
	smtpIn      = "ok smtp.login: as login@relay.test"
	smtpWell    = "ok smtp.extensions: takes mail up to 50 MiB; has SIZE, 8BITMIME, SMTPUTF8, PIPELINING"
)

// script runs an SMTP server that answers a verb as told, else that all is well.
func (p *patient) script(ehlo []string, answers map[string]string) (address string) {
	p.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.Fatal(err)
	}
	var busy sync.WaitGroup
	p.Cleanup(func() { listener.Close(); busy.Wait() })
	busy.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			busy.Go(func() { perform(textproto.NewConn(conn), ehlo, answers) })
		}
	})
	return listener.Addr().String()
}

func perform(conn *textproto.Conn, ehlo []string, answers map[string]string) {
	defer conn.Close()
	say := func(verb, well string) {
		if answer := answers[verb]; answer != "" {
			well = answer
		}
		_ = conn.PrintfLine("%s", well)
	}
	say("greeting", "220 relay.test")
	for {
		line, err := conn.ReadLine()
		if err != nil {
			return
		}
		switch verb, _, _ := strings.Cut(line, " "); verb {
		case "EHLO":
			say(verb, strings.Join(append([]string{"250-relay.test"}, ehlo...), "\r\n250-")+"\r\n250 HELP")
		case "DATA":
			say(verb, "354 go on")
			if _, err := conn.ReadDotBytes(); err != nil {
				return
			}
			say("final", "250 taken")
		default:
			say(verb, "250 fine")
		}
	}
}

func TestCheckExtensions(t *testing.T) {
	const (
		noUTF8 = "note smtp.extensions: no SMTPUTF8: customers whose address is not plain ASCII, such as rené@…, get no mail from us, and their owner is told of each → nothing, unless you have such customers: then have it switched on (Postfix: smtputf8_enable = yes)"
		noSize = "note smtp.extensions: no SIZE: a mail that is too large is refused only after all of it was sent → nothing; ours are small"
	)
	for _, test := range []struct {
		name string
		ehlo []string
		want []string
	}{
		{"all", []string{"SIZE 52428800", "8BITMIME", "PIPELINING", "SMTPUTF8"}, []string{smtpWell}},
		{"no limit", []string{"SIZE", "8BITMIME", "PIPELINING", "SMTPUTF8"}, []string{
			"ok smtp.extensions: takes mail of any size; has SIZE, 8BITMIME, SMTPUTF8, PIPELINING",
		}},
		{"small", []string{"SIZE 100000", "8BITMIME", "SMTPUTF8"}, []string{
			"ok smtp.extensions: takes mail up to 0 MiB; has SIZE, 8BITMIME, SMTPUTF8; lacks PIPELINING, which costs nothing: mail is written in 7 bits, and each command waits for its answer",
			"note smtp.extensions: mail above 100000 octets is refused, and a digest may have more → have the limit raised to a mebibyte or more",
		}},
		{"none", nil, []string{
			"ok smtp.extensions: does not say how large mail may be; lacks 8BITMIME and PIPELINING, which costs nothing: mail is written in 7 bits, and each command waits for its answer",
			noSize, noUTF8,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPatient(t, nil)
			p.smtp = "smtp+insecure://" + p.script(append(test.ehlo, "AUTH PLAIN"), map[string]string{"AUTH": "235 welcome"})
			p.finds(nil, "smtp.extensions", test.want...)
		})
	}
}

func TestCheckSMTPTrouble(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(p *patient)
		want    []string
	}{
		{"nobody listens", func(p *patient) { p.smtp = "smtps://127.0.0.1:1" }, []string{
			"problem smtp.connect: nothing listens at HOST → correct host and port in `smtp.server`, or start the server",
		}},
		{"wrong password", func(p *patient) {
			p.smtp = "smtp+insecure://" + p.script([]string{"AUTH PLAIN"}, map[string]string{"AUTH": "535 5.7.8 not " + theSecret})
		}, []string{
			smtpAnswers,
			"problem smtp.login: as login@relay.test: 535 5.7.8 not *** → correct `smtp.username` or the password in DIR/imap.password; some providers want an app password, or OAuth2",
		}},
		{"directory is away", func(p *patient) {
			p.smtp = "smtp+insecure://" + p.script([]string{"AUTH PLAIN"}, map[string]string{"AUTH": "454 4.7.0 later"})
		}, []string{
			smtpAnswers, "problem smtp.login: as login@relay.test: 454 4.7.0 later → ask whoever runs the server which logins it takes",
		}},
		{"no login we know", func(p *patient) {
			p.smtp = "smtp+insecure://" + p.script([]string{"AUTH CRAM-MD5"}, nil)
		}, []string{
			smtpAnswers,
			`problem smtp.login: as login@relay.test: the server offers neither AUTH PLAIN nor LOGIN (offered: "CRAM-MD5"), so the password was not sent → ask whoever runs the server which logins it takes`,
		}},
		{"STARTTLS stripped", func(p *patient) { p.smtp = "smtp+starttls://" + p.relay.SMTPAddr() }, []string{
			smtpAnswers,
			"problem smtp.tls: the server offers no STARTTLS, so neither password nor mail was sent → use smtps:// if it has a port for that, and look for a firewall that strips STARTTLS on the way",
		}},
		{"STARTTLS refused", func(p *patient) {
			p.smtp = "smtp+starttls://" + p.script([]string{"STARTTLS"}, map[string]string{"STARTTLS": "454 4.7.0 not now"})
		}, []string{
			smtpAnswers,
			"problem smtp.tls: the server refuses STARTTLS: 454 4.7.0 not now → have the server's TLS mended, or correct `smtp.server`",
		}},
		{"turned away", func(p *patient) {
			p.smtp = "smtp+insecure://" + p.script(nil, map[string]string{"greeting": "554 5.7.1 blocked"})
		}, []string{
			smtpAnswers,
			"problem smtp.greeting: HOST does not take us: 554 5.7.1 blocked → correct host and port in `smtp.server`, or ask whoever runs the server",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPatient(t, nil)
			test.prepare(p)
			p.finds(nil, "smtp", test.want...)
		})
	}
}

func TestCheckSMTPEncryption(t *testing.T) {
	shown, authority := certified(t, "mail.acme.example", 100*24*time.Hour+time.Minute)
	lapsed, old := certified(t, "mail.acme.example", -time.Hour)
	const facts = "ok smtp.tls: TLS 1.3, certificate for mail.acme.example by mail.acme.example, valid until DAY, 100 days left"
	for _, scheme := range []string{"smtps", "smtp+starttls"} {
		secured := func(_, relay *mailserver.Config) { relay.TLS, relay.ImplicitTLS = shown, scheme == "smtps" }
		p := newPatient(t, secured)
		p.smtp = scheme + "://" + p.relay.SMTPAddr()
		p.write("ca.pem", authority)
		p.mailbox = ", ca_file: ca.pem"
		p.finds(nil, "smtp", smtpAnswers, facts, smtpIn, smtpWell)
		p.mailbox = ""
		p.finds(nil, "smtp", smtpAnswers,
			"problem smtp.tls: tls: failed to verify certificate: x509: certificate signed by unknown authority → if the server's certificate is from a CA of your own, name that CA's PEM file with `ca_file`; if not, find out who answers there; nothing was sent")

		p = newPatient(t, func(_, relay *mailserver.Config) { relay.TLS, relay.ImplicitTLS = lapsed, scheme == "smtps" })
		p.smtp = scheme + "://" + p.relay.SMTPAddr()
		p.write("ca.pem", old)
		p.mailbox = ", ca_file: ca.pem"
		p.finds(nil, "smtp", smtpAnswers,
			"problem smtp.tls: tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time DAY is after DAY → the server's certificate lapsed on DAY; have it renewed there; nothing was sent")
	}
}

// Every fallback is looked at; the test mail goes through what is well, and the
// columns are wide enough.
func TestCheckFallbacks(t *testing.T) {
	p := newPatient(t, nil)
	p.fallback = `, fallback: [{server: "` + p.smtp + `"}]`
	p.smtp = "smtps://127.0.0.1:1"
	p.finds(nil, "smtp",
		"problem smtp.connect: nothing listens at HOST → correct host and port in `smtp.server`, or start the server",
		"ok smtp.fallback[0].connect: HOST answers",
		"ok smtp.fallback[0].tls: none, and none needed: the server is on this machine",
		"ok smtp.fallback[0].login: none is configured",
		"ok smtp.fallback[0].extensions: takes mail up to 50 MiB; has SIZE, 8BITMIME, SMTPUTF8, PIPELINING")
	p.finds(toUs(), "mail.sent",
		"ok mail.sent: HOST took the test mail to escalations@acme.example: 250 OK: queued",
		"ok mail.sent: HOST took the test mail to escalations+check-NONCE@acme.example: 250 OK: queued")
	_, stdout, _ := p.run()
	if !strings.Contains(stdout, fmt.Sprintf("ok       %-27s  ", "smtp.fallback[0].connect")) {
		t.Errorf("columns are not aligned:\n%s", stdout)
	}
}

// A refused test mail says whose refusal it is and what can be done.
func TestCheckTestMailRefused(t *testing.T) {
	for _, test := range []struct {
		name   string
		refuse func(at mailserver.Stage, arg string) error
		want   []string
	}{
		{"sender", refuses(mailserver.From, "", 553, 5), []string{
			"problem mail.sent: the test mail to escalations@acme.example was not taken: HOST says 553 5.0.0 no → let the login send from `address` and its sub-addresses, or correct `smtp.username`",
		}},
		{"recipient", refuses(mailserver.Rcpt, "", 550, 5), []string{
			"problem mail.sent: the test mail to escalations@acme.example was not taken: HOST says 550 5.0.0 no → correct the address; if it is right, let this login send to it",
		}},
		{"greylisted", refuses(mailserver.Rcpt, "", 450, 4), []string{
			"problem mail.sent: the test mail to escalations@acme.example was not taken: HOST says 450 4.0.0 no → check again in some minutes; the service tries again by itself",
		}},
		{"content", refuses(mailserver.EndData, "", 554, 5), []string{
			"problem mail.sent: the test mail to escalations@acme.example was not taken: HOST says 554 5.0.0 no → ask whoever runs the server what its log says of this",
		}},
		{"cut after the final dot", func(at mailserver.Stage, _ string) error {
			if at == mailserver.Accepted {
				return mailserver.ErrCut
			}
			return nil
		}, []string{
			"problem mail.sent: the test mail to escalations@acme.example was not taken: HOST gave no answer: EOF → look whether it arrived, and check again; the service sends such a mail again with the same Message-ID",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPatient(t, func(_, relay *mailserver.Config) {
				relay.OnSMTP = func(_ context.Context, at mailserver.Stage, arg string) error { return test.refuse(at, arg) }
			})
			p.finds(toUs(), "mail", test.want...)
		})
	}
}

// refuses answers with a code at a stage, where the argument contains a word.
func refuses(stage mailserver.Stage, word string, code, class int) func(mailserver.Stage, string) error {
	return func(at mailserver.Stage, arg string) error {
		if at != stage || !strings.Contains(arg, word) {
			return nil
		}
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{class, 0, 0}, Message: "no"}
	}
}
