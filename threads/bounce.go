package threads

import (
	"fmt"
	"slices"
	"strings"

	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/threads/store"
)

// takeBounce records a delivery report on the escalation it is about. Only one
// that carries our token marks an address undeliverable: anyone can write a
// bounce, but only who got our mail knows its token.
func (d *Desk) takeBounce(tx store.Txn, s *Settings, a *arrival) error {
	bounce := a.message.Origin.Bounce
	if bounce == nil {
		bounce = &mailbox.Bounce{}
	}
	id, proven := s.bounced(&a.message, bounce)
	var e *Escalation
	ok := false
	if id != "" {
		var err error
		if e, ok, err = d.live(tx, id); err != nil {
			return err
		}
	}
	if !ok {
		if proven && id == Service {
			if err := d.setAside(tx, s, a, "bounce", "a delivery report about a mail to one of ours", true); err != nil {
				return err
			}
			return d.bouncedInternally(tx, s, a, bounce, "")
		}
		t, err := d.find(tx, s, a, func(*Escalation) bool { return true })
		if err != nil {
			return err
		}
		if e = t.joins; e == nil {
			return d.setAside(tx, s, a, "bounce", "a delivery report about no mail of ours", false)
		}
	}
	before := *e
	ev := Event{At: a.received, Type: EventBounced, By: "escalated", MessageID: a.message.MessageID, To: []string{bounce.Recipient},
		Reason: strings.TrimSpace(bounce.Status + " " + permanence(bounce)), Unproven: !proven}
	if err := d.record(tx, s, a, e, &ev); err != nil {
		return err
	}
	p := e.participant(bounce.Recipient)
	if !proven || !bounce.Permanent || p == nil || slices.Contains(e.Undeliverable, p.Address.Address) {
		if err := d.save(tx, s, &before, e); err != nil {
			return err
		}
		if _, ours := s.Directory.Person(bounce.Recipient); ours && proven {
			return d.bouncedInternally(tx, s, a, bounce, e.ID)
		}
		return nil
	}
	return d.undeliverable(tx, s, &before, e, a, p.Address.Address, "its mail server answered "+ev.Reason)
}

func permanence(b *mailbox.Bounce) string {
	if b.Permanent {
		return "(for good)"
	}
	return "(for now)"
}

// bounced finds the escalation whose token a report carries: in the address it
// was sent to, or in the Message-ID of the mail it returns.
func (s *Settings) bounced(m *mailbox.Message, b *mailbox.Bounce) (id string, proven bool) {
	if id, token, ok := parseDetail(b.Token); ok && s.Key.valid(token, forBounce, id, b.Recipient) {
		return id, true
	}
	local, ok := strings.CutSuffix(strings.ToLower(b.OriginalMessageID), "@"+mailbox.Domain(s.Address))
	if !ok {
		return "", false
	}
	detail, _, _ := strings.Cut(local, ".")
	id, token, ok := parseDetail(detail)
	if ok && (s.Key.valid(token, forReply, id, customerSide) || s.Key.valid(token, forReply, id, b.Recipient)) {
		return id, true
	}
	return "", false
}

// undeliverable marks an address of the customer's side and tells owner and managers.
func (d *Desk) undeliverable(tx store.Txn, s *Settings, before, e *Escalation, a *arrival, address, because string) error {
	ev := Event{At: a.now, Type: EventUndeliverable, By: "escalated", To: []string{address}, Reason: because}
	if err := d.append(e, &ev); err != nil {
		return err
	}
	if err := d.save(tx, s, before, e); err != nil {
		return err
	}
	return s.tell(tx, Notice{
		Key: key(e.ID, kindOperator, "undeliverable", short(address)), Escalation: e.ID, Kind: kindOperator, Template: "undeliverable", Owed: a.now,
		Lines: []string{address, because},
	}, append(s.ownerOf(e), s.managers()...))
}

// bouncedInternally tells the operators that one of our own people can't be reached.
func (d *Desk) bouncedInternally(tx store.Txn, s *Settings, a *arrival, b *mailbox.Bounce, id string) error {
	about := "It was a mail about the service itself."
	if id != "" {
		about = "It was about " + id + "."
	}
	return s.tell(tx, Notice{
		Key: key(Service, kindOperator, "bounce", short(b.Recipient), a.now.Format("2006-01-02")), Kind: kindOperator, Template: "operator", Owed: a.now,
		Subject: "Mail to " + b.Recipient + " comes back",
		Lines: []string{
			fmt.Sprintf("A mail server returned our mail to %s: %s %s.", b.Recipient, b.Status, permanence(b)),
			about,
			"This person does not hear of escalations until the address works or is changed in the configuration.",
		},
	}, s.operatorsBut(b.Recipient))
}
