// Package parse turns the bytes of a mail into a [mailbox.Message].
//
// Invariants:
//   - Whatever is not empty yields a Message: a damaged header is repaired, a
//     damaged body is kept as far as it can be read, and the repair is noted in
//     Message.Defects. Only zero bytes and mere NULs are no mail.
//   - Nothing panics, and the time taken is bounded: at most maxDepth levels,
//     maxParts parts, maxText octets of text.
//   - Fields of the header are cleaned after decoding (RFC 2047 words may hold
//     line ends), so that a decoded value can stand in a header again.
//
// It uses the header reader and the charsets of go-message. The bodies are cut
// into parts here: go-message's reader gives up all further parts at the first
// malformed one, and hides the bytes of those whose encoding is damaged.
package parse

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/auth"
	"github.com/id8labs/escalated/mailbox/reply"
)

var errEmpty = errors.New("parse mail: nothing in it")

// Mail reads a mail and judges its origin. An error means that it can be no
// mail at all, or names the panic that its bytes caused.
func Mail(raw mailbox.Raw, trust auth.Trust) (m mailbox.Message, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("parse mail: panic: %v", reason)
		}
	}()
	m = mailbox.Message{
		Location: raw.Location,
		Received: raw.Received,
		Size:     max(raw.Size, int64(len(raw.Bytes))),
		Hash:     sha256.Sum256(raw.Bytes),
	}
	if len(bytes.Trim(raw.Bytes, "\x00 \r\n\t")) == 0 {
		return m, errEmpty
	}
	w := &walker{}
	w.read(&m, raw.Bytes, 0)
	if raw.Size > int64(len(raw.Bytes)) {
		w.defect("cut at %d of %d octets", len(raw.Bytes), raw.Size)
	}
	m.Defects = w.defects
	m.Origin = trust.Judge(&m)
	return m, nil
}

// read fills a message from the bytes of a mail.
func (w *walker) read(m *mailbox.Message, raw []byte, depth int) {
	h, body := w.header(normalize(raw, w))
	describe(m, h)
	outer := w.msg
	w.msg = m
	bodies := w.part(h, body, depth, false)
	w.msg = outer

	text, html := merge(bodies)
	m.FullText = cut(readable(text, html), maxText)
	sender := ""
	if len(m.From) > 0 {
		sender = m.From[0].Name
	}
	m.Text = cut(reply.New(reply.Mail{Subject: m.Subject, Sender: sender, Text: text, HTML: html}), maxText)
}

// describe fills what the header says.
func describe(m *mailbox.Message, h mailbox.Header) {
	m.Header = h
	m.Subject = cut(single(decodeWords(h.Get("Subject"))), maxSubject)
	m.MessageID = first(identifiers(h.Get("Message-ID")))
	m.InReplyTo = identifiers(h.Values("In-Reply-To")...)
	m.References = identifiers(h.Values("References")...)
	m.Date = date(h.Get("Date"))
	for _, from := range h.Values("From") {
		m.From = append(m.From, senders(from)...)
	}
	m.From = m.From[:min(len(m.From), maxAddresses)]
	m.Sender = all(h, "Sender")
	m.ReplyTo = all(h, "Reply-To")
	m.To = all(h, "To")
	m.Cc = all(h, "Cc")
}

func all(h mailbox.Header, name string) (list []mailbox.Address) {
	for _, value := range h.Values(name) {
		list = append(list, addresses(value)...)
	}
	return list[:min(len(list), maxAddresses)]
}

func first(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return ids[0]
}

func (w *walker) defect(format string, args ...any) {
	if d := fmt.Sprintf(format, args...); len(w.defects) < maxDefects && !slices.Contains(w.defects, d) {
		w.defects = append(w.defects, d)
	}
}
