package templates

import (
	"math"
	"testing"
	"time"
)

func in(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestClock(t *testing.T) {
	now := time.Date(2026, 3, 17, 13, 52, 0, 0, time.UTC) // a Tuesday
	tests := []struct {
		zone, place string
		at          time.Time
		english     string
		german      string
	}{
		{"America/Chicago", "Chicago", now.Add(30 * time.Minute), "09:22 (Chicago)", "09:22 Uhr (Chicago)"},
		{"America/Chicago", "Chicago", now.Add(24 * time.Hour), "Wed 18 Mar, 08:52 (Chicago)", "Mi., 18. März, 08:52 Uhr (Chicago)"},
		{"America/Chicago", "", now, "08:52 (CDT)", "08:52 Uhr (CDT)"},
		{"Asia/Kathmandu", "Kathmandu", now, "19:37 (Kathmandu)", "19:37 Uhr (Kathmandu)"},
		{"Asia/Kathmandu", "", now, "19:37 (UTC+05:45)", "19:37 Uhr (UTC+05:45)"},
		{"Pacific/Chatham", "Chatham", now, "03:37 (Chatham)", "03:37 Uhr (Chatham)"},
		{"Pacific/Kiritimati", "Kiritimati", now.Add(-4 * time.Hour), "Tue 17 Mar, 23:52 (Kiritimati)", "Di., 17. März, 23:52 Uhr (Kiritimati)"},
		{"UTC", "UTC", now.AddDate(1, 0, 0), "Wed 17 Mar 2027, 13:52 (UTC)", "Mi., 17. März 2027, 13:52 Uhr (UTC)"},
		{"", "Chicago", now, "13:52 (UTC)", "13:52 Uhr (UTC)"}, // a place without its zone must not lie
		{"UTC", "UTC", time.Time{}, "", ""},
	}
	for _, test := range tests {
		d := Data{Now: now, Reader: Reader{Place: test.place}}
		if test.zone != "" {
			d.Reader.Zone = in(t, test.zone)
		}
		if got := english.clock(d, test.at); got != test.english {
			t.Errorf("%s %v: %q, want %q", test.zone, test.at, got, test.english)
		}
		if got := german.clock(d, test.at); got != test.german {
			t.Errorf("%s %v: %q, want %q", test.zone, test.at, got, test.german)
		}
	}
}

// Where clocks go back, a time of day that comes twice says which it is.
func TestClockTwice(t *testing.T) {
	tests := []struct{ zone, utc, want string }{
		{"America/Chicago", "2026-11-01T05:59:00Z", "00:59"},
		{"America/Chicago", "2026-11-01T06:00:00Z", "01:00 CDT"},
		{"America/Chicago", "2026-11-01T06:59:00Z", "01:59 CDT"},
		{"America/Chicago", "2026-11-01T07:00:00Z", "01:00 CST"},
		{"America/Chicago", "2026-11-01T07:59:00Z", "01:59 CST"},
		{"America/Chicago", "2026-11-01T08:00:00Z", "02:00"},
		{"America/Chicago", "2026-03-08T07:59:00Z", "01:59"}, // forward: nothing comes twice
		{"America/Chicago", "2026-03-08T08:00:00Z", "03:00"},
		{"Australia/Lord_Howe", "2026-04-04T14:29:00Z", "01:29"}, // back by half an hour
		{"Australia/Lord_Howe", "2026-04-04T14:30:00Z", "01:30 UTC+11:00"},
		{"Australia/Lord_Howe", "2026-04-04T15:00:00Z", "01:30 UTC+10:30"},
		{"Australia/Lord_Howe", "2026-04-04T15:30:00Z", "02:00"},
	}
	for _, test := range tests {
		at, err := time.Parse(time.RFC3339, test.utc)
		if err != nil {
			t.Fatal(err)
		}
		if got := english.instant(Data{Now: at, Reader: Reader{Zone: in(t, test.zone)}}, at); got != test.want {
			t.Errorf("%s in %s: %q, want %q", test.utc, test.zone, got, test.want)
		}
	}
}

func TestWordsAndOften(t *testing.T) {
	tests := []struct {
		d                           time.Duration
		words, often, worte, haufig string
	}{
		{0, "0 seconds", "", "0 Sekunden", ""},
		{-time.Hour, "0 seconds", "", "0 Sekunden", ""},
		{time.Second, "1 second", "every 1 second", "1 Sekunde", "alle 1 Sekunde"},
		{40 * time.Second, "40 seconds", "every 40 seconds", "40 Sekunden", "alle 40 Sekunden"},
		{time.Minute, "1 minute", "every minute", "1 Minute", "jede Minute"},
		{30 * time.Minute, "30 minutes", "every 30 minutes", "30 Minuten", "alle 30 Minuten"},
		{59*time.Minute + 40*time.Second, "1 hour", "", "1 Stunde", ""},
		{time.Hour, "1 hour", "every hour", "1 Stunde", "jede Stunde"},
		{90 * time.Minute, "1 h 30", "every 90 minutes", "1 Std. 30 Min.", "alle 90 Minuten"},
		{2 * time.Hour, "2 hours", "every 2 hours", "2 Stunden", "alle 2 Stunden"},
		{2*time.Hour + 10*time.Minute, "2 h 10", "", "2 Std. 10 Min.", ""},
		{2*time.Hour + 5*time.Minute, "2 h 05", "", "2 Std. 05 Min.", ""},
		{24 * time.Hour, "1 day", "every day", "1 Tag", "jeden Tag"},
		{36 * time.Hour, "36 hours", "every 36 hours", "36 Stunden", "alle 36 Stunden"},
		{51 * time.Hour, "2 days and 3 hours", "", "2 Tage und 3 Stunden", ""},
		{7 * 24 * time.Hour, "7 days", "every week", "7 Tage", "jede Woche"},
		{14 * 24 * time.Hour, "14 days", "every 2 weeks", "14 Tage", "alle 2 Wochen"},
	}
	for _, test := range tests {
		if got := english.words(test.d); got != test.words {
			t.Errorf("%v: %q, want %q", test.d, got, test.words)
		}
		if got := german.words(test.d); got != test.worte {
			t.Errorf("%v: %q, want %q", test.d, got, test.worte)
		}
		if got := english.often(test.d); test.often != "" && got != test.often {
			t.Errorf("%v: %q, want %q", test.d, got, test.often)
		}
		if got := german.often(test.d); test.haufig != "" && got != test.haufig {
			t.Errorf("%v: %q, want %q", test.d, got, test.haufig)
		}
	}
}

func TestMoney(t *testing.T) {
	for amount, want := range map[float64][2]string{
		0: {"0", "0"}, 999.4: {"999", "999"}, 480000: {"480,000", "480.000"}, 1234567.8: {"1,234,568", "1.234.568"},
		-12000: {"-12,000", "-12.000"}, math.Inf(1): {"?", "?"}, 1e300: {"?", "?"},
	} {
		if got := [2]string{english.money(amount), german.money(amount)}; got != want {
			t.Errorf("%v: %q, want %q", amount, got, want)
		}
	}
	if got := english.money(math.NaN()); got != "?" {
		t.Errorf("NaN: %q", got)
	}
}

func TestJoinAndPlural(t *testing.T) {
	for _, test := range []struct {
		items     []string
		want, auf string
	}{{nil, "", ""}, {[]string{"a"}, "a", "a"}, {[]string{"a", "b"}, "a and b", "a und b"}, {[]string{"a", "b", "c"}, "a, b and c", "a, b und c"}} {
		if got := english.join(test.items); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
		if got := german.join(test.items); got != test.auf {
			t.Errorf("%q, want %q", got, test.auf)
		}
	}
	if plural(1, "customer", "customers") != "1 customer" || plural(0, "customer", "customers") != "0 customers" {
		t.Error("plural")
	}
	if tongueOf("de-at").lang != "de" || tongueOf("den").lang != "en" || tongueOf("fr").lang != "en" {
		t.Error("tongueOf")
	}
}

func TestLinks(t *testing.T) {
	for address, want := range map[string]string{
		"dana@acme.example": "mailto:dana@acme.example", "a@b.example?bcc=x&y": "mailto:a@b.example%3Fbcc=x%26y", "a b\n@c": "mailto:a%20b%0A@c",
	} {
		if got := string(mailto(address)); got != want {
			t.Errorf("%q: %s, want %s", address, got, want)
		}
	}
	for number, want := range map[string]string{
		"+1 555 0100": "tel:+15550100", "(030) 12-34": "tel:0301234", "+1 555 0100 ext. 12": "tel:+15550100", "": "tel:",
	} {
		if got := string(tel(number)); got != want {
			t.Errorf("%q: %s, want %s", number, got, want)
		}
	}
}
