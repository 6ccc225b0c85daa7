package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/imap"
	"github.com/id8labs/escalated/mailbox/parse"
)

// lookEvery is how often the folders are looked at for a test mail.
const lookEvery = time.Second

// readBack waits for letters, the first of which is to a plain address, and
// tells of each what became of it.
func (k *checkup) readBack(ctx context.Context, visit *imap.Visit, wait time.Duration, letters []*testLetter) {
	first := letters[0]
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	again := time.NewTicker(lookEvery)
	defer again.Stop()
	for waiting.Err() == nil {
		var err error
		letters, err = k.collect(waiting, visit, first, letters)
		if err != nil && waiting.Err() == nil {
			k.problem("mail.arrived", "the connection to the mailbox was lost while waiting: "+err.Error(), "check again")
			return
		}
		if len(letters) == 0 {
			return
		}
		select {
		case <-again.C:
		case <-waiting.Done():
		}
	}
	if ctx.Err() != nil {
		return
	}
	for _, l := range letters {
		k.missing(visit, l, l == first, wait)
	}
}

// collect returns the letters that have not arrived.
func (k *checkup) collect(ctx context.Context, visit *imap.Visit, first *testLetter, letters []*testLetter) (left []*testLetter, err error) {
	for i, l := range letters {
		raw, folder, err := visit.Find(ctx, l.nonce)
		if err != nil {
			return append(left, letters[i:]...), err
		}
		if raw == nil {
			left = append(left, l)
			continue
		}
		m, err := parse.Mail(mailbox.Raw{Bytes: raw, Size: int64(len(raw)), Received: time.Now()}, trust(k.cfg))
		switch {
		case err != nil:
			k.problem("mail.arrived", "the test mail came back as what is no mail: "+err.Error(), "look at it in "+folder)
		case l == first:
			k.came(l, &m, folder)
		default:
			k.cameToSubAddress(l, &m)
		}
	}
	return left, nil
}

// came tells what the way did to the first letter.
func (k *checkup) came(l *testLetter, m *mailbox.Message, folder string) {
	took := time.Since(l.sent)
	k.ok("mail.arrived", fmt.Sprintf("in %s, %v after it was sent", folder, took.Round(100*time.Millisecond)))
	if m.MessageID == l.messageID {
		k.ok("mail.message_id", "was kept")
	} else {
		k.rewritten(l, m.MessageID)
	}
	switch {
	case !k.cfg.Trust.SubAddress:
	case len(m.ReplyTo) == 1 && mailbox.Same(m.ReplyTo[0].Address, l.replyTo):
		k.ok("mail.reply_to", "was kept, with its token")
	default:
		k.problem("mail.reply_to", "Reply-To was changed: replies come without the token that proves whom they answer", "have the SMTP server leave Reply-To as it is")
	}
	k.vouchers(m)
}

// rewritten is a Message-ID that a server replaced by its own.
func (k *checkup) rewritten(l *testLetter, by string) {
	says := fmt.Sprintf("was rewritten, <%s> into <%s>: ", l.messageID, by)
	if k.cfg.Trust.SubAddress {
		k.note("mail.message_id", says+"replies are recognised by the reply address alone", "have the SMTP server keep Message-IDs, or see to it that mail.subaddress below is ok")
		return
	}
	k.problem("mail.message_id", says+"replies are recognised by the tag in the subject alone", "have the SMTP server keep Message-IDs, or use sub-addresses (`trust.subaddress: true`)")
}

// cameToSubAddress tells whether the second letter still says to which
// address it was sent: a token in it would be read from these fields.
func (k *checkup) cameToSubAddress(l *testLetter, m *mailbox.Message) {
	fields := m.Header.Values("Delivered-To")
	fields = append(fields, m.Header.Values("X-Original-To")...)
	for _, a := range slices.Concat(m.To, m.Cc) {
		fields = append(fields, a.Address)
	}
	kept := slices.ContainsFunc(fields, func(f string) bool { return strings.Contains(strings.ToLower(f), detailOf(l.nonce)) })
	switch {
	case !kept:
		k.noSubAddress("mail to " + l.to + " arrives, but no longer says so")
	case k.cfg.Trust.SubAddress:
		k.ok("mail.subaddress", "mail to "+l.to+" arrives, "+time.Since(l.sent).Round(100*time.Millisecond).String()+" after it was sent")
	default:
		k.note("mail.subaddress", "mail to "+l.to+" arrives, but trust.subaddress is false", "write `trust.subaddress: true`: replies and bounces are then recognised whatever a server does to Message-IDs")
	}
}

// noSubAddress is a problem only where sub-addresses are counted on.
func (k *checkup) noSubAddress(why string) {
	if !k.cfg.Trust.SubAddress {
		k.ok("mail.subaddress", why+"; none are used, trust.subaddress is false")
		return
	}
	k.problem("mail.subaddress", why+": replies to our mails, and bounces of them, would be lost",
		"let the server deliver user+detail@ (RFC 5233) to the mailbox, or write `trust.subaddress: false`")
}

func (k *checkup) missing(visit *imap.Visit, l *testLetter, first bool, wait time.Duration) {
	where := fmt.Sprintf("is neither in %s nor in %s after %v", visit.Watched.Name, visit.Archive.Name, wait)
	if !first {
		k.noSubAddress("mail to " + l.to + " " + where)
		return
	}
	k.problem("mail.arrived", "the test mail "+where,
		fmt.Sprintf("look for %q in the spam folder and at the server's filters; see that mail to %s reaches the mailbox of %s; if it is only slow, give --wait more time", l.subject, l.to, k.cfg.Mailbox.Username))
}
