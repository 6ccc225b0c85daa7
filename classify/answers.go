package classify

// answers says which of the six triage questions the mail answers.
func (r *reading) answers(i Impact) (answered []Question) {
	has := map[Question]bool{
		What:       len(r.tokens) > 0,
		When:       r.said("when"),
		Who:        i.Users > 0 || r.said("who"),
		Impacts:    i.Revenue.Amount > 0 || r.said("impact") || r.said("halted") || r.said("churn"),
		Tried:      r.said("tried"),
		Workaround: r.said("workable") || r.said("unworkable"),
	}
	for _, q := range Questions {
		if has[q] {
			answered = append(answered, q)
		}
	}
	return answered
}
