package templates

import "time"

// Sample returns the data of a SEV-1 in which nearly every field is set: what
// previews show and what a user's templates are tried on.
func Sample() Data {
	chicago, err := time.LoadLocation("America/Chicago")
	if err != nil {
		chicago = time.FixedZone("CST", -6*3600)
	}
	at := func(hour, minute int) time.Time { return time.Date(2026, 3, 17, hour, minute, 0, 0, chicago) }
	owner := Contact{Name: "Dana Ortiz", First: "Dana", Title: "Escalation Lead", Email: "dana@acme.example", Phone: "+1 555 0100"}
	c := &Case{
		ID: "ESC-7Q4K2M", Summary: "none of your 40 clinics can register patients", Severity: 1, Type: "technical", Status: "open",
		Owner: owner, Opened: at(8, 47), Employer: "Northwind Hospitals", Tier: "enterprise", Revenue: 480000, CSM: "Lou Berg", Prefers: "email",
		Customer:   Contact{Name: "Eve Adams", First: "Eve", Title: "IT Director", Email: "eve@northwind.example", Phone: "+1 555 0142"},
		NextUpdate: at(9, 22), Every: 30 * time.Minute, FirstUpdate: at(9, 2), Resolve: at(12, 47), Due: at(9, 22), Silent: 44 * time.Minute,
		Understood: []string{"Since 08:40 none of our 40 clinics can register patients.", "We have no workaround."},
		Engaged:    []string{"the on-call engineers", "Mia Chen, who runs support"},
		Asks:       []string{"What did you or your team change or try since 08:40?", "Do patients already registered still open?"},
		Unsaid:     []string{"what was tried", "when it last worked"},
		Why: []Reason{
			{"core function stopped, all sites", "none of our 40 clinics can register patients"},
			{"no workaround", "we have no workaround"},
		},
		Impact:  []string{"40 clinics", "regulatory (patient safety)"},
		History: []string{"ESC-3KD81P, the same kind: bad deploy, 12 Oct", "ESC-9PX2MA, slow search, 2 Dec"},
		Words:   "Since 08:40 none of our 40 clinics can register patients. The whole system is down and we have no workaround.\n\nPlease call me.\nEve",
		Claims:  "ESC-3KD81P",
		Notes:   []string{"No result of authentication came with this mail."},
	}
	return Data{
		Company: "Acme", Address: "escalations@acme.example", Now: at(8, 52), Case: c,
		Reader: Reader{Name: "Eve Adams", First: "Eve", Zone: chicago, Place: "Chicago"},
		Plain:  "A plain reply to this mail is an internal note.",
		Buttons: []Button{
			{"Update customer", "mailto:escalations@acme.example?subject=%5BESC-7Q4K2M%5D&body=%23update%20"},
			{"Take it", "mailto:escalations@acme.example?subject=%5BESC-7Q4K2M%5D&body=%23own"},
			{"SEV-2", "mailto:escalations@acme.example?subject=%5BESC-7Q4K2M%5D&body=%23severity%202%20"},
			{"Resolve", "mailto:escalations@acme.example?subject=%5BESC-7Q4K2M%5D&body=%23resolve%20"},
		},
		Waiting: 15 * time.Minute, Because: "the folder is not there", Author: "Eve Adams <eve@northwind.example>",
		Failures: []Failure{{"eve@northwind.example", "the acknowledgment", "550 5.1.1 no such user"}},
		Subject:  "A mail could not be read and was set aside",
		Lines:    []string{"It lies in Escalations/Quarantine as UID 4711.", "Open it there and answer it by hand."},
	}
}

// sparse is the least that a mail about a case, or about none, is made of.
func sparse(c *Case) Data { return Data{Now: time.Date(2026, 3, 17, 13, 52, 0, 0, time.UTC), Case: c} }
