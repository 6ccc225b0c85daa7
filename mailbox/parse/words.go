package parse

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxName    = 256 // runes of a name
	maxSubject = 998 // runes of a subject
)

// decodeWords decodes the encoded words of a field (RFC 2047). Unlike package
// mime it joins neighbours of one charset before decoding, since many programs
// cut a character in two, and never fails: what is malformed stays as it is.
func decodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return s
	}
	var b strings.Builder
	var pending []byte
	charset := ""
	flush := func() {
		b.WriteString(toUTF8(pending, charset))
		pending, charset = nil, ""
	}
	for s != "" {
		start := strings.Index(s, "=?")
		if start < 0 {
			break
		}
		word, length := encodedWord(s[start:])
		if length == 0 {
			flush()
			b.WriteString(s[:start+2])
			s = s[start+2:]
			continue
		}
		// White space between two encoded words is no text (§6.2).
		if pending == nil || strings.TrimSpace(s[:start]) != "" || !strings.EqualFold(charset, word.charset) {
			between := s[:start]
			if pending != nil && strings.TrimSpace(between) == "" {
				between = ""
			}
			flush()
			b.WriteString(between)
			pending = []byte{}
		}
		charset, pending = word.charset, append(pending, word.bytes...)
		s = s[start+length:]
	}
	flush()
	b.WriteString(s)
	return b.String()
}

type word struct {
	charset string
	bytes   []byte
}

// encodedWord reads "=?charset?encoding?text?=" at the start of s and returns
// its length, or 0.
func encodedWord(s string) (word, int) {
	charset, rest, ok := strings.Cut(s[2:min(len(s), 80)], "?")
	if !ok || charset == "" || len(rest) < 2 || rest[1] != '?' {
		return word{}, 0
	}
	at := 2 + len(charset) + 1 + 2
	text, _, ok := strings.Cut(s[at:], "?=")
	if !ok || len(text) > 4096 {
		return word{}, 0
	}
	charset, _, _ = strings.Cut(charset, "*") // RFC 2231 §5: a language
	switch rest[0] {
	case 'B', 'b':
		b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.ReplaceAll(text, " ", ""), "="))
		if err != nil && len(b) == 0 {
			return word{}, 0
		}
		return word{charset, b}, at + len(text) + 2
	case 'Q', 'q':
		return word{charset, unquote([]byte(strings.ReplaceAll(text, "_", " ")))}, at + len(text) + 2
	}
	return word{}, 0
}

// single makes a string one clean line: control characters become spaces or go,
// and so do those that hide or turn around text.
func single(s string) string {
	if isPlain(s) {
		return s
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029' || r == '\u0085':
			return ' '
		case r == utf8.RuneError || hides(r) || r == '\u200c' || r == '\u200d':
			return -1
		}
		return printable(r)
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// isPlain reports what needs no cleaning.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return strings.TrimSpace(s) == s
}

// hides reports bidirectional controls, invisible characters and tags.
func hides(r rune) bool {
	switch {
	case r >= 0x200b && r <= 0x200f && r != 0x200c && r != 0x200d, r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x206f,
		r == 0x00ad, r == 0x061c, r == 0x180e, r == 0xfeff, r >= 0xfff9 && r <= 0xfffb, r >= 0xe0000 && r <= 0xe007f:
		return true
	}
	return false
}

// printable drops control characters. Those of C1 are taken for the
// windows-1252 that they are where a mail wrongly says iso-8859-1.
func printable(r rune) rune {
	switch {
	case r >= 0x80 && r <= 0x9f:
		return windows1252[r-0x80]
	case unicode.IsControl(r):
		return -1
	case r == 0xa0 || r == 0x202f:
		return ' '
	}
	return r
}

// windows1252 are its characters 0x80 to 0x9f; -1 where it has none.
var windows1252 = [32]rune{
	'€', -1, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', -1, 'Ž', -1,
	-1, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', -1, 'ž', 'Ÿ',
}

// cut bounds a string to n runes.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
