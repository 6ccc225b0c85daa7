package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/imap"
	"github.com/id8labs/escalated/outbound/smtp"
	"github.com/id8labs/escalated/threads"
)

// A testLetter is one test mail. Its nonce, one word of letters and digits, is in
// subject and text.
type testLetter struct {
	nonce, to          string
	subject, messageID string
	replyTo, envelope  string
	bytes              []byte
	sent               time.Time
}

// testMail sends a test mail and, where it is for us, a second one to a
// sub-address, and reads both back. A running service sets them aside as our
// own; they are neither marked, moved nor deleted here.
func (k *checkup) testMail(ctx context.Context, to string, well []smtp.Server, visit *imap.Visit, wait time.Duration) {
	if len(well) == 0 {
		k.problem("mail.sent", "no test mail was sent: no SMTP server takes any, see above", "mend that first")
		return
	}
	first, err := k.compose(to)
	if err == nil {
		err = k.send(ctx, well, first)
	}
	if err != nil {
		says, do := notSent(err)
		k.problem("mail.sent", "the test mail to "+to+" was not taken: "+says, do)
		return
	}
	if k.cfg.SMTP.RedirectTo != "" {
		k.note("mail.sent", "smtp.redirect_to is set, yet the test mail went to "+to+", since you named it", "")
	}
	switch {
	case !trust(k.cfg).Owns(to):
		k.ok("mail.arrived", fmt.Sprintf("look for %q in the mailbox of %s and in its spam folder; only mail to our own address is read back", first.subject, to))
	case visit == nil:
		k.note("mail.arrived", "the test mail is not read back: the mailbox is out of reach, see above", "mend that first")
	default:
		k.readBack(ctx, visit, wait, k.both(ctx, well, first))
	}
}

// both adds the letter to a sub-address, where a server takes it.
func (k *checkup) both(ctx context.Context, well []smtp.Server, first *testLetter) []*testLetter {
	user, host, _ := strings.Cut(k.cfg.Address, "@")
	second, err := k.compose(user + "+" + detailMark + "@" + host)
	if err == nil {
		err = k.send(ctx, well, second)
	}
	if err != nil {
		says, _ := notSent(err)
		k.noSubAddress("mail to " + cmp.Or(second.to, "a sub-address") + " is not taken: " + says)
		return []*testLetter{first}
	}
	return []*testLetter{first, second}
}

// detailMark stands for the detail of a sub-address that has the nonce.
const detailMark = "{detail}"

func detailOf(nonce string) string { return "check-" + nonce }

// compose writes a mail with the header of one to operators.
func (k *checkup) compose(to string) (*testLetter, error) {
	s := settings(k.cfg, k.signing())
	nonce := strings.ToLower(rand.Text())[:16]
	l := &testLetter{
		nonce: nonce, to: strings.Replace(to, detailMark, detailOf(nonce), 1),
		subject:   "escalated check " + nonce,
		messageID: "check." + nonce + "@" + mailbox.Domain(k.cfg.Address),
	}
	l.replyTo, l.envelope = s.ReplyAddress(threads.Service, l.to), s.BounceAddress(threads.Service, l.to)
	m := mail.NewMsg(mail.WithNoDefaultUserAgent(), mail.WithEncoding(mail.EncodingQP))
	m.Subject(l.subject)
	m.FromMailAddress(&netmail.Address{Name: k.cfg.Company, Address: k.cfg.Address})
	m.ReplyToMailAddress(&netmail.Address{Address: l.replyTo})
	m.AddToMailAddress(&netmail.Address{Address: l.to})
	m.SetMessageIDWithValue(l.messageID)
	m.SetDate()
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetGenHeader("X-Auto-Response-Suppress", "DR, RN, NRN, OOF, AutoReply")
	m.SetGenHeader("X-Escalated-Notice", "operator")
	m.SetBodyString(mail.TypeTextPlain, "This is a test mail of `escalated check`, number "+nonce+".\n"+
		"It shows that mail leaves and arrives. Nobody needs to do anything; it can be deleted.\n")
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		return l, fmt.Errorf("writing the mail: %w", err)
	}
	l.bytes = b.Bytes()
	return l, nil
}

// signing is the token key or, before there is one, a key for this run: check
// must not make one that the service's user could not read.
func (k *checkup) signing() threads.Key {
	if k.key == nil {
		k.key = make(threads.Key, 32)
		rand.Read(k.key)
	}
	return k.key
}

// send hands a letter to the first server that takes it.
func (k *checkup) send(ctx context.Context, well []smtp.Server, l *testLetter) error {
	client, err := smtp.New(smtp.Config{Servers: well, Timeouts: briefly()})
	if err != nil {
		return err
	}
	defer client.Close()
	bounded, cancel := context.WithTimeout(ctx, time.Duration(len(well))*serverLimit)
	defer cancel()
	reply, err := client.Send(bounded, smtp.Envelope{From: l.envelope, To: l.to, Mail: l.bytes})
	if err != nil {
		return err
	}
	l.sent = time.Now()
	k.ok("mail.sent", fmt.Sprintf("%s took the test mail to %s: %d %s", reply.Server, l.to, reply.Code, reply.Text))
	return nil
}

// notSent says why a server did not take a mail, and what to do.
func notSent(err error) (says, do string) {
	failed, ok := errors.AsType[*smtp.Error](err)
	if !ok {
		return err.Error(), "correct `smtp`"
	}
	says = failed.Server + " says " + answerOf(failed)
	if failed.Code == 0 {
		says = failed.Server + " gave no answer: " + answerOf(failed)
	}
	switch {
	case failed.Verdict == smtp.Unsure:
		return says, "look whether it arrived, and check again; the service sends such a mail again with the same Message-ID"
	case failed.Code/100 == 4:
		return says, "check again in some minutes; the service tries again by itself"
	case failed.Phase == "mail":
		return says, "let the login send from `address` and its sub-addresses, or correct `smtp.username`"
	case failed.Phase == "rcpt":
		return says, "correct the address; if it is right, let this login send to it"
	}
	return says, "ask whoever runs the server what its log says of this"
}
