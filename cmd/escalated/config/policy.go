package config

import (
	"time"

	"github.com/id8labs/escalated/classify"
)

// Policy is what is owed to whom, when. Its defaults are the domain's tables.
type Policy struct {
	Acknowledge   time.Duration                  `yaml:"acknowledge" is:"positive"`   // from receipt, whatever the calendar; default 15m
	Severities    map[classify.Severity]Severity `yaml:"severities" key:"severity"`   // all four, always
	RemindBefore  Percent                        `yaml:"remind_before" is:"share"`    // of the interval: the owner's nudge before an update is due; default 25%; 0%: none
	HoldingUpdate int                            `yaml:"holding_update" is:"natural"` // automatic updates in a row while people are silent; default 3; 0: none
	Nag           Nag                            `yaml:"nag"`
	ConfirmWait   Duration                       `yaml:"confirm_wait" is:"positive"` // resolved and the customer silent: ask again, then close SEV-3 and 4; default 3d
	Raise         []Raise                        `yaml:"raise"`                      // the only way impact raises severity; default: none
}

// Severity is the promise made for one severity.
type Severity struct {
	Respond  Duration        `yaml:"respond" is:"positive"`                               // to the first response; default 15m, 1h, 4h, 24h
	Update   Duration        `yaml:"update" is:"positive" zero:"on-progress"`             // between updates; default 30m, 2h, 1d, and for SEV-4 zero, written on-progress
	Resolve  Duration        `yaml:"resolve" is:"positive"`                               // to the resolution; default 4h, 8h, 2d, 1w
	Audience []classify.Role `yaml:"audience" oneof:"agent manager exec csm engineering"` // who is told of ours
	Internal Duration        `yaml:"internal" is:"natural"`                               // between internal status mails; default 1h for SEV-1 and 2; 0: none
	Hours    string          `yaml:"hours" is:"filled"`                                   // always, or the name of a calendar; default always
}

// OnProgress reports that updates are owed when there is progress, not by the clock.
func (s Severity) OnProgress() bool { return s.Update.Zero() }

// Nag reminds people of a missed update until one of them sends it.
type Nag struct {
	Every Percent  `yaml:"every" is:"positive"`                                             // of the update interval; default 50%
	Climb []string `yaml:"climb" oneof:"owner audience agent manager exec csm engineering"` // whom, one step a nag; default owner, manager, audience; []: nobody
}

// Raise lifts the severity of escalations that match.
type Raise struct {
	When Condition `yaml:"when"`             // at least one condition
	By   int       `yaml:"by" is:"positive"` // steps, 1 to 3; default 1
}

// A Calendar is when we are open.
type Calendar struct {
	Days     []Weekday      `yaml:"days"`      // default mon to fri
	Hours    Hours          `yaml:"hours"`     // default 09:00-17:30
	TimeZone *time.Location `yaml:"time_zone"` // default: the file's time_zone
	Holidays []Date         `yaml:"holidays"`  // closed all day; default: none
}
