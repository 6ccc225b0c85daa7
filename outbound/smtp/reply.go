package smtp

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxText = 500 // bytes kept of a server's words

// parseReply reads the lines of an answer: the enhanced status at the start of
// each (RFC 2034 §4), "" when the first has none that fits the code, and the
// rest as one bounded line of printable text.
func parseReply(code int, lines string) (status, text string) {
	var words strings.Builder
	for i, line := range strings.Split(lines, "\n") {
		s, rest := cutStatus(code, line)
		if i == 0 {
			status = s
		}
		words.WriteString(rest + " ")
	}
	return status, oneLine(words.String())
}

// oneLine makes foreign words fit for a log: printable, on one line, at most
// maxText bytes.
func oneLine(words string) string {
	words = words[:min(len(words), 4*maxText)]
	text := strings.Join(strings.Fields(strings.Map(visible, words)), " ")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText-len("…")], "") + "…"
	}
	return text
}

// cutStatus splits "5.1.1 words" where 5 is the code's first digit (RFC 3463 §2).
func cutStatus(code int, line string) (status, rest string) {
	first, rest, _ := strings.Cut(line, " ")
	class, detail, _ := strings.Cut(first, ".")
	subject, detail, _ := strings.Cut(detail, ".")
	if len(class) != 1 || int(class[0]-'0') != code/100 || !short(subject) || !short(detail) {
		return "", line
	}
	return first, rest
}

// short reports one to three digits.
func short(number string) bool {
	return 0 < len(number) && len(number) <= 3 && strings.Trim(number, "0123456789") == ""
}

// visible turns all that a log or a terminal could take for more than text
// into spaces.
func visible(r rune) rune {
	if r == utf8.RuneError || !unicode.IsPrint(r) {
		return ' '
	}
	return r
}
