package threads

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/id8labs/escalated/classify"
	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/threads/cadence"
	"github.com/id8labs/escalated/threads/match"
	"github.com/id8labs/escalated/threads/store"
)

// open makes a new escalation of a mail, gives it an owner, owes the
// acknowledgment or says why none is owed, and alerts people.
func (d *Desk) open(tx store.Txn, s *Settings, a *arrival, t thread) error {
	id, err := d.freshID(tx)
	if err != nil {
		return err
	}
	e := &Escalation{ID: id}
	customer, notes := s.opener(a)
	if t.claims != "" {
		notes = append(notes, fmt.Sprintf("This mail names %s and was not joined to it: %s.", t.claims, t.why))
	}
	if a.cut() {
		notes = append(notes, fmt.Sprintf("This mail has %d MiB. Only its beginning was read, which an acknowledgment tells the sender; the whole of it is in the archive folder.", (a.message.Size+1<<20-1)>>20))
	}
	verdict := a.verdict
	verdict.Severity = cmp.Or(verdict.Severity, 2) // don't underestimate what could not be rated
	verdict.Customer = s.customer(verdict.Customer, customer)
	owner, notify, err := s.assign(tx, verdict, a)
	if err != nil {
		return err
	}
	ev := Event{
		At: a.received, Type: EventOpened, By: cmp.Or(customer.Address, "escalated"), MessageID: a.message.MessageID,
		Unproven: a.message.Origin.Authenticated != mailbox.Pass,
		Opened: &Opening{
			Verdict: verdict, Subject: a.message.Subject, Claims: t.claims, Notes: notes, Forwarded: verdict.Kind == classify.KindForward,
			RespondBy: s.Policy.RespondBy(verdict.Severity, a.received), UpdateBy: s.Policy.NextUpdate(verdict.Severity, a.received), ResolveBy: s.Policy.ResolveBy(verdict.Severity, a.received),
		},
	}
	if customer.Address != "" {
		ev.From = &customer
	}
	if a.message.Origin.Authenticated == mailbox.Pass {
		ev.Adds = s.others(&a.message)
	}
	if err := d.record(tx, s, a, e, &ev); err != nil {
		return err
	}
	if err := d.append(e, &Event{At: a.now, Type: EventOwnerAssigned, By: "escalated", Owner: owner}); err != nil {
		return err
	}
	if err := d.acknowledge(tx, s, a, e, customer); err != nil {
		return err
	}
	for _, subject := range unique(a.message.Subject, subjectOf(a.verdict.Original)) {
		if err := d.indexSubject(tx, subject, customer.Address, e.ID); err != nil {
			return err
		}
	}
	if err := d.save(tx, s, &Escalation{}, e); err != nil {
		return err
	}
	return d.alert(tx, s, a, e, t, notify)
}

func subjectOf(o *classify.Original) string {
	if o == nil {
		return ""
	}
	return o.Subject
}

// opener is who is to be answered: the sender, the sender of what one of ours
// forwarded, or the address a customer whose domain vouches for them asks to be
// answered at.
func (s *Settings) opener(a *arrival) (mailbox.Address, []string) {
	from, sole := a.message.Sole()
	if !sole {
		return mailbox.Address{}, []string{fmt.Sprintf("Its From names %d addresses, so nobody can be said to have written it.", len(a.message.From))}
	}
	if o := a.verdict.Original; o != nil && a.verdict.Kind == classify.KindForward {
		return o.From, []string{"Forwarded by " + from.Address + "."}
	}
	if len(a.message.ReplyTo) == 1 && !mailbox.Same(a.message.ReplyTo[0].Address, from.Address) {
		reply := a.message.ReplyTo[0]
		if a.message.Origin.Authenticated == mailbox.Pass && match.Organisation(reply.Address) == match.Organisation(from.Address) {
			reply.Name = cmp.Or(reply.Name, from.Name)
			return reply, nil
		}
		return from, []string{"It asks to be answered at " + reply.Address + ", for which its sender can't speak."}
	}
	if a.message.Origin.Authenticated == mailbox.Fail {
		return from, []string{"The domain in From does not vouch for this mail: it may be forged."}
	}
	return from, nil
}

// customer completes whom the mail is about with what the directory knows.
func (s *Settings) customer(c classify.Customer, from mailbox.Address) classify.Customer {
	c.Address = from.Address
	c.Name = cmp.Or(c.Name, from.Name)
	if company, known := s.Directory.Company(from.Address); known {
		c.Company, c.Tier = company.Name, company.Tier
	}
	return c
}

func (d *Desk) freshID(r store.Reader) (string, error) {
	for range 100 {
		id := d.newID()
		_, err := r.Get(escalationKey(id))
		if errors.Is(err, store.ErrNotFound) {
			return id, nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", errors.New("no free escalation id in 100 draws")
}

// assign names the single point of contact from the first minute: by the first
// route that matches, else in turn over the agents who are not away.
func (s *Settings) assign(tx store.Txn, v classify.Verdict, a *arrival) (owner string, notify []string, err error) {
	for _, route := range s.Routing {
		if route.Match(v) {
			return route.Owner, route.Notify, nil
		}
	}
	agents := s.Directory.With(classify.Agent)
	present := slices.DeleteFunc(slices.Clone(agents), func(p classify.Person) bool { return p.Away(a.now) })
	if len(present) == 0 {
		present = agents
	}
	if len(present) == 0 {
		return "", nil, errors.New("no agent in the roster to own an escalation")
	}
	turn, _, err := get[int](tx, metaKey("rota"))
	if err != nil {
		return "", nil, err
	}
	return present[turn%len(present)].Email, nil, put(tx, metaKey("rota"), turn+1)
}

// acknowledge owes the one acknowledgment of a new escalation, or records why not.
func (d *Desk) acknowledge(tx store.Txn, s *Settings, a *arrival, e *Escalation, to mailbox.Address) error {
	why, err := d.withhold(tx, s, a, to)
	if err != nil {
		return err
	}
	if why != "" {
		return d.append(e, &Event{At: a.now, Type: EventAckWithheld, By: "escalated", Reason: why})
	}
	bare := s.Trust.AuthservID != "" && a.message.Origin.Authenticated != mailbox.Pass
	ev := Event{At: a.now, Type: EventAckOwed, By: "escalated", To: []string{to.Address}, Bare: bare}
	if err := d.append(e, &ev); err != nil {
		return err
	}
	n := Notice{
		Key: key(e.ID, kindAck, "1"), Escalation: e.ID, Kind: kindAck, Template: "ack", Urgency: Acknowledging,
		Owed: a.now, Customer: true, Letter: 1,
	}
	if bare {
		n.Template = "ack-bare"
	}
	for _, r := range e.Recipients() {
		switch {
		case !bare:
			n.To = append(n.To, Delivery{Address: r})
		case mailbox.Same(r.Address, to.Address):
			n.To = []Delivery{{Address: mailbox.Address{Address: r.Address}}} // a name is theirs to write
		}
	}
	return s.owe(tx, n)
}

// inBacklog withholds what lay in a mailbox before we watched it.
const inBacklog = "it was older than the backlog when this mailbox was first watched"

// withhold says why a new escalation gets no acknowledgment; "" when it does.
func (d *Desk) withhold(tx store.Txn, s *Settings, a *arrival, to mailbox.Address) (string, error) {
	origin := a.message.Origin
	_, ours := s.Directory.Person(to.Address)
	from, _ := a.message.Sole()
	_, forwarded := s.Directory.Person(from.Address)
	first, _, err := get[time.Time](tx, metaKey("first-sight"))
	if err != nil {
		return "", err
	}
	switch {
	case to.Address == "":
		return "it has no sender to answer", nil
	case s.Trust.Owns(to.Address):
		return "its sender is one of our own addresses", nil
	case ours:
		return "its sender is one of our own people", nil
	case origin.NoReply:
		return "its header asks for no automatic answer: " + origin.Because, nil
	case forwarded && !s.trusts(&a.message, ""):
		return "a colleague forwarded it and nobody vouches for that mail", nil
	case s.Backlog > 0 && a.received.Before(first.Add(-s.Backlog)) && a.now.Before(first.Add(s.Backlog)):
		return inBacklog, nil
	}
	return d.spend(tx, s, a, to)
}

// alert tells the owner, the severity's audience and, of a claimed escalation, its owner.
func (d *Desk) alert(tx store.Txn, s *Settings, a *arrival, e *Escalation, t thread, notify []string) error {
	people := append([]string{e.Owner}, s.audience(e, notify)...)
	if t.claims != "" {
		claimed, ok, err := d.live(tx, t.claims)
		if err != nil {
			return err
		}
		if ok {
			people = append(people, claimed.Owner)
			before := *claimed
			if err := d.append(claimed, &Event{At: a.now, Type: EventClaimed, By: "escalated", Text: e.ID, Reason: t.why}); err != nil {
				return err
			}
			if err := d.save(tx, s, &before, claimed); err != nil {
				return err
			}
		}
	}
	if e.Withheld == inBacklog {
		return s.tell(tx, backlogNotice(s, a), s.operators())
	}
	return s.tell(tx, Notice{
		Key: key(e.ID, kindAlert, "opened"), Escalation: e.ID, Kind: kindAlert, Template: "alert", Owed: a.now, Letter: 1,
	}, people)
}

// backlogNotice is the one mail about all that lay in a mailbox before we watched it.
func backlogNotice(s *Settings, a *arrival) Notice {
	return Notice{
		Key: key(Service, kindOperator, "backlog", a.now.Format(time.DateOnly)), Kind: kindOperator, Template: "operator", Owed: a.now,
		Subject: "Older mail was recorded and not acknowledged",
		Lines: []string{
			"When this mailbox was first watched, it held mail older than " + s.Backlog.String() + ".",
			"That mail was recorded as escalations, and nobody was acknowledged or alerted. See them with: escalated list",
		},
	}
}

// record stores a mail's letter, indexes its Message-ID and appends its event.
func (d *Desk) record(tx store.Txn, s *Settings, a *arrival, e *Escalation, ev *Event) error {
	ev.Message = e.Messages + 1
	if err := put(tx, messageKey(e.ID, ev.Message), letter(a)); err != nil {
		return err
	}
	if a.message.MessageID != "" {
		if err := point(tx, messageIDKey(a.message.MessageID), e.ID); err != nil {
			return err
		}
	}
	return d.append(e, ev)
}

// append adds an event to the log and folds it into the state; save stores both.
func (d *Desk) append(e *Escalation, ev *Event) error {
	e.fresh = append(e.fresh, *ev)
	return e.apply(ev)
}

// save stores what was appended, and the state with the instant at which time
// next makes something owed.
func (d *Desk) save(tx store.Txn, s *Settings, before, e *Escalation) error {
	if len(e.fresh) > 0 {
		if err := put(tx, eventsKey(e.ID, e.Events-len(e.fresh)), e.fresh); err != nil {
			return err
		}
		e.fresh = nil
	}
	_, e.Due = cadence.Due(e.clocks(), s.Policy, time.Time{})
	return setEscalation(tx, before, e)
}

func (d *Desk) indexSubject(tx store.Txn, subject, address, id string) error {
	subject = match.Subject(subject)
	if subject == "" || address == "" {
		return nil
	}
	return point(tx, subjectKey(match.Organisation(address), subject), id)
}

func letterName(e *Escalation) string { return strconv.Itoa(e.Messages) }
