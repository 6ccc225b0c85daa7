package reply

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/html"
)

// maxOpen bounds the elements that are kept track of at a time.
const maxOpen = 400

// render turns HTML into lines. It reads tokens instead of a tree: that is
// linear whatever the nesting, and what mail programs write needs no more.
// Where nothing would be visible, everything is.
func render(source string) []line {
	r := renderer{}
	r.read(source)
	if blank(r.lines) {
		r = renderer{showAll: true}
		r.read(source)
	}
	return r.lines
}

type renderer struct {
	showAll bool
	lines   []line
	open    []element

	text  strings.Builder // the line being written
	begun bool            // it has text, if only a space that does not break
	space bool            // a space is due before the next word
	blank bool            // a blank line is due before the next text
	cell  bool            // a cell's separator is due before the next text
	mark  mark            // of the next line, from an element that has begun

	hidden, pre, depth int // how many open elements are so
	attributed, signed int
}

// An element is an open tag and what it does to the text in it.
type element struct {
	tag                    string
	hidden, pre, quote     bool
	attribution, signature bool
	spaced                 bool // blank lines set it off
	ordered                bool
	items                  int // of a list, so far
}

// attributes are those of a tag that matter here.
type attributes struct{ class, id, style, name, kind, marker, hidden string }

func (r *renderer) read(source string) {
	z := html.NewTokenizer(strings.NewReader(source))
	for {
		switch z.Next() {
		case html.ErrorToken:
			r.breakLine()
			return
		case html.TextToken:
			r.write(string(z.Text()))
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			r.start(string(name), readAttributes(z, more))
		case html.EndTagToken:
			name, _ := z.TagName()
			r.end(string(name))
		case html.CommentToken:
			if r.showAll {
				r.write(string(z.Text()))
			}
		}
	}
}

func readAttributes(z *html.Tokenizer, more bool) (a attributes) {
	for n := 0; more && n < 100; n++ {
		var key, value []byte
		key, value, more = z.TagAttr()
		switch string(key) {
		case "class":
			a.class = strings.ToLower(string(value))
		case "id":
			a.id = strings.ToLower(string(value))
		case "style":
			a.style = strings.ToLower(strings.ReplaceAll(string(value), " ", ""))
		case "name":
			a.name = string(value)
		case "type":
			a.kind = string(value)
		case "data-marker":
			a.marker = string(value)
		case "hidden":
			a.hidden = "hidden"
		}
	}
	return a
}

// unseen are the elements whose content is no text.
var unseen = set("script", "style", "head", "title", "template", "svg", "object", "select", "textarea", "xml", "noembed", "iframe")

// void are the elements without an end tag.
var void = set("br", "hr", "img", "input", "meta", "link", "area", "base", "col", "embed", "param", "source", "track", "wbr")

// blocks begin and end on a line of their own; paragraphs are set off by blank lines.
var (
	blocks = set("div", "p", "table", "tr", "ul", "ol", "li", "blockquote", "pre", "hr", "h1", "h2", "h3", "h4", "h5", "h6",
		"section", "article", "header", "footer", "main", "address", "dl", "dt", "dd", "form", "fieldset", "center", "body", "figure", "nav", "aside")
	paragraphs = set("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "pre", "dl", "table", "blockquote")
)

func (r *renderer) start(tag string, a attributes) {
	if blocks[tag] {
		r.closeImplied(tag)
		r.breakLine()
		r.blank = r.blank || spaced(tag, a)
	}
	if original(a) {
		r.breakLine()
		r.mark = markOriginal
	}
	switch tag {
	case "br":
		r.newLine()
	case "td", "th":
		r.cell = r.begun
	case "li":
		r.bullet()
	}
	if void[tag] || len(r.open) >= maxOpen {
		return
	}
	e := element{
		tag:         tag,
		hidden:      !r.showAll && (unseen[tag] || invisible(a)),
		pre:         tag == "pre",
		quote:       tag == "blockquote" && !indent(a),
		attribution: strings.Contains(a.class, "gmail_attr") || strings.Contains(a.class, "moz-cite-prefix"),
		signature:   isSignature(a),
		spaced:      spaced(tag, a),
		ordered:     tag == "ol",
	}
	r.open = append(r.open, e)
	r.count(e, 1)
}

func (r *renderer) end(tag string) {
	if tag == "p" && !r.isOpen("p") || tag == "br" {
		r.newLine()
		return
	}
	for i := len(r.open) - 1; i >= max(0, len(r.open)-50); i-- {
		if r.open[i].tag == tag {
			r.pop(i)
			return
		}
	}
}

// pop closes the open elements from i on.
func (r *renderer) pop(i int) {
	for n := len(r.open) - 1; n >= i; n-- {
		e := r.open[n]
		if blocks[e.tag] {
			r.breakLine()
			r.blank = r.blank || e.spaced
		}
		r.count(e, -1)
	}
	r.open = r.open[:i]
}

func (r *renderer) count(e element, by int) {
	for _, c := range []struct {
		is bool
		n  *int
	}{{e.hidden, &r.hidden}, {e.pre, &r.pre}, {e.quote, &r.depth}, {e.attribution, &r.attributed}, {e.signature, &r.signed}} {
		if c.is {
			*c.n += by
		}
	}
}

// closeImplied ends the elements that a new block ends without saying so.
func (r *renderer) closeImplied(tag string) {
	if n := len(r.open) - 1; n >= 0 && (r.open[n].tag == "p" || tag == "li" && r.open[n].tag == "li") {
		r.pop(n)
	}
}

func (r *renderer) isOpen(tag string) bool {
	for i := len(r.open) - 1; i >= max(0, len(r.open)-50); i-- {
		if r.open[i].tag == tag {
			return true
		}
	}
	return false
}

// bullet writes the mark of a list's item.
func (r *renderer) bullet() {
	for i := len(r.open) - 1; i >= max(0, len(r.open)-50); i-- {
		if list := &r.open[i]; list.tag == "ol" || list.tag == "ul" {
			if list.items++; list.ordered {
				r.write(strconv.Itoa(list.items) + ". ")
				return
			}
			break
		}
	}
	r.write("* ")
}

// write adds text to the line, its white space collapsed unless in a pre.
func (r *renderer) write(s string) {
	if r.hidden > 0 {
		return
	}
	for _, c := range s {
		switch {
		case c == '\n' && r.pre > 0:
			r.newLine()
		case c == '\u00a0' || r.pre > 0 && c == ' ':
			r.begin()
			r.text.WriteByte(' ')
		case c == ' ' || c == '\n' || c == '\t' || c == '\f' || c == '\r':
			r.space = r.begun
		case unicode.IsControl(c):
		default:
			r.begin()
			r.text.WriteRune(c)
		}
	}
}

// begin writes what is due before a word.
func (r *renderer) begin() {
	if n := len(r.lines); !r.begun && r.blank && n > 0 && r.lines[n-1].text != "" {
		r.lines = append(r.lines, line{depth: min(r.depth, r.lines[n-1].depth)})
	}
	if r.cell {
		r.text.WriteString(" | ")
	} else if r.space {
		r.text.WriteByte(' ')
	}
	r.begun, r.blank, r.space, r.cell = true, false, false, false
}

// newLine ends the line, even an empty one.
func (r *renderer) newLine() {
	if r.hidden > 0 {
		return
	}
	l := line{text: strings.TrimRight(r.text.String(), " "), depth: min(r.depth, maxDepth), mark: r.mark}
	switch {
	case l.mark != markNone:
	case r.attributed > 0:
		l.mark = markAttribution
	case r.signed > 0:
		l.mark = markSignature
	}
	r.lines = append(r.lines, l)
	r.text.Reset()
	r.begun, r.space, r.cell, r.mark = false, false, false, markNone
}

// breakLine ends the line if it has text.
func (r *renderer) breakLine() {
	if r.begun {
		r.newLine()
	}
	r.space, r.cell = false, false
}

// spaced reports whether blank lines set an element off. Outlook writes every
// line as a paragraph of this class without margins.
func spaced(tag string, a attributes) bool {
	return paragraphs[tag] && !strings.Contains(a.class, "msonormal")
}

// original reports the elements with which programs begin the mail being answered.
func original(a attributes) bool {
	switch a.id {
	case "divrplyfwdmsg", "appendonsend", "x_divrplyfwdmsg", "olk_src_body_section", "mail-editor-reference-message-container", "replysplit", "isreplycontent":
		return true
	}
	return strings.Contains(a.class, "yahoo_quoted") || strings.Contains(a.class, "protonmail_quote") || strings.Contains(a.class, "zmail_extra") ||
		strings.Contains(a.class, "ms-outlook-mobile-reference-message") || a.name == "quote" || a.marker == "__HEADERS__" || a.marker == "__QUOTED_TEXT__"
}

// isSignature reports the elements that programs put signatures in.
func isSignature(a attributes) bool {
	return strings.Contains(a.class, "gmail_signature") || strings.Contains(a.class, "moz-signature") ||
		strings.Contains(a.class, "protonmail_signature") || a.id == "ms-outlook-mobile-signature" || a.id == "applemailsignature"
}

// indent reports a blockquote that somebody indents text with.
func indent(a attributes) bool {
	return a.kind == "" && !strings.Contains(a.class, "quote") && strings.Contains(a.style, "border:none")
}

// invisible reports what a browser would not show: preheaders and the like.
func invisible(a attributes) bool {
	if a.hidden != "" {
		return true
	}
	for _, rule := range []string{"display:none", "visibility:hidden", "mso-hide:all", "max-height:0", "font-size:0"} {
		if i := strings.Index(a.style, rule); i >= 0 && !strings.HasPrefix(a.style[i+len(rule):], ".") {
			return true
		}
	}
	return false
}
