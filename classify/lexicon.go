package classify

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"sync"
)

// What words mean is kept in files, one per language. A file has sections:
//
//	[stopped]
//	is|are|went ..2 down
//
// Most sections are cues: a line is a phrase that means the section's name. A
// phrase is words apart by blanks, in lower case and without apostrophes
// ("can not", "it s"). a|b is one of both, stem* any word that begins so, # a
// number in digits or words, ..3 up to three words of any kind. Letters of
// scripts without blanks (Han, kana) are words of one letter each, and may be
// written together.
//
// The sections of lists hold plain words, [number] holds word=value. Lines
// that begin with // are for people.
//
//go:embed words/*.txt
var files embed.FS

// A cue is a meaning that phrases carry.
type cue string

// lists are the sections of plain words.
var lists = map[cue]bool{
	"common": true, "not": true, "but": true, "people": true, "things": true, "time": true, "timeglue": true, "vague": true,
	"title": true, "desk": true, "from": true, "subject": true, "greeting": true, "freemail": true, "near": true, "zone": true, "of": true,
}

// A lexicon is one language's file.
type lexicon struct {
	language string
	exact    map[string][]phrase // by the phrase's first word
	stems    map[string][]phrase // by the head of the first word
	counts   []phrase            // those that begin with a number
	words    map[cue]map[string]bool
	numbers  map[string]float64
}

type phrase struct {
	cue   cue
	steps []step
}

// A step is one word of a phrase, behind up to gap others.
type step struct {
	gap    int
	number bool
	words  []string
	stems  []string
}

// lexicons are all languages' files, read once. The files are part of the
// program, so a mistake in one is a mistake of the program.
var lexicons = sync.OnceValue(func() map[string]*lexicon {
	all := map[string]*lexicon{}
	names, err := fs.Glob(files, "words/*.txt")
	for _, name := range names {
		var text []byte
		if text, err = files.ReadFile(name); err != nil {
			break
		}
		language := strings.TrimSuffix(path.Base(name), ".txt")
		if all[language], err = readLexicon(language, string(text)); err != nil {
			break
		}
	}
	if err != nil {
		panic(err)
	}
	return all
})

// lexiconOf is a language's file, English for one that has none.
func lexiconOf(language string) *lexicon {
	if l, ok := lexicons()[language]; ok {
		return l
	}
	return lexicons()["en"]
}

func readLexicon(language, text string) (*lexicon, error) {
	l := &lexicon{
		language: language,
		exact:    map[string][]phrase{},
		stems:    map[string][]phrase{},
		words:    map[cue]map[string]bool{},
		numbers:  map[string]float64{},
	}
	var section cue
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "//"):
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			section = cue(strings.Trim(line, "[]"))
		default:
			if err := l.add(section, line); err != nil {
				return nil, fmt.Errorf("words of %q, line %d: %w", language, n, err)
			}
		}
	}
	return l, nil
}

// add reads one line of a section.
func (l *lexicon) add(section cue, line string) error {
	switch {
	case section == "":
		return fmt.Errorf("%q stands before the first section", line)
	case section == "number":
		return l.addNumbers(line)
	case lists[section]:
		if l.words[section] == nil {
			l.words[section] = map[string]bool{}
		}
		for word := range strings.FieldsSeq(line) {
			l.words[section][word] = true
		}
		return nil
	}
	p, err := readPhrase(section, line)
	if err != nil {
		return err
	}
	first := p.steps[0]
	for _, word := range first.words {
		l.exact[word] = append(l.exact[word], p)
	}
	for _, stem := range first.stems {
		l.stems[head(stem)] = append(l.stems[head(stem)], p)
	}
	if first.number {
		l.counts = append(l.counts, p)
	}
	return nil
}

func (l *lexicon) addNumbers(line string) error {
	for pair := range strings.FieldsSeq(line) {
		word, value, _ := strings.Cut(pair, "=")
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return fmt.Errorf("number %q: %w", pair, err)
		}
		l.numbers[word] = n
	}
	return nil
}

func readPhrase(section cue, line string) (phrase, error) {
	p := phrase{cue: section}
	gap := 0
	for field := range strings.FieldsSeq(line) {
		if digits, ok := strings.CutPrefix(field, ".."); ok {
			n, err := strconv.Atoi(digits)
			if err != nil {
				return p, fmt.Errorf("gap %q: %w", field, err)
			}
			gap = n
			continue
		}
		p.steps = append(p.steps, readSteps(field, gap)...)
		gap = 0
	}
	if len(p.steps) == 0 || p.steps[0].gap > 0 || gap > 0 {
		return p, fmt.Errorf("phrase %q must begin and end with a word", line)
	}
	return p, nil
}

// readSteps reads one field of a phrase: one step, or one per letter.
func readSteps(field string, gap int) (steps []step) {
	if field == "#" {
		return []step{{gap: gap, number: true}}
	}
	if !strings.Contains(field, "|") && len(field) > 0 && unspaced([]rune(field)[0]) {
		for _, r := range field {
			steps = append(steps, step{gap: gap, words: []string{string(r)}})
			gap = 0
		}
		return steps
	}
	s := step{gap: gap}
	for word := range strings.SplitSeq(field, "|") {
		if stem, ok := strings.CutSuffix(word, "*"); ok {
			s.stems = append(s.stems, stem)
		} else if word == "#" {
			s.number = true
		} else {
			s.words = append(s.words, word)
		}
	}
	return []step{s}
}

// head is what the index of stems knows of a word.
func head(word string) string { return word[:min(len(word), 3)] }

// is reports whether a word stands in a list.
func (l *lexicon) is(list cue, word string) bool { return l.words[list][word] }

// anywhere reports whether a word stands in a list of any language.
func anywhere(list cue, word string) bool {
	for _, l := range lexicons() {
		if l.is(list, word) {
			return true
		}
	}
	return false
}
