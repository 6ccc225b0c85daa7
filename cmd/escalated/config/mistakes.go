package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Mistake is one thing wrong with the configuration and what to do about it.
// Line and Column count from 1; they are 0 where the file as a whole is meant.
type Mistake struct {
	File         string
	Line, Column int
	What         string // the problem; the remedy
	Excerpt      string // the line and a caret under it, for YAML that cannot be read
}

func (m Mistake) String() string {
	where := m.File
	if m.Line > 0 {
		where = fmt.Sprintf("%s:%d:%d", m.File, m.Line, m.Column)
	}
	return where + ": " + m.What + m.Excerpt
}

// Mistakes are all that is wrong with the configuration, by file and line.
type Mistakes []Mistake

// Error has one line for each mistake.
func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, mistake := range m {
		lines[i] = mistake.String()
	}
	return strings.Join(lines, "\n")
}

// A place is where a value stands.
type place struct {
	file         string
	line, column int
}

// A report gathers mistakes, and where in which file each key stands. Keys are
// written as paths: people[0].email, policy.severities.1.update.
type report struct {
	mistakes Mistakes
	places   map[string]place
	refused  map[string]bool // paths whose value is a mistake already
}

func newReport() *report {
	return &report{places: map[string]place{}, refused: map[string]bool{}}
}

// at notes a mistake at a place.
func (r *report) at(p place, format string, args ...any) {
	r.mistakes = append(r.mistakes, Mistake{File: p.file, Line: p.line, Column: p.column, What: fmt.Sprintf(format, args...)})
}

// refuse notes a mistake in the value of a key: at most one for each key, and
// none inside a value that is refused as a whole.
func (r *report) refuse(path, format string, args ...any) {
	if r.doubted(path) {
		return
	}
	r.refused[path] = true
	r.at(r.nearest(path), format, args...)
}

// doubted reports that a key, or what encloses it, is a mistake already.
func (r *report) doubted(path string) bool {
	for path != "" {
		if r.refused[path] {
			return true
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return r.refused[""]
}

// nearest is where a key stands, or what encloses it where it is left out.
func (r *report) nearest(path string) place {
	for {
		if p, ok := r.places[path]; ok {
			return p
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return r.places[""]
		}
		path = path[:cut]
	}
}

// given reports whether the file has a key, be its value right or wrong.
func (r *report) given(path string) bool {
	_, ok := r.places[path]
	return ok
}

// err is nil, or all mistakes in the order a reader meets them; those of
// further files come after those of the first.
func (r *report) err() error {
	if len(r.mistakes) == 0 {
		return nil
	}
	first := r.places[""].file
	slices.SortStableFunc(r.mistakes, func(a, b Mistake) int {
		return cmp.Or(
			strings.Compare(strings.TrimPrefix(a.File, first), strings.TrimPrefix(b.File, first)),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
		)
	})
	return r.mistakes
}

// quote shows a value in a message, cut short.
func quote(s string) string {
	const most = 60
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
