package threads

import (
	"fmt"
	"time"

	"github.com/id8labs/escalated/classify"
	"github.com/id8labs/escalated/mailbox"
)

// An Event is one entry of an escalation's append-only log, which is the truth:
// the state, the timeline and the audit are all read from it. Only the fields
// its type needs are set.
type Event struct {
	At     time.Time `json:"at"`
	Type   EventType `json:"type"`
	By     string    `json:"by"` // an address, or "escalated"
	Text   string    `json:"text,omitempty"`
	Reason string    `json:"reason,omitempty"`

	Opened    *Opening          `json:"opened,omitempty"`
	From      *mailbox.Address  `json:"from,omitempty"`
	Adds      []mailbox.Address `json:"adds,omitempty"`       // recipients whom the writer put in To or Cc
	MessageID string            `json:"message_id,omitempty"` // of the mail that came or went
	Message   int               `json:"message,omitempty"`    // number of the stored message, from 1
	Unproven  bool              `json:"unproven,omitempty"`   // nobody vouches for who wrote it
	Owner     string            `json:"owner,omitempty"`
	Old       string            `json:"old,omitempty"`
	Notice    string            `json:"notice,omitempty"`  // key of the notice
	To        []string          `json:"to,omitempty"`      // addresses it is about
	Next      time.Time         `json:"next,omitzero"`     // the update after a missed one, by the frequency that was printed
	Promised  time.Time         `json:"promised,omitzero"` // the next update's time as printed
	Late      string            `json:"late,omitempty"`    // how late, as a duration
	Bare      bool              `json:"bare,omitempty"`
}

// An Opening is what is known of an escalation at its start.
type Opening struct {
	classify.Verdict
	Subject   string    `json:"subject"`
	Claims    string    `json:"claims,omitempty"`
	Forwarded bool      `json:"forwarded,omitempty"` // by one of ours: the customer never saw this mail's Message-ID
	Notes     []string  `json:"notes,omitempty"`
	RespondBy time.Time `json:"respond_by"`
	UpdateBy  time.Time `json:"update_by,omitzero"`
	ResolveBy time.Time `json:"resolve_by"`
}

// An EventType names what happened.
type EventType string

const (
	EventOpened        EventType = "opened"
	EventOwnerAssigned EventType = "owner_assigned"
	EventAckOwed       EventType = "acknowledgment_owed"
	EventAckWithheld   EventType = "acknowledgment_withheld"
	EventAcknowledged  EventType = "acknowledged"
	EventAckLate       EventType = "acknowledgment_late"
	EventCustomerWrote EventType = "customer_wrote"
	EventAgentWrote    EventType = "agent_wrote"   // to the customer, with us in copy
	EventNote          EventType = "note"          // internal
	EventRobotWrote    EventType = "auto_reply"    // an automatic answer on the thread
	EventBounced       EventType = "bounced"       // a report that a mail of ours did not arrive
	EventUndeliverable EventType = "undeliverable" // an address of the customer's side refuses our mail for good
	EventNoticeSent    EventType = "notice_sent"   // a server took it for all its recipients
	EventNoticeFailed  EventType = "notice_failed" // a server refused it for good
	EventUpdateMissed  EventType = "update_missed" // a printed promise passed
	EventClaimed       EventType = "claimed"       // a stranger's mail named this escalation and was not let in
)

// fold is the transition table: what each type of event does to the state. An
// event without a row leaves the state as it is.
var fold = map[EventType]func(*Escalation, *Event){
	EventOpened:        (*Escalation).open,
	EventOwnerAssigned: func(e *Escalation, ev *Event) { e.Owner = ev.Owner },
	EventAckOwed:       func(e *Escalation, ev *Event) { e.Bare = ev.Bare },
	EventAckWithheld:   func(e *Escalation, ev *Event) { e.Withheld = ev.Reason },
	EventAcknowledged: func(e *Escalation, ev *Event) {
		e.AcknowledgedAt = ev.At
		e.PromisedUpdate = ev.Promised
		e.said(ev)
	},
	EventAckLate:       func(e *Escalation, ev *Event) { e.LateTold = ev.At },
	EventCustomerWrote: (*Escalation).heard,
	EventAgentWrote: func(e *Escalation, ev *Event) {
		e.heard(ev)
		e.PromisedUpdate = ev.Promised
		if e.FirstResponseAt.IsZero() {
			e.FirstResponseAt = ev.At
		}
	},
	EventNote:          func(e *Escalation, ev *Event) { e.Messages++ },
	EventRobotWrote:    func(e *Escalation, ev *Event) { e.Messages++ },
	EventBounced:       func(e *Escalation, ev *Event) { e.Messages++ },
	EventUndeliverable: func(e *Escalation, ev *Event) { e.Undeliverable = append(e.Undeliverable, ev.To...) },
	EventUpdateMissed: func(e *Escalation, ev *Event) {
		e.MissedUpdates++
		e.MissedTold = ev.Promised
		if !ev.Next.IsZero() {
			e.PromisedUpdate = ev.Next
		}
	},
}

// apply folds one event into the state.
func (e *Escalation) apply(ev *Event) error {
	if ev.Type != EventOpened && e.ID == "" {
		return fmt.Errorf("event %s before the escalation was opened", ev.Type)
	}
	if change, ok := fold[ev.Type]; ok {
		change(e, ev)
	}
	e.Events++
	return nil
}

func (e *Escalation) open(ev *Event) {
	o := ev.Opened
	e.Customer = o.Customer
	e.Summary, e.Severity, e.Type, e.Also = o.Summary, o.Severity, o.Type, o.Also
	e.Impact, e.Answers, e.Evidence, e.Language = o.Impact, o.Answers, o.Evidence, o.Language
	e.Subject, e.Claims, e.Notes = o.Subject, o.Claims, o.Notes
	e.RespondBy, e.UpdateBy, e.ResolveBy = o.RespondBy, o.UpdateBy, o.ResolveBy
	e.Status, e.OpenedAt = Open, ev.At
	if ev.From != nil {
		e.join(*ev.From, true)
	}
	if o.Forwarded {
		seen := *ev
		seen.MessageID = ""
		ev = &seen
	}
	e.heard(ev)
}

// heard notes a mail of the customer's conversation.
func (e *Escalation) heard(ev *Event) {
	e.Messages++
	if ev.From != nil && ev.Type == EventCustomerWrote {
		e.join(*ev.From, false)
	}
	for _, a := range ev.Adds {
		e.join(a, true)
	}
	e.said(ev)
}

func (e *Escalation) said(ev *Event) {
	e.addThread(ev.MessageID)
	if ev.At.After(e.Active) {
		e.Active = ev.At
	}
}
