package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A Size is a number of octets.
type Size int64

var units = [...]struct {
	name   string
	octets float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

// UnmarshalText reads 50MiB, 1GB, 512 KiB, 1.5GiB or 1000B.
func (s *Size) UnmarshalText(text []byte) error {
	for _, unit := range units {
		number, found := strings.CutSuffix(string(text), unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || math.IsNaN(n) || math.Abs(n*unit.octets) > math.MaxInt64/2 {
			break
		}
		*s = Size(n * unit.octets)
		return nil
	}
	return fmt.Errorf("%s is not a size; write a number and a unit, as in 512KiB, 50MiB or 1GB", quote(string(text)))
}

// A Rate is so many in so long.
type Rate struct {
	Count int
	Per   time.Duration
}

// UnmarshalText reads 3/24h.
func (r *Rate) UnmarshalText(text []byte) error {
	count, per, _ := strings.Cut(string(text), "/")
	n, err := strconv.ParseUint(strings.TrimSpace(count), 10, 31)
	long, errPer := ParseDuration(strings.TrimSpace(per))
	if err != nil || errPer != nil || n == 0 || long.Flat() <= 0 {
		return fmt.Errorf("%s is not a rate; write how many in how long, as in 3/24h", quote(string(text)))
	}
	*r = Rate{int(n), long.Flat()}
	return nil
}

// A Percent is a share of something; 25 is a quarter.
type Percent float64

// UnmarshalText reads 25%.
func (p *Percent) UnmarshalText(text []byte) error {
	number, found := strings.CutSuffix(string(text), "%")
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !found || math.IsNaN(n) || math.Abs(n) > 1e6 {
		return fmt.Errorf("%s is not a percentage; write a number and a percent sign, as in 25%%", quote(string(text)))
	}
	*p = Percent(n)
	return nil
}

// Of is the share of a duration.
func (p Percent) Of(d time.Duration) time.Duration {
	return time.Duration(float64(d) * float64(p) / 100)
}

// A Weekday is time's, written mon to sun.
type Weekday time.Weekday

// UnmarshalText reads mon, Monday or MON.
func (w *Weekday) UnmarshalText(text []byte) error {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(string(text), d.String()) || strings.EqualFold(string(text), d.String()[:3]) {
			*w = Weekday(d)
			return nil
		}
	}
	return fmt.Errorf("%s is not a day of the week; write mon, tue, wed, thu, fri, sat or sun", quote(string(text)))
}
