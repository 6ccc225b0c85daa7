package classify

import (
	"math"
	"slices"
	"strings"
)

// impact reads the figures and the exposure that the mail states.
func (r *reading) impact() Impact {
	return Impact{
		Users:       r.users(),
		Revenue:     r.revenue(),
		Public:      r.said("public"),
		Regulatory:  r.said("legal"),
		Criticality: r.criticality(),
		Deadline:    r.deadline(),
	}
}

func (r *reading) criticality() string {
	switch {
	case r.said("critical") || r.real("halted") > 1:
		return "high"
	case r.real("minor") > 0:
		return "low"
	case r.real("halted") > 0 || r.real("unworkable") > 0:
		return "medium"
	}
	return ""
}

// reach is how many words may stand between a number and whom it counts.
const reach = 4

// users is the largest number of people the mail names as affected.
func (r *reading) users() (most int) {
	supposed, crew := r.supposed(), slices.Collect(r.places("crew"))
	for at, q := range r.numbers {
		if q.ok && supposed[at] == within && q.value >= 1 && q.value < 1e9 && q.value == math.Trunc(q.value) && (r.countsPeople(at, q) || inside(crew, at)) {
			most = max(most, int(q.value))
		}
	}
	return most
}

// inside reports a number with people before it: "my team of 20".
func inside(crew []finding, at int) bool {
	return slices.ContainsFunc(crew, func(f finding) bool { return f.from < at && at < f.to })
}

// countsPeople reports a number with people behind it: "212 drivers", "six of
// us", "sixty call-centre agents", or before it: "my team of 20".
func (r *reading) countsPeople(at int, q quantity) bool {
	if at > 0 && r.tokens[at-1].ends == within && r.isMoney(at-1) {
		return false
	}
	for i := q.to; i < len(r.tokens) && i <= q.to+reach && r.tokens[i-1].ends == within; i++ {
		word := r.tokens[i].word
		if r.words.is("people", word) {
			return q.value > 1 || i == q.to
		}
		if r.numbers[i].ok || r.words.is("things", word) || r.words.is("but", word) || r.isMoney(i) {
			return false
		}
	}
	return false
}

// currencies are signs and names with their ISO 4217 codes.
var currencies = map[string]string{
	"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "₹": "INR", "円": "JPY", "元": "CNY",
	"euro": "EUR", "euros": "EUR", "eur": "EUR", "usd": "USD", "dollar": "USD", "dollars": "USD", "dólares": "USD", "gbp": "GBP", "pound": "GBP", "pounds": "GBP", "quid": "GBP",
	"chf": "CHF", "franken": "CHF", "francs": "CHF", "jpy": "JPY", "yen": "JPY", "cny": "CNY", "rmb": "CNY", "yuan": "CNY", "brl": "BRL", "reais": "BRL", "r$": "BRL",
	"sek": "SEK", "nok": "NOK", "dkk": "DKK", "pln": "PLN", "zł": "PLN", "cad": "CAD", "aud": "AUD", "inr": "INR", "rupees": "INR", "mxn": "MXN", "pesos": "MXN", "kronor": "SEK", "kroner": "NOK", "czk": "CZK",
}

func (r *reading) isMoney(at int) bool { return currencies[r.tokens[at].word] != "" }

// revenue is the largest amount of money the mail names, in its own currency.
func (r *reading) revenue() (most Money) {
	for at, q := range r.numbers {
		if !q.ok {
			continue
		}
		currency := ""
		if q.to < len(r.tokens) && r.tokens[q.to-1].ends == within {
			currency = currencies[r.tokens[q.to].word]
		}
		if at > 0 && r.tokens[at-1].ends == within && currency == "" {
			currency = currencies[r.tokens[at-1].word]
		}
		if currency != "" && q.value > most.Amount {
			most = Money{Amount: q.value, Currency: currency}
		}
	}
	return most
}

// longestDeadline bounds a deadline's words.
const longestDeadline = 8

// deadline returns the mail's words for when something is wanted: "by Friday
// noon". A bare "today" counts where nothing else is said.
func (r *reading) deadline() string {
	for _, f := range r.findings {
		if f.cue != "by" || f.from > 0 && r.numbers[f.from-1].ok { // 2 to 5 is no time
			continue
		}
		if to := r.timeEnd(f.to); to > f.to {
			return shorten(r.text[r.tokens[f.from].start:r.tokens[to-1].end], 80)
		}
	}
	for f := range r.places("now") {
		if r.tokens[f.to-1].ends > within { // not "today's", nor "today we saw"
			return r.text[r.tokens[f.from].start:r.tokens[f.to-1].end]
		}
	}
	return ""
}

// timeEnd follows the words of a time from a token on, and returns the token
// behind the last one.
func (r *reading) timeEnd(from int) int {
	end := from
	for i := from; i < len(r.tokens) && i < from+longestDeadline && (i == from || r.tokens[i-1].ends == within); i++ {
		word := r.tokens[i].word
		switch {
		case r.words.is("time", word), strings.Contains(word, ":") && allDigits(word[:1]), r.isHour(i):
			end = i + 1
		case r.words.is("zone", word) && end == i && end > from:
			end = i + 1
		case !r.words.is("timeglue", word) && !r.numbers[i].ok && !allDigits(word[:1]):
			return end
		}
	}
	return end
}

// isHour reports a number that a word of time stands beside, "5 June", "9 am",
// or that ends the clause: "until eleven", "by the 17th".
func (r *reading) isHour(at int) bool {
	t := r.tokens[at]
	if !r.numbers[at].ok && !allDigits(t.word[:1]) {
		return false
	}
	if t.ends > within || at+1 == len(r.tokens) {
		return r.numbers[at].value <= 31
	}
	next := r.tokens[at+1].word
	return r.words.is("time", next) || r.words.is("zone", next) || at > 0 && r.words.is("time", r.tokens[at-1].word)
}
