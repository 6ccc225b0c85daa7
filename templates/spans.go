package templates

import (
	"fmt"
	"time"
)

const day = 24 * time.Hour

// words says how long: "40 seconds", "30 minutes", "2 hours", "2 h 10",
// "3 days". Below a minute it is exact to the second, below two days to the
// minute, above to the hour.
func (g tongue) words(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return count(int(d/time.Second), g.second)
	case d < 2*day:
		d = d.Round(time.Minute)
	default:
		d = d.Round(time.Hour)
	}
	hours, minutes := int(d/time.Hour), int(d%time.Hour/time.Minute)
	switch {
	case d%day == 0:
		return count(hours/24, g.day)
	case d > 2*day:
		return fmt.Sprintf("%s%s%s", count(hours/24, g.day), g.and, count(hours%24, g.hour))
	case hours == 0:
		return count(minutes, g.minute)
	case minutes == 0:
		return count(hours, g.hour)
	}
	return fmt.Sprintf("%d%s%02d%s", hours, g.h, minutes, g.min)
}

// often says how often: "every 30 minutes", "every day".
func (g tongue) often(d time.Duration) string {
	switch {
	case d == time.Minute:
		return g.once[0]
	case d == time.Hour:
		return g.once[1]
	case d == day:
		return g.once[2]
	case d == 7*day:
		return g.once[3]
	case d%(7*day) == 0:
		return g.every + count(int(d/(7*day)), g.week)
	case d%time.Minute == 0 && d < 4*time.Hour && d%time.Hour != 0:
		return g.every + count(int(d/time.Minute), g.minute)
	}
	return g.every + g.words(d)
}

func count(n int, unit [2]string) string { return plural(n, unit[0], unit[1]) }

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
