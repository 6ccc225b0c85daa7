package auth

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"

	"github.com/id8labs/escalated/mailbox"
)

// read turns a mail into what package parse would, as far as this package asks.
func read(t testing.TB, raw []byte) *mailbox.Message {
	t.Helper()
	head, body := split(raw)
	m := &mailbox.Message{Header: head}
	words := mime.WordDecoder{CharsetReader: func(_ string, r io.Reader) (io.Reader, error) { return r, nil }}
	m.Subject, _ = words.DecodeHeader(head.Get("Subject"))
	for _, from := range head.Values("From") {
		m.From = append(m.From, list(from)...)
	}
	m.To = list(head.Get("To"))
	m.InReplyTo = strings.Fields(strings.NewReplacer("<", "", ">", "").Replace(head.Get("In-Reply-To")))
	m.References = strings.Fields(strings.NewReplacer("<", "", ">", "").Replace(head.Get("References")))
	parts(m, head, body)
	m.Text = m.FullText
	return m
}

func split(raw []byte) (mailbox.Header, []byte) {
	raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	head, body, _ := bytes.Cut(raw, []byte("\n\n"))
	var h mailbox.Header
	for line := range strings.Lines(string(head)) {
		line = strings.TrimRight(line, "\n")
		if n := len(h); n > 0 && line != "" && strings.Contains(" \t", line[:1]) {
			h[n-1].Value += line
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		h = append(h, mailbox.Field{Name: name, Value: strings.TrimPrefix(value, " ")})
	}
	return h, body
}

func list(field string) (found []mailbox.Address) {
	p := mail.AddressParser{WordDecoder: &mime.WordDecoder{CharsetReader: func(_ string, r io.Reader) (io.Reader, error) { return r, nil }}}
	as, err := p.ParseList(field)
	if err != nil { // repair as a mail program would: what is in angle brackets
		_, address, _ := cutLast(field, "<")
		return []mailbox.Address{{Address: strings.Trim(address, "> ")}}
	}
	for _, a := range as {
		local, domain, _ := cutLast(a.Address, "@")
		found = append(found, mailbox.Address{Name: a.Name, Address: local + "@" + strings.ToLower(domain)})
	}
	return found
}

func parts(m *mailbox.Message, h mailbox.Header, body []byte) {
	kind, params, _ := mime.ParseMediaType(h.Get("Content-Type"))
	switch strings.ToLower(h.Get("Content-Transfer-Encoding")) {
	case "base64":
		body, _ = io.ReadAll(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(body)))
	case "quoted-printable":
		body, _ = io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body)))
	}
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		if kind == "multipart/report" {
			m.Report.Type = params["report-type"]
		}
		for r := multipart.NewReader(bytes.NewReader(body), params["boundary"]); ; {
			p, err := r.NextRawPart()
			if err != nil {
				return
			}
			var head mailbox.Header
			for name, values := range p.Header {
				head = append(head, mailbox.Field{Name: name, Value: values[0]})
			}
			content, _ := io.ReadAll(p)
			parts(m, head, content)
		}
	case kind == "message/delivery-status":
		for len(bytes.TrimSpace(body)) > 0 {
			var group mailbox.Header
			group, body = split(body)
			m.Report.Status = append(m.Report.Status, group)
		}
	case kind == "text/rfc822-headers", kind == "message/rfc822":
		m.Report.Origin, _ = split(body)
	case kind == "", strings.HasPrefix(kind, "text/"):
		m.FullText += string(body)
	}
}
