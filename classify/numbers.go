package classify

import (
	"strconv"
	"strings"
	"unicode"
)

// A quantity is a number that begins at a token, in digits or words.
type quantity struct {
	ok    bool
	value float64
	to    int  // the token behind it
	words bool // written in words
}

// readNumbers finds the numbers of a text: "7,400", "28 000", "18k", "eleven
// thousand", "two hundred and seventy", "3.5 million".
func (r *reading) readNumbers() []quantity {
	numbers := make([]quantity, len(r.tokens))
	for i := 0; i < len(r.tokens); {
		q := r.number(i)
		if !q.ok {
			i++
			continue
		}
		numbers[i] = q
		i = q.to
	}
	return numbers
}

func (r *reading) number(at int) quantity {
	if value, ok := digits(r.tokens[at].word); ok {
		q := quantity{ok: true, value: value, to: at + 1}
		for q.to < len(r.tokens) && r.grouped(q.to) && value == float64(int(value)) && value < 1e9 {
			more, _ := strconv.Atoi(r.tokens[q.to].word)
			q.value = q.value*1000 + float64(more)
			q.to++
		}
		return r.multiplied(q)
	}
	return r.spelled(at)
}

// grouped reports three digits behind a blank that go on a number: 28 000.
func (r *reading) grouped(at int) bool {
	before, t := r.tokens[at-1], r.tokens[at]
	space := r.text[before.end:t.start]
	return len(t.word) == 3 && allDigits(t.word) && allDigits(before.word) && len(before.word) <= 3 &&
		(space == " " || space == "\u00a0" || space == "\u202f")
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// multiplied reads "thousand" and the like behind digits.
func (r *reading) multiplied(q quantity) quantity {
	if q.to < len(r.tokens) && r.tokens[q.to-1].ends == within {
		if n := r.words.numbers[r.tokens[q.to].word]; n >= 1000 {
			q.value *= n
			q.to++
		}
	}
	return q
}

// spelled reads a number in words.
func (r *reading) spelled(at int) quantity {
	q := quantity{words: true, to: at}
	var total, part float64
	for i := at; i < len(r.tokens); i++ {
		n, ok := r.words.numbers[r.tokens[i].word]
		switch {
		case !ok && q.ok && part >= 100 && i+1 < len(r.tokens) && r.tokens[i].word == "and" && r.words.numbers[r.tokens[i+1].word] > 0 && r.words.numbers[r.tokens[i+1].word] < 100:
			continue
		case !ok || n < 100 && part > 0 && int(part)%10 != 0 || n < 100 && n >= 10 && int(part)%100 != 0:
			return q.done(total + part)
		case n >= 1000:
			total, part = total+max(part, 1)*n, 0
		case n == 100:
			part = max(part, 1) * n
		default:
			part += n
		}
		q.ok, q.to = true, i+1
		if r.tokens[i].ends != within {
			break
		}
	}
	return q.done(total + part)
}

func (q quantity) done(value float64) quantity {
	q.value = value
	return q
}

var (
	groupings   = strings.NewReplacer(".", "", ",", "", "'", "", "’", "")
	apostrophes = strings.NewReplacer("'", "", "’", "") // 1'250
)

// digits reads a number as it is written in one country or another: a last
// sign before exactly three digits groups, any other is a decimal point.
func digits(word string) (float64, bool) {
	if word == "" || !unicode.IsDigit(rune(word[0])) || strings.ContainsAny(word, ":-/") {
		return 0, false
	}
	factor := 1.0
	if bare, suffix := strings.TrimRight(word, "km"), word[len(strings.TrimRight(word, "km")):]; suffix != "" {
		if word = bare; suffix == "k" {
			factor = 1e3
		} else if suffix == "m" {
			factor = 1e6
		} else {
			return 0, false
		}
	}
	if i := strings.LastIndexAny(word, ".,"); i >= 0 {
		plain := groupings.Replace(word[:i])
		if len(word)-i-1 == 3 && plain != "0" {
			word = plain + word[i+1:]
		} else {
			word = plain + "." + word[i+1:]
		}
	}
	value, err := strconv.ParseFloat(apostrophes.Replace(word), 64)
	return value * factor, err == nil
}
