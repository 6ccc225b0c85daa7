package parse

import (
	"bufio"
	"bytes"
	"slices"
	"strings"

	"github.com/emersion/go-message/textproto"

	"github.com/id8labs/escalated/mailbox"
)

const (
	maxFields = 2000      // fields kept of one header
	maxHeader = 512 << 10 // octets kept of one header
	maxValue  = 64 << 10  // octets kept of one field
)

// normalize undoes what damages a mail as a whole: UTF-16 as its bytes, CR
// alone as line end, blank lines or an mbox "From " line above the header.
func normalize(raw []byte, w *walker) []byte {
	if b, ok := fromUTF16(raw); ok {
		w.defect("the whole mail is UTF-16")
		raw = b
	}
	if bytes.IndexByte(raw, '\n') < 0 && bytes.IndexByte(raw, '\r') >= 0 {
		w.defect("lines end with CR alone")
		raw = bytes.ReplaceAll(raw, []byte{'\r'}, []byte{'\n'})
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if trimmed := bytes.TrimLeft(raw, "\r\n\x00"); len(trimmed) < len(raw) {
		w.defect("blank lines above the header")
		raw = trimmed
	}
	if line, rest := cutLine(raw); bytes.HasPrefix(line, []byte("From ")) || bytes.HasPrefix(line, []byte(">From ")) {
		w.defect("mbox From line")
		raw = rest
	}
	return raw
}

// header reads the fields of a mail or part and returns what follows them.
func (w *walker) header(raw []byte) (mailbox.Header, []byte) {
	head, body := splitHeader(raw)
	fields, err := textproto.ReadHeader(bufio.NewReader(bytes.NewReader(head)))
	if err != nil || tooLong(head) {
		w.defect("malformed header")
		whole := len(head)
		var rest []byte
		if head, rest = repair(head); rest != nil {
			body = raw[whole-len(rest):] // the blank line was missing
		}
		fields, _ = textproto.ReadHeader(bufio.NewReader(bytes.NewReader(head)))
	}
	h := make(mailbox.Header, 0, min(fields.Len(), maxFields))
	known := false
	for f := fields.Fields(); f.Next(); {
		name, value := f.Key(), f.Value()
		if len(h) >= maxFields && name != "From" {
			continue
		}
		if !isPlain(value) {
			value = single(guess([]byte(value)))
		}
		h = append(h, mailbox.Field{Name: name, Value: value})
		known = known || isKnown(name)
	}
	if !known && len(h) > 0 {
		return nil, raw // "Note: the printer burns" is how a text begins
	}
	return h, body
}

// splitHeader cuts a mail at its first blank line.
func splitHeader(raw []byte) (head, body []byte) {
	for at := 0; at < len(raw); {
		line, rest := cutLine(raw[at:])
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return raw[:at], rest
		}
		at = len(raw) - len(rest)
	}
	return raw, nil
}

// cutLine cuts off the first line, with its line end.
func cutLine(b []byte) (line, rest []byte) {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i+1], b[i+1:]
	}
	return b, nil
}

func tooLong(head []byte) bool { return len(head) > maxHeader }

// repair makes a header readable: a line that is no field continues the one
// above it when fields follow; when none do, the header ends there and the rest
// is body. Beyond maxHeader only the fields that matter are kept, and every
// From, since a mail with two of them is not to pass for one with one.
func repair(head []byte) (fixed, rest []byte) {
	last := lastField(head)
	var out bytes.Buffer
	kept, start := false, 0 // of the field whose lines these are
	for at := 0; at < len(head); {
		line, next := cutLine(head[at:])
		field := isField(line)
		if !field && !isFolded(line) && at > last {
			return out.Bytes(), head[at:]
		}
		if field {
			name := fieldName(line)
			kept = out.Len() < maxHeader || isEssential(name) && out.Len() < 2*maxHeader || strings.EqualFold(name, "From")
			start = out.Len()
		}
		if kept && (field || out.Len()-start < maxValue) {
			if !field && !isFolded(line) {
				out.WriteByte(' ')
			}
			out.Write(bound(line))
		}
		at = len(head) - len(next)
	}
	return out.Bytes(), nil
}

// bound cuts a line that is longer than a field may be.
func bound(line []byte) []byte {
	if len(line) <= maxValue {
		return line
	}
	return append(line[:maxValue:maxValue], '\n')
}

// lastField returns where the last line with a known field begins, or -1.
func lastField(head []byte) int {
	last := -1
	for at := 0; at < len(head); {
		line, next := cutLine(head[at:])
		if isField(line) && isKnown(fieldName(line)) {
			last = at
		}
		at = len(head) - len(next)
	}
	return last
}

func isFolded(line []byte) bool { return len(line) > 0 && (line[0] == ' ' || line[0] == '\t') }

// isField reports whether a line begins a field (RFC 5322 §2.2).
func isField(line []byte) bool {
	name := fieldName(line)
	if name == "" {
		return false
	}
	for i := range len(name) {
		if name[i] < 33 || name[i] > 126 {
			return false
		}
	}
	return true
}

func fieldName(line []byte) string {
	name, _, found := bytes.Cut(line[:min(len(line), 200)], []byte{':'})
	if !found || isFolded(line) {
		return ""
	}
	return strings.TrimRight(string(name), " \t")
}

// isKnown reports the fields that tell a header from a text.
func isKnown(name string) bool {
	name = strings.ToLower(name)
	return isEssential(name) || slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(name, f) })
}

// families begin the names of fields that only headers have.
var families = []string{"content-", "x-", "list-", "arc-", "dkim-", "resent-"}

// isEssential reports the fields that a mail is understood by.
func isEssential(name string) bool {
	switch strings.ToLower(name) {
	case "from", "to", "cc", "bcc", "subject", "date", "message-id", "in-reply-to", "references", "reply-to", "sender",
		"return-path", "received", "delivered-to", "mime-version", "content-type", "content-transfer-encoding",
		"auto-submitted", "precedence", "authentication-results",
		"final-recipient", "original-recipient", "reporting-mta":
		return true
	}
	return false
}
