package templates

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	bareAck    = "ack-bare"
	maxPart    = 100 << 10 // octets of a text or a page; Gmail cuts what is longer
	maxSubject = 120       // characters
)

// A Mail is what a template made: one line of subject, a text with LF line
// ends, and the HTML that says the same.
type Mail struct {
	Subject, Text, HTML string
	// Fallback is why a template of the user's folder could not be used and
	// the built-in one was; an operator is to be told. nil when all is well.
	Fallback error
}

// Render words a mail. lang is a BCP 47 tag; where there is no template in it,
// the nearest language is taken, English in the end. The error is about the
// caller: no such template, or a Data without what it is about.
func (s *Set) Render(name, lang string, d Data) (Mail, error) {
	custom, builtin := s.find(name, lang)
	if builtin == nil {
		return Mail{}, fmt.Errorf("templates: no template %q", name)
	}
	d = prepare(name, d)
	var fallback error
	if custom != nil {
		m, err := custom.render(d)
		if err == nil {
			return m, nil
		}
		fallback = fmt.Errorf("templates: the built-in %s was used: %w", name, err)
	}
	m, err := builtin.render(d)
	if err != nil {
		return Mail{}, fmt.Errorf("templates: render %s: %w", name, cmp.Or(fallback, err))
	}
	m.Fallback = fallback
	return m, nil
}

// prepare leaves of d what a template may see.
func prepare(name string, d Data) Data {
	d = clean(d)
	if name == bareAck {
		return bare(d)
	}
	if n, _ := NoticeOf(name); n.Side == Internal && d.Case != nil {
		d.Case.Re = ""
	}
	return d
}

func (w *wording) render(d Data) (Mail, error) {
	subject, inSubject := execute(w.subject, w.subject.Name(), d)
	text, inText := execute(w.text, w.text.Name(), d)
	text = squeeze(text)
	var page any = d
	if w.blocks {
		page = laidOut{d, oneLine(markers.ReplaceAllString(subject, "")), blocks(text)}
	}
	html, inHTML := execute(w.html, w.page, page)
	if err := errors.Join(inSubject, inText, inHTML); err != nil {
		return Mail{}, err
	}
	return Mail{Subject: heading(subject, d), Text: fold(text), HTML: html}, nil
}

// heading makes a subject one line of at most 120 characters that ends with the
// id of its one escalation, and names no other.
func heading(subject string, d Data) string {
	tag := ""
	if d.Case != nil && len(d.Cases) < 2 {
		tag = " [" + d.Case.ID + "]"
		subject = cmp.Or(d.Case.Re, subject)
	}
	subject = oneLine(tags.ReplaceAllString(subject, ""))
	return strings.TrimSpace(shorten(maxSubject-utf8.RuneCountInString(tag), subject) + tag)
}

// tags are what a subject joins an escalation by.
var tags = regexp.MustCompile(`(?i)\[\s*esc-[0-9a-z]*\s*\]`)

type executable interface{ Execute(io.Writer, any) error }

func execute(t executable, file string, data any) (string, error) {
	var b capped
	if err := t.Execute(&b, data); errors.Is(err, errTooLong) {
		return "", fmt.Errorf("%s: %w", file, err)
	} else if err != nil {
		return "", explain(err)
	}
	return b.String(), nil
}

// capped is a buffer that refuses to grow past maxPart.
type capped struct{ bytes.Buffer }

var errTooLong = errors.New("the mail is longer than 100 KB: print less")

func (c *capped) Write(p []byte) (int, error) {
	if c.Len()+len(p) > maxPart {
		return 0, errTooLong
	}
	return c.Buffer.Write(p)
}
