package config

import (
	"log/slog"
	"time"

	"github.com/id8labs/escalated/classify"
)

// Config is the whole file. Each field names its key, its unit and its default;
// a field without a default is required. Paths in it are as the file has them
// when absolute, and joined to the file's folder when not.
type Config struct {
	Company   string         `yaml:"company"`              // our name in mails; default: the domain of Address
	Address   string         `yaml:"address" is:"address"` // the watched address and From of all mail; required
	Aliases   []string       `yaml:"aliases" is:"address"` // further addresses that reach the mailbox: ours, never answered
	Data      string         `yaml:"data" is:"path"`       // Badger's folder; default escalated-data
	TimeZone  *time.Location `yaml:"time_zone"`            // default zone of people and calendars; default UTC
	Mailbox   Mailbox        `yaml:"mailbox"`              // required
	SMTP      SMTP           `yaml:"smtp"`                 // required
	Trust     Trust          `yaml:"trust"`
	People    []Person       `yaml:"people"`                 // our people, one of them an agent; required
	Operators []string       `yaml:"operators" is:"address"` // who hears of the service's own troubles; default: the managers, or else the agents

	Customers     []Customer `yaml:"customers"`                // those we know; with those of CustomersFile
	CustomersFile string     `yaml:"customers_file" is:"path"` // a YAML list like customers; "": none
	Routing       []Route    `yaml:"routing"`                  // first match owns a new escalation; default: round-robin over agents

	Policy    Policy              `yaml:"policy"`
	Calendars map[string]Calendar `yaml:"calendars" key:"filled"` // what a severity's hours may name; default: none
	Digest    Digest              `yaml:"digest"`

	TotalTicketsFile string    `yaml:"total_tickets_file" is:"path"` // a number, all tickets, for the escalation rate; "": told by #tickets
	Retention        Retention `yaml:"retention"`
	Templates        string    `yaml:"templates" is:"path"`            // a folder whose files replace built-in templates; "": none
	Subjects         string    `yaml:"subjects" oneof:"domain stable"` // domain: the templates' subjects; stable: "Re: " and the customer's own; default domain
	Limits           Limits    `yaml:"limits"`
	HTTP             string    `yaml:"http" is:"listen"` // host:port of /healthz, /readyz and /metrics; "": off; default 127.0.0.1:9099
	Log              Log       `yaml:"log"`

	found  *report // where the file says what, for Check
	inline int     // how many of Customers stand in the file itself
}

// Mailbox is the watched mailbox on its IMAP server.
type Mailbox struct {
	Server      Server `yaml:"server" is:"imap"` // imaps://, imap+starttls:// or, on loopback, imap+insecure://; required
	Credentials `yaml:",inline"`
	CAFile      string        `yaml:"ca_file" is:"path"`      // PEM of a further trusted CA; "": the system's only
	Folder      string        `yaml:"folder" is:"filled"`     // the watched folder; default INBOX
	Archive     string        `yaml:"archive" is:"filled"`    // processed mail is moved here, created when missing; default Escalations/Archive
	Quarantine  string        `yaml:"quarantine" is:"filled"` // mail that could not be read; default Escalations/Quarantine
	Sent        string        `yaml:"sent"`                   // gets a copy of what we send; default "": none
	Poll        time.Duration `yaml:"poll" is:"positive"`     // the safety net under IDLE; default 1m
	Backlog     time.Duration `yaml:"backlog" is:"natural"`   // at the first sight of a mailbox, older mail is recorded but not acknowledged; default 24h
}

// SMTP is how mail leaves.
type SMTP struct {
	Relay      `yaml:",inline"` // the first choice
	Fallback   []Relay          `yaml:"fallback"`                 // tried in order when it cannot be reached; each a URL, or a mapping with credentials of its own; default: none
	RedirectTo string           `yaml:"redirect_to" is:"address"` // shadow mode: all mail goes here instead; "": off
}

// A Relay is one SMTP server. A fallback written as a URL only logs in with
// the first server's credentials; one written as a mapping, with its own or not at all.
type Relay struct {
	Server      Server           `yaml:"server" is:"smtp"` // smtps://, smtp+starttls:// or, on loopback, smtp+insecure://; required
	Credentials `yaml:",inline"` // none at all: no AUTH
	CAFile      string           `yaml:"ca_file" is:"path"` // PEM of a further trusted CA; default: that of the mailbox

	inherits bool // written as a URL only
}

// Trust is what we believe of a mail's origin.
type Trust struct {
	AuthservID       string `yaml:"authserv_id"`        // whose Authentication-Results count (RFC 8601 §2.5); default "": none available
	KeyFile          string `yaml:"key_file" is:"path"` // key of reply tokens, created 0600; default token.key in the data folder
	InsecureFromOnly bool   `yaml:"insecure_from_only"` // run commands on the word of From alone; default false
	SubAddress       bool   `yaml:"subaddress"`         // user+TOKEN@ reaches the mailbox (RFC 5233); default true
}

// A Person is one of ours, as the file has it; [Config.Directory] has them resolved.
type Person struct {
	Name     string          `yaml:"name" is:"filled"`                                 // required
	Email    string          `yaml:"email" is:"address"`                               // required, once only
	Title    string          `yaml:"title"`                                            // such as Escalation Lead; default ""
	Phone    string          `yaml:"phone"`                                            // as printed to customers; default ""
	Roles    []classify.Role `yaml:"roles" oneof:"agent manager exec csm engineering"` // at least one
	Teams    []string        `yaml:"teams" is:"filled"`                                // default: none
	TimeZone *time.Location  `yaml:"time_zone"`                                        // default: the file's time_zone
	Away     []Away          `yaml:"away"`                                             // default: never
}

// Away is one absence, in the person's zone. Until a date means to its end;
// until a time means to that minute.
type Away struct {
	From  Moment `yaml:"from"`
	Until Moment `yaml:"until"`
}

// A Customer is a company we know.
type Customer struct {
	Company       string         `yaml:"company" is:"filled"`                       // required
	Domains       []string       `yaml:"domains" is:"domain"`                       // lower case; subdomains belong to it; at least one
	Tier          classify.Tier  `yaml:"tier" oneof:"enterprise business standard"` // default standard
	AnnualRevenue float64        `yaml:"annual_revenue" is:"natural"`               // in your currency; default 0: unknown
	CSM           string         `yaml:"csm" is:"address"`                          // the customer success manager; default "": none
	Prefers       string         `yaml:"prefers" oneof:"email call portal"`         // default email
	PortalURL     string         `yaml:"portal_url" is:"url"`                       // required where portal is preferred
	TimeZone      *time.Location `yaml:"time_zone"`                                 // default nil: unknown
	Language      string         `yaml:"language" is:"language"`                    // BCP 47; default "": as the mail's
}

// A Route gives new escalations that match to an owner.
type Route struct {
	When   Condition `yaml:"when"`                // default: always
	Owner  string    `yaml:"owner" is:"address"`  // one of People; required
	Notify []string  `yaml:"notify" is:"address"` // further addresses told; default: none
}

// A Condition holds when all that it names does; one that names nothing always holds.
type Condition struct {
	Type                classify.Type     `yaml:"type" oneof:"technical service business security compliance"`
	Tier                classify.Tier     `yaml:"tier" oneof:"enterprise business standard"`
	Severity            classify.Severity `yaml:"severity" is:"severity"` // exactly
	PublicExposure      *bool             `yaml:"public_exposure"`        // nil: either
	Regulatory          *bool             `yaml:"regulatory"`             // nil: either
	BusinessCriticality string            `yaml:"business_criticality" oneof:"high medium low"`
	UsersAffected       int               `yaml:"users_affected" is:"natural"`  // this many or more
	RevenueAtRisk       float64           `yaml:"revenue_at_risk" is:"natural"` // this much or more, whatever the currency
}

// Digest is the mail that managers read.
type Digest struct {
	Daily  *TimeOfDay      `yaml:"daily"`                                         // in each reader's zone; default 08:00; "" is nil: none
	Weekly *WeekTime       `yaml:"weekly"`                                        // default mon 08:00; "" is nil: none
	To     []classify.Role `yaml:"to" oneof:"agent manager exec csm engineering"` // default manager and exec
}

// Retention is how long records are kept.
type Retention struct {
	Closed time.Duration `yaml:"closed" is:"positive" zero:"keep"` // after closing; default 0, written keep: for ever
}

// Limits bound what strangers can make us do.
type Limits struct {
	Message        Size `yaml:"message" is:"positive"`   // octets read of one mail; default 50MiB
	AcksPerAddress Rate `yaml:"acks_per_address"`        // default 3/24h
	AcksPerDomain  Rate `yaml:"acks_per_domain"`         // default 30/24h
	FreeSpace      Size `yaml:"free_space" is:"natural"` // octets that must stay free on the data disk, else nothing is taken in; default 512MiB
}

// Log is what is written to standard error.
type Log struct {
	Format string     `yaml:"format" oneof:"text json"`            // default text
	Level  slog.Level `yaml:"level" oneof:"debug info warn error"` // debug, info, warn or error; default info
}
