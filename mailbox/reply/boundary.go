package reply

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A boundaryKind is what begins below the new text.
type boundaryKind int

const (
	boundaryNone boundaryKind = iota
	boundaryOriginal
	boundaryForward
)

// boundary finds where the mail being answered or forwarded begins when it is
// not quoted line by line. Without one it returns len(lines).
func boundary(lines []line) (at int, kind boundaryKind) {
	for i, l := range lines {
		switch {
		case l.depth > 0 || l.text == "" && l.mark != markOriginal:
		case isForwardDivider(l.text):
			return i, boundaryForward
		case l.mark == markOriginal, isDivider(l.text), headerBlock(lines[i:]):
			if forwardFollows(lines[i:]) {
				return i, boundaryForward
			}
			return i, boundaryOriginal
		default:
			if n := attribution(lines[i:]); n > 0 && !quoteFollows(lines[i+n:]) && dated(lines[i:i+n]) {
				return i, boundaryOriginal
			}
		}
	}
	return len(lines), boundaryNone
}

// forwardFollows reports whether a marked original opens with a forward divider.
func forwardFollows(lines []line) bool {
	for _, l := range lines[:min(len(lines), 3)] {
		if isForwardDivider(l.text) {
			return true
		}
	}
	return false
}

// dividerless drops the divider and the blank lines above a forwarded header.
func dividerless(lines []line) []line {
	for len(lines) > 0 && (strings.TrimSpace(lines[0].text) == "" || isForwardDivider(lines[0].text) || isDivider(lines[0].text)) {
		lines = lines[1:]
	}
	return lines
}

// dividerSigns are what dividers are drawn with.
const dividerSigns = "-=–—―─_#>< :："

// bare strips a divider of its signs. It returns "" for lines that have none,
// which is most of them, and for long ones.
func bare(text string) string {
	if text == "" || len(text) > 200 {
		return ""
	}
	first, _ := utf8.DecodeRuneInString(text)
	last, _ := utf8.DecodeLastRuneInString(text)
	if !strings.ContainsRune(dividerSigns, first) && !strings.ContainsRune(dividerSigns, last) {
		return ""
	}
	return strings.Trim(fold(text), dividerSigns)
}

func isDivider(text string) bool {
	words := bare(text)
	if originalDividers[words] {
		return true
	}
	for _, phrase := range replyAbove {
		if strings.Contains(words, phrase) {
			return true
		}
	}
	return isNotesLine(text)
}

func isForwardDivider(text string) bool {
	words := bare(text)
	return forwardDividers[words] || strings.HasPrefix(words, "forwarded by ") && strings.HasPrefix(text, "---")
}

// isNotesLine recognizes Lotus Notes' "Name ---06/26/2026 01:30:12 PM---First words".
func isNotesLine(text string) bool {
	_, rest, found := strings.Cut(text, "---")
	if !found || rest == "" || !unicode.IsDigit(rune(rest[0])) {
		return false
	}
	date, _, found := strings.Cut(rest, "---")
	return found && len(date) < 40 && hasTime(date)
}

// isRule reports a line drawn with one repeated sign.
func isRule(text string) bool {
	text = strings.TrimSpace(text)
	if len(text) < 8 || len(text) > 400 {
		return false
	}
	return strings.Trim(text, "_-=–—―─━*~ ") == ""
}

// headerBlock reports whether lines begin with the header block of a quoted
// mail: a date and two more of its fields, one of them its first line. Fewer
// may be something a person describes.
func headerBlock(lines []line) bool {
	if labelOf(lines[0].text) == 0 {
		return false
	}
	var seen [labelSubject + 1]bool
	kinds, gap := 0, 0
	for _, l := range lines[:min(len(lines), 12)] {
		kind := labelOf(l.text)
		if kind == 0 {
			if gap++; gap > 2 { // a long To runs on over lines
				break
			}
			continue
		}
		if gap = 0; !seen[kind] {
			seen[kind] = true
			kinds++
		}
	}
	return kinds >= 3 && seen[labelDate] && seen[labelFrom]
}

// labelOf returns the field that a line of a header block states, or 0.
func labelOf(text string) label {
	head := text[:min(len(text), 60)]
	name, _, found := strings.Cut(head, ":")
	if !found {
		if name, _, found = strings.Cut(head, "："); !found {
			return 0
		}
	}
	return headerLabels[fold(name)]
}

// attribution returns how many lines (up to three) at the start of lines say
// who wrote what follows, or 0.
func attribution(lines []line) int {
	if len(lines) == 0 || !hasDigit(lines[0].text) || len(lines[0].text) > 400 {
		return 0
	}
	var joined strings.Builder
	for n := 1; n <= min(3, len(lines)); n++ {
		l := lines[n-1]
		if l.text == "" || len(l.text) > 400 || l.depth != lines[0].depth {
			return 0
		}
		joined.WriteString(" " + l.text)
		if !endsInColon(l.text) {
			continue
		}
		if s := fold(joined.String()); isAttribution(s) && (n == 1 || opensAttribution(s)) {
			return n
		}
	}
	return 0
}

func endsInColon(s string) bool {
	s = strings.TrimRight(s, " *")
	return strings.HasSuffix(s, ":") || strings.HasSuffix(s, "：")
}

func opensAttribution(s string) bool {
	for _, opening := range attributionOpenings {
		if strings.HasPrefix(s, opening) {
			return hasDigit(s)
		}
	}
	return s != "" && s[0]-'0' < 10
}

// isAttribution reads one folded line: it ends in a colon, bears a date, and
// either has a verb of the table or ends in an address, whatever the language.
func isAttribution(s string) bool {
	rest, found := strings.CutSuffix(s, ":")
	if !found {
		rest, found = strings.CutSuffix(s, "：")
	}
	if !found || !hasDigit(rest) {
		return false
	}
	rest = strings.TrimSpace(rest)
	if strings.HasSuffix(rest, ">") && strings.Contains(rest, "@") && strings.ContainsAny(rest, ":/.年") {
		return true
	}
	if !opensAttribution(rest) && !strings.Contains(rest, "@") {
		return false
	}
	for _, verb := range attributionVerbs {
		if strings.Contains(rest, verb) {
			return true
		}
	}
	return false
}

// dated reports whether an attribution bears an address or a time of day, as
// those of mail programs do and those that people type rarely do.
func dated(lines []line) bool {
	return slices.ContainsFunc(lines, func(l line) bool { return strings.Contains(l.text, "@") || hasTime(l.text) })
}

// quoteFollows reports whether the next line with text is quoted.
func quoteFollows(lines []line) bool {
	for _, l := range lines {
		if l.depth > 0 {
			return true
		}
		if strings.TrimSpace(l.text) != "" {
			return false
		}
	}
	return false
}

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }

// hasTime reports a digit, a colon, a digit.
func hasTime(s string) bool {
	for i := 1; i+1 < len(s); i++ {
		if s[i] == ':' && s[i-1]-'0' < 10 && s[i+1]-'0' < 10 {
			return true
		}
	}
	return false
}
