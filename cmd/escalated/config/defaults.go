package config

import (
	"log/slog"
	"path/filepath"
	"reflect"
	"time"

	"github.com/id8labs/escalated/classify"
	"github.com/id8labs/escalated/mailbox"
)

// defaults is the configuration of an empty file. It lacks what is required,
// and what derives from other keys.
func defaults() *Config {
	return &Config{
		TimeZone: time.UTC,
		Mailbox: Mailbox{
			Folder:     "INBOX",
			Archive:    "Escalations/Archive",
			Quarantine: "Escalations/Quarantine",
			Poll:       time.Minute,
			Backlog:    day,
		},
		Trust:  Trust{SubAddress: true},
		Policy: defaultPolicy(),
		Digest: Digest{
			Daily:  new(TimeOfDay(8 * 60)),
			Weekly: &WeekTime{Day: time.Monday, Time: 8 * 60},
			To:     []classify.Role{classify.Manager, classify.Exec},
		},
		Subjects: "domain",
		Limits: Limits{
			Message:        50 << 20,
			AcksPerAddress: Rate{3, day},
			AcksPerDomain:  Rate{30, day},
			FreeSpace:      512 << 20,
		},
		HTTP: "127.0.0.1:9099",
		Log:  Log{Format: "text", Level: slog.LevelInfo},
	}
}

// defaultPolicy is the domain's tables: severity SLAs, update frequency,
// stakeholders and hourly status for SEV-1 and 2.
func defaultPolicy() Policy {
	hours := func(n int) Duration { return Duration{Time: time.Duration(n) * time.Hour} }
	minutes := func(n int) Duration { return Duration{Time: time.Duration(n) * time.Minute} }
	days := func(n int) Duration { return Duration{Days: n} }
	all := []classify.Role{classify.Exec, classify.Manager, classify.CSM, classify.Engineering, classify.Agent}
	return Policy{
		Acknowledge: 15 * time.Minute,
		Severities: map[classify.Severity]Severity{
			1: {Respond: minutes(15), Update: minutes(30), Resolve: hours(4), Audience: all, Internal: hours(1), Hours: always},
			2: {Respond: hours(1), Update: hours(2), Resolve: hours(8), Audience: []classify.Role{classify.Manager, classify.CSM}, Internal: hours(1), Hours: always},
			3: {Respond: hours(4), Update: days(1), Resolve: days(2), Audience: []classify.Role{classify.CSM}, Hours: always},
			4: {Respond: hours(24), Resolve: days(7), Audience: []classify.Role{}, Hours: always},
		},
		RemindBefore:  25,
		HoldingUpdate: 3,
		Nag:           Nag{Every: 50, Climb: []string{"owner", "manager", "audience"}},
		ConfirmWait:   days(3),
	}
}

// always is the name of the calendar without closing time.
const always = "always"

// fresh is a new list item, map element or optional value, with its defaults.
func fresh(t reflect.Type) reflect.Value {
	v := reflect.New(t)
	switch item := v.Interface().(type) {
	case *Calendar:
		*item = Calendar{Days: []Weekday{1, 2, 3, 4, 5}, Hours: Hours{9 * 60, 17*60 + 30}}
	case *Raise:
		item.By = 1
	case *Customer:
		item.Tier, item.Prefers = classify.Standard, "email"
	}
	return v.Elem()
}

// fill derives what is left out from other keys. folder is that of the file.
func (c *Config) fill(folder string) {
	if c.Company == "" {
		c.Company = mailbox.Domain(c.Address)
	}
	if c.Data == "" {
		c.Data = filepath.Join(folder, "escalated-data")
	}
	if c.Trust.KeyFile == "" {
		c.Trust.KeyFile = filepath.Join(c.Data, "token.key")
	}
	for i := range c.People {
		c.People[i].TimeZone = zoneOr(c.People[i].TimeZone, c.TimeZone)
	}
	for name, calendar := range c.Calendars {
		calendar.TimeZone = zoneOr(calendar.TimeZone, c.TimeZone)
		c.Calendars[name] = calendar
	}
	c.fillRelays()
	if len(c.Operators) == 0 {
		c.Operators = c.holders()
	}
}

// fillRelays gives relays the CA file of the mailbox, and fallbacks that
// are only a URL the credentials of the first relay.
func (c *Config) fillRelays() {
	if c.SMTP.CAFile == "" {
		c.SMTP.CAFile = c.Mailbox.CAFile
	}
	for i := range c.SMTP.Fallback {
		relay := &c.SMTP.Fallback[i]
		if relay.inherits {
			relay.Credentials = c.SMTP.Credentials
		}
		if relay.CAFile == "" {
			relay.CAFile = c.SMTP.CAFile
		}
	}
}

// holders are the addresses of the managers, or of the agents where there are none.
func (c *Config) holders() []string {
	people := c.Directory()
	who := people.With(classify.Manager)
	if len(who) == 0 {
		who = people.With(classify.Agent)
	}
	var addresses []string
	for _, p := range who {
		addresses = append(addresses, p.Email)
	}
	return addresses
}

func zoneOr(zone, otherwise *time.Location) *time.Location {
	if zone == nil {
		return otherwise
	}
	return zone
}
