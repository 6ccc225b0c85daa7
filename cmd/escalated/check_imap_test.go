package main

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/id8labs/escalated/cmd/escalated/config"
	"github.com/id8labs/escalated/mailbox/mailserver"
	"github.com/id8labs/escalated/mailbox/mailserver/dovecot"
)

const (
	plainTLS  = "ok imap.tls: none, and none needed: the server is on this machine"
	answers   = "ok imap.connect: HOST answers"
	loggedIn  = "ok imap.login: as escalations@acme.example"
	allCaps   = `ok imap.capabilities: has IDLE, MOVE, UIDPLUS, NAMESPACE; "/" separates levels of folders`
	inboxWell = "ok imap.folder: INBOX holds 0 mails, and can be written"
	noArchive = "ok imap.archive: Escalations/Archive does not exist yet; the first start makes it"
	noJail    = "ok imap.quarantine: Escalations/Quarantine does not exist yet; the first start makes it"
)

// What a server lacks costs something, and each cost is said.
func TestCheckCapabilities(t *testing.T) {
	const (
		noIdle    = "note imap.capabilities: no IDLE: the server does not announce mail, so new mail is noticed only every 1m0s → nothing, unless that is too late: then shorten `mailbox.poll`"
		noMove    = "note imap.capabilities: no MOVE: mail is copied to the archive folder and then removed from INBOX, and a connection that breaks in between leaves it in both → nothing; no mail is handled twice"
		noUIDPlus = "note imap.capabilities: no UIDPLUS: the server does not tell where a moved mail lies, so records name the place it was taken from → nothing; to find an original, search the archive folder"
		neither   = `note imap.capabilities: neither MOVE nor UIDPLUS: mail is copied to the archive folder, and its original stays in INBOX marked \Deleted, since nothing is expunged; where copies lie is unknown → purge deleted mail from INBOX with a mail client now and then`
		noKeyword = "note imap.capabilities: no keywords in INBOX: mail that was copied cannot be marked as such, so after each restart it is copied to the archive folder once more → purge deleted mail from INBOX before a restart"
		slash     = `; "/" separates levels of folders`
	)
	for _, test := range []struct {
		name    string
		replace []string
		want    []string
	}{
		{"no IDLE", []string{" IDLE", ""}, []string{"ok imap.capabilities: has MOVE, UIDPLUS, NAMESPACE" + slash, noIdle}},
		{"no MOVE", []string{" MOVE", ""}, []string{"ok imap.capabilities: has IDLE, UIDPLUS, NAMESPACE" + slash, noMove}},
		{"no UIDPLUS", []string{" UIDPLUS", ""}, []string{"ok imap.capabilities: has IDLE, MOVE, NAMESPACE" + slash, noUIDPlus}},
		{"no keywords", []string{` \*`, ""}, []string{allCaps}},
		{"neither", []string{" MOVE", "", " UIDPLUS", ""}, []string{"ok imap.capabilities: has IDLE, NAMESPACE" + slash, neither}},
		{"nothing", []string{" IDLE", "", " MOVE", "", " UIDPLUS", "", " NAMESPACE", "", ` \*`, ""},
			[]string{"ok imap.capabilities: has none of IDLE, MOVE, UIDPLUS, NAMESPACE" + slash, noIdle, neither, noKeyword}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPatient(t, nil)
			p.imap = "imap+insecure://" + p.through(p.post.IMAPAddr(), test.replace...)
			p.finds(nil, "imap.capabilities", test.want...)
		})
	}
}

func TestCheckFolders(t *testing.T) {
	const readOnly = "problem imap.folder: INBOX holds 1 mail, and is read-only for this login: mail is taken in but stays there, never moved to the archive → let escalations@acme.example move and delete mail there (IMAP rights lrswte)"
	mail := []byte("Subject: x\r\n\r\ny\r\n")
	for _, test := range []struct {
		name, folders string
		replace       []string
		want          []string
	}{
		{"all there", ", sent: Sent", nil, []string{
			"ok imap.folder: INBOX holds 1 mail, and can be written",
			"ok imap.archive: Escalations/Archive holds 2 mails", noJail,
			"note imap.sent: Sent does not exist: copies of what is sent have no place → make it with a mail client, or correct `mailbox.sent`",
		}},
		{"sent is there", ", sent: Gesendet", nil, []string{
			"ok imap.folder: INBOX holds 1 mail, and can be written",
			"ok imap.archive: Escalations/Archive holds 2 mails", noJail,
			"ok imap.sent: Gesendet holds 1 mail",
		}},
		{"no such folder", ", folder: Support", nil, []string{
			"problem imap.folder: Support cannot be opened: it does not exist, or this login may not read it → correct `mailbox.folder`, or make the folder",
			"ok imap.archive: Escalations/Archive holds 2 mails", noJail,
		}},
		{"opened read-only", "", []string{"[READ-WRITE]", "[READ-ONLY]"}, []string{readOnly, "ok imap.archive: Escalations/Archive holds 2 mails", noJail}},
		{"no flag can be set", "", []string{`[PERMANENTFLAGS (\Answered \Deleted \Draft \Flagged \Seen \*)]`, "[PERMANENTFLAGS ()]"},
			[]string{readOnly, "ok imap.archive: Escalations/Archive holds 2 mails", noJail}},
		{"flags are not told", "", []string{`[PERMANENTFLAGS (\Answered \Deleted \Draft \Flagged \Seen \*)]`, "[ALERT]"},
			[]string{"ok imap.folder: INBOX holds 1 mail, and can be written", "ok imap.archive: Escalations/Archive holds 2 mails", noJail}},
		{"no UIDVALIDITY", "", []string{"[UIDVALIDITY", "[X-UIDVALIDITY"}, []string{
			"problem imap.folder: INBOX has no UIDVALIDITY, so mails cannot be told apart and none is taken in → watch another folder, or have the server mended",
			"ok imap.archive: Escalations/Archive holds 2 mails", noJail,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPatient(t, nil)
			p.put("INBOX", mail)
			p.put("Escalations/Archive", mail)
			p.put("Escalations/Archive", mail)
			p.put("Gesendet", mail)
			p.mailbox = test.folders
			p.imap = "imap+insecure://" + p.through(p.post.IMAPAddr(), test.replace...)
			code, found := p.check()
			var got []string
			for _, f := range found {
				if f.Check == "imap.folder" || f.Check == "imap.archive" || f.Check == "imap.quarantine" || f.Check == "imap.sent" {
					got = append(got, p.plain(f))
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Fatalf("findings (-want +got):\n%s", diff)
			}
			if want := map[bool]int{true: exitFailed, false: exitDone}[strings.HasPrefix(got[0], "problem")]; code != want {
				t.Errorf("exit code %d, want %d", code, want)
			}
		})
	}
}

func TestCheckIMAPEncryption(t *testing.T) {
	const facts = "TLS 1.3, certificate for mail.acme.example by mail.acme.example, valid until DAY, "
	for _, test := range []struct {
		name, scheme, ca string
		left             time.Duration
		want             []string
	}{
		{"TLS", "imaps", "ca.pem", 100*24*time.Hour + time.Minute, []string{answers, "ok imap.tls: " + facts + "100 days left", loggedIn, allCaps, inboxWell, noArchive, noJail}},
		{"STARTTLS", "imap+starttls", "ca.pem", 14*24*time.Hour + time.Minute, []string{answers, "ok imap.tls: " + facts + "14 days left", loggedIn, allCaps, inboxWell, noArchive, noJail}},
		{"lapses soon", "imaps", "ca.pem", 13*24*time.Hour + time.Minute, []string{answers,
			"note imap.tls: " + facts + "13 days left → have it renewed before that day: from then on nothing is sent to this server, neither password nor mail",
			loggedIn, allCaps, inboxWell, noArchive, noJail}},
		{"lapsed", "imaps", "ca.pem", -time.Hour, []string{answers,
			"problem imap.tls: tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time DAY is after DAY → the server's certificate lapsed on DAY; have it renewed there; nothing was sent"}},
		{"lapsed, STARTTLS", "imap+starttls", "ca.pem", -time.Hour, []string{answers,
			"problem imap.tls: tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time DAY is after DAY → the server's certificate lapsed on DAY; have it renewed there; nothing was sent"}},
		{"unknown authority", "imaps", "other.pem", time.Hour, []string{answers,
			"problem imap.tls: tls: failed to verify certificate: x509: certificate signed by unknown authority → if the server's certificate is from a CA of your own, name that CA's PEM file with `ca_file`; if not, find out who answers there; nothing was sent"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			shown, authority := certified(t, "mail.acme.example", test.left)
			_, other := certified(t, "other.example", time.Hour)
			p := newPatient(t, func(post, _ *mailserver.Config) { post.TLS, post.ImplicitTLS = shown, test.scheme == "imaps" })
			p.write("ca.pem", authority)
			p.write("other.pem", other)
			p.mailbox = ", ca_file: " + test.ca
			p.imap = test.scheme + "://" + p.post.IMAPAddr()
			p.finds(nil, "imap", test.want...)
		})
	}
}

func TestCheckIMAPTrouble(t *testing.T) {
	const nobody = "127.0.0.1:1"
	for _, test := range []struct {
		name    string
		prepare func(p *patient)
		want    []string
	}{
		{"nobody listens", func(p *patient) { p.imap = "imaps://" + nobody }, []string{
			"problem imap.connect: nothing listens at HOST → correct host and port in `mailbox.server`, or start the server",
		}},
		{"wrong password", func(p *patient) { p.wrongPassword() }, []string{
			answers, "problem imap.login: as escalations@acme.example: imap: NO [AUTHENTICATIONFAILED] Authentication failed → correct `mailbox.username` or the password in DIR/imap.password; some providers want an app password, or OAuth2",
		}},
		{"STARTTLS stripped", func(p *patient) { p.imap = "imap+starttls://" + p.post.IMAPAddr() }, []string{
			answers,
			"problem imap.tls: the server offers no STARTTLS, so neither password nor mail was sent → use imaps:// if it has a port for that, and look for a firewall that strips STARTTLS on the way",
		}},
		{"no TLS on the port", func(p *patient) { p.imap = "imaps://" + p.post.IMAPAddr() }, []string{
			answers,
			"problem imap.tls: tls: first record does not look like a TLS handshake → the server does not begin with TLS on this port; correct the port, or use +starttls://; nothing was sent",
		}},
		{"no IMAP server", func(p *patient) { p.imap = "imap+insecure://" + p.relay.SMTPAddr() }, []string{
			answers,
			"problem imap.greeting: HOST does not greet as an IMAP server: got error before greeting: in response-tagged: received tagged response with unknown tag \"220\" → correct host and port in `mailbox.server`, or ask whoever runs the server",
		}},
		{"no login we know", func(p *patient) {
			p.imap = "imap+insecure://" + p.through(p.post.IMAPAddr(), " AUTH=PLAIN", " LOGINDISABLED", " AUTH=LOGIN", "")
		}, []string{
			answers,
			"problem imap.login: as escalations@acme.example: the server offers neither PLAIN nor LOGIN → ask whoever runs the server which logins it takes",
		}},
		{"no answer to folders", func(p *patient) {
			p.imap = "imap+insecure://" + p.through(p.post.IMAPAddr(), "* NAMESPACE", "* NAMESPACE )")
		}, []string{
			answers, "problem imap.folders: namespace: in response-data: in namespace-response: imapwire: expected (, got \")\" → ask whoever runs the server what its log says of this",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPatient(t, nil)
			test.prepare(p)
			p.finds(nil, "imap", test.want...)
		})
	}
}

// wrongPassword makes the mailbox's password another than the server knows.
func (p *patient) wrongPassword() {
	p.post.Close()
	p.post = mailserver.New(mailserver.Config{Domain: ourHost, Users: []mailserver.User{{Address: ourAddress, Password: "another"}}})
	p.Cleanup(func() { _ = p.post.Close() })
	if err := p.post.Start("127.0.0.1:0", ""); err != nil {
		p.Fatal(err)
	}
	p.imap = "imap+insecure://" + p.post.IMAPAddr()
}

// The same findings whatever the protocol, so they are tested once.
func TestUnreachable(t *testing.T) {
	for _, test := range []struct {
		err      error
		says, do string
	}{
		{context.DeadlineExceeded, "mx.test:993 did not answer within 30s", "look whether the server is up and a firewall lets this machine through, or correct `key`"},
		{&net.DNSError{Name: "mx.test", IsNotFound: true}, "no machine has the name mx.test", "correct `key`"},
		{errors.New("no route"), "mx.test:993: no route", "look whether the server is up and the network works, or correct `key`"},
	} {
		if says, do := unreachable(test.err, "key", "mx.test:993"); says != test.says || do != test.do {
			t.Errorf("%v: says %q, do %q", test.err, says, do)
		}
	}
}

func TestLoginAdvice(t *testing.T) {
	byFile := config.Credentials{PasswordFile: "f"}
	for _, test := range []struct {
		account config.Credentials
		refused bool
		want    string
	}{
		{byFile, true, "correct `smtp.username` or the password in f; some providers want an app password, or OAuth2"},
		{config.Credentials{PasswordEnv: "V"}, true, "correct `smtp.username` or the password in the variable V; some providers want an app password, or OAuth2"},
		{byFile, false, "ask whoever runs the server which logins it takes"},
		{config.Credentials{OAuth2: &config.OAuth2{}}, true, "correct `smtp.oauth2` or the consent, as this says"},
	} {
		if got := loginAdvice("smtp", test.account, test.refused); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

// A service that runs takes the test mails away while they are looked for: they
// are found in the archive, and open nothing.
func TestCheckBesideService(t *testing.T) {
	s := newSite(t, dovecot.Separator("."), dovecot.Prefix("INBOX."))
	relay := mailserver.New(mailserver.Config{Domain: "relay.test", OnMail: func(e mailserver.Envelope) { s.imap.Deliver(e.Bytes) }})
	t.Cleanup(func() { _ = relay.Close() })
	if err := relay.Start("", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.SMTP = "smtp+insecure://" + relay.SMTPAddr()
	s.configure()
	service := s.serve()
	s.imap.Deliver([]byte("From: robot@acme.example\r\nAuto-Submitted: auto-generated\r\nSubject: nightly\r\n\r\nfine\r\n"))
	s.awaitFiled(1)
	found := query[finding](s, "check", "--send-to", ourAddress)
	p := &patient{T: t, dir: s.dir}
	var got []string
	for _, f := range found {
		if strings.HasPrefix(f.Check, "imap") && f.Check != "imap.tls" || strings.HasPrefix(f.Check, "data") || strings.HasPrefix(f.Check, "mail") && f.Check != "mail.arrived" {
			got = append(got, p.plain(f))
		}
		if f.Check == "mail.arrived" && f.Result != resultOK {
			t.Error(p.plain(f))
		}
	}
	want := []string{
		"ok data: DIR/data can be written, SOME free",
		"ok data.records: a service runs and has them open",
		answers,
		loggedIn, `ok imap.capabilities: has IDLE, MOVE, UIDPLUS, NAMESPACE; "." separates levels of folders, ours begin with "INBOX."`,
		inboxWell,
		"ok imap.archive: INBOX.Escalations.Archive holds 1 mail",
		"ok imap.quarantine: INBOX.Escalations.Quarantine holds 0 mails",
		sentToUs, sentToSub, idKept, replyKept,
		`note mail.authserv_id: the test mail has no Authentication-Results, as is common for a server's own users; whether trust.authserv_id "mx.acme.example" is right cannot be told → look for the topmost Authentication-Results in the source of a mail from outside: its first word is what trust.authserv_id must be`,
		subArrived,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	s.awaitFiled(3)
	if records := s.list(); len(records) != 0 {
		t.Errorf("the test mails opened %v", records)
	}
	service.stop()
}
