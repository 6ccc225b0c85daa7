package classify

import (
	"cmp"
	"slices"
)

// speaks says which type a cue speaks for, and how strongly.
var speaks = []struct {
	cue    cue
	kind   Type
	weight int
}{
	{"down", Technical, 3},
	{"stopped", Technical, 3},
	{"lost", Technical, 3},
	{"broken", Technical, 2},
	{"degraded", Technical, 2},
	{"cosmetic", Technical, 2},
	{"service", Service, 2},
	{"neglect", Service, 2},
	{"churn", Business, 3},
	{"commercial", Business, 2},
	{"paperwork", Business, 1},
	{"breach", Security, 5},
	{"exposure", Security, 4},
	{"secure", Security, 1},
	{"legal", Compliance, 2},
}

// mostOfCue bounds what one cue adds, however often it is said.
const mostOfCue = 4

// types weighs what the mail mostly speaks of. The subject counts double.
func (v *Verdict) types(r *reading) (main Type, also []Type) {
	score := map[Type]int{}
	words := map[Type]string{}
	for _, s := range speaks {
		n := 0
		for f := range r.places(s.cue) {
			if n++; f.subject {
				n++
			}
			if words[s.kind] == "" {
				words[s.kind] = r.quote(f)
			}
		}
		score[s.kind] += s.weight * min(n, mostOfCue)
	}
	order := []Type{Technical, Service, Business, Security, Compliance}
	slices.SortStableFunc(order, func(a, b Type) int { return cmp.Compare(score[b], score[a]) })
	main = order[0]
	v.note("type "+string(main), "most of it speaks of that", words[main])
	for _, t := range order[1:] {
		if 3*score[t] >= 2*score[main] && score[t] >= 6 {
			also = append(also, t)
		}
	}
	return main, also
}
