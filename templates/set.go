package templates

import (
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"strings"
	texttemplate "text/template"
)

//go:embed builtin parts
var files embed.FS

// A Set is all templates in force. It is safe for concurrent use.
type Set struct {
	builtin map[id]*wording
	custom  map[id]*wording // from the user's folder
}

// An id names a wording. A lang is in lower case and never empty.
type id struct{ name, lang string }

// A wording is one template in one language.
type wording struct {
	subject *texttemplate.Template
	text    *texttemplate.Template
	html    *htmltemplate.Template
	page    string // the file of html
	blocks  bool   // html is fed the text's blocks: there is no page of its own
}

// Builtin returns the templates that come with the program. That they parse is
// a matter of this package's tests; if they do not, it panics.
func Builtin() *Set {
	dir, err := fs.Sub(files, "builtin")
	if err != nil {
		panic(err)
	}
	sources, err := read(dir)
	if err != nil {
		panic(err)
	}
	s := &Set{builtin: make(map[id]*wording)}
	for key, source := range sources {
		if s.builtin[key], err = source.parse(); err != nil {
			panic(err)
		}
	}
	return s
}

// find returns the user's wording and the built-in one for the nearest language,
// de-AT, then de, then English. The user's is nil where a built-in one is nearer.
func (s *Set) find(name, lang string) (custom, builtin *wording) {
	for lang := range nearest(lang) {
		key := id{name, lang}
		if custom == nil {
			custom = s.custom[key]
		}
		if builtin = s.builtin[key]; builtin != nil {
			break
		}
	}
	return custom, builtin
}

// nearest yields a BCP 47 tag, its ever shorter beginnings, and English.
func nearest(lang string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		lang = strings.ReplaceAll(strings.ToLower(lang), "_", "-")
		for lang != "" && yield(lang) {
			lang = lang[:max(strings.LastIndexByte(lang, '-'), 0)]
		}
		if lang == "" {
			yield("en")
		}
	}
}

// A source is the files of one wording.
type source struct {
	id
	text, html         string
	textFile, htmlFile string // their names; "" where there is none
}

// parse compiles a wording; a source without text has no subject and text.
func (src source) parse() (*wording, error) {
	var w wording
	if err := errors.Join(w.parseText(src), w.parseHTML(src)); err != nil {
		return nil, err
	}
	return &w, nil
}

func (w *wording) parseText(src source) error {
	if src.textFile == "" {
		return nil
	}
	first, rest, _ := strings.Cut(src.text, "\n")
	subject, ok := strings.CutPrefix(strings.TrimSpace(strings.TrimPrefix(first, "\ufeff")), "Subject:")
	if !ok {
		return fmt.Errorf("%s:1: the first line must be \"Subject: …\"", src.textFile)
	}
	compile := func(text string) (*texttemplate.Template, error) {
		return texttemplate.New(src.textFile).Funcs(functions(src.lang)).Option("missingkey=error").Parse(text)
	}
	var err error
	if w.subject, err = compile(subject); err != nil {
		return explain(err)
	}
	// The line break in place of the subject keeps line numbers right.
	if w.text, err = compile("\n" + rest); err != nil {
		return explain(err)
	}
	return nil
}

func (w *wording) parseHTML(src source) error {
	file, page := src.htmlFile, src.html
	if file == "" {
		file, page, w.blocks = "blocks.html", part("blocks.html"), true
	}
	w.page = file
	t, err := htmltemplate.New("layout.html").Funcs(functions(src.lang)).Parse(part("layout.html"))
	if err != nil {
		return explain(err)
	}
	body, err := t.New(file).Parse(page)
	if err != nil {
		return explain(err)
	}
	if start := strings.ToLower(strings.TrimSpace(page)); strings.HasPrefix(start, "<!doctype") || strings.HasPrefix(start, "<html") {
		w.html = body
		return nil
	}
	w.html = t
	_, err = t.AddParseTree("body", body.Tree)
	return err
}

// part returns a file that the built-in pages share.
func part(name string) string {
	b, err := files.ReadFile("parts/" + name)
	if err != nil {
		panic(err)
	}
	return string(b)
}
