package threads

import (
	"slices"
	"strings"
	"time"

	"github.com/id8labs/escalated/classify"
	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/threads/match"
	"github.com/id8labs/escalated/threads/store"
)

// A thread is where a mail belongs: an escalation it joins, or else one that it
// names and may not join.
type thread struct {
	joins  *Escalation
	claims string // the id of an escalation it named and can't join
	why    string // why not
}

// find looks for the escalation of a mail: by what it answers, by what is
// attached, by our tag, and last by subject and sender. may says whether the
// sender may add to one that was found.
func (d *Desk) find(tx store.Txn, s *Settings, a *arrival, may func(*Escalation) bool) (thread, error) {
	named, err := d.named(tx, s, &a.message)
	if err != nil {
		return thread{}, err
	}
	var t thread
	for _, id := range named {
		e, ok, err := d.live(tx, id)
		if err != nil {
			return t, err
		}
		switch {
		case !ok:
		case !may(e):
			t.note(id, "its sender is not part of that escalation")
		case e.over(a.received):
			t.note(id, "that escalation ended, or fell silent, too long ago")
		default:
			t.joins = e
			return t, nil
		}
	}
	if t.claims != "" {
		return t, nil
	}
	from, ok := a.message.Sole()
	if !ok {
		return t, nil
	}
	t.joins, err = d.bySubject(tx, a, from.Address, a.message.Subject)
	return t, err
}

func (t *thread) note(id, why string) {
	if t.claims == "" {
		t.claims, t.why = id, why
	}
}

// maxNames bounds the Message-IDs of one mail that are looked up.
const maxNames = 60

// named lists the escalations that a mail points at, surest first.
func (d *Desk) named(r store.Reader, s *Settings, m *mailbox.Message) ([]string, error) {
	var ids []string
	add := func(id string) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if id, ok := s.proven(m); ok && id != Service {
		add(id)
	}
	left := maxNames
	byID := func(messageIDs []string) error {
		for _, messageID := range slices.Backward(messageIDs) { // the newest last, RFC 5322 §3.6.4
			if left--; left < 0 {
				return nil
			}
			if id, ok := s.ours(messageID); ok {
				add(id)
			}
			known, _, err := get[[]string](r, messageIDKey(messageID))
			if err != nil {
				return err
			}
			for _, id := range known {
				add(id)
			}
		}
		return nil
	}
	if err := byID(m.InReplyTo); err != nil {
		return nil, err
	}
	for _, id := range match.IDs(m.Subject) {
		add(id)
	}
	if err := byID(m.References); err != nil {
		return nil, err
	}
	for _, attached := range m.Attached {
		if err := byID(append(slices.Concat(attached.References, attached.InReplyTo), attached.MessageID)); err != nil {
			return nil, err
		}
		for _, id := range match.IDs(attached.Subject) {
			add(id)
		}
	}
	return ids, nil
}

// live loads an escalation, or the one it was merged into.
func (d *Desk) live(r store.Reader, id string) (*Escalation, bool, error) {
	for range 8 { // merges of merges
		e, ok, err := get[Escalation](r, escalationKey(id))
		if err != nil || !ok || e.MergedInto == "" {
			return &e, ok, err
		}
		id = e.MergedInto
	}
	return nil, false, nil
}

// bySubject finds the one open escalation of a sender's organisation with the
// same subject; with two candidates there is none.
func (d *Desk) bySubject(r store.Reader, a *arrival, from, subject string) (*Escalation, error) {
	subject = match.Subject(subject)
	if subject == "" || from == "" {
		return nil, nil
	}
	ids, _, err := get[[]string](r, subjectKey(match.Organisation(from), subject))
	if err != nil {
		return nil, err
	}
	var found *Escalation
	for _, id := range ids {
		e, ok, err := d.live(r, id)
		if err != nil {
			return nil, err
		}
		if !ok || e.Status == Closed || a.received.After(e.Active.Add(match.Window)) || found != nil && found.ID == e.ID {
			continue
		}
		if found != nil {
			return nil, nil
		}
		found = e
	}
	return found, nil
}

// takeCustomer records a mail of a person outside.
func (d *Desk) takeCustomer(tx store.Txn, s *Settings, a *arrival) error {
	from, sole := a.message.Sole()
	t, err := d.find(tx, s, a, func(e *Escalation) bool { return sole && e.Contributes(from.Address) })
	switch {
	case err != nil:
		return err
	case t.joins != nil:
		return d.join(tx, s, a, t.joins, from)
	case a.verdict.Kind == classify.KindBulk:
		return d.setAside(tx, s, a, string(classify.KindBulk), "reads like an offer or a newsletter", false)
	case a.verdict.Kind == classify.KindThanks && t.claims == "":
		return d.setAside(tx, s, a, string(classify.KindThanks), "nothing but thanks", false)
	}
	return d.open(tx, s, a, t)
}

// join adds a customer's mail to an escalation and tells its owner.
func (d *Desk) join(tx store.Txn, s *Settings, a *arrival, e *Escalation, from mailbox.Address) error {
	before := *e
	ev := Event{
		At: a.received, Type: EventCustomerWrote, By: from.Address, From: &from,
		MessageID: a.message.MessageID, Unproven: !s.vouched(&a.message, e.ID),
	}
	if p := e.participant(from.Address); p != nil && p.Recipient && !ev.Unproven {
		ev.Adds = s.others(&a.message)
	}
	if err := d.record(tx, s, a, e, &ev); err != nil {
		return err
	}
	if err := d.indexSubject(tx, a.message.Subject, from.Address, e.ID); err != nil {
		return err
	}
	if err := d.save(tx, s, &before, e); err != nil {
		return err
	}
	return s.tellWrote(tx, a, e)
}

// wroteBudget bounds the mails about news on one case; of what comes beyond it
// people are told once an hour.
var wroteBudget = Budget{Count: 30, Per: time.Hour}

// tellWrote tells the owner of a new mail on an escalation.
func (s *Settings) tellWrote(tx store.Txn, a *arrival, e *Escalation) error {
	occasion := letterName(e)
	left, err := spend(tx, budgetKey("wrote", e.ID), wroteBudget, a.now)
	if err != nil {
		return err
	}
	if !left {
		occasion = "many-" + a.now.Format("2006010215")
	}
	return s.tell(tx, Notice{
		Key: key(e.ID, kindAlert, "message", occasion), Escalation: e.ID, Kind: kindAlert, Template: "wrote",
		Owed: a.now, Letter: e.Messages,
	}, s.ownerOf(e))
}

// notCounted tells one of ours that their mail to a customer is no update in
// the record, since nobody vouches that they wrote it.
func (s *Settings) notCounted(tx store.Txn, a *arrival, e *Escalation, person classify.Person) error {
	if left, err := spend(tx, budgetKey("receipt", person.Email), receipts, a.now); err != nil || !left {
		return err
	}
	return s.tell(tx, Notice{
		Key: key(e.ID, kindOperator, "not-counted", letterName(e)), Escalation: e.ID, Kind: kindOperator, Template: "operator", Owed: a.now,
		Subject: "Your mail to the customer was kept as a note",
		Lines: []string{
			"Nothing proves that you wrote it, so it does not count as the update of " + e.ID + " and its clocks run on.",
			"The customer has it all the same. For it to count, your mail server must vouch for your mail (trust.authserv_id in the configuration).",
		},
	}, []string{person.Email})
}

// takeOurs records a mail of one of our people. It opens nothing unless it
// forwards a customer's mail.
func (d *Desk) takeOurs(tx store.Txn, s *Settings, a *arrival, person classify.Person) error {
	t, err := d.find(tx, s, a, func(*Escalation) bool { return a.message.Origin.Authenticated != mailbox.Fail })
	if err != nil {
		return err
	}
	original := a.verdict.Original
	if t.joins == nil && original != nil {
		if t.joins, err = d.bySubject(tx, a, original.From.Address, original.Subject); err != nil {
			return err
		}
	}
	switch {
	case t.joins != nil:
		return d.note(tx, s, a, t.joins, person)
	case original != nil || a.message.Origin.Authenticated == mailbox.Fail:
		return d.open(tx, s, a, t)
	}
	if err := d.setAside(tx, s, a, "internal", "a mail of one of ours without a customer's mail in it", true); err != nil {
		return err
	}
	// An automatic answer that does not say it is one must not become a loop.
	if left, err := spend(tx, budgetKey("receipt", person.Email), receipts, a.now); err != nil || !left {
		return err
	}
	return s.tell(tx, Notice{
		Key: key(Service, kindOperator, "receipt", short(a.message.MessageID+a.message.Subject)), Kind: kindOperator, Template: "operator", Owed: a.now,
		Subject: "Nothing was opened from your mail",
		Lines: []string{
			"Your mail to " + s.Address + " belongs to no escalation and forwards no customer's mail, so it opened nothing.",
			"To open an escalation, forward the customer's mail to " + s.Address + ".",
			"To add to one, reply to a mail about it or put its id (ESC-…) in the subject.",
		},
	}, []string{person.Email})
}

// note records what one of ours wrote on an escalation: to the customer when
// the customer is among its recipients, else for the record.
func (d *Desk) note(tx store.Txn, s *Settings, a *arrival, e *Escalation, person classify.Person) error {
	before := *e
	ev := Event{
		At: a.received, Type: EventNote, By: person.Email, MessageID: a.message.MessageID,
		Unproven: !s.trusts(&a.message, e.ID),
	}
	toCustomer := slices.ContainsFunc(s.others(&a.message), func(to mailbox.Address) bool { return e.Contributes(to.Address) })
	if toCustomer && !ev.Unproven {
		ev.Type = EventAgentWrote
		ev.Promised = s.Policy.NextUpdate(e.Severity, a.received)
	}
	if err := d.record(tx, s, a, e, &ev); err != nil {
		return err
	}
	if err := d.save(tx, s, &before, e); err != nil {
		return err
	}
	if toCustomer && ev.Unproven {
		if err := s.notCounted(tx, a, e, person); err != nil {
			return err
		}
	}
	if mailbox.Same(e.Owner, person.Email) && !ev.Unproven {
		return nil
	}
	return s.tell(tx, Notice{
		Key: key(e.ID, kindAlert, "message", letterName(e)), Escalation: e.ID, Kind: kindAlert, Template: "wrote",
		Owed: a.now, Letter: e.Messages,
	}, s.ownerOf(e))
}

// takeOwn records mail that says it is from us. Only what proves to be our own
// is certain to be of no interest: lists rewrite From to their own address, and
// web forms write as the address they send to.
func (d *Desk) takeOwn(tx store.Txn, s *Settings, a *arrival) error {
	if s.wrote(a.message.MessageID) {
		return d.setAside(tx, s, a, "own", "our own mail come back", true)
	}
	reply := a.message.ReplyTo
	if len(reply) == 1 && !s.Trust.Owns(reply[0].Address) && a.message.Origin.Authenticated != mailbox.Fail {
		return d.takeCustomer(tx, s, a)
	}
	return d.setAside(tx, s, a, "own", "it is from our own address, and not a mail we know to be ours", false)
}

// takeRobot records an automatic answer on its thread, or sets it aside.
func (d *Desk) takeRobot(tx store.Txn, s *Settings, a *arrival) error {
	from, sole := a.message.Sole()
	_, ours := s.Directory.Person(from.Address)
	t, err := d.find(tx, s, a, func(e *Escalation) bool { return sole && (ours || e.Contributes(from.Address)) })
	if err != nil {
		return err
	}
	origin := a.message.Origin
	if t.joins == nil {
		return d.setAside(tx, s, a, string(origin.Kind), origin.Because, origin.Kind == mailbox.KindBulk)
	}
	before := *t.joins
	ev := Event{At: a.received, Type: EventRobotWrote, By: from.Address, MessageID: a.message.MessageID, Reason: origin.Because}
	if err := d.record(tx, s, a, t.joins, &ev); err != nil {
		return err
	}
	return d.save(tx, s, &before, t.joins)
}

// others are the addresses in To and Cc that are neither ours nor of our people.
func (s *Settings) others(m *mailbox.Message) []mailbox.Address {
	var others []mailbox.Address
	for _, a := range slices.Concat(m.To, m.Cc) {
		if _, ours := s.Directory.Person(a.Address); !ours && !s.Trust.Owns(a.Address) && strings.Contains(a.Address, "@") {
			others = append(others, a)
		}
	}
	return others
}

// ownerOf is who is told of an escalation's news: its owner, or the operators
// when the roster no longer knows the owner.
func (s *Settings) ownerOf(e *Escalation) []string {
	if _, known := s.Directory.Person(e.Owner); known {
		return []string{e.Owner}
	}
	return s.operators()
}
