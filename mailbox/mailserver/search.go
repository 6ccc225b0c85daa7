package mailserver

import (
	"bytes"
	"io"
	"iter"
	"mime"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	gomessage "github.com/emersion/go-message"
)

func (s *imapSession) Search(kind imapserver.NumKind, criteria *imap.SearchCriteria, _ *imap.SearchOptions) (*imap.SearchData, error) {
	seen := s.look(imap.SeqSet{{Start: 1, Stop: 0}})
	var seqs imap.SeqSet
	var uids imap.UIDSet
	data := new(imap.SearchData)
	for _, m := range seen {
		if !m.matches(criteria, seen[len(seen)-1]) {
			continue
		}
		n := m.shown
		if kind == imapserver.NumKindUID {
			n = uint32(m.uid)
		}
		seqs.AddNum(m.shown)
		uids.AddNum(m.uid)
		if data.Count == 0 {
			data.Min = n
		}
		data.Max = n
		data.Count++
	}
	data.All = seqs
	if kind == imapserver.NumKindUID {
		data.All = uids
	}
	return data, nil
}

// matches reports whether a message meets all criteria (RFC 3501 §6.4.4), the
// cheap ones first.
func (m sight) matches(c *imap.SearchCriteria, last sight) bool {
	return m.numbered(c, last) && m.flagged(c) && m.sized(c) && m.dated(c) && m.worded(c) &&
		!slices.ContainsFunc(c.Not, func(not imap.SearchCriteria) bool { return m.matches(&not, last) }) &&
		!slices.ContainsFunc(c.Or, func(or [2]imap.SearchCriteria) bool {
			return !m.matches(&or[0], last) && !m.matches(&or[1], last)
		})
}

func (m sight) numbered(c *imap.SearchCriteria, last sight) bool {
	for _, set := range c.SeqNum {
		if !within(set, last)(m) {
			return false
		}
	}
	for _, set := range c.UID {
		if !within(set, last)(m) {
			return false
		}
	}
	return true
}

func (m sight) flagged(c *imap.SearchCriteria) bool {
	has := func(flag imap.Flag) bool { return slices.Contains(m.flags, canonical(flag)) }
	return !slices.ContainsFunc(c.NotFlag, has) &&
		!slices.ContainsFunc(c.Flag, func(flag imap.Flag) bool { return !has(flag) })
}

func (m sight) sized(c *imap.SearchCriteria) bool {
	size := int64(len(m.bytes))
	return (c.Larger == 0 || size > c.Larger) && (c.Smaller == 0 || size < c.Smaller)
}

func (m sight) dated(c *imap.SearchCriteria) bool {
	if !between(m.received, c.Since, c.Before) {
		return false
	}
	if c.SentSince.IsZero() && c.SentBefore.IsZero() {
		return true
	}
	for value := range m.values("Date") {
		if sent, err := mail.ParseDate(value); err == nil {
			return between(sent, c.SentSince, c.SentBefore)
		}
	}
	return false
}

// between compares days, whatever their zones.
func between(t, since, before time.Time) bool {
	year, month, day := t.Date()
	t = time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	return (since.IsZero() || !t.Before(since)) && (before.IsZero() || t.Before(before))
}

func (m sight) worded(c *imap.SearchCriteria) bool {
	for _, want := range c.Header {
		if !m.headed(want.Key, want.Value) {
			return false
		}
	}
	if len(c.Text)+len(c.Body) == 0 {
		return true
	}
	header, _ := cutHeader(m.bytes)
	body := m.body()
	for _, word := range c.Text {
		if !holds(decoded(string(header)), word) && !holds(body, word) {
			return false
		}
	}
	return !slices.ContainsFunc(c.Body, func(word string) bool { return !holds(body, word) })
}

func (m sight) headed(name, word string) bool {
	for value := range m.values(name) {
		if holds(value, word) {
			return true
		}
	}
	return false
}

// values yields the decoded values of a header field.
func (m sight) values(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		header, _ := cutHeader(m.bytes)
		for key, field := range fields(header) {
			if !strings.EqualFold(key, name) {
				continue
			}
			_, value, _ := bytes.Cut(field, []byte(":"))
			unfolded := strings.NewReplacer("\r", "", "\n", "").Replace(string(value))
			if !yield(decoded(strings.TrimSpace(unfolded))) {
				return
			}
		}
	}
}

// body returns the texts of a mail; where they can't be decoded, what they are
// encoded as.
func (m sight) body() string {
	var b strings.Builder
	whole, _ := gomessage.Read(bytes.NewReader(readable(m.bytes)))
	if whole != nil {
		whole.Walk(func(_ []int, part *gomessage.Entity, _ error) error {
			if kind, _, _ := part.Header.ContentType(); !strings.HasPrefix(kind, "multipart/") {
				io.Copy(&b, part.Body)
				b.WriteByte('\n')
			}
			return nil
		})
	}
	return b.String()
}

func decoded(s string) string {
	if text, err := new(mime.WordDecoder).DecodeHeader(s); err == nil {
		return text
	}
	return s
}

func holds(text, word string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(word))
}
