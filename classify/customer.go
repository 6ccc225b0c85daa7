package classify

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/id8labs/escalated/mailbox"
)

// customer says whom to address. full is all of the mail's text, in whose
// signature the name and the company are looked for.
func customer(from mailbox.Address, full string, d *Directory) Customer {
	c := Customer{Name: strings.TrimSpace(from.Name), Address: strings.ToLower(from.Address)}
	if strings.EqualFold(c.Name, from.Address) || strings.Contains(c.Name, "@") {
		c.Name = ""
	}
	if c.Name == "" {
		c.Name = nameOfLocal(from.Address)
	}
	c.FirstName = firstName(c.Name)
	if company, ok := d.Company(from.Address); ok {
		c.Company, c.Tier = company.Name, company.Tier
	} else {
		c.Company = companyOf(mailbox.Domain(from.Address), full)
	}
	return c
}

// firstName returns the given name of a display name, or "" for a machine, a
// desk, or mere initials.
func firstName(display string) string {
	name, _, _ := strings.Cut(display, "(")
	name, _, _ = strings.Cut(name, "[")
	if last, first, ok := strings.Cut(name, ","); ok && len(strings.Fields(last)) <= 3 {
		if len(personal(first)) == 0 { // "Meyer, PhD"
			first = last
		}
		name = first
	}
	words := personal(name)
	for _, w := range strings.FieldsFunc(strings.ToLower(display), func(r rune) bool { return !unicode.IsLetter(r) && r != '-' }) {
		if anywhere("desk", w) {
			return ""
		}
	}
	switch {
	case len(words) == 0:
		return ""
	case unspaced([]rune(words[0])[0]):
		return words[len(words)-1] // the family's name comes first
	case isInitial(words[0]):
		return ""
	}
	return capital(words[0])
}

// personal returns the words of a name that are no titles.
func personal(name string) (words []string) {
	for w := range strings.FieldsSeq(strings.Trim(name, ` "'`)) {
		bare := strings.ToLower(strings.Trim(w, ".,"))
		if bare != "" && !anywhere("title", bare) && strings.ContainsFunc(w, unicode.IsLetter) {
			words = append(words, strings.Trim(w, `,"'`))
		}
	}
	return words
}

// isInitial reports "J." and "JP" and "H.-P.".
func isInitial(w string) bool {
	return utf8.RuneCountInString(w) == 1 || strings.HasSuffix(w, ".") || strings.Contains(w, ".") ||
		utf8.RuneCountInString(w) == 2 && strings.ToUpper(w) == w && strings.ToLower(w) != w
}

// capital writes a name as names are written where it shouts or whispers.
func capital(name string) string {
	if strings.ToUpper(name) != name && strings.ToLower(name) != name || utf8.RuneCountInString(name) < 3 {
		return name
	}
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToUpper(first)) + strings.ToLower(name[size:])
}

// nameOfLocal reads "first.last" before the @ as a name.
func nameOfLocal(address string) string {
	local, _, _ := strings.Cut(address, "@")
	parts := strings.FieldsFunc(local, func(r rune) bool { return r == '.' || r == '_' })
	if len(parts) != 2 {
		return ""
	}
	for i, p := range parts {
		if len(p) < 2 || strings.ContainsFunc(p, func(r rune) bool { return !unicode.IsLetter(r) && r != '-' }) || anywhere("desk", strings.ToLower(p)) {
			return ""
		}
		parts[i] = capital(p)
	}
	return strings.Join(parts, " ")
}

// companyOf names a company by its domain, as the mail writes it where it does.
func companyOf(domain, full string) string {
	if domain == "" || anywhere("freemail", domain) {
		return ""
	}
	label := mainLabel(domain)
	if written := writtenAs(letters(label), full); written != "" {
		return written
	}
	words := strings.Split(label, "-")
	for i, w := range words {
		words[i] = capital(w)
	}
	return strings.Join(words, " ")
}

// mainLabel is the label a company chose: of shop.acme.co.uk it is acme.
func mainLabel(domain string) string {
	labels := strings.Split(domain, ".")
	if n := len(labels); n > 2 && len(labels[n-1]) == 2 && len(labels[n-2]) <= 3 {
		labels = labels[:n-1]
	}
	return labels[max(0, len(labels)-2)]
}

// letters reduces a name to what a domain can show of it.
func letters(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ReplaceAll(s, "&", "and")) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// The longest name of a company, in words.
const longestCompany = 8

// writtenAs finds the words of a text that a domain's letters are the
// beginning of: for "harborpilots" it finds "Harbor Pilots Association".
func writtenAs(domain, text string) string {
	for _, line := range slices.Backward(strings.Split(text, "\n")) { // the signature is at the end
		words := strings.Fields(line)
		for i := range words {
			if n := matches(domain, words[i:]); n > 0 {
				for i+n < len(words) && n < longestCompany && nameGoesOn(words[i+n-1], words[i+n]) {
					n++
				}
				return strings.Trim(strings.Join(words[i:i+n], " "), " ,;:-–()*|\"'“”")
			}
		}
	}
	return ""
}

// matches counts the words whose letters are the domain's, the first of which
// is written as a name.
func matches(domain string, words []string) int {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(words[0], "(*\"'"))
	if !unicode.IsUpper(first) || strings.ContainsAny(words[0], "@/") {
		return 0
	}
	got := ""
	for n, w := range words[:min(len(words), longestCompany)] {
		if w != "&" || strings.HasPrefix(domain, got+"and") {
			got += letters(w)
		}
		if got == domain {
			return n + 1
		}
		if !strings.HasPrefix(domain, got) {
			break
		}
	}
	return 0
}

// nameGoesOn reports that a name does not end before a word.
func nameGoesOn(before, word string) bool {
	first, _ := utf8.DecodeRuneInString(word)
	return !strings.ContainsAny(before[len(before)-1:], ".,;:!?)*|") && (unicode.IsUpper(first) || word == "&")
}
