package auth

import "strings"

// A lexer takes the tokens of a structured field from its front (RFC 5322
// §3.2). Once bad, it yields nothing more.
type lexer struct {
	rest string
	bad  bool
}

const blank = " \t\r\n"

// space passes white space and comments, which nest and may hold quoted pairs.
func (l *lexer) space() {
	for {
		l.rest = strings.TrimLeft(l.rest, blank)
		if l.bad || !strings.HasPrefix(l.rest, "(") {
			return
		}
		n := comment(l.rest)
		l.require(n > 0)
		l.rest = l.rest[n:]
	}
}

// comment returns the length of the comment s begins with, 0 if it does not end.
func comment(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// quoted returns what the quoted string s begins with says, and its length; 0
// if it does not end.
func quoted(s string) (text string, n int) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), i + 1
		case '\\':
			if i++; i == len(s) {
				return "", 0
			}
		}
		b.WriteByte(s[i])
	}
	return "", 0
}

func (l *lexer) require(ok bool) { l.bad = l.bad || !ok }

func (l *lexer) end() bool {
	l.space()
	return l.bad || l.rest == ""
}

func (l *lexer) peek(b byte) bool {
	l.space()
	return !l.bad && l.rest != "" && l.rest[0] == b
}

func (l *lexer) take(b byte) bool {
	if !l.peek(b) {
		return false
	}
	l.rest = l.rest[1:]
	return true
}

// delimited reports whether the token just read ends here.
func (l *lexer) delimited() bool {
	return l.rest == "" || strings.IndexByte(blank+";(", l.rest[0]) >= 0
}

// keyword reads letters, digits, hyphens and underscores (Fastmail's
// policy.is_org) and returns them in lower case; "" when there are none.
func (l *lexer) keyword() string {
	l.space()
	if l.bad {
		return ""
	}
	return strings.ToLower(l.run(func(r rune) bool {
		return r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z' && r < 0x80
	}))
}

// value reads a quoted string, an address with a quoted local part, or a run
// of anything up to white space, semicolon or comment. Of the last, RFC 8601
// §2.2 allows less, but Gmail's header.b and Fastmail's smtp.bits=256/256 need it.
// It may be empty, as in "smtp.mailfrom=;".
func (l *lexer) value() string {
	l.space()
	text := ""
	if !l.bad && strings.HasPrefix(l.rest, `"`) {
		s, n := quoted(l.rest)
		l.require(n > 0)
		text, l.rest = s, l.rest[n:]
		l.require(l.delimited() || l.rest[0] == '@')
	}
	if l.bad {
		return ""
	}
	text += l.run(func(r rune) bool { return r > ' ' && r != 0x7f && !strings.ContainsRune(`;()"\`, r) })
	l.require(l.delimited())
	return text
}

// run takes characters as long as they are fit.
func (l *lexer) run(fit func(rune) bool) string {
	n := strings.IndexFunc(l.rest, func(r rune) bool { return !fit(r) })
	if n < 0 {
		n = len(l.rest)
	}
	text := l.rest[:n]
	l.rest = l.rest[n:]
	return text
}
