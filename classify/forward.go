package classify

import (
	"net/mail"
	"regexp"
	"strings"

	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/reply"
)

// nested bounds how deep forwards of forwards are followed.
const nested = 4

// forwarded finds the mail of an outside person that one of ours forwards,
// attached or in the text.
func forwarded(m *mailbox.Message, d *Directory) (Original, bool) {
	from, ok := m.Sole()
	if !ok || !d.ours(from.Address) || m.Origin.Kind != mailbox.KindHuman && m.Origin.Kind != "" {
		return Original{}, false
	}
	for _, inner := range m.Attached {
		if sender, ok := inner.Sole(); ok && sender.Address != "" && !d.ours(sender.Address) {
			return Original{From: sender, Subject: inner.Subject, Text: inner.Text}, true
		}
	}
	subject, text := m.Subject, m.FullText
	for range nested {
		_, block, found := reply.Forwarded(subject, text)
		if !found {
			break
		}
		var original Original
		original, text = readBlock(block)
		if original.From.Address != "" && !d.ours(original.From.Address) {
			return original, true
		}
		subject = original.Subject
	}
	return Original{}, false
}

// ours reports an address of one of our people or of the domain of one.
func (d *Directory) ours(address string) bool {
	if _, ok := d.Person(address); ok {
		return true
	}
	domain := mailbox.Domain(address)
	for _, p := range d.People {
		if domain != "" && domain == mailbox.Domain(p.Email) && !anywhere("freemail", domain) {
			return true
		}
	}
	return false
}

// readBlock reads a forward's header block and the mail below it.
func readBlock(block string) (o Original, text string) {
	lines := strings.Split(block, "\n")
	at, seen := 0, false
	for ; at < len(lines); at++ {
		line := strings.Trim(strings.TrimSpace(lines[at]), "*_ ")
		if line == "" {
			if seen {
				break
			}
			continue
		}
		label, value, ok := strings.Cut(strings.ReplaceAll(line, "：", ":"), ":")
		if !ok {
			continue // a folded address list
		}
		label = strings.ToLower(strings.Trim(label, "* \u00a0"))
		value = strings.Trim(value, "* \u00a0")
		switch {
		case anywhere("from", label):
			o.From, seen = readAddress(value), true
		case anywhere("subject", label):
			o.Subject = value
		}
	}
	text = strings.TrimSpace(strings.Join(lines[at:], "\n"))
	o.Text = reply.New(reply.Mail{Subject: o.Subject, Sender: o.From.Name, Text: text})
	return o, text
}

var inAngles = regexp.MustCompile(`[<\[(](?i:mailto:)?\s*([^\s<>\[\]()]+@[^\s<>\[\]()]+?)\s*[>\])]`)

// readAddress reads the sender of a header block as mail programs print it:
// Name <a@b>, "Name" [mailto:a@b], a@b.
func readAddress(value string) mailbox.Address {
	if at := inAngles.FindStringSubmatchIndex(value); at != nil {
		name := strings.Trim(strings.TrimSpace(value[:at[0]]), `"'`)
		return address(name, value[at[2]:at[3]])
	}
	if a, err := mail.ParseAddress(value); err == nil {
		return address(a.Name, a.Address)
	}
	return mailbox.Address{Name: strings.Trim(value, `"' `)}
}

// address lowers the domain, and drops what cannot be one.
func address(name, addr string) mailbox.Address {
	parsed, err := mail.ParseAddress(addr)
	if err != nil {
		return mailbox.Address{Name: name}
	}
	at := strings.LastIndex(parsed.Address, "@")
	return mailbox.Address{Name: name, Address: parsed.Address[:at] + strings.ToLower(parsed.Address[at:])}
}
