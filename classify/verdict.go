// Package classify answers "what does it mean?": it reads a [mailbox.Message]
// and returns a [Verdict]. It is pure: no I/O, no clock, and the same answer
// for the same mail.
//
// The criteria are those of the domain's Workflow 1. Each conclusion carries
// its [Evidence]: why, and the words it rests on.
package classify

import (
	"slices"

	"github.com/id8labs/escalated/mailbox"
)

// A Kind is what a mail is to a support team.
type Kind string

const (
	KindEscalation Kind = "escalation"
	KindAutoReply  Kind = "auto-reply"
	KindBounce     Kind = "bounce"
	KindBulk       Kind = "bulk"    // newsletters, lists, unsolicited offers
	KindThanks     Kind = "thanks"  // nothing but thanks
	KindForward    Kind = "forward" // a colleague's forward of a customer's mail
	KindCommand    Kind = "command" // a mail of ours with commands
)

// A Severity is 1 (worst) to 4; 0 where there is nothing to rate.
type Severity int

// A Type is the domain's escalation type.
type Type string

const (
	Technical  Type = "technical"  // product or service not working
	Service    Type = "service"    // support experience failure
	Business   Type = "business"   // commercial or relationship issue
	Security   Type = "security"   // data or access concerns
	Compliance Type = "compliance" // legal or regulatory
)

// A Question is one of the domain's six initial triage questions.
type Question string

const (
	What       Question = "what"       // what exactly is happening?
	When       Question = "when"       // when did it start?
	Who        Question = "who"        // who is affected?
	Impacts    Question = "impact"     // what's the business impact?
	Tried      Question = "tried"      // what has been tried?
	Workaround Question = "workaround" // is there a workaround?
)

// Questions are the six in the domain's order.
var Questions = [...]Question{What, When, Who, Impacts, Tried, Workaround}

// A Verdict is what a mail means. Severity, Type and Impact are zero for kinds
// other than escalation and forward.
type Verdict struct {
	Kind     Kind
	Summary  string // brief issue description for a subject line, safe and short
	Severity Severity
	Type     Type
	Also     []Type // further types that deserve routing
	Impact   Impact
	Answers  []Question // those the mail answers
	Customer Customer   // who is to be addressed; of a forward, the original's sender
	Language string     // BCP 47, "en" when in doubt
	Evidence []Evidence
	Original *Original // of a forward, the mail inside it
}

// Impact is the domain's impact assessment, as far as the mail states it.
type Impact struct {
	Users       int    `json:"users_affected,omitzero"`
	Revenue     Money  `json:"revenue_at_risk,omitzero"`
	Public      bool   `json:"public_exposure,omitzero"`
	Regulatory  bool   `json:"regulatory,omitzero"`
	Criticality string `json:"business_criticality,omitzero"` // high, medium, low or ""
	Deadline    string `json:"deadline,omitzero"`             // the mail's own words
}

// Money is an amount as stated, never converted.
type Money struct {
	Amount   float64 `json:"amount"`
	Currency string  `json:"currency"` // ISO 4217
}

// Evidence is one reason and the mail's words it rests on.
type Evidence struct {
	For     string `json:"for"` // such as "severity 1"
	Because string `json:"because"`
	Text    string `json:"text"`
}

// Customer is the person to address and their company. Address is lower case.
type Customer struct {
	Name      string `json:"name"`
	FirstName string `json:"first_name"`
	Company   string `json:"company"`
	Address   string `json:"address"`
	Tier      Tier   `json:"tier,omitzero"`
}

// Answered reports whether the mail answers a triage question.
func (v *Verdict) Answered(q Question) bool {
	return slices.Contains(v.Answers, q)
}

// Urgent reports SEV-1 and SEV-2.
func (s Severity) Urgent() bool { return s == 1 || s == 2 }

// An Original is the mail inside a colleague's forward.
type Original struct {
	From    mailbox.Address
	Subject string
	Text    string
}
