package classify

import (
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// A finding is a place of the text that carries a cue.
type finding struct {
	cue      cue
	from, to int  // tokens
	subject  bool // it stands in the subject
	negated  bool // "not an outage"
	supposed bool // "if it went down"
}

// A reading is a text taken apart.
type reading struct {
	text     string
	subject  int // bytes of the text that are the subject
	tokens   []token
	numbers  []quantity // by token
	words    *lexicon
	findings []finding
}

// findMost bounds what is noted of one mail.
const findMost = 4000

// detectMost is how much of a text its language is told by, in bytes.
const detectMost = 2 << 10

// readMost is how much of a text is read, in bytes: trouble is told early.
const readMost = 64 << 10

// bounded cuts a text, between two characters.
func bounded(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// scope is how many words a "not" reaches.
const scope = 4

// read takes a subject and a text apart.
func read(subject, text string, words *lexicon) *reading {
	subject = strings.TrimSpace(subject)
	text = bounded(text, readMost)
	r := &reading{text: subject + "\n\n" + text, subject: len(subject), words: words}
	r.tokens = tokenize(r.text)
	nots := words.words["not"]
	for i := range r.tokens {
		r.tokens[i].not = nots[r.tokens[i].word]
	}
	r.numbers = r.readNumbers()
	r.match()
	r.weigh()
	return r
}

// match finds every phrase of the language.
func (r *reading) match() {
	for i, t := range r.tokens {
		if len(r.findings) > findMost {
			return
		}
		r.try(r.words.exact[t.word], i)
		r.try(r.words.stems[head(t.word)], i)
		if r.numbers[i].ok {
			r.try(r.words.counts, i)
		}
	}
}

func (r *reading) try(phrases []phrase, at int) {
	for _, p := range phrases {
		if !p.steps[0].fits(r, at) {
			continue
		}
		if end, ok := r.follow(p.steps[1:], at); ok {
			r.findings = append(r.findings, finding{cue: p.cue, from: at, to: end, subject: r.tokens[at].start < r.subject})
		}
	}
}

// follow matches the steps behind a token of the same clause, and returns the
// token behind the last one.
func (r *reading) follow(steps []step, at int) (end int, ok bool) {
	end = r.after(at)
	if len(steps) == 0 {
		return end, true
	}
	for gap := 0; gap <= steps[0].gap && end+gap < len(r.tokens); gap++ {
		if r.tokens[end+gap-1].ends != within {
			return 0, false
		}
		if !steps[0].fits(r, end+gap) {
			if r.tokens[end+gap].not {
				return 0, false // "is not down" is no "is down"
			}
			continue
		}
		if last, ok := r.follow(steps[1:], end+gap); ok {
			return last, true
		}
	}
	return 0, false
}

// after is the token behind a word or a number of several words.
func (r *reading) after(at int) int {
	if q := r.numbers[at]; q.ok {
		return q.to
	}
	return at + 1
}

func (s step) fits(r *reading, at int) bool {
	if s.number && r.numbers[at].ok {
		return true
	}
	word := r.tokens[at].word
	if slices.Contains(s.words, word) {
		return true
	}
	for _, stem := range s.stems {
		if strings.HasPrefix(word, stem) {
			return true
		}
	}
	return false
}

// weigh marks what is denied or only supposed.
func (r *reading) weigh() {
	supposed := r.supposed()
	for i := range r.findings {
		f := &r.findings[i]
		f.supposed = max(supposed[f.from], supposed[f.to-1]) > within
		f.negated = r.negated(f.from)
	}
}

// negated reports a "not" in the words before, in the same clause.
func (r *reading) negated(at int) bool {
	for i := at - 1; i >= 0 && i >= at-scope; i-- {
		t := r.tokens[i]
		if t.ends >= ofClause || r.words.is("but", t.word) {
			return false
		}
		if t.not && r.tokens[i+1].word != "only" {
			return true
		}
	}
	return false
}

// supposed tells of each token whether it stands behind an "if" in its
// sentence, or behind a "suppose" in its paragraph.
func (r *reading) supposed() []pause {
	marks := make([]pause, len(r.tokens)) // up to which pause each word is supposed
	for _, f := range r.findings {
		until := ofSentence
		switch f.cue {
		case "scenario", "boilerplate":
			until = ofParagraph
		case "if":
		case "would":
			until = ofClause
		default:
			continue
		}
		for i := f.from; i < len(marks); i++ {
			if until < ofParagraph && i > f.to && r.words.is("but", r.tokens[i].word) {
				break // "if you could help, because it is down"
			}
			if marks[i] >= until {
				break // so is the rest
			}
			marks[i] = until
			if r.tokens[i].ends >= until {
				break
			}
		}
	}
	return marks
}

// real counts the places where a cue is said of the world as it is.
func (r *reading) real(c cue) (n int) {
	for range r.places(c) {
		n++
	}
	return n
}

// said reports a cue that is not denied, even if only supposed.
func (r *reading) said(c cue) bool {
	for _, f := range r.findings {
		if f.cue == c && !f.negated {
			return true
		}
	}
	return false
}

// places yields where a cue is said of the world as it is.
func (r *reading) places(c cue) iter.Seq[finding] {
	return func(yield func(finding) bool) {
		for _, f := range r.findings {
			if f.cue == c && !f.negated && !f.supposed && !yield(f) {
				return
			}
		}
	}
}

// quote returns the words around a finding: its clause, cut to a line.
func (r *reading) quote(f finding) string {
	from, to := f.from, max(f.to, f.from+1)-1
	for from > 0 && r.tokens[from-1].ends < ofSentence && f.from-from < 10 {
		from--
	}
	for to+1 < len(r.tokens) && r.tokens[to].ends < ofSentence && to-f.to < 10 {
		to++
	}
	words := strings.Join(strings.Fields(r.text[r.tokens[from].start:r.tokens[to].end]), " ")
	if to+1 < len(r.tokens) && r.tokens[to].ends < ofSentence {
		words += "…"
	}
	return words
}
