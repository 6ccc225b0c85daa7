package classify

import (
	"slices"
	"strings"
	"sync"
	"unicode"
)

// common are the words a language is told by: its commonest, and its salutations.
var common = sync.OnceValue(func() map[string][]string {
	languages := map[string][]string{}
	for _, l := range lexicons() {
		for _, list := range cues("common", "greeting") {
			for word := range l.words[list] {
				if !slices.Contains(languages[word], l.language) {
					languages[word] = append(languages[word], l.language)
				}
			}
		}
	}
	return languages
})

// enoughToTell bounds how much of a text is looked at for its language.
const enoughToTell = 4000

// detect tells the language of a text by its script or its commonest words,
// "en" when in doubt.
func detect(text string) string {
	text = bounded(text, enoughToTell)
	kana, han, letters := 0, 0, 0
	for _, r := range text {
		switch {
		case unspaced(r) && unicode.Is(unicode.Han, r):
			han++
		case unspaced(r):
			kana++
		case isWord(r):
			letters++
		}
	}
	switch {
	case kana > 3 && (kana+han)*3 > letters:
		return "ja"
	case han > 3 && han*3 > letters:
		return "zh"
	}
	return detectByWords(text)
}

func detectByWords(text string) string {
	hits := map[string]int{}
	for word := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
		for _, language := range common()[word] {
			hits[language]++
		}
	}
	best := "en"
	for language, n := range hits {
		if n > hits[best] || n == hits[best] && best != "en" && language < best {
			best = language
		}
	}
	return best
}
