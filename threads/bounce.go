package threads

import (
	"fmt"
	"slices"
	"strings"

	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/threads/store"
)

// takeBounce records a delivery report on the escalation it is about. Only the
// token of the bounce address marks an address undeliverable: it was given to
// that recipient's server alone. A Message-ID of ours can be read by whoever gets
// a forward, so a report that names one is recorded and told, and silences nobody.
func (d *Desk) takeBounce(tx store.Txn, s *Settings, a *arrival) error {
	bounce := a.message.Origin.Bounce
	if bounce == nil {
		bounce = &mailbox.Bounce{}
	}
	id, recipient, proven, err := d.bounced(tx, s, &a.message, bounce)
	if err != nil {
		return err
	}
	if proven && id == Service {
		if err := d.setAside(tx, s, a, "bounce", "a delivery report about a mail to one of ours", true); err != nil {
			return err
		}
		return d.bouncedInternally(tx, s, a, bounce, recipient, "")
	}
	var e *Escalation
	ok := false
	if id != "" {
		if e, ok, err = d.live(tx, id); err != nil {
			return err
		}
	}
	if !ok {
		t, err := d.find(tx, s, a, func(*Escalation) bool { return true })
		if err != nil {
			return err
		}
		if e = t.joins; e == nil {
			return d.setAside(tx, s, a, "bounce", "a delivery report about no mail of ours", false)
		}
	}
	return d.noteBounce(tx, s, a, e, bounce, recipient, proven)
}

// noteBounce records a report on its escalation, and tells people of what
// lasts.
func (d *Desk) noteBounce(tx store.Txn, s *Settings, a *arrival, e *Escalation, bounce *mailbox.Bounce, recipient string, proven bool) error {
	before := *e
	ev := Event{At: a.received, Type: EventBounced, By: "escalated", MessageID: a.message.MessageID, To: []string{recipient},
		Reason: strings.TrimSpace(bounce.Status + " " + permanence(bounce)), Unproven: !proven}
	if err := d.record(tx, s, a, e, &ev); err != nil {
		return err
	}
	p := e.participant(recipient)
	if proven && bounce.Permanent && p != nil && !slices.Contains(e.Undeliverable, p.Address.Address) {
		return d.undeliverable(tx, s, &before, e, a, p.Address.Address, "its mail server answered "+ev.Reason)
	}
	if err := d.save(tx, s, &before, e); err != nil || !bounce.Permanent {
		return err
	}
	if proven && p == nil {
		return d.bouncedInternally(tx, s, a, bounce, recipient, e.ID)
	}
	if p != nil && proven {
		return nil // told when it was marked
	}
	return s.tellWrote(tx, a, e)
}

func permanence(b *mailbox.Bounce) string {
	if b.Permanent {
		return "(for good)"
	}
	return "(for now)"
}

// bounced finds the escalation that a report is about, by the token of the
// address it was sent to, which tells the recipient too, or else by the
// Message-ID of the mail it returns.
func (d *Desk) bounced(r store.Reader, s *Settings, m *mailbox.Message, b *mailbox.Bounce) (id, recipient string, proven bool, err error) {
	if id, token, ok := parseDetail(b.Token); ok {
		people := append([]string{b.Recipient}, append(s.operators(), s.roster()...)...)
		e, known, err := d.live(r, id)
		if err != nil {
			return "", "", false, err
		}
		if known {
			for _, p := range e.Participants {
				people = append(people, p.Address.Address)
			}
			people = append(people, s.audience(e, s.notified())...)
		}
		for _, address := range people {
			if s.Key.valid(token, forBounce, id, address) {
				return id, address, true, nil
			}
		}
	}
	if id, ok := s.ours(b.OriginalMessageID); ok {
		return id, b.Recipient, false, nil
	}
	return "", b.Recipient, false, nil
}

// notified are the addresses that routes tell besides the owner.
func (s *Settings) notified() []string {
	var all []string
	for _, r := range s.Routing {
		all = append(all, r.Notify...)
	}
	return all
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
func (d *Desk) bouncedInternally(tx store.Txn, s *Settings, a *arrival, b *mailbox.Bounce, recipient, id string) error {
	about := "It was a mail about the service itself."
	if id != "" {
		about = "It was about " + id + "."
	}
	return s.tell(tx, Notice{
		Key: key(Service, kindOperator, "bounce", short(recipient), a.now.Format("2006-01-02")), Kind: kindOperator, Template: "operator", Owed: a.now,
		Subject: "Mail to " + recipient + " comes back",
		Lines: []string{
			fmt.Sprintf("A mail server returned our mail to %s: %s %s.", recipient, b.Status, permanence(b)),
			about,
			"This person does not hear of escalations until the address works or is changed in the configuration.",
		},
	}, s.operatorsBut(recipient))
}
