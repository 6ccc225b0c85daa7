package mailserver

import (
	"bytes"
	"fmt"
	"iter"
	"strings"
	"time"
)

// stamp returns a mail as it lies in the mailbox of one recipient: the trace
// fields of its delivery (RFC 5321 §4.4, RFC 8601 §4), then the mail without
// the fields only this server may write.
func (s *Server) stamp(e Envelope, to, via string) []byte {
	s.mu.Lock()
	s.ids++
	id := s.ids
	s.mu.Unlock()

	var b bytes.Buffer
	b.Grow(len(e.Bytes) + 512)
	fmt.Fprintf(&b, "Return-Path: <%s>\r\nDelivered-To: %s\r\n", word(e.From), word(to))
	if s.config.AuthservID != "" {
		fmt.Fprintf(&b, "Authentication-Results: %s;\r\n\t%s\r\n", s.config.AuthservID, s.results(e))
	}
	fmt.Fprintf(&b, "Received: %s id %d\r\n\tfor <%s>; %s\r\n", via, id, word(to), time.Now().Format(time.RFC1123Z))

	header, body := cutHeader(e.Bytes)
	for name, field := range fields(header) {
		if !s.reserved(name, field) {
			b.Write(field)
		}
	}
	b.Write(body)
	return b.Bytes()
}

// results says who vouches for a mail (RFC 8601 §2.7).
func (s *Server) results(e Envelope) string {
	switch {
	case e.User != "":
		return "auth=pass smtp.auth=" + e.User
	case s.config.Results != nil:
		return s.config.Results(e)
	}
	return "auth=none; spf=none; dkim=none; dmarc=none"
}

// reserved reports whether a field of an arriving mail claims what only the
// final server can say: Return-Path (RFC 5321 §4.4), or results in our name
// (RFC 8601 §5). Results nobody can read claim anything.
func (s *Server) reserved(name string, field []byte) bool {
	switch {
	case strings.EqualFold(name, "Return-Path"):
		return true
	case s.config.AuthservID == "" || !strings.EqualFold(name, "Authentication-Results"):
		return false
	}
	_, value, _ := strings.Cut(string(field), ":")
	id, ok := authservID(value)
	return !ok || strings.EqualFold(id, s.config.AuthservID)
}

// authservID reads the first word of an Authentication-Results field's value,
// a token or a quoted string (RFC 8601 §2.2).
func authservID(value string) (id string, ok bool) {
	value, ok = skipComments(value)
	if !ok || value == "" {
		return "", false
	}
	if value[0] != '"' {
		id = value[:len(value)-len(strings.TrimLeftFunc(value, tokenRune))]
		return id, id != ""
	}
	var b strings.Builder
	for i := 1; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			return b.String(), true
		case c == '\\' && i+1 < len(value):
			i++
			b.WriteByte(value[i])
		case c != '\r' && c != '\n': // folding is no part of the string
			b.WriteByte(c)
		}
	}
	return "", false
}

// tokenRune reports whether a rune may be in a token (RFC 2045 §5.1); "/" is
// let through, since an id before a version is written with it by some.
func tokenRune(r rune) bool {
	return r > ' ' && r != 0x7f && !strings.ContainsRune(`()<>@,;:\"[]?=`, r)
}

// skipComments takes white space and nested comments off the front (RFC 5322
// §3.2.2); ok is false where a comment does not end.
func skipComments(s string) (rest string, ok bool) {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == '\\' && depth > 0:
			i++
		case depth == 0 && !strings.ContainsRune(" \t\r\n", rune(c)):
			return s[i:], true
		}
	}
	return "", depth == 0
}

// cutHeader splits a mail before the empty line that ends its header. A mail
// without one is all header.
func cutHeader(mail []byte) (header, body []byte) {
	for rest := mail; len(rest) > 0; {
		line := firstLine(rest)
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return mail[:len(mail)-len(rest)], rest
		}
		rest = rest[len(line):]
	}
	return mail, nil
}

// fields yields the fields of a header with their line ends, and their names. A
// line that is no field has the name "".
func fields(header []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for len(header) > 0 {
			n := len(firstLine(header))
			for n < len(header) && (header[n] == ' ' || header[n] == '\t') {
				n += len(firstLine(header[n:]))
			}
			if !yield(fieldName(header[:n]), header[:n]) {
				return
			}
			header = header[n:]
		}
	}
}

// fieldName returns a field's name, without the white space RFC 5322 §4.5 once
// allowed before the colon, or "" where the line cannot be a field.
func fieldName(field []byte) string {
	name, _, ok := bytes.Cut(field, []byte(":"))
	name = bytes.TrimRight(name, " \t")
	if !ok || bytes.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return ""
	}
	return string(name)
}

func firstLine(b []byte) []byte {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i+1]
	}
	return b
}

// word makes a client's string fit for one place in a header field.
func word(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f || strings.ContainsRune("<>()", r) {
			return '_'
		}
		return r
	}, s)
}
