package threads

import (
	"slices"
	"time"

	"github.com/id8labs/escalated/classify"
	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/threads/cadence"
	"github.com/id8labs/escalated/threads/match"
)

// An Escalation is the state folded from its events: the domain's escalation
// record and what threading and clocks need besides. Times are UTC; zero means
// not yet. The field names are those of `escalated show --json`.
type Escalation struct {
	ID       string              `json:"id"` // ESC- and six or more of Crockford's base32
	Customer classify.Customer   `json:"customer"`
	Summary  string              `json:"summary"`
	Severity classify.Severity   `json:"severity"`
	Type     classify.Type       `json:"type"`
	Also     []classify.Type     `json:"also_types,omitempty"`
	Impact   classify.Impact     `json:"impact"`
	Answers  []classify.Question `json:"answers,omitempty"`
	Evidence []classify.Evidence `json:"evidence,omitempty"`
	Language string              `json:"language,omitempty"`
	Status   Status              `json:"status"`
	Owner    string              `json:"owner"`

	OpenedAt        time.Time `json:"opened_at"`
	AcknowledgedAt  time.Time `json:"acknowledged_at,omitzero"`
	FirstResponseAt time.Time `json:"first_response_at,omitzero"`
	NextAction      string    `json:"next_action,omitempty"`
	ETA             time.Time `json:"eta,omitzero"`
	PromisedUpdate  time.Time `json:"promised_update,omitzero"` // as last printed to the customer
	RespondBy       time.Time `json:"respond_by,omitzero"`
	UpdateBy        time.Time `json:"update_by,omitzero"` // first update due, printed or not
	ResolveBy       time.Time `json:"resolve_by,omitzero"`
	ResolvedAt      time.Time `json:"resolved_at,omitzero"`
	ConfirmedAt     time.Time `json:"confirmed_at,omitzero"`
	PausedUntil     time.Time `json:"paused_until,omitzero"`
	ClosedAt        time.Time `json:"closed_at,omitzero"`

	MissedUpdates int           `json:"missed_updates"`
	Messages      int           `json:"messages"` // mails joined from outside
	Participants  []Participant `json:"participants"`
	Undeliverable []string      `json:"undeliverable,omitempty"`
	Claims        string        `json:"claims,omitempty"` // an escalation this one's mail named and could not join
	MergedInto    string        `json:"merged_into,omitempty"`

	Withheld   string    `json:"withheld,omitempty"`   // why no acknowledgment is owed
	Bare       bool      `json:"bare,omitempty"`       // the acknowledgment may echo nothing
	LateTold   time.Time `json:"late_told,omitzero"`   // when people were told that the acknowledgment is late
	MissedTold time.Time `json:"missed_told,omitzero"` // the promise whose miss people were told of
	Active     time.Time `json:"active"`               // the last mail either way
	Thread     []string  `json:"thread,omitempty"`     // Message-IDs of the customer's thread, for References
	Subject    string    `json:"subject,omitempty"`    // the customer's own
	Notes      []string  `json:"notes,omitempty"`      // what people must know of how it came in
	Events     int       `json:"events"`               // how many there are, and the number of the next
	Due        time.Time `json:"due,omitzero"`         // the next instant at which time alone makes something owed

	fresh []Event // appended and not yet stored
}

// A Status is where an escalation stands.
type Status string

const (
	Open          Status = "open"
	Investigating Status = "investigating"
	WorkedAround  Status = "workaround"
	Resolved      Status = "resolved"
	Closed        Status = "closed"
)

// A Participant is an address on the customer's side. A recipient gets every
// update; a contributor who is not one adds, but gets nothing.
type Participant struct {
	mailbox.Address
	Recipient bool `json:"recipient"`
}

// Recipients are who gets what goes to the customer, without the undeliverable.
func (e *Escalation) Recipients() []mailbox.Address {
	var to []mailbox.Address
	for _, p := range e.Participants {
		if p.Recipient && !slices.Contains(e.Undeliverable, p.Address.Address) {
			to = append(to, p.Address)
		}
	}
	return to
}

// Contributes reports whether an address may add to the escalation: a
// participant's, or one of the same organisation as a participant.
func (e *Escalation) Contributes(address string) bool {
	organisation := match.Organisation(address)
	return slices.ContainsFunc(e.Participants, func(p Participant) bool {
		return mailbox.Same(p.Address.Address, address) || match.Organisation(p.Address.Address) == organisation
	})
}

func (e *Escalation) participant(address string) *Participant {
	for i := range e.Participants {
		if mailbox.Same(e.Participants[i].Address.Address, address) {
			return &e.Participants[i]
		}
	}
	return nil
}

// Bounds of what mail from outside can make of one escalation.
const (
	maxRecipients   = 20
	maxParticipants = 100 // who writes beyond them still contributes, by organisation
)

func (e *Escalation) join(a mailbox.Address, recipient bool) {
	recipient = recipient && len(e.Recipients()) < maxRecipients
	if p := e.participant(a.Address); p != nil {
		p.Recipient = p.Recipient || recipient
		return
	}
	if len(e.Participants) < maxParticipants {
		e.Participants = append(e.Participants, Participant{a, recipient})
	}
}

// over reports that an escalation takes no more mail at an instant: it was
// ended, or fell silent, too long before.
func (e *Escalation) over(at time.Time) bool {
	end := e.ClosedAt
	if end.IsZero() {
		end = e.ResolvedAt
	}
	if !end.IsZero() {
		return at.After(end.Add(match.Window))
	}
	return at.After(e.Active.Add(match.Dormant))
}

// clocks is what cadence needs to know.
func (e *Escalation) clocks() cadence.Clocks {
	return cadence.Clocks{
		Severity:     e.Severity,
		Opened:       e.OpenedAt,
		Acknowledged: e.AcknowledgedAt,
		Withheld:     e.Withheld != "" || len(e.Recipients()) == 0,
		LateTold:     !e.LateTold.IsZero(),
		Promised:     e.PromisedUpdate,
		MissedTold:   e.MissedTold,
		Stopped:      e.Status == Resolved || e.Status == Closed || !e.PausedUntil.IsZero() || e.MergedInto != "",
	}
}

// maxThread bounds References: the first mail and the newest are what clients thread by.
const maxThread = 20

func (e *Escalation) addThread(messageID string) {
	if messageID == "" || slices.Contains(e.Thread, messageID) {
		return
	}
	e.Thread = append(e.Thread, messageID)
	if len(e.Thread) > maxThread {
		e.Thread = slices.Delete(e.Thread, 1, 2)
	}
}
