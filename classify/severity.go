package classify

import (
	"slices"
	"strings"
)

// A rule is one reason for a severity: where a mail has all its cues and none
// of the others, it holds. The first that holds decides.
type rule struct {
	severity Severity
	because  string
	all      []cue
	any      []cue // one of them, where there are some
	none     []cue
}

func cues(c ...cue) []cue { return c }

// grave are the cues of SEV-1 and SEV-2, and trouble those of anything wrong.
var (
	grave   = cues("stopped", "lost", "breach", "exposure", "halted", "unworkable", "churn")
	trouble = append(cues("broken", "degraded", "neglect", "near", "soon"), grave...)
)

// rules are the domain's severity table, worst first but for what is plainly
// over, plainly small, or plainly not real.
var rules = []rule{
	{severity: 4, because: "a document is asked for, and nothing is wrong", all: cues("paperwork@"), none: cues("stopped", "lost", "broken", "halted")},
	{severity: 4, because: "a small matter, and nothing is wrong", any: cues("minor", "cosmetic", "request"), none: append(cues("commercial", "legal"), trouble...)},
	{severity: 4, because: "a small matter, and what was wrong is over", all: cues("resolved", "minor"), none: append(cues("neglect", "commercial"), grave...)},
	{severity: 4, because: "it is about looks", all: cues("cosmetic"), any: cues("adequate", "minor"), none: append(cues("neglect", "recurs"), grave...)},
	{severity: 4, because: "a question about what could happen", all: cues("scenario", "request"), none: trouble},
	{severity: 3, because: "what happened is over", all: cues("resolved"), none: cues("lost", "breach", "unworkable", "recurs")},
	{severity: 3, because: "it is no production system", all: cues("test"), none: cues("stopped", "lost", "breach")},

	{severity: 3, because: "it looked like an attack and was none", all: cues("breach", "harmless")},
	{severity: 1, because: "others see or took data", all: cues("breach"), none: cues("contained")},
	{severity: 2, because: "an attack, and nothing was taken so far", all: cues("breach")},
	{severity: 1, because: "data is gone", all: cues("lost"), none: cues("restorable")},
	{severity: 1, because: "it is down for all, and there is no substitute", all: cues("stopped", "whole", "unworkable"), none: cues("partial")},
	{severity: 1, because: "it is down for all", all: cues("stopped", "whole"), none: cues("partial", "workable", "adequate")},
	{severity: 1, because: "it is down, and the business stands", all: cues("stopped", "halted"), none: cues("partial", "workable", "adequate")},
	{severity: 1, because: "it is down, and nothing says that only a part is", all: cues("down"), none: cues("partial", "workable", "adequate", "few", "minor", "test")},
	{severity: 1, because: "it fails for all, and money runs out by the hour", all: cues("broken", "whole", "rate"), none: cues("partial", "workable", "adequate")},
	{severity: 1, because: "many wait for it, the hour is set, and there is no substitute", all: cues("broken", "halted", "unworkable", "many", "near"), none: cues("partial", "workable", "adequate")},
	{severity: 2, because: "it is down for some, or a stopgap carries part of it", all: cues("stopped"), any: cues("halted", "unworkable", "many")},

	{severity: 2, because: "it is down for all, and a stopgap is in use", all: cues("stopped", "whole"), none: cues("partial", "adequate", "minor", "few")},
	{severity: 2, because: "it is down", all: cues("stopped"), none: cues("workable", "adequate", "minor", "few")},

	{severity: 2, because: "much money is about to leave", all: cues("churn", "costly")},
	{severity: 2, because: "it is about leaving us", all: cues("churn@")},
	{severity: 2, because: "an open door nobody came through yet", all: cues("exposure")},
	{severity: 2, because: "an authority's date is near", all: cues("legal", "near")},
	{severity: 2, because: "something is broken, and the stopgap does not carry", all: cues("unworkable"), any: cues("broken", "degraded"), none: cues("adequate")},
	{severity: 2, because: "something is broken, and the business feels it", all: cues("broken", "halted"), none: cues("adequate")},
	{severity: 2, because: "something works badly, and the business feels it", all: cues("degraded", "halted"), none: cues("adequate", "workable", "partial")},
	{severity: 2, because: "something is broken for many", all: cues("broken", "many"), none: cues("workable", "adequate")},
	{severity: 2, because: "something is broken for all", all: cues("broken", "whole"), none: cues("workable", "adequate", "partial", "minor", "cosmetic")},
	{severity: 2, because: "much money is in dispute", all: cues("commercial", "costly")},
	{severity: 2, because: "support fails, and work waits for it", all: cues("neglect"), any: cues("halted", "many")},

	{severity: 3, because: "something is broken, and there is a way round", any: cues("broken", "degraded"), all: cues("workable")},
	{severity: 3, because: "it is down for some, and there is a way round", all: cues("stopped")},
	{severity: 3, because: "something works badly", any: cues("degraded", "broken")},
	{severity: 3, because: "a complaint about support", all: cues("neglect")},
	{severity: 4, because: "a question or a wish", any: cues("request", "minor", "cosmetic"), none: cues("near")},
	{severity: 3, because: "a complaint about support", all: cues("service")},
	{severity: 3, because: "a matter of contract or billing", all: cues("commercial")},
	{severity: 3, because: "a duty with time left", all: cues("legal")},
	{severity: 4, because: "it is a short question", all: cues("asks")},
	{severity: 2, because: "nothing in it tells how bad it is"},
}

// rate gives the severity and notes the words it rests on.
func (v *Verdict) rate(r *reading) Severity {
	facts := r.facts(v.Impact)
	for _, rule := range rules {
		if !rule.holds(facts) {
			continue
		}
		about := "severity " + string('0'+rune(rule.severity))
		noted := false
		for _, c := range slices.Concat(rule.all, rule.any) {
			for f := range r.places(c) {
				v.note(about, rule.because, r.quote(f))
				noted = true
				break
			}
		}
		if !noted {
			v.note(about, rule.because, "")
		}
		return rule.severity
	}
	return 2
}

func (r rule) holds(facts map[cue]bool) bool {
	for _, c := range r.all {
		if !facts[c] {
			return false
		}
	}
	for _, c := range r.none {
		if facts[c] {
			return false
		}
	}
	return len(r.any) == 0 || slices.ContainsFunc(r.any, func(c cue) bool { return facts[c] })
}

// People are few up to, many and money is much from these on.
const (
	manyUsers = 30
	fewUsers  = 5
	muchMoney = 30_000
)

// evenIf are the cues that hold behind "if" and "would" too: "if they reopen
// it, it works", "it would be nice".
var evenIf = map[cue]bool{"workable": true, "adequate": true, "scenario": true, "request": true, "minor": true}

// facts are the cues of a text, those of its subject again with an @, and what
// its figures are.
func (r *reading) facts(i Impact) map[cue]bool {
	facts := map[cue]bool{}
	aside := r.real("unrelated") > 0 // the subject is that of another matter
	for _, f := range r.findings {
		if f.negated || f.supposed && !evenIf[f.cue] || f.subject && aside {
			continue
		}
		facts[f.cue] = true
		if f.subject {
			facts[f.cue+"@"] = true
		}
	}
	r.shares(facts)
	facts["stopped"] = facts["stopped"] || facts["down"]
	facts["recurs"] = facts["recurs"] || r.recurs()
	facts["asks"] = r.asks()
	facts["few"] = 1 <= i.Users && i.Users <= fewUsers
	facts["many"] = i.Users >= manyUsers
	facts["costly"] = i.Revenue.Amount >= muchMoney
	facts["near"] = facts["soon"] || r.near(i.Deadline)
	return facts
}

// recurs reports that something stops behind the last word of a good end.
func (r *reading) recurs() bool {
	good, bad := 0, 0
	for _, f := range r.findings {
		switch {
		case f.negated || f.supposed:
		case f.cue == "resolved":
			good = max(good, f.from)
		case (f.cue == "down" || f.cue == "stopped") && f.to > f.from+1: // "the outage" may be told of what is over
			bad = max(bad, f.from)
		}
	}
	return good > 0 && bad > good
}

// asks reports a short mail of nothing but questions.
func (r *reading) asks() bool {
	if len(r.tokens) > shortQuestion {
		return false
	}
	n := 0
	for _, to := range r.sentences() {
		end := r.tokens[to-1].end
		if !strings.HasPrefix(r.text[end:], "?") {
			return false
		}
		n++
	}
	return n > 0
}

// near reports a deadline of hours or few days.
func (r *reading) near(deadline string) bool {
	return slices.ContainsFunc(tokenize(deadline), func(t token) bool { return r.words.is("near", t.word) || strings.Contains(t.word, ":") })
}

// shortQuestion is a mail that has no room for trouble, in words.
const shortQuestion = 30

// nearlyAll is the share from which on a part is the whole.
const nearlyAll = 0.8

// shares reads "31 of our 33": nearly all or none of them left is the whole.
func (r *reading) shares(facts map[cue]bool) {
	for at, q := range r.numbers {
		if !q.ok || q.to >= len(r.tokens) || !r.words.is("of", r.tokens[q.to].word) {
			continue
		}
		for i := q.to + 1; i < len(r.tokens) && i <= q.to+3 && r.tokens[i-1].ends == within && at < i; i++ {
			if all := r.numbers[i]; all.ok && all.value >= q.value && all.value > 1 {
				share := q.value / all.value
				facts["whole"] = facts["whole"] || share == 0 || share >= nearlyAll
				facts["partial"] = facts["partial"] || 0 < share && share < nearlyAll
				break
			}
		}
	}
}
