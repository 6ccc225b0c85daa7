package classify

import (
	"cmp"
	"iter"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// longestSummary is what fits a subject line beside a prefix and a tag, in runes.
const longestSummary = 70

var (
	// A prefix of a reply or forward: one to four letters, perhaps a count.
	prefix = regexp.MustCompile(`^(?i:(?:re|r|fw|fwd|fyi|aw|wg|antw|sv|vs|vb|tr|rv|res|enc|rif|i|doorst|odp|betr|回复|回覆|转发|轉寄|返信|転送)(?:\[\d+\]|\(\d+\))?\s*[:：])\s*`)
	// A tag in brackets at either end: [URGENT], [ESC-7Q4K2M], 【緊急】.
	tag    = regexp.MustCompile(`\[[^\[\]]{1,40}\]|【[^【】]{1,20}】`)
	link   = regexp.MustCompile(`(?i)\b(?:https?://|www\.)\S+`)
	urgent = regexp.MustCompile(`(?i)^(?:(?:urgent|asap|important|dringend|eilt|wichtig|urgente|urgence|importante|spoed|high priority|p1|sev-?1)\b[\s:!\-–—]*)+|[\s:!\-–—]+(?:urgent|asap|dringend|urgente|spoed)[\s!]*$`)
)

// cleanSubject drops what mail programs and excitement add to a subject.
func cleanSubject(subject string) string {
	s := strings.TrimSpace(link.ReplaceAllString(visible(subject), ""))
	for {
		before := s
		s = strings.TrimSpace(prefix.ReplaceAllString(s, ""))
		s = strings.TrimSpace(tag.ReplaceAllString(s, " "))
		if s == before {
			break
		}
	}
	s = cmp.Or(urgent.ReplaceAllString(s, ""), s)
	for _, marks := range []string{"!", "?", "！", "？"} {
		for strings.Contains(s, marks+marks) {
			s = strings.ReplaceAll(s, marks+marks, marks)
		}
	}
	s = strings.NewReplacer("!", "", "！", "").Replace(s)
	return strings.Join(strings.Fields(s), " ")
}

// visible makes one line of a text without characters that hide or reorder.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r) || r == utf8.RuneError:
			return -1
		}
		return r
	}, s)
}

// summarize says in the customer's words what it is about: the subject, or
// where it does not say, the first sentence of trouble, or of anything.
func summarize(r *reading) string {
	subject := r.text[:r.subject]
	matter := r.matter(subject)
	if matter > 1 {
		return shorten(soften(subject), longestSummary)
	}
	trouble, first := "", ""
	for from, to := range r.sentences() {
		text := r.text[r.tokens[from].start:r.tokens[to-1].end]
		if trouble == "" && r.troubled(from, to) {
			trouble = text
		}
		if first == "" && to-from >= 4 {
			first = text
		}
	}
	if matter == 1 {
		first = "" // a subject of one word says more than some sentence
	}
	return shorten(soften(visible(cmp.Or(trouble, first, subject))), longestSummary)
}

// troubled reports a sentence that tells of something wrong.
func (r *reading) troubled(from, to int) bool {
	return slices.ContainsFunc(r.findings, func(f finding) bool {
		return from <= f.from && f.from < to && !f.negated && !f.supposed && f.cue != "near" && slices.Contains(trouble, f.cue)
	})
}

// matter counts the words of a subject that name a matter: "help" is none.
func (r *reading) matter(subject string) (n int) {
	for word := range strings.FieldsFuncSeq(strings.ToLower(subject), func(c rune) bool { return !isWord(c) }) {
		if utf8.RuneCountInString(word) > 1 && !anywhere("vague", word) && !r.words.is("common", word) && !r.words.is("greeting", word) {
			n++
		}
		if first, _ := utf8.DecodeRuneInString(word); unspaced(first) {
			n += utf8.RuneCountInString(word) / 2
		}
	}
	return n
}

// sentences yields the first and the last token (exclusive) of the text's
// sentences, salutations left out.
func (r *reading) sentences() iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		from := 0
		for i, t := range r.tokens {
			if t.start < r.subject {
				from = i + 1
			} else if t.ends >= ofSentence || i == len(r.tokens)-1 {
				if !r.greeting(from, i+1) && !yield(from, i+1) {
					return
				}
				from = i + 1
			}
		}
	}
}

// greeting reports a sentence that begins as a salutation and is as short.
func (r *reading) greeting(from, to int) bool {
	return to-from <= 6 && r.words.is("greeting", r.tokens[from].word)
}

// soften lowers the case of words that shout, where most of them do.
func soften(s string) string {
	upper, lower := 0, 0
	for _, c := range s {
		if unicode.IsUpper(c) {
			upper++
		} else if unicode.IsLower(c) {
			lower++
		}
	}
	if upper <= lower || upper < 8 {
		return s
	}
	words := strings.Fields(s)
	for i, w := range words {
		if utf8.RuneCountInString(w) > 3 && strings.ToUpper(w) == w && !strings.ContainsAny(w, "0123456789/_-") {
			words[i] = strings.ToLower(w)
		}
		if strings.ToUpper(w) == w && i > 0 && anywhere("common", strings.ToLower(w)) {
			words[i] = strings.ToLower(w)
		}
	}
	s = strings.Join(words, " ")
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

// shorten cuts a text at a word's end, to at most so many runes.
func shorten(s string, most int) string {
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) <= most {
		return strings.TrimRight(s, " .,;:-–")
	}
	cut := string([]rune(s)[:most-1])
	if i := strings.LastIndexByte(cut, ' '); i > len(cut)/2 {
		cut = cut[:i]
	}
	return strings.TrimRight(cut, " .,;:-–(") + "…"
}
