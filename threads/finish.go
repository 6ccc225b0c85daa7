package threads

import (
	"context"
	"errors"
	"time"

	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/threads/store"
)

// A Result is what came of one attempt to send a notice.
type Result struct {
	Key     string
	Answers []Answer
	// Retry is when to try again whom no server has accepted or refused for good.
	Retry time.Time
	// Unsure is set when a server may have taken the mail without saying so:
	// only the same bytes may follow.
	Unsure bool
}

// An Answer is a server's verdict on one recipient.
type Answer struct {
	Address string
	State   DeliveryState // Pending: put off
	Text    string        // the server's words
}

// Finish records what servers answered, and what follows: an escalation
// acknowledged, an address undeliverable, people told.
func (d *Desk) Finish(ctx context.Context, now time.Time, results []Result) error {
	s := d.Settings()
	err := store.Essential(d.db).Update(ctx, func(tx store.Txn) error {
		for _, result := range results {
			if err := d.finish(tx, s, now, &result); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	kick(d.owed)
	kick(d.due)
	return nil
}

func (d *Desk) finish(tx store.Txn, s *Settings, now time.Time, result *Result) error {
	n, ok, err := get[Notice](tx, noticeKey(result.Key))
	if err != nil || !ok {
		return errors.Join(err, missing(ok, "notice "+result.Key))
	}
	taken, refused := n.note(result.Answers)
	if n.pending() {
		err = n.again(tx, result)
	} else {
		err = n.finish(tx, now)
	}
	if err != nil || len(taken)+len(refused) == 0 {
		return err
	}
	if n.Escalation == "" {
		return d.serviceRefused(tx, s, now, &n, refused)
	}
	return d.follow(tx, s, now, &n, taken, refused)
}

// note takes the servers' answers and returns whom they newly took and refused.
func (n *Notice) note(answers []Answer) (taken, refused []Delivery) {
	for _, answer := range answers {
		for i := range n.To {
			to := &n.To[i]
			if to.State != Pending || !mailbox.Same(to.Address.Address, answer.Address) {
				continue
			}
			to.State, to.Answer = answer.State, bounded(answer.Text, 300)
			switch to.State {
			case Delivered:
				taken = append(taken, *to)
			case Refused:
				refused = append(refused, *to)
			default:
				to.Tries++
			}
		}
	}
	return taken, refused
}

func (n *Notice) pending() bool {
	for _, to := range n.To {
		if to.State == Pending {
			return true
		}
	}
	return false
}

func (n *Notice) delivered() bool {
	for _, to := range n.To {
		if to.State == Delivered {
			return true
		}
	}
	return false
}

// again queues another attempt. The bytes are dropped, to be rendered anew,
// only when no server can have taken them.
func (n *Notice) again(tx store.Txn, result *Result) error {
	if !result.Unsure && !n.delivered() && !n.Unsure {
		n.Frozen = false
		if err := tx.Delete(renderedKey(n.Key)); err != nil {
			return err
		}
	}
	n.Unsure = n.Unsure || result.Unsure
	return requeue(tx, n, result.Retry)
}

func (n *Notice) finish(tx store.Txn, now time.Time) error {
	n.Done = now
	// A notice that could not even be composed is still in the queue.
	for _, k := range [][]byte{inFlightKey(n.Key), queueKey(n.Urgency, n.Next, n.Key), renderedKey(n.Key)} {
		if err := tx.Delete(k); err != nil {
			return err
		}
	}
	return put(tx, noticeKey(n.Key), n)
}

// follow records on the escalation what became of a notice.
func (d *Desk) follow(tx store.Txn, s *Settings, now time.Time, n *Notice, taken, refused []Delivery) error {
	e, ok, err := get[Escalation](tx, escalationKey(n.Escalation))
	if err != nil || !ok {
		return errors.Join(err, missing(ok, n.Escalation))
	}
	before := e
	if len(taken) > 0 {
		if err := d.sent(tx, s, now, n, &e, taken); err != nil {
			return err
		}
	}
	for _, to := range refused {
		ev := Event{At: now, Type: EventNoticeFailed, By: "escalated", Notice: n.Key, To: []string{to.Address.Address}, Reason: to.Answer}
		if n.Customer {
			ev.Type = EventUndeliverable
		}
		if err := d.append(&e, &ev); err != nil {
			return err
		}
	}
	if n.Template == "undeliverable" {
		// News of refused news is told once a day for each person, or a server
		// that refuses everybody would keep two people's mails chasing each other.
		err = d.serviceRefused(tx, s, now, n, refused)
	} else {
		err = s.tellRefused(tx, now, n, &e, refused)
	}
	if err != nil {
		return err
	}
	return d.save(tx, s, &before, &e)
}

// sent records that a server took a notice; the first taking of an
// acknowledgment is the acknowledgment.
func (d *Desk) sent(tx store.Txn, s *Settings, now time.Time, n *Notice, e *Escalation, taken []Delivery) error {
	ev := Event{At: now, Type: EventNoticeSent, By: "escalated", Notice: n.Key, MessageID: n.MessageID, Promised: n.Promised}
	for _, to := range taken {
		ev.To = append(ev.To, to.Address.Address)
	}
	if n.Kind != kindAck || !e.AcknowledgedAt.IsZero() {
		return d.append(e, &ev)
	}
	ev.Type = EventAcknowledged
	if late := now.Sub(e.OpenedAt) - s.Policy.Acknowledge; late > 0 {
		ev.Late = late.Round(time.Second).String()
	}
	if err := d.append(e, &ev); err != nil || ev.Late == "" {
		return err
	}
	return d.tellLate(tx, s, now, e)
}

// tellLate tells owner and managers, once, that an acknowledgment is or was late.
func (d *Desk) tellLate(tx store.Txn, s *Settings, now time.Time, e *Escalation) error {
	if !e.LateTold.IsZero() {
		return nil
	}
	if err := d.append(e, &Event{At: now, Type: EventAckLate, By: "escalated"}); err != nil {
		return err
	}
	return s.tell(tx, Notice{
		Key: key(e.ID, kindMissed, "acknowledgment"), Escalation: e.ID, Kind: kindMissed, Template: "late-ack", Owed: now,
	}, append(s.ownerOf(e), s.managers()...))
}

// tellRefused tells owner and managers, in one mail each, whom a server refused
// for good. Lines are the addresses, each followed by the server's answer.
func (s *Settings) tellRefused(tx store.Txn, now time.Time, n *Notice, e *Escalation, refused []Delivery) error {
	if len(refused) == 0 {
		return nil
	}
	var lines, people []string
	for _, to := range refused {
		lines = append(lines, to.Address.Address, to.Answer)
	}
	for _, p := range unique(append(s.ownerOf(e), s.managers()...)...) {
		if n.Customer || !mailbox.Same(p, lines[0]) {
			people = append(people, p)
		}
	}
	if len(people) == 0 {
		people = s.operatorsBut(lines[0])
	}
	return s.tell(tx, Notice{
		Key: key(e.ID, kindOperator, "undeliverable", short(n.Key+lines[0])), Escalation: e.ID, Kind: kindOperator, Template: "undeliverable", Owed: now,
		Lines: lines,
	}, people)
}

// serviceRefused tells the other operators that a mail about the service was refused.
func (d *Desk) serviceRefused(tx store.Txn, s *Settings, now time.Time, n *Notice, refused []Delivery) error {
	for _, to := range refused {
		err := s.tell(tx, Notice{
			Key: key(Service, kindOperator, "refused", short(to.Address.Address), now.Format("2006-01-02")), Kind: kindOperator, Template: "operator", Owed: now,
			Subject: "Mail to " + to.Address.Address + " is refused",
			Lines:   []string{"A server refused our mail to " + to.Address.Address + " for good.", "It said: " + to.Answer, "Correct the address in the configuration."},
		}, s.operatorsBut(to.Address.Address))
		if err != nil {
			return err
		}
	}
	return nil
}
