package parse

import (
	"bytes"
	"encoding/base64"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
)

// transfer undoes a Content-Transfer-Encoding, as far as it can be undone. The
// libraries' decoders stop at the first damage and lose what follows.
func (w *walker) transfer(raw []byte, encoding string) []byte {
	switch encoding = strings.ToLower(strings.Trim(encoding, " \t\"';.")); {
	case strings.Contains(encoding, "base64") || encoding == "base-64":
		b, damaged := unbase64(raw)
		if damaged {
			w.defect("damaged base64")
		}
		return b
	case strings.Contains(encoding, "quoted"):
		return unquote(raw)
	case encoding == "", strings.Contains(encoding, "bit"), encoding == "binary":
	default:
		w.defect("unknown transfer encoding %q", cut(encoding, 40))
	}
	return raw
}

// unquote decodes quoted-printable (RFC 2045 §6.7). A "=" that begins nothing stays.
func unquote(b []byte) []byte {
	if bytes.IndexByte(b, '=') < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for {
		i := bytes.IndexByte(b, '=')
		if i < 0 {
			return append(out, b...)
		}
		out, b = append(out, b[:i]...), b[i+1:]
		if line, rest := cutLine(b[:min(len(b), 80)]); len(bytes.TrimSpace(line)) == 0 {
			if len(rest) > 0 || bytes.HasSuffix(line, []byte{'\n'}) || len(b) == len(line) {
				b = b[len(line):]
				continue
			}
		}
		if len(b) >= 2 && unhex(b[0]) >= 0 && unhex(b[1]) >= 0 {
			out, b = append(out, byte(unhex(b[0])<<4|unhex(b[1]))), b[2:]
			continue
		}
		out = append(out, '=')
	}
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// unbase64 decodes line by line. Stray signs are skipped; from the first line
// that reads like text on (a list's footer), the rest is kept as it is.
func unbase64(b []byte) (decoded []byte, damaged bool) {
	out := make([]byte, 0, base64.StdEncoding.DecodedLen(len(b)))
	var group []byte
	flush := func() {
		n, err := base64.RawStdEncoding.Decode(out[len(out):cap(out)], group)
		damaged = damaged || err != nil
		out, group = out[:len(out)+n], group[:0]
	}
	for len(b) > 0 {
		line, rest := cutLine(b)
		kept, strange := group, 0
		for _, c := range bytes.TrimSpace(line) {
			switch {
			case c == '=':
				group = kept
				flush()
				kept = group
			case isBase64(c):
				kept = append(kept, c)
			default:
				strange++
			}
		}
		if strange*8 > len(line) {
			flush()
			return append(out, b...), true
		}
		group, damaged, b = kept, damaged || strange > 0, rest
	}
	if len(group)%4 == 1 {
		group, damaged = group[:len(group)-1], true
	}
	flush()
	return out, damaged
}

func isBase64(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/'
}

// text decodes the bytes of a text part.
func (w *walker) text(b []byte, label string) string {
	b = b[:min(len(b), 4*maxText)]
	if label != "" && !isGuessed(label) {
		if _, err := charset.Reader(label, nil); err != nil {
			w.defect("unknown charset %q", cut(single(label), 40))
		}
	}
	return multiline(toUTF8(b, label))
}

// isGuessed reports the labels that say little or are wrong too often.
func isGuessed(label string) bool {
	switch strings.ToLower(label) {
	case "", "utf-8", "utf8", "us-ascii", "ascii", "unknown-8bit", "x-unknown", "default", "binary":
		return true
	}
	return false
}

// toUTF8 decodes bytes of a charset, and guesses where the label does not help.
func toUTF8(b []byte, label string) string {
	if isGuessed(label) {
		return guess(b)
	}
	r, err := charset.Reader(label, bytes.NewReader(b))
	if err != nil {
		return guess(b)
	}
	decoded, err := io.ReadAll(r)
	if err != nil {
		return guess(b)
	}
	return string(decoded)
}

// guess decodes bytes of an unknown charset: UTF-16 by its mark or its NULs,
// UTF-8 if it is valid, ISO-2022-JP by its escapes, else windows-1252.
func guess(b []byte) string {
	if decoded, ok := fromUTF16(b); ok {
		return string(decoded)
	}
	if utf8.Valid(b) {
		if bytes.Contains(b, []byte("\x1b$")) {
			if decoded, err := japanese.ISO2022JP.NewDecoder().Bytes(b); err == nil {
				return string(decoded)
			}
		}
		return string(b)
	}
	if mostlyUTF8(b) {
		return strings.ToValidUTF8(string(b), "")
	}
	decoded, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "")
	}
	return string(decoded)
}

// mostlyUTF8 reports damaged UTF-8: more characters than broken bytes.
func mostlyUTF8(b []byte) bool {
	valid, broken := 0, 0
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && size == 1:
			broken++
		case size > 1:
			valid++
		}
		b = b[size:]
	}
	return valid > broken
}

// fromUTF16 decodes bytes with a byte order mark, or with a NUL in nearly every
// second place.
func fromUTF16(b []byte) ([]byte, bool) {
	little := bytes.HasPrefix(b, []byte{0xff, 0xfe})
	big := bytes.HasPrefix(b, []byte{0xfe, 0xff})
	if !little && !big {
		sample := b[:min(len(b), 512)&^1]
		var nuls [2]int
		for i, c := range sample {
			if c == 0 {
				nuls[i%2]++
			}
		}
		enough := len(sample) * 2 / 5
		little, big = nuls[1] > enough && nuls[0] == 0, nuls[0] > enough && nuls[1] == 0
	}
	if !little && !big || len(b) < 4 {
		return nil, false
	}
	units := make([]uint16, 0, len(b)/2)
	for pair := range slices.Chunk(b[:len(b)&^1], 2) {
		if little {
			pair = []byte{pair[1], pair[0]}
		}
		units = append(units, uint16(pair[0])<<8|uint16(pair[1]))
	}
	return []byte(strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff")), true
}

// multiline cleans a text and keeps its lines.
func multiline(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	last := rune(0)
	return strings.Map(func(r rune) rune {
		before := last
		last = r
		switch {
		case ' ' <= r && r < '\u007f': // most there is
			return r
		case r == '\n' || r == '\t':
			return r
		case r == '\r' || r == '\u2028' || r == '\u2029':
			return '\n'
		case r == '\u200c' || r == '\u200d': // joiners belong to scripts and emoji
			if before < 0x300 {
				return -1
			}
			return r
		case r == utf8.RuneError || hides(r):
			return -1
		}
		return printable(r)
	}, s)
}
