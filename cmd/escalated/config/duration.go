package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// A Duration is a length of time in which whole days stand apart from hours
// and minutes: under a calendar, days are calendar days and only the rest
// counts open time. So 1d and 24h differ.
type Duration struct {
	Days int           // a week is 7, a year 365
	Time time.Duration // beyond the days
}

// Flat is the duration where no calendar applies: a day is 24 hours.
func (d Duration) Flat() time.Duration { return time.Duration(d.Days)*day + d.Time }

// Zero reports a duration of nothing.
func (d Duration) Zero() bool { return d == Duration{} }

// String writes the duration as the file may have it.
func (d Duration) String() string {
	switch {
	case d.Days == 0:
		return d.Time.String()
	case d.Time == 0:
		return strconv.Itoa(d.Days) + "d"
	}
	return strconv.Itoa(d.Days) + "d" + d.Time.String()
}

// daysOf are the units that Go's durations lack, in the order they must come in.
var daysOf = [...]struct {
	unit string
	days int
}{{"y", 365}, {"w", 7}, {"d", 1}}

// ParseDuration reads Go's durations with whole years, weeks and days before
// them: 2y, 1w, 1d12h, 90s. A minus sign leads the whole of it.
func ParseDuration(s string) (Duration, error) {
	rest, negative := strings.CutPrefix(s, "-")
	if rest == "" || strings.ContainsAny(rest[:1], "+-") {
		return Duration{}, badDuration(s)
	}
	var d Duration
	for _, u := range daysOf {
		number, after, found := strings.Cut(rest, u.unit)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 31)
		if err != nil {
			return Duration{}, badDuration(s)
		}
		d.Days, rest = d.Days+int(n)*u.days, after
	}
	if rest != "" {
		t, err := time.ParseDuration(rest)
		if err != nil || t < 0 {
			return Duration{}, badDuration(s)
		}
		d.Time = t
	}
	if float64(d.Days)*float64(day)+float64(d.Time) > math.MaxInt64/2 {
		return Duration{}, fmt.Errorf("%s is longer than this program can count; write at most 100y", quote(s))
	}
	if negative {
		d = Duration{Days: -d.Days, Time: -d.Time}
	}
	return d, nil
}

func badDuration(s string) error {
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return fmt.Errorf("%s is a duration without a unit; write one of s, m, h, d, w behind it, as in %sm", quote(s), clip(s))
	}
	return fmt.Errorf("%s is not a duration; write a whole number and a unit, as in 30s, 15m, 4h, 1d, 2w or 1d12h", quote(s))
}

// UnmarshalText reads what [ParseDuration] does.
func (d *Duration) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDuration(string(text))
	return err
}
