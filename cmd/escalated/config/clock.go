package config

import (
	"fmt"
	"strings"
	"time"
)

// A TimeOfDay is minutes since midnight on the clock of some zone.
type TimeOfDay int

// UnmarshalText reads 08:00 to 24:00.
func (t *TimeOfDay) UnmarshalText(text []byte) error {
	at, err := time.Parse("15:04", string(text))
	switch {
	case string(text) == "24:00":
		*t = 24 * 60
	case err != nil:
		return fmt.Errorf("%s is not a time of day; write hours and minutes of a 24 hour clock in quotes, as in \"08:00\"", quote(string(text)))
	default:
		*t = TimeOfDay(at.Hour()*60 + at.Minute())
	}
	return nil
}

// String writes 08:00.
func (t TimeOfDay) String() string { return fmt.Sprintf("%02d:%02d", int(t)/60, int(t)%60) }

// On is the instant of this time of day on a date in a zone.
func (t TimeOfDay) On(d Date, zone *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, int(t)/60, int(t)%60, 0, 0, zone)
}

// A WeekTime is a time of day on one day of the week.
type WeekTime struct {
	Day  time.Weekday
	Time TimeOfDay
}

// UnmarshalText reads mon 08:00.
func (w *WeekTime) UnmarshalText(text []byte) error {
	var day Weekday
	first, second, _ := strings.Cut(string(text), " ")
	if day.UnmarshalText([]byte(first)) != nil || w.Time.UnmarshalText([]byte(strings.TrimSpace(second))) != nil {
		return fmt.Errorf("%s is not a time of the week; write a day and a time in quotes, as in \"mon 08:00\"", quote(string(text)))
	}
	w.Day = time.Weekday(day)
	return nil
}

// Hours are from when until when we are open; Close is after Open and at most 24:00.
type Hours struct{ Open, Close TimeOfDay }

// UnmarshalText reads 09:00-17:30.
func (h *Hours) UnmarshalText(text []byte) error {
	from, until, _ := strings.Cut(string(text), "-")
	if h.Open.UnmarshalText([]byte(strings.TrimSpace(from))) != nil || h.Close.UnmarshalText([]byte(strings.TrimSpace(until))) != nil {
		return fmt.Errorf("%s is not from one time to another; write it as 09:00-17:30", quote(string(text)))
	}
	if h.Close <= h.Open {
		return fmt.Errorf("%s closes before it opens; hours cannot run over midnight: write 24:00 for its end at the latest", quote(string(text)))
	}
	return nil
}

// A Date is a day in whatever zone its holder has.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// UnmarshalText reads 2026-12-25.
func (d *Date) UnmarshalText(text []byte) error {
	at, err := time.Parse(time.DateOnly, string(text))
	if err != nil {
		return fmt.Errorf("%s is not a date; write year, month and day, as in 2026-12-25", quote(string(text)))
	}
	d.Year, d.Month, d.Day = at.Date()
	return nil
}

// String writes 2026-12-25.
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day) }

// A Moment is a date, or a date and a time, in the zone of its holder.
type Moment struct {
	Date    Date
	Time    TimeOfDay
	HasTime bool
}

// UnmarshalText reads 2026-12-25, 2026-12-25T14:30 or 2026-12-25 14:30.
func (m *Moment) UnmarshalText(text []byte) error {
	date, clock := string(text), ""
	if i := strings.IndexAny(date, "T "); i >= 0 {
		date, clock, m.HasTime = date[:i], date[i+1:], true
	}
	if m.Date.UnmarshalText([]byte(date)) != nil || m.HasTime && m.Time.UnmarshalText([]byte(clock)) != nil {
		return fmt.Errorf("%s is neither a date nor a date and a time; write it as 2026-12-25 or 2026-12-25 14:30", quote(string(text)))
	}
	return nil
}

// begin is the first instant of the moment.
func (m Moment) begin(zone *time.Location) time.Time { return m.Time.On(m.Date, zone) }

// end is the instant after it: the next midnight where no time is given.
func (m Moment) end(zone *time.Location) time.Time {
	if m.HasTime {
		return m.begin(zone)
	}
	return TimeOfDay(24*60).On(m.Date, zone)
}
