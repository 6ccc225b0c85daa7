// Package reply finds the new text of a reply: what its sender typed, without
// the mail it answers, its attribution ("On …, X wrote:"), the signature, the
// disclaimer and the phone's advertisement.
//
// Invariants:
//   - Answers written between quoted lines stay, with the lines they answer.
//   - Where somebody may have written something, something is returned. Text
//     below a divider at the very top of a reply is returned as a quote, so
//     that people see it and no command in it counts.
//   - A forward keeps its body: what a colleague forwards is the content.
//   - The time taken is linear in the length of the mail.
//
// What mail programs and languages do is in the tables of tables.go.
package reply

import (
	"slices"
	"strings"
	"unicode"
)

// A Mail is what the new text is looked for in. Text and HTML are two forms of
// the same body, and one of them may be empty; they hold no CR.
type Mail struct {
	Subject string
	Sender  string // the display name in From, which the signature starts with
	Text    string
	HTML    string
}

// New returns the new text of a mail, with quoted lines marked by "> ". It is
// empty when the sender wrote nothing of their own.
//
// The plain text counts where there is one; HTML then only tells where the
// original begins, as long as both say the same.
func New(m Mail) string {
	m.Sender = fold(m.Sender)
	if strings.TrimSpace(m.HTML) == "" {
		return m.plain()
	}
	tree := m.newText(render(m.HTML))
	if strings.TrimSpace(m.Text) == "" {
		return tree
	}
	plain := m.plain()
	written, marked := letters(plain), letters(tree)
	switch {
	case written == marked || marked == "":
		return plain
	case strings.HasPrefix(written, marked), written == "":
		return tree
	}
	return plain
}

func (m Mail) plain() string { return m.newText(split(m.Text)) }

// Text returns the readable text of an HTML body: quotes marked by "> ", lists
// by "* " and "1. ", cells of a table separated by " | ". What a mail program
// would not show is left out, unless nothing else is there.
func Text(html string) string { return join(render(html)) }

// Forwarded splits the text of a forward into what the forwarder wrote and what
// they forwarded. The second begins with the original's own header block.
func Forwarded(subject, text string) (comment, original string, ok bool) {
	lines := split(text)
	at, kind := boundary(lines)
	if kind == boundaryNone || kind != boundaryForward && !isForward(subject) {
		return text, "", false
	}
	return join(lines[:at]), join(unquoted(dividerless(lines[at:]))), true
}

// newText is New for one form of the body.
func (m Mail) newText(lines []line) string {
	at, kind := boundary(lines)
	if kind == boundaryForward || isForward(m.Subject) {
		return join(append(withoutFooters(lines[:at]), unquoted(lines[at:])...))
	}
	head := lines[:at]
	unsigned := slices.DeleteFunc(slices.Clone(head), func(l line) bool { return l.mark == markSignature })
	text := join(trim(unsigned, footer, delimited, disclaimer, boxed, m.contact))
	switch {
	case text != "":
		return text
	case !blank(head):
		// What looks like a signature may be text: some people type into theirs.
		return join(trim(head, footer))
	}
	return join(quoted(lines[at:]))
}

// isForward reports whether the outermost prefix of a subject says so.
func isForward(subject string) bool {
	prefix, _, found := strings.Cut(subject, ":")
	if !found {
		prefix, _, found = strings.Cut(subject, "：")
	}
	return found && forwardPrefixes[fold(prefix)]
}

// letters reduces a text to what two renderings of it share.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9': // most there is
			return r
		case unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}
