package reply

import (
	"strings"
	"unicode"
)

// A line is one line of a body, without its quote marks.
type line struct {
	text  string
	depth int // how often it is quoted
	mark  mark
}

// A mark is what the HTML says about a line that its text does not.
type mark int

const (
	markNone        mark = iota
	markAttribution      // who wrote what is quoted below
	markSignature        // put there by the mail program
	markOriginal         // the mail being answered begins here
)

// maxDepth bounds the quote marks kept in front of a line.
const maxDepth = 8

// split reads plain text: up to maxDepth ">" marks at a line's start are quotes.
func split(text string) []line {
	var lines []line
	for s := range strings.SplitSeq(text, "\n") {
		depth, rest := 0, s
		for depth < maxDepth && strings.HasPrefix(rest, ">") {
			depth, rest = depth+1, strings.TrimPrefix(rest[1:], " ")
		}
		lines = append(lines, line{text: strings.TrimRightFunc(rest, unicode.IsSpace), depth: depth})
	}
	return lines
}

// join writes lines down again, blank ones at both ends left out and no more
// than two of them in a row.
func join(lines []line) string {
	var b strings.Builder
	empty := 0
	for _, l := range lines {
		if l.text == "" && l.depth == 0 {
			empty++
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n\n\n"[:min(empty, 2)+1])
		}
		empty = 0
		b.WriteString(strings.TrimRight(strings.Repeat(">", l.depth)+" ", " "))
		if l.depth > 0 && l.text != "" {
			b.WriteByte(' ')
		}
		b.WriteString(l.text)
	}
	return b.String()
}

func blank(lines []line) bool {
	for _, l := range lines {
		if strings.TrimSpace(l.text) != "" {
			return false
		}
	}
	return true
}

// quoted returns lines as a quote.
func quoted(lines []line) []line {
	out := make([]line, len(lines))
	for i, l := range lines {
		out[i] = line{text: l.text, depth: min(l.depth+1, maxDepth)}
	}
	return out
}

// unquoted takes one level of quote marks from lines when every line with text
// has it, below the divider and headers at their top: a forwarded body that its
// forwarder's program set as a quote.
func unquoted(lines []line) []line {
	first := 0
	for first < len(lines) && lines[first].depth == 0 {
		first++
	}
	for _, l := range lines[first:] {
		if l.depth == 0 && l.text != "" {
			return lines
		}
	}
	out := append([]line(nil), lines...)
	for i := first; i < len(out); i++ {
		out[i].depth = max(out[i].depth-1, 0)
	}
	return out
}

// fold brings a word or label into the form the tables use: lower case, single
// spaces, without the stars of bold turned to text.
func fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case r == '*' || r == '_':
			continue
		case r == '’':
			r = '\''
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
