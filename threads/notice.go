package threads

import (
	"strings"
	"time"

	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/threads/store"
)

// A Notice is an intent to send one mail, with a key made of escalation, kind
// and occasion: the same duty can't be owed twice. It is committed with what
// made it owed, and sent by package outbound.
type Notice struct {
	Key        string     `json:"key"`
	Escalation string     `json:"escalation,omitempty"` // "" for the service's own
	Kind       string     `json:"kind"`                 // X-Escalated-Notice
	Template   string     `json:"template"`
	Urgency    Urgency    `json:"urgency"`
	Owed       time.Time  `json:"owed"` // since when
	To         []Delivery `json:"to"`
	Customer   bool       `json:"customer,omitempty"` // to the customer's side, in the customer's thread
	MessageID  string     `json:"message_id"`
	Letter     int        `json:"letter,omitempty"`  // the message it is about
	Subject    string     `json:"subject,omitempty"` // heading of mails about the service
	Lines      []string   `json:"lines,omitempty"`   // facts, a line each
	Since      time.Time  `json:"since,omitzero"`    // set-aside mails from here on are listed
	Until      time.Time  `json:"until,omitzero"`    // and those before

	Attempts int       `json:"attempts,omitempty"`
	Next     time.Time `json:"next"` // when it may be tried; its place in the queue
	// Frozen keeps the rendered bytes: a server may have taken them, so that
	// whoever gets the mail once more must get the same.
	Frozen   bool      `json:"frozen,omitempty"`
	Promised time.Time `json:"promised,omitzero"` // the next update's time as printed
	Unsure   bool      `json:"unsure,omitempty"`  // a server may have taken the mail without saying so
	Done     time.Time `json:"done,omitzero"`
}

// An Urgency orders the queue; the lower goes first.
type Urgency int

const (
	Acknowledging Urgency = iota // before all else
	Telling
	Regardless // of a brake: what the operators must hear of the service itself
)

// A Delivery is one recipient of a notice and how far it got.
type Delivery struct {
	mailbox.Address
	State  DeliveryState `json:"state,omitempty"`
	Answer string        `json:"answer,omitempty"` // the server's last words
	Tries  int           `json:"tries,omitempty"`  // transactions the server put off
}

// A DeliveryState is how far one recipient's mail got.
type DeliveryState string

const (
	Pending   DeliveryState = ""
	Delivered DeliveryState = "delivered"
	Refused   DeliveryState = "refused" // for good
)

// Kinds of notices, as in X-Escalated-Notice.
const (
	kindAck      = "ack"
	kindAlert    = "alert"
	kindMissed   = "missed"
	kindOperator = "operator"
)

func key(parts ...string) string { return strings.ToLower(strings.Join(parts, "/")) }

// owe records a notice and queues it, unless it was owed before.
func (s *Settings) owe(tx store.Txn, n Notice) error {
	if len(n.To) == 0 {
		return nil
	}
	if _, known, err := get[Notice](tx, noticeKey(n.Key)); known || err != nil {
		return err
	}
	person, id := customerSide, n.Escalation
	if !n.Customer {
		person = n.To[0].Address.Address
	}
	if id == "" {
		id = Service
	}
	n.MessageID = s.messageID(n.Key, id, person)
	if n.Next.IsZero() {
		n.Next = n.Owed
	}
	if err := tx.Set(queueKey(n.Urgency, n.Next, n.Key), nil); err != nil {
		return err
	}
	return put(tx, noticeKey(n.Key), n)
}

// tell owes one mail to each of several people of ours; they make the key's end.
func (s *Settings) tell(tx store.Txn, n Notice, people []string) error {
	base := n.Key
	n.Urgency = max(n.Urgency, Telling)
	for _, address := range unique(people...) {
		person, _ := s.Directory.Person(address)
		n.Key = key(base, address)
		n.To = []Delivery{{Address: mailbox.Address{Name: person.Name, Address: address}}}
		if err := s.owe(tx, n); err != nil {
			return err
		}
	}
	return nil
}

// ThreadRoot is the Message-ID that all internal mail to one person about one
// escalation answers, so that clients show it as a conversation of its own.
func (s *Settings) ThreadRoot(id, person string) string {
	return s.messageID(key(id, kindAlert, "opened", person), id, person)
}
