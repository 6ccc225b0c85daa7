package templates

import (
	"fmt"
	"strings"
	"time"
)

// A tongue is how a language speaks of time and numbers.
type tongue struct {
	lang                            string
	second, minute, hour, day, week [2]string // one, many
	h, min                          string    // in "2 h 10"
	once                            [4]string // every minute, hour, day, week
	every                           string    // before a duration
	and                             string
	days                            [7]string // from Sunday
	months                          [12]string
	date                            string // layout: weekday, day, month
	o                               string // behind the time of day
	comma                           string // of thousands
}

var english = tongue{
	lang: "en", second: [2]string{"second", "seconds"}, minute: [2]string{"minute", "minutes"},
	hour: [2]string{"hour", "hours"}, day: [2]string{"day", "days"}, week: [2]string{"week", "weeks"},
	h: " h ", min: "", once: [4]string{"every minute", "every hour", "every day", "every week"}, every: "every ", and: " and ",
	days:   [7]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"},
	months: [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
	date:   "%s %d %s", comma: ",",
}

var german = tongue{
	lang: "de", second: [2]string{"Sekunde", "Sekunden"}, minute: [2]string{"Minute", "Minuten"},
	hour: [2]string{"Stunde", "Stunden"}, day: [2]string{"Tag", "Tage"}, week: [2]string{"Woche", "Wochen"},
	h: " Std. ", min: " Min.", once: [4]string{"jede Minute", "jede Stunde", "jeden Tag", "jede Woche"}, every: "alle ", and: " und ",
	days: [7]string{"So.", "Mo.", "Di.", "Mi.", "Do.", "Fr.", "Sa."},
	months: [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli",
		"August", "September", "Oktober", "November", "Dezember"},
	date: "%s, %d. %s", o: " Uhr", comma: ".",
}

// tongueOf returns how a language's templates speak.
func tongueOf(lang string) tongue {
	if lang == "de" || strings.HasPrefix(lang, "de-") {
		return german
	}
	return english
}

// clock prints an instant for the reader: the time of day and its place, with
// the date when it is not today there. A zero instant prints nothing.
func (g tongue) clock(d Data, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return g.instant(d, t) + " (" + place(d) + ")"
}

// instant is clock without the place.
func (g tongue) instant(d Data, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t, now := t.In(zone(d)), d.Now.In(zone(d))
	text := t.Format("15:04") + twice(t) + g.o
	if t.Year() == now.Year() && t.YearDay() == now.YearDay() {
		return text
	}
	date := fmt.Sprintf(g.date, g.days[t.Weekday()], t.Day(), g.months[t.Month()-1])
	if t.Year() != now.Year() {
		date += fmt.Sprintf(" %d", t.Year())
	}
	return date + ", " + text
}

func zone(d Data) *time.Location {
	if d.Reader.Zone == nil {
		return time.UTC
	}
	return d.Reader.Zone
}

// place names the reader's zone; without a name, by its abbreviation now.
func place(d Data) string {
	switch {
	case d.Reader.Zone == nil:
		return "UTC"
	case d.Reader.Place != "":
		return d.Reader.Place
	}
	return abbreviation(d.Now.In(d.Reader.Zone))
}

// abbreviation is a zone's, or its offset where tzdata has only that.
func abbreviation(t time.Time) string {
	name, _ := t.Zone()
	if name == "" || strings.ContainsAny(name[:1], "+-") {
		return "UTC" + t.Format("-07:00")
	}
	return name
}

// twice tells which of the two is meant where the clocks go back and a time of
// day comes twice.
func twice(t time.Time) string {
	start, end := t.ZoneBounds()
	_, offset := t.Zone()
	if !start.IsZero() {
		_, before := start.Add(-1).Zone()
		if t.Sub(start) < time.Duration(before-offset)*time.Second {
			return " " + abbreviation(t)
		}
	}
	if !end.IsZero() {
		_, after := end.Zone()
		if end.Sub(t) <= time.Duration(offset-after)*time.Second {
			return " " + abbreviation(t)
		}
	}
	return ""
}
