package classify

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A token is a word, a number or a currency sign of a text.
type token struct {
	word       string // lower case
	start, end int    // bytes in the text
	ends       pause  // what ends behind it
	not        bool   // it denies what follows
}

// A pause is what separates two words.
type pause int

const (
	within pause = iota
	ofClause
	ofSentence
	ofParagraph
)

// unspaced reports a letter of a script that writes without blanks.
func unspaced(r rune) bool {
	return r >= firstUnspaced && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

const firstUnspaced = 0x2E80 // below are alphabets

// tokenize cuts a text into words. "can't" becomes "can" "not", and "it's"
// "it" "s": phrases are written so.
func tokenize(text string) []token {
	tokens := make([]token, 0, len(text)/5+1)
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		switch {
		case isWord(r):
			end := wordEnd(text, at)
			tokens = appendWord(tokens, text, at, end)
			at = end
		case unicode.Is(unicode.Sc, r) || r == '%':
			tokens = append(tokens, token{word: string(r), start: at, end: at + size})
			at += size
		default:
			if n := len(tokens); n > 0 {
				tokens[n-1].ends = max(tokens[n-1].ends, pauseAt(text, at, r, tokens))
			}
			at += size
		}
	}
	return tokens
}

func isWord(r rune) bool {
	if r < unicode.MaxASCII {
		return 'a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

func isApostrophe(r rune) bool { return r == '\'' || r == '’' || r == '‘' }

// wordEnd finds the end of the word that begins at a byte. A number keeps the
// signs between its digits: 7,400 and 22:00 and 2026-08-31 are one word.
func wordEnd(text string, at int) int {
	first, _ := utf8.DecodeRuneInString(text[at:])
	number := unicode.IsDigit(first)
	for i, r := range text[at:] {
		switch {
		case i == 0:
			if unspaced(r) {
				return at + utf8.RuneLen(r)
			}
		case isWord(r):
			if unspaced(r) || number && r == '月' {
				return at + i
			}
		case number && strings.ContainsRune(".,:-/'’", r) && digitAt(text, at+i+utf8.RuneLen(r)) && digitAt(text, at+i-1):
		default:
			return at + i
		}
	}
	return len(text)
}

func digitAt(text string, at int) bool {
	return at >= 0 && at < len(text) && '0' <= text[at] && text[at] <= '9'
}

// appendWord adds a word, its n't apart from it.
func appendWord(tokens []token, text string, from, to int) []token {
	word := strings.ToLower(text[from:to])
	if n := len(tokens); n > 0 && word == "t" && tokens[n-1].end < from {
		before := &tokens[n-1]
		r, size := utf8.DecodeRuneInString(text[before.end:])
		stem, ok := strings.CutSuffix(before.word, "n")
		if ok && isApostrophe(r) && before.end+size == from {
			if before.word = stem; stem == "ca" {
				before.word = "can"
			}
			return append(tokens, token{word: "not", start: before.end - 1, end: to})
		}
	}
	if stem, ok := contractions[word]; ok {
		return append(tokens, token{word: stem, start: from, end: to}, token{word: "not", start: from, end: to})
	}
	return append(tokens, token{word: word, start: from, end: to})
}

// contractions are those that stay one when people leave out the apostrophe.
var contractions = map[string]string{
	"cannot": "can", "cant": "can", "dont": "do", "doesnt": "does", "didnt": "did", "isnt": "is", "arent": "are", "wasnt": "was", "werent": "were",
	"wont": "wo", "couldnt": "could", "wouldnt": "would", "shouldnt": "should", "hasnt": "has", "havent": "have", "hadnt": "had", "aint": "is",
}

// pauseAt says what a sign between words ends.
func pauseAt(text string, at int, r rune, tokens []token) pause {
	switch r {
	case '.', '!', '?', '。', '！', '？':
		if next := at + utf8.RuneLen(r); r == '.' && next < len(text) && isLetterAt(text, next) {
			return within // www.acme, v.4
		}
		if last := tokens[len(tokens)-1].word; r == '.' && len(last) <= 2 && allDigits(last) {
			return within // 24. August
		}
		return ofSentence
	case ',', ';', ':', '(', ')', '[', ']', '—', '–', '、', '，', '；', '：', '|', '\t':
		return ofClause
	case '-':
		if at > 0 && text[at-1] == ' ' && at+1 < len(text) && text[at+1] == ' ' {
			return ofClause
		}
	case '\n':
		return pauseOfLine(text, at, tokens)
	}
	return within
}

func isLetterAt(text string, at int) bool {
	r, _ := utf8.DecodeRuneInString(text[at:])
	return isWord(r)
}

// shortLine is a line that was not broken because it was full.
const shortLine = 45

// pauseOfLine tells the end of a paragraph from that of a wrapped line.
func pauseOfLine(text string, at int, tokens []token) pause {
	rest := strings.TrimLeft(text[at+1:], " \t")
	switch {
	case rest == "" || rest[0] == '\n':
		return ofParagraph
	case strings.ContainsRune("-*•>", rune(rest[0])):
		return ofSentence
	}
	if at-(strings.LastIndexByte(text[:at], '\n')+1) < shortLine {
		return ofSentence
	}
	return within
}
