package parse

import (
	"bytes"
	"strings"
	"unicode"

	"github.com/id8labs/escalated/mailbox/reply"
)

// choose makes one body of a multipart/alternative: its first plain text and
// its last HTML. A plain text that only says "use another program" goes.
func choose(bodies []body) []body {
	var b body
	for _, part := range bodies {
		if strings.TrimSpace(b.text) == "" {
			b.text = part.text
		}
		if strings.TrimSpace(part.html) != "" {
			b.html = part.html
		}
	}
	if b.html != "" && isStub(b.text, b.html) {
		b.text = ""
	}
	return []body{b}
}

// isStub reports a plain text that stands in for the HTML.
func isStub(text, html string) bool {
	n := count(text)
	apology := strings.Contains(strings.ToLower(text[:min(len(text), 2000)]), "html")
	switch {
	case n == 0:
		return true
	case n > 400, n*20 > len(html) && !apology:
		return false
	}
	full := count(reply.Text(html))
	return n*20 < full || apology && n < full
}

func count(s string) (letters int) {
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			letters++
		}
	}
	return letters
}

// merge joins the bodies of a mail. The HTML is given only where it says all.
func merge(bodies []body) (text, html string) {
	if len(bodies) == 1 {
		return bodies[0].text, bodies[0].html
	}
	var texts []string
	for _, b := range bodies {
		if t := strings.Trim(readable(b.text, b.html), "\n"); strings.TrimSpace(t) != "" {
			texts = append(texts, t)
		}
	}
	return strings.Join(texts, "\n\n"), ""
}

// readable returns the plain text, or the HTML as text.
func readable(text, html string) string {
	if strings.TrimSpace(text) == "" && html != "" {
		text = multiline(reply.Text(html))
	}
	return strings.TrimRight(strings.TrimLeft(text, "\n"), " \t\n")
}

// unflow joins the lines of format=flowed (RFC 3676 §4.1): a line that ends in
// a space goes on in the next one of the same quote depth.
func unflow(text string, delsp bool) string {
	var b strings.Builder
	flowing, last, begun := false, 0, false
	for line := range strings.SplitSeq(text, "\n") {
		rest := strings.TrimLeft(line, ">")
		depth := len(line) - len(rest)
		rest = strings.TrimPrefix(rest, " ") // space-stuffing
		if !flowing || depth != last || rest == "-- " {
			if begun {
				b.WriteByte('\n')
			}
			b.WriteString(strings.Repeat(">", depth))
			if depth > 0 && rest != "" {
				b.WriteByte(' ')
			}
		}
		flowing = strings.HasSuffix(rest, " ") && rest != "-- "
		if flowing && delsp {
			rest = rest[:len(rest)-1]
		}
		b.WriteString(rest)
		last, begun = depth, true
	}
	return b.String()
}

// flatten reads the text of parts nested too deep to be walked: all lines but
// those of boundaries and part headers.
func flatten(raw []byte) []byte {
	var b bytes.Buffer
	for len(raw) > 0 && b.Len() < maxText {
		var line []byte
		line, raw = cutLine(raw)
		if !bytes.HasPrefix(line, []byte("--")) && !(isField(line) && isKnown(fieldName(line))) && len(bytes.TrimSpace(line)) > 0 {
			b.Write(line)
		}
	}
	return b.Bytes()
}
