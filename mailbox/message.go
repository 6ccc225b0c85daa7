// Package mailbox answers "what came in?". It holds the [Message], what is
// known of a mail's [Origin], and the contract between a watched mailbox and
// the [Desk] that takes its mails.
//
// Its folders do the work: imap watches and archives, parse turns bytes into a
// Message, reply finds the new text of a reply, auth says who vouches for From
// and whether a person wrote at all, mailserver is an embedded IMAP and SMTP
// server for the sandbox and the tests.
package mailbox

import (
	"strings"
	"time"
)

// An Address is one mailbox of a header field. Name is decoded, free of
// control, bidi and zero-width characters, and bounded; Address is local@domain
// with the domain in lower case.
type Address struct {
	Name    string `json:"name,omitempty"`
	Address string `json:"address"`
}

// Domain returns the part behind the last @ in lower case, or "".
func (a Address) Domain() string { return Domain(a.Address) }

// Domain returns the part of an address behind its last @ in lower case, or "".
func Domain(address string) string {
	_, domain, _ := cutLast(address, "@")
	return strings.ToLower(domain)
}

// Same reports whether two addresses reach the same mailbox, case aside.
// RFC 5321 §2.4 lets local parts differ by case; no mail system in use does.
func Same(a, b string) bool { return strings.EqualFold(a, b) }

// SubAddress splits "user+detail@host" into "user@host" and "detail" (RFC 5233).
func SubAddress(address string) (base, detail string) {
	local, domain, ok := cutLast(address, "@")
	if !ok {
		return address, ""
	}
	user, detail, _ := strings.Cut(local, "+")
	return user + "@" + domain, detail
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// A Location says where the original of a mail lies on the server.
type Location struct {
	Account     string `json:"account,omitempty"` // user@host: another mailbox may have the same UIDs
	Folder      string `json:"folder"`
	UIDValidity uint32 `json:"uid_validity"`
	UID         uint32 `json:"uid"`
}

// Raw is a mail as the server gave it.
type Raw struct {
	Location Location
	Received time.Time // INTERNALDATE: when the server got it
	Size     int64     // octets the server says it has
	Bytes    []byte    // the mail; shorter than Size when cut at the limit
}

// A Message is a mail that was read. Every string is valid UTF-8 without NUL
// or CR; those from the header are single lines. Identifiers carry no angle
// brackets.
type Message struct {
	Location Location
	Received time.Time // INTERNALDATE, what clocks run from
	Size     int64     // octets on the server
	Hash     [32]byte  // SHA-256 of the raw bytes

	MessageID  string
	InReplyTo  []string
	References []string
	Date       time.Time // as the sender claims; zero when absent or unreadable
	From       []Address // every address of every From field: trust only exactly one
	Sender     []Address
	ReplyTo    []Address
	To         []Address
	Cc         []Address
	Subject    string
	Header     Header // the whole top-level header, in order

	Text        string // the new text only
	FullText    string // everything readable, quotes and signature included
	Attachments []Attachment
	Attached    []Message // message/rfc822 parts: header fields and texts, no deeper
	Report      Report    // the parts of a multipart/report
	Defects     []string  // what had to be repaired, for people who debug

	Origin Origin
}

// Sole returns the one address of From. ok is false when there is none or more
// than one, and then nobody can be said to have written the mail.
func (m *Message) Sole() (from Address, ok bool) {
	if len(m.From) != 1 {
		return Address{}, false
	}
	return m.From[0], true
}

// An Attachment is a part kept only in the original mail.
type Attachment struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Size int    `json:"size"` // decoded octets
}

// A Report is the machine-readable half of a multipart/report (RFC 6522). The
// fields are raw; package auth reads them.
type Report struct {
	Type   string   // report-type: delivery-status, disposition-notification, feedback-report
	Status []Header // groups of message/delivery-status or the like: per message, then per recipient
	Origin Header   // header of the returned mail (message/rfc822 or text/rfc822-headers)
}

// A Field is one header field, unfolded, its value otherwise raw.
type Field struct{ Name, Value string }

// A Header is a mail's fields from top to bottom.
type Header []Field

// Get returns the first value of a field, case aside, or "".
func (h Header) Get(name string) string {
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Has reports whether a field is present, even empty.
func (h Header) Has(name string) bool {
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			return true
		}
	}
	return false
}

// Values returns every value of a field from top to bottom.
func (h Header) Values(name string) []string {
	var values []string
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			values = append(values, f.Value)
		}
	}
	return values
}
