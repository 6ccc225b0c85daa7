package templates

import (
	"cmp"
	"strings"
	"time"
)

// Data is what a template may use: the contract with template authors, who can
// rely on every field to stay. A field that is not known is zero, and a
// template must read well without it.
//
// All strings are plain text, and [Set.Render] makes them safe to print before
// a template sees them: one line each (only Words has more), free of control,
// bidi and invisible characters, and cut at the number of characters in the
// max tag, or at 200. A list is cut at the number in its items tag, or at 12.
type Data struct {
	Company string // our company's name
	Address string // our address, where replies go
	Reader  Reader // who gets this mail
	Now     time.Time

	// Plain says what a plain reply to this mail will do, as one sentence or
	// more; it is the first line of every internal mail.
	Plain   string `max:"300"`
	Buttons []Button

	Case  *Case   // the escalation; nil in mails about the service itself
	Cases []*Case // missed: all cases of a mail about several, Case being the first

	Late     time.Duration // customer mails: how late this mail is; 0 when in time
	Cut      bool          // ack, wrote: the mail was too long, and only its beginning was read
	Waiting  time.Duration // late-ack: how long the mail has not been accepted
	Because  string        `max:"300"` // operator: why, as a clause
	Counts   bool          // an agent's own mail to the customer, with us in copy, counts as the update
	Author   string        `max:"300"`            // wrote: who wrote the Words
	Failures []Failure     `items:"8"`            // undeliverable, late-ack: who did not get what
	Subject  string        `max:"150"`            // operator, security: the heading
	Lines    []string      `max:"500" items:"20"` // operator, security, missed: further facts, a sentence or a line each
}

// Reader is who gets the mail. Times are printed in Zone.
type Reader struct {
	Name  string         `max:"80"`
	First string         `max:"40"` // the name to greet; "" greets without a name
	Zone  *time.Location // nil prints UTC
	Place string         `max:"40"` // how to name the zone behind a time, such as "Chicago" or "UTC"
	Owns  bool           // internal mails: whether the reader owns the case
}

// Case is one escalation as its reader may know it.
type Case struct {
	ID       string  `max:"40"`  // ESC-7Q4K2M
	Summary  string  `max:"160"` // the issue in brief, for a subject line
	Re       string  `max:"200"` // replaces the subject of customer mails, where the configuration keeps theirs (subjects: stable): "Re: …"
	Severity int     // 1 to 4; 0 while nobody has said
	Type     string  `max:"40"`
	Status   string  `max:"40"`
	Owner    Contact // the single point of contact; no Name while there is none
	Opened   time.Time
	Customer Contact
	Employer string  `max:"80"` // the customer's company
	Tier     string  `max:"40"`
	Revenue  float64 // the customer's annual revenue; 0 when unknown
	CSM      string  `max:"80"` // name of the customer success manager
	Prefers  string  `max:"40"` // email, call or portal
	Portal   string  // https address for a customer who prefers the portal; their mails are short

	NextUpdate   time.Time     // when the customer hears next; zero when on progress
	Every        time.Duration // and how often from then on; zero when on progress
	FirstUpdate  time.Time     // first response due; on progress, the latest time to hear
	Resolve      time.Time     // resolution target
	Acknowledged time.Time     // late-ack: when a server took the acknowledgment after all; zero while none has
	Due          time.Time     // missed: the promised update that passed
	Silent       time.Duration // missed: how long no person has given the customer anything

	Understood []string `max:"300" items:"4"`   // what we understood of the mail, in the customer's words
	Engaged    []string `max:"80" items:"6"`    // customers read it: whom we have told, in their language, to stand behind "we have told" ("the engineering team"; "die Technik")
	Asks       []string `items:"3"`             // open triage questions, as sentences
	Unsaid     []string `max:"60" items:"6"`    // open triage questions, in two or three words each
	Why        []Reason `items:"6"`             // why this severity
	Impact     []string `max:"100" items:"8"`   // impact, in a few words each
	History    []string `items:"5"`             // earlier escalations of the same customer
	Words      string   `max:"4000" lines:"60"` // the customer's own words, the only text of several lines
	Claims     string   `max:"40"`              // the id of another's escalation that this mail names
	Notes      []string `max:"300" items:"6"`   // what people must know: unauthenticated, the owner was told twice, …
}

// Contact is how to reach a person.
type Contact struct {
	Name  string `max:"80"`
	First string `max:"40"`
	Title string `max:"80"`
	Email string `max:"254"` // RFC 5321 §4.5.3.1
	Phone string `max:"40"`
}

// Reason is a conclusion's ground and the words it rests on.
type Reason struct {
	Because string
	Text    string
}

// Button is a mailto link that makes a command mail.
type Button struct {
	Label string `max:"40"`
	Href  string `max:"2000"` // mailto: only; a button with anything else is left out
}

// Failure is one recipient that a server refused, for good or so far.
type Failure struct {
	Recipient string `max:"254"`
	Mail      string `max:"80"`  // what they did not get, such as "the acknowledgment"
	Answer    string `max:"500"` // the server's words
}

// Urgent reports SEV-1 and SEV-2, the only ones whose subjects say [URGENT].
func (c *Case) Urgent() bool { return c.Severity == 1 || c.Severity == 2 }

// Who names the customer: the company, or else the person or the address.
func (c *Case) Who() string {
	return cmp.Or(c.Employer, c.Customer.Name, c.Customer.Email, "unknown customer")
}

// String is a contact on one line: name, address, phone.
func (c Contact) String() string {
	address := c.Email
	if address != "" && c.Name != "" {
		address = "<" + address + ">"
	}
	return comma(strings.TrimSpace(c.Name+" "+address), c.Phone)
}

// String is the words and what follows from them.
func (r Reason) String() string {
	if r.Text == "" {
		return r.Because
	}
	if r.Because == "" { // said with the next words
		return `"` + r.Text + `"`
	}
	return `"` + r.Text + `": ` + r.Because
}
