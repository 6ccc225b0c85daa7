// Package cadence is the policy of promises: when an acknowledgment, a first
// response, an update and a resolution are due, and what is owed at an
// instant. It is pure: the caller gives the instant, and no two calls with the
// same arguments differ.
//
// Figures default to the domain's tables (Severity Level SLAs, Update Frequency).
package cadence

import (
	"time"

	"github.com/id8labs/escalated/classify"
)

// A Policy is what is promised to customers.
type Policy struct {
	Acknowledge time.Duration // every new escalation is acknowledged within this; calendars don't matter
	Levels      [5]Level      // by severity; index 0 is unused
}

// A Level is what one severity promises. Update is zero when updates go out on
// progress and not on a clock.
type Level struct {
	Respond  time.Duration // first response by a person
	Update   time.Duration
	Resolve  time.Duration
	Audience []classify.Role // who hears of it besides the owner
}

// Default is the domain's policy.
func Default() Policy {
	const day = 24 * time.Hour
	return Policy{
		Acknowledge: 15 * time.Minute,
		Levels: [5]Level{
			1: {15 * time.Minute, 30 * time.Minute, 4 * time.Hour, []classify.Role{classify.Exec, classify.Manager, classify.CSM, classify.Engineering, classify.Agent}},
			2: {time.Hour, 2 * time.Hour, 8 * time.Hour, []classify.Role{classify.Manager, classify.CSM}},
			3: {4 * time.Hour, day, 2 * day, []classify.Role{classify.CSM}},
			4: {day, 0, 7 * day, nil},
		},
	}
}

// Clocks are the instants that duties depend on. Zero means not yet, or never.
type Clocks struct {
	Severity     classify.Severity
	Opened       time.Time
	Acknowledged time.Time // the server took the acknowledgment
	Withheld     bool      // no acknowledgment is owed; people were told why
	LateTold     bool      // people were told that the acknowledgment is late
	Promised     time.Time // the next update's time as printed to the customer
	MissedTold   time.Time // the promise whose miss people were told of
	Stopped      bool      // resolved, closed or paused: no cadence
}

// A Duty is something owed at an instant, and why.
type Duty struct {
	Kind    DutyKind
	At      time.Time
	Because string
}

// A DutyKind names a duty.
type DutyKind string

const (
	// LateAcknowledgment tells people that the customer waits unacknowledged.
	LateAcknowledgment DutyKind = "late acknowledgment"
	// MissedUpdate tells people that a printed promise passed without a person's update.
	MissedUpdate DutyKind = "missed update"
)

// duties is the one table of what time alone makes owed: each row gives the
// instant its duty falls due, or zero.
var duties = [...]struct {
	kind    DutyKind
	due     func(Clocks, Policy) time.Time
	because string
}{
	{LateAcknowledgment, lateAcknowledgment, "no server has taken the acknowledgment within the time for one"},
	{MissedUpdate, missedUpdate, "the time printed to the customer passed without an update by a person"},
}

// Due returns what is owed at now, most urgent first, and the next instant at
// which something will be; zero when nothing will.
func Due(c Clocks, p Policy, now time.Time) (owed []Duty, next time.Time) {
	for _, d := range duties {
		at := d.due(c, p)
		switch {
		case at.IsZero():
		case !at.After(now):
			owed = append(owed, Duty{d.kind, at, d.because})
		case next.IsZero() || at.Before(next):
			next = at
		}
	}
	return owed, next
}

func lateAcknowledgment(c Clocks, p Policy) time.Time {
	if !c.Acknowledged.IsZero() || c.Withheld || c.LateTold {
		return time.Time{}
	}
	return c.Opened.Add(p.Acknowledge)
}

func missedUpdate(c Clocks, _ Policy) time.Time {
	if c.Stopped || c.Promised.Equal(c.MissedTold) {
		return time.Time{}
	}
	return c.Promised
}

// NextUpdate is the time to print to a customer told something at now; zero on progress.
func (p Policy) NextUpdate(s classify.Severity, now time.Time) time.Time {
	return after(now, p.Levels[s].Update)
}

// RespondBy is when the first response by a person is due.
func (p Policy) RespondBy(s classify.Severity, opened time.Time) time.Time {
	return after(opened, p.Levels[s].Respond)
}

// ResolveBy is the resolution target.
func (p Policy) ResolveBy(s classify.Severity, opened time.Time) time.Time {
	return after(opened, p.Levels[s].Resolve)
}

func after(t time.Time, d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return t.Add(d)
}
