package config

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// document reads the one YAML document of a file. It is nil where there is
// none, be it by a mistake or because the file says nothing.
func (r *report) document(file string, data []byte) ast.Node {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !r.plain(file, data) {
		return nil
	}
	parsed, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntax(file, data, err)
		return nil
	}
	var root ast.Node
	for _, document := range parsed.Docs {
		if document.Body == nil || document.Body.Type() == ast.NullType || document.Body.Type() == ast.CommentType {
			continue
		}
		if root != nil {
			d := decoder{r, file}
			r.at(d.place(document.Body), "a second document begins here; keep one, and take the line with --- out")
			return nil
		}
		root = document.Body
	}
	return root
}

// plain refuses what no line and column would explain: text that is not UTF-8,
// and tabs in front of keys, which YAML forbids (YAML 1.2.2 §6.1).
func (r *report) plain(file string, data []byte) bool {
	if !utf8.Valid(data) {
		r.at(place{file: file}, "is not UTF-8 text; save it as UTF-8")
		return false
	}
	good := true
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		content := strings.TrimLeft(line, " \t")
		tab := strings.IndexByte(line[:len(line)-len(content)], '\t')
		if tab < 0 || strings.TrimSpace(content) == "" || content[0] == '#' {
			continue
		}
		r.at(place{file, number, tab + 1}, "a tab indents this line; write spaces, as many as the lines around it have")
		good = false
	}
	return good
}

// syntax notes what goccy could not read, with the line and a caret.
func (r *report) syntax(file string, data []byte, err error) {
	var known yaml.Error
	if !errors.As(err, &known) || known.GetToken() == nil {
		r.at(place{file: file}, "cannot be read as YAML; %v", err)
		return
	}
	at := known.GetToken().Position
	r.at(place{file, at.Line, at.Column}, "this is not YAML (%s); check the colons, dashes, quotes, brackets and indentation here and on the lines next to it", known.GetMessage())
	r.mistakes[len(r.mistakes)-1].Excerpt = excerpt(data, at.Line, at.Column)
}

// secretLine finds lines whose value may be a secret.
var secretLine = regexp.MustCompile(`(?i)^.*(pass|secret|token)\w*\s*[:=]`)

// excerpt is a line and a caret under a column. What may be a secret is left out.
func excerpt(data []byte, line, column int) string {
	lines := strings.Split(string(data), "\n")
	if line < 1 || line > len(lines) {
		return ""
	}
	text := strings.TrimRight(lines[line-1], "\r")
	if head := secretLine.FindString(text); head != "" {
		text = head + " …"
	}
	if runes := []rune(text); len(runes) > 120 {
		text = string(runes[:120]) + "…"
	}
	return fmt.Sprintf("\n    %s\n    %s^", text, strings.Repeat(" ", min(max(column-1, 0), 120)))
}
