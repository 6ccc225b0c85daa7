package cadence

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/id8labs/escalated/classify"
)

var opened = time.Date(2026, 3, 17, 13, 47, 0, 0, time.UTC)

// TestDefault holds the policy against the domain's tables, "Severity Level
// SLAs" and "Update Frequency".
func TestDefault(t *testing.T) {
	p := Default()
	for severity, want := range map[classify.Severity][3]time.Duration{
		1: {15 * time.Minute, 30 * time.Minute, 4 * time.Hour},
		2: {time.Hour, 2 * time.Hour, 8 * time.Hour},
		3: {4 * time.Hour, 24 * time.Hour, 48 * time.Hour},
		4: {24 * time.Hour, 0, 7 * 24 * time.Hour},
	} {
		if got := p.RespondBy(severity, opened).Sub(opened); got != want[0] {
			t.Errorf("SEV-%d: first response within %v, want %v", severity, got, want[0])
		}
		if next := p.NextUpdate(severity, opened); next.IsZero() != (want[1] == 0) || !next.IsZero() && next.Sub(opened) != want[1] {
			t.Errorf("SEV-%d: next update %v, want after %v", severity, next, want[1])
		}
		if got := p.ResolveBy(severity, opened).Sub(opened); got != want[2] {
			t.Errorf("SEV-%d: resolved within %v, want %v", severity, got, want[2])
		}
	}
	if p.Acknowledge != 15*time.Minute {
		t.Errorf("acknowledged within %v, want 15 minutes", p.Acknowledge)
	}
}

func TestDue(t *testing.T) {
	fresh := Clocks{Severity: 1, Opened: opened, Promised: opened.Add(30 * time.Minute)}
	with := func(change func(*Clocks)) Clocks { c := fresh; change(&c); return c }
	at := func(minutes int) time.Time { return opened.Add(time.Duration(minutes) * time.Minute) }
	for _, c := range []struct {
		name string
		c    Clocks
		now  time.Time
		owed []DutyKind
		next time.Time
	}{
		{"just opened", fresh, opened, nil, at(15)},
		{"a second early", fresh, at(15).Add(-time.Second), nil, at(15)},
		{"unacknowledged", fresh, at(15), []DutyKind{LateAcknowledgment}, at(30)},
		{"told of it", with(func(c *Clocks) { c.LateTold = true }), at(16), nil, at(30)},
		{"acknowledged", with(func(c *Clocks) { c.Acknowledged = at(1) }), at(16), nil, at(30)},
		{"withheld", with(func(c *Clocks) { c.Withheld = true }), at(16), nil, at(30)},
		{"promise passed", with(func(c *Clocks) { c.Acknowledged = at(1) }), at(30), []DutyKind{MissedUpdate}, time.Time{}},
		{"told of that", with(func(c *Clocks) { c.Acknowledged, c.MissedTold = at(1), at(30) }), at(50), nil, time.Time{}},
		{"both", fresh, at(31), []DutyKind{LateAcknowledgment, MissedUpdate}, time.Time{}},
		{"resolved", with(func(c *Clocks) { c.Acknowledged, c.Stopped = at(1), true }), at(60), nil, time.Time{}},
		{"on progress", with(func(c *Clocks) { c.Acknowledged, c.Promised = at(1), time.Time{} }), at(60), nil, time.Time{}},
	} {
		owed, next := Due(c.c, Default(), c.now)
		var kinds []DutyKind
		for _, d := range owed {
			kinds = append(kinds, d.Kind)
			if d.At.After(c.now) || d.Because == "" {
				t.Errorf("%s: duty %+v", c.name, d)
			}
		}
		if diff := cmp.Diff(c.owed, kinds); diff != "" || !next.Equal(c.next) {
			t.Errorf("%s: next %v, want %v; duties %s", c.name, next, c.next, diff)
		}
	}
}

// TestNothingIsForgotten: whatever is owed later is announced by next, and
// nothing becomes owed before it.
func TestNothingIsForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minutes := rapid.IntRange(0, 600)
		c := Clocks{
			Severity: classify.Severity(rapid.IntRange(1, 4).Draw(t, "severity")), Opened: opened,
			Promised: opened.Add(time.Duration(minutes.Draw(t, "promised")) * time.Minute),
			Withheld: rapid.Bool().Draw(t, "withheld"), LateTold: rapid.Bool().Draw(t, "told"), Stopped: rapid.Bool().Draw(t, "stopped"),
		}
		now := opened.Add(time.Duration(minutes.Draw(t, "now")) * time.Minute)
		owed, next := Due(c, Default(), now)
		if next.IsZero() {
			later, _ := Due(c, Default(), now.Add(1000*time.Hour))
			if len(later) != len(owed) {
				t.Fatalf("%d duties become owed that were not announced", len(later)-len(owed))
			}
			return
		}
		before, _ := Due(c, Default(), next.Add(-time.Nanosecond))
		then, _ := Due(c, Default(), next)
		if len(before) != len(owed) || len(then) <= len(owed) {
			t.Fatalf("owed %d, just before next %d, at next %d", len(owed), len(before), len(then))
		}
	})
}
