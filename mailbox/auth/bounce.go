package auth

import (
	"iter"
	"regexp"
	"strings"

	"github.com/id8labs/escalated/mailbox"
)

// report judges a multipart/report (RFC 6522). ok is false for other mail.
func (t Trust) report(m *mailbox.Message) (origin mailbox.Origin, ok bool) {
	switch strings.ToLower(m.Report.Type) {
	case "delivery-status":
		return t.delivery(m), true
	case "disposition-notification":
		return mailbox.Origin{Kind: mailbox.KindRobot, Because: "a receipt (RFC 8098)"}, true
	case "feedback-report":
		return mailbox.Origin{Kind: mailbox.KindRobot, Because: "an abuse report (RFC 5965)"}, true
	}
	return mailbox.Origin{}, false
}

// delivery judges a delivery status notification (RFC 3464) by its worst
// recipient: failed before delayed before delivered. A report without groups
// is read as text, and unless that speaks of delay or success, as a failure.
func (t Trust) delivery(m *mailbox.Message) mailbox.Origin {
	var failed, delayed, done mailbox.Header
	for _, group := range m.Report.Status {
		switch action(group) {
		case "failed":
			failed = firstOf(failed, group)
		case "delayed":
			delayed = firstOf(delayed, group)
		case "delivered", "relayed", "expanded":
			done = firstOf(done, group)
		}
	}
	switch {
	case failed != nil:
		return t.bounced(m, failed, true, "a delivery report: failed")
	case delayed != nil:
		return t.bounced(m, delayed, false, "a delivery report: delayed")
	case done != nil, successful.MatchString(m.Subject):
		return mailbox.Origin{Kind: mailbox.KindRobot, Because: "a delivery report: success"}
	}
	return t.bounced(m, nil, !late(m), "a delivery report")
}

func firstOf(a, b mailbox.Header) mailbox.Header {
	if a != nil {
		return a
	}
	return b
}

// action returns what was done for a recipient: the Action field, or, where a
// group has none, what the class of its Status says (RFC 3463 §3.1).
func action(group mailbox.Header) string {
	l := lexer{rest: group.Get("Action")}
	if word := l.keyword(); word != "" {
		return word
	}
	status := status(group.Get("Status"))
	switch {
	case strings.HasPrefix(status, "5"):
		return "failed"
	case strings.HasPrefix(status, "4"):
		return "delayed"
	case strings.HasPrefix(status, "2"):
		return "delivered"
	}
	return ""
}

// bounced fills in what is known of the recipient, from the report's group
// first and from the text where that is silent. Permanent means that the
// server has given up, whatever the class of its last status.
func (t Trust) bounced(m *mailbox.Message, group mailbox.Header, permanent bool, because string) mailbox.Origin {
	b := &mailbox.Bounce{
		Recipient:         typed(group.Get("Original-Recipient")),
		Permanent:         permanent,
		Status:            status(group.Get("Status")),
		OriginalMessageID: t.returned(m),
		Token:             t.token(m),
	}
	if b.Recipient == "" {
		b.Recipient = typed(group.Get("Final-Recipient"))
	}
	if b.Recipient == "" {
		b.Recipient = t.recipient(m)
	}
	if b.Status == "" {
		b.Status = status(group.Get("Diagnostic-Code"))
	}
	if b.Status == "" {
		b.Status = status(excerpt(m))
	}
	return mailbox.Origin{Kind: mailbox.KindBounce, Bounce: b, Because: because}
}

// typed returns the address of "rfc822; user@host" (RFC 3464 §2.3.1).
func typed(field string) string {
	_, address, ok := strings.Cut(field, ";")
	if !ok {
		address = field
	}
	for found := range addresses(address) {
		return found
	}
	return ""
}

var code = regexp.MustCompile(`(?:^|[^\d.])([245]\.[0-7]\.\d{1,3})(?:$|[^\d.]|\.(?:\D|$))`)

// status returns the first enhanced status code (RFC 3463 §2) in a text, or "".
func status(text string) string {
	if found := code.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}

// addresses yields what looks like an address in a text, lower case in the domain.
func addresses(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(blank+`<>()[],;:"`, r) }) {
			local, domain, ok := cutLast(strings.Trim(word, ".!?'"), "@")
			if ok && local != "" && canonical(domain) != "" && !yield(local+"@"+strings.ToLower(domain)) {
				return
			}
		}
	}
}

// recipient finds whom a bounce without a usable report is about: Exim's
// field, or the first address in the text that is neither ours nor a machine's.
func (t Trust) recipient(m *mailbox.Message) string {
	for _, text := range []string{m.Header.Get("X-Failed-Recipients"), excerpt(m)} {
		for address := range addresses(text) {
			if !t.Owns(address) && !unattended(address) {
				return address
			}
		}
	}
	return ""
}

var identifier = regexp.MustCompile(`(?im)^[> \t]*Message-ID:\s*<([^<>\s]+)>`)

// returned finds the Message-ID of the mail that came back: in the returned
// header, an attached original, the header as text, or what the bounce
// answers. Of the last two only one under our own host is believed.
func (t Trust) returned(m *mailbox.Message) string {
	if id := strings.Trim(m.Report.Origin.Get("Message-ID"), "<> \t"); id != "" {
		return id
	}
	for _, original := range m.Attached {
		if original.MessageID != "" {
			return original.MessageID
		}
	}
	var candidates []string
	for _, found := range identifier.FindAllStringSubmatch(m.FullText, -1) {
		candidates = append(candidates, found[1])
	}
	candidates = append(candidates, m.InReplyTo...)
	for _, id := range candidates {
		if t.Host != "" && strings.EqualFold(mailbox.Domain(id), t.Host) {
			return id
		}
	}
	return ""
}

// token finds the detail of the bounce address the report was sent to.
func (t Trust) token(m *mailbox.Message) string {
	var to []string
	for _, name := range []string{"Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To"} {
		to = append(to, m.Header.Values(name)...)
	}
	for _, a := range m.To {
		to = append(to, a.Address)
	}
	for address := range addresses(strings.Join(to, " ")) {
		_, detail := mailbox.SubAddress(address)
		if len(detail) > 2 && strings.EqualFold(detail[:2], "b-") && t.Owns(address) {
			return detail[2:]
		}
	}
	return ""
}
