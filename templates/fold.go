package templates

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/width"
)

const (
	columns    = 76 // of a text, as RFC 5322 §2.1.1 and RFC 3676 §4.2 advise
	quoted     = 84 // of a quote: lines of 80, as many programs write them, stay whole
	labelWidth = 13 // of a row's label
)

// squeeze trims the ends of lines and leaves one blank line where several
// are, so that templates need not care for the lines of their actions.
func squeeze(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \r\n")
		if line != "" || len(out) > 0 && out[len(out)-1] != "" {
			out = append(out, line)
		}
	}
	return strings.TrimSpace(strings.Join(out, "\n"))
}

// fold wraps a text at 76 columns. Quotes, list items and rows keep their
// shape, and an address that is longer stays whole.
func fold(text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		foldLine(&b, line)
		b.WriteByte('\n')
	}
	return b.String()
}

func foldLine(b *strings.Builder, line string) {
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	first, rest, limit := indent, indent, columns
	label, value, isRow := strings.Cut(line, "\t")
	switch {
	case isRow:
		first, rest, line = pad(label), strings.Repeat(" ", labelWidth), value
	case strings.HasPrefix(line, "| "):
		limit = quoted
		first, rest, line = line[:len(line)-len(strings.TrimLeft(line[2:], " "))], "| ", line[2:]
	case strings.HasPrefix(line, "- "):
		first, rest, line = "- ", "  ", line[2:]
	}
	b.WriteString(first)
	at, start := cells(first), true
	for _, word := range units(line) {
		switch space := cells(word); {
		case !start && at+1+space > limit:
			b.WriteString("\n" + rest)
			at = cells(rest)
		case !start:
			b.WriteByte(' ')
			at++
		}
		at += writeWord(b, word, rest, at, limit)
		start = false
	}
}

// units are a line's words. One that begins with "#" clings to the word before
// it: a line that began with it would be a command where a reply cites us.
func units(line string) []string {
	var all []string
	for word := range strings.FieldsSeq(line) {
		if len(all) > 0 && word[0] == '#' {
			all[len(all)-1] += " " + word
			continue
		}
		all = append(all, word)
	}
	return all
}

// writeWord writes a word that begins at a column, broken where it goes beyond
// the limit and is no address: some scripts have no spaces. It returns the
// columns it took of its last line.
func writeWord(b *strings.Builder, word, rest string, column, limit int) int {
	at, room, full := 0, limit-column, limit-cells(rest)
	breakable := cells(word) > room && !strings.Contains(word, "://") && !strings.Contains(word, "@")
	for _, r := range word {
		if breakable && at+cells(string(r)) > room && r != '#' {
			b.WriteString("\n" + rest)
			at, room = 0, full
		}
		b.WriteRune(r)
		at += cells(string(r))
	}
	return at
}

func pad(label string) string {
	return label + strings.Repeat(" ", max(labelWidth-cells(label), 2))
}

// cells counts the columns a terminal gives to s.
func cells(s string) int {
	n := utf8.RuneCountInString(s)
	for _, r := range s {
		if kind := width.LookupRune(r).Kind(); kind == width.EastAsianWide || kind == width.EastAsianFullwidth {
			n++
		}
	}
	return n
}
