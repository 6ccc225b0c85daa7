package reply

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxSignature = 15  // lines below "-- "; more is text
	maxTail      = 24  // lines at the end in which a contact block is looked for
	maxContact   = 110 // octets of a line of it
	maxRounds    = 20  // signatures, footers and disclaimers below each other
)

// trim takes from the end what is not new text, whichever order it is in: a
// quote nobody answered, and what cuts find, which return where it begins. The
// attributions of quotes that stay go too.
func trim(lines []line, cuts ...func([]line) int) []line {
	quoteDropped := false
	for range maxRounds {
		lines = trimBlank(lines)
		before := len(lines)
		for _, cut := range cuts {
			lines = trimBlank(lines[:cut(lines)])
		}
		if n := quote(lines); n < len(lines) && !quoteDropped {
			// Only once: a second one above it is something the sender pasted.
			lines, quoteDropped = lines[:n], true
		}
		if len(lines) == before {
			break
		}
	}
	return withoutAttributions(lines)
}

func withoutAttributions(lines []line) []line {
	var out []line
	for i := 0; i < len(lines); i++ {
		n := attribution(lines[i:])
		switch {
		case n > 0 && (lines[i].depth > 0 || quoteFollows(lines[i+n:])):
			i += n - 1
		case lines[i].mark != markAttribution:
			out = append(out, lines[i])
		}
	}
	return out
}

func trimBlank(lines []line) []line {
	for len(lines) > 0 && strings.TrimSpace(lines[len(lines)-1].text) == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// withoutFooters drops phones' footers above a forward.
func withoutFooters(lines []line) []line {
	return slices.DeleteFunc(slices.Clone(lines), func(l line) bool { return l.depth == 0 && isFooter(l.text) })
}

// The functions below return where the lines at the end begin that they know.

// quote finds the last quote and its attribution.
func quote(lines []line) int {
	i := len(lines)
	for i > 0 && (lines[i-1].depth > 0 || strings.TrimSpace(lines[i-1].text) == "") {
		i--
	}
	if i == len(lines) {
		return i
	}
	for n := 1; n <= min(3, i); n++ {
		if attribution(lines[i-n:i]) == n {
			return i - n
		}
	}
	for i > 0 && lines[i-1].mark == markAttribution {
		i--
	}
	return i
}

func footer(lines []line) int {
	if i := len(lines) - 1; i >= 0 && lines[i].depth == 0 && isFooter(lines[i].text) {
		return i
	}
	return len(lines)
}

func isFooter(text string) bool {
	if len(text) > 160 {
		return false
	}
	text = strings.TrimLeft(fold(text), "-–—<[( ")
	contains := func(word string) bool { return strings.Contains(text, word) }
	return slices.ContainsFunc(footers, contains) && slices.ContainsFunc(devices, contains) && !strings.HasSuffix(text, "?")
}

// delimited finds the signature below "-- " (RFC 3676 §4.3), or "--" where a
// server took the space.
func delimited(lines []line) int {
	for i := len(lines) - 1; i >= max(0, len(lines)-maxSignature-1); i-- {
		if lines[i].depth > 0 {
			break
		}
		if t := strings.TrimSpace(lines[i].text); t == "--" || t == "—" {
			return i
		}
	}
	return len(lines)
}

// disclaimer finds a last paragraph of legal words, from the rule above it if there is one.
func disclaimer(lines []line) int {
	start := paragraph(lines)
	if start == len(lines) || !slices.ContainsFunc(lines[start:], func(l line) bool { return l.depth == 0 && isDisclaimer(l.text) }) {
		return len(lines)
	}
	for i := start; i < len(lines); i++ {
		if isRule(lines[i].text) || isDisclaimer(lines[i].text) {
			return i
		}
	}
	return start
}

func isDisclaimer(text string) bool {
	text = fold(text[:min(len(text), 2000)])
	return slices.ContainsFunc(disclaimers, func(d string) bool { return strings.Contains(text, d) })
}

// paragraph returns the start of the last paragraph, at most maxTail lines up.
func paragraph(lines []line) int {
	i := len(lines)
	for i > 0 && len(lines)-i < maxTail && strings.TrimSpace(lines[i-1].text) != "" {
		i--
	}
	return i
}

// boxed finds a signature between two equal rules, as is the custom in Japan,
// or the lone rule above what was cut off.
func boxed(lines []line) int {
	last := len(lines) - 1
	if last < 0 || lines[last].depth > 0 || !isRule(lines[last].text) {
		return len(lines)
	}
	for i := last - 1; i >= max(0, last-10); i-- {
		if lines[i].text == lines[last].text {
			return i
		}
	}
	return last
}

// contact finds the block that a mail program appends: the sender's name with
// lines of office, firm and telephone below, and the valediction above it. A
// name alone is a greeting that somebody typed, and stays.
func (m Mail) contact(lines []line) int {
	for i := len(lines) - 1; i >= max(0, len(lines)-maxTail); i-- {
		if lines[i].depth > 0 {
			break
		}
		if rest, ok := m.named(lines[i].text); ok && isContactBlock(rest, lines[i+1:]) {
			return m.valediction(lines, i)
		}
		if isValediction(lines[i].text) && hasEvidence(lines[i+1:]) && isContactBlock("", lines[i+1:]) {
			return i
		}
	}
	return len(lines)
}

// named reports whether a line is the sender's name, or begins with it and a
// separator, and returns what is behind.
func (m Mail) named(text string) (rest string, ok bool) {
	if len(text) > maxContact || m.Sender == "" {
		return "", false
	}
	name, rest, found := strings.Cut(text, " - ")
	if !found {
		if i := strings.IndexAny(text, "|,/–—•·("); i >= 0 {
			name, rest = text[:i], strings.TrimLeft(text[i:], "|,/–—•· ")
		}
	}
	return rest, fold(name) == m.Sender
}

// isContactBlock judges the lines below a name. Those directly below it may be
// an office or a firm; a further paragraph must show a telephone, an address
// or the like, or be a disclaimer.
func isContactBlock(rest string, lines []line) bool {
	if rest != "" && !isContact(rest) {
		return false
	}
	found, adjacent := rest != "", true
	for len(lines) > 0 {
		end := 0
		for end < len(lines) && strings.TrimSpace(lines[end].text) != "" {
			end++
		}
		if part := lines[:end]; end > 0 {
			legal := slices.ContainsFunc(part, func(l line) bool { return isDisclaimer(l.text) })
			if !legal && (slices.ContainsFunc(part, notContact) || !adjacent && !hasEvidence(part)) {
				return false
			}
			found = true
		}
		lines, adjacent = lines[min(end+1, len(lines)):], false
	}
	return found
}

func notContact(l line) bool { return l.depth > 0 || !isContact(l.text) }

// isContact reports whether a line could stand in a contact block: something
// that is no sentence.
func isContact(text string) bool {
	text = strings.TrimSpace(text)
	if len(text) > maxContact || strings.HasSuffix(text, "?") || strings.HasSuffix(text, "!") || strings.HasPrefix(text, "#") {
		return false
	}
	words := strings.Fields(fold(text))
	for _, w := range words {
		if speech[strings.Trim(w, ".,;:()")] {
			return false
		}
	}
	if evident(text) || strings.Contains(text, " | ") || strings.HasPrefix(text, `"`) {
		return true
	}
	return len(words) <= 8 && (len(words) <= 3 || titled(text))
}

// titled reports whether every longer word begins with a capital or a digit.
func titled(text string) bool {
	for w := range strings.FieldsSeq(text) {
		r, size := utf8.DecodeRuneInString(strings.TrimLeft(w, `("'|`))
		if utf8.RuneCountInString(w) >= 4 && size > 0 && unicode.IsLower(r) {
			return false
		}
	}
	return true
}

func hasEvidence(lines []line) bool {
	return slices.ContainsFunc(lines, func(l line) bool { return evident(l.text) })
}

// evident reports what only contact data have: a telephone number, an address
// of mail or web, the legal form of a firm.
func evident(text string) bool {
	if len(text) > maxContact {
		return false
	}
	lower := fold(text)
	if strings.Contains(lower, "www.") || strings.Contains(lower, "://") || strings.Contains(lower, "@") || digits(lower) >= 7 {
		return !strings.HasSuffix(lower, "?")
	}
	for w := range strings.FieldsSeq(lower) {
		if companyForms[strings.Trim(w, ".,;:()|")] {
			return true
		}
	}
	return strings.Contains(lower, "株式会社") || strings.HasPrefix(lower, "tel")
}

func digits(s string) (n int) {
	for _, r := range s {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

// valediction moves a signature's start up over the first name and the
// valediction above it.
func (m Mail) valediction(lines []line, at int) int {
	first, _, _ := strings.Cut(m.Sender, " ")
	for i, texts := at-1, 0; i >= 0 && texts < 2; i-- {
		text := strings.TrimSpace(lines[i].text)
		if lines[i].depth > 0 {
			break
		}
		if isValediction(text) {
			return i
		}
		if text != "" {
			if fold(text) != first {
				break
			}
			texts++
		}
	}
	return at
}

func isValediction(text string) bool {
	if len(text) > 80 {
		return false
	}
	known := false
	for part := range strings.SplitSeq(fold(text), "/") {
		if known = valedictions[strings.Trim(part, " ,.!;:-–—")]; !known {
			return false
		}
	}
	return known
}
