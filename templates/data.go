package templates

import "time"

// Data is what a template may use; it is the contract with template authors,
// who can rely on every field to stay. A field that is not known is zero, and
// templates must read well without it. All strings are plain text: the HTML
// templates escape them.
type Data struct {
	Company  string // our company's name
	Address  string // our address, where replies go
	Reader   Reader // who gets this mail
	Now      time.Time
	Plain    string // what a plain reply to this mail will do; the first line of every internal mail
	Case     *Case  // the escalation; nil in mails about the service itself
	Buttons  []Button
	Late     time.Duration // how late this mail is; 0 when it is in time
	Lines    []string      // facts of operator, security and receipt mails, a line each
	Failures []Failure     // undeliverable: who did not get what
	Subject  string        // the heading of an operator, security or receipt mail
}

// Reader is who gets the mail. Times are printed in Zone.
type Reader struct {
	Name  string
	First string // the name to greet; "" greets without a name
	Zone  *time.Location
	Place string // how to name the zone behind a time, such as "Chicago" or "UTC"
}

// Case is one escalation as its reader may know it.
type Case struct {
	ID       string // ESC-7Q4K2M
	Summary  string // the issue in brief, for a subject line
	Severity int    // 1 to 4
	Type     string
	Status   string
	Owner    Contact // the single point of contact
	Opened   time.Time
	Customer Contact
	Employer string // the customer's company
	Tier     string
	Revenue  float64 // the customer's annual revenue
	CSM      string  // name of the customer success manager
	Prefers  string  // email, call or portal

	NextUpdate  time.Time     // when the customer hears next; zero when on progress
	Every       time.Duration // and how often from then on; zero when on progress
	FirstUpdate time.Time     // first response due
	Resolve     time.Time     // resolution target

	Understood []string // what we understood of the mail, in the customer's words
	Engaged    []string // whom we have told, such as "the engineering team"
	Asks       []string // open triage questions, as sentences
	Unsaid     []string // open triage questions, in two or three words each
	Why        []Reason // why this severity
	Impact     []string // impact, in a few words each
	History    []string // earlier escalations of the same customer
	Words      string   // the customer's own words
	Claims     string   // the id of another's escalation that this mail names
	Notes      []string // what people must know: not acknowledged because …, unauthenticated, …
}

// Contact is how to reach a person.
type Contact struct{ Name, First, Title, Email, Phone string }

// Reason is a conclusion's ground and the words it rests on.
type Reason struct{ Because, Text string }

// Button is a mailto link that makes a command mail.
type Button struct{ Label, Href string }

// Failure is one recipient that a server refused for good.
type Failure struct{ Recipient, Mail, Answer string }
