package config

import (
	"encoding"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]Duration{
		"15m":     {Time: 15 * time.Minute},
		"1d":      {Days: 1},
		"1w":      {Days: 7},
		"2y":      {Days: 730},
		"1d12h":   {Days: 1, Time: 12 * time.Hour},
		"1w2d30m": {Days: 9, Time: 30 * time.Minute},
		"1.5h":    {Time: 90 * time.Minute},
		"-1d2h":   {Days: -1, Time: -2 * time.Hour},
		"0":       {},
		"0s":      {},
	} {
		got, err := ParseDuration(text)
		if err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-", "--1s", "1d-2h", "+1h", "d", "1.5d", "12h1d", "1d1w", "1d1d", "7", "1 d", "1month", "99999999999d", "300y", "2562047h"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", text, got)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, seed := range []string{"15m", "1d12h", "2y1w3d4h5m6s", "-1d", "1.5h", "d", "", "99999999d"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDuration(text)
		if err != nil {
			return
		}
		if again, err := ParseDuration(d.String()); err != nil || again != d {
			t.Errorf("%q is %v, which reads as %v, %v", text, d, again, err)
		}
		if (d.Flat() < 0) != (d.Days < 0 || d.Time < 0) {
			t.Errorf("%q overflows to %v", text, d.Flat())
		}
	})
}

// value reads text as a T.
func value[T any](t *testing.T, text string) (T, error) {
	t.Helper()
	var v T
	err := any(&v).(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
	return v, err
}

func checkValues[T any](t *testing.T, good map[string]T, bad ...string) {
	t.Helper()
	for text, want := range good {
		if got, err := value[T](t, text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range bad {
		if got, err := value[T](t, text); err == nil {
			t.Errorf("%q is %v, want an error", text, got)
		}
	}
}

func TestValues(t *testing.T) {
	checkValues(t, map[string]Size{"50MiB": 50 << 20, "1GB": 1e9, "512 KiB": 512 << 10, "1.5GiB": 3 << 29, "7B": 7},
		"", "50", "MiB", "50mb", "NaNMiB", "1e30GB")
	checkValues(t, map[string]Rate{"3/24h": {3, day}, "1 / 1d12h": {1, 36 * time.Hour}},
		"", "3", "3/", "/24h", "0/24h", "-1/24h", "3/0s", "3/-1h", "1.5/1h")
	checkValues(t, map[string]Percent{"25%": 25, "0%": 0, "12.5 %": 12.5, "-1%": -1},
		"", "25", "%", "NaN%", "1e99%")
	checkValues(t, map[string]TimeOfDay{"08:00": 480, "8:05": 485, "00:00": 0, "24:00": 1440},
		"", "24:01", "8", "8am", "12:60")
	checkValues(t, map[string]WeekTime{"mon 08:00": {time.Monday, 480}, "Sunday  17:30": {time.Sunday, 1050}},
		"", "mon", "08:00", "mond 08:00", "mon 25:00")
	checkValues(t, map[string]Hours{"09:00-17:30": {540, 1050}, "00:00 - 24:00": {0, 1440}},
		"", "09:00", "17:00-09:00", "09:00-09:00")
	checkValues(t, map[string]Date{"2026-12-25": {2026, time.December, 25}, "2028-02-29": {2028, time.February, 29}},
		"", "2026-02-29", "26-12-25", "25.12.2026")
	christmas := Date{2026, time.December, 25}
	checkValues(t, map[string]Moment{
		"2026-12-25":       {Date: christmas},
		"2026-12-25T14:30": {christmas, 870, true},
		"2026-12-25 00:00": {christmas, 0, true},
	}, "", "tomorrow", "2026-12-25T", "2026-12-25 8pm")
}

// TestAwayAcrossClockChange: the day that ends an absence may have 23 hours.
func TestAwayAcrossClockChange(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	m := Moment{Date: Date{2026, time.March, 29}}
	if got := m.end(berlin).Sub(m.begin(berlin)); got != 23*time.Hour {
		t.Errorf("the day has %v", got)
	}
}

func TestParseServer(t *testing.T) {
	for text, want := range map[string]string{
		"imaps://imap.acme.example":          "imap.acme.example:993",
		"imaps://imap.acme.example/":         "imap.acme.example:993",
		"imap+starttls://imap.acme.example":  "imap.acme.example:143",
		"imap+insecure://localhost":          "localhost:143",
		"imap+insecure://127.0.0.1:1143":     "127.0.0.1:1143",
		"imap+insecure://[::1]:1143":         "[::1]:1143",
		"smtps://smtp.acme.example":          "smtp.acme.example:465",
		"smtp+starttls://smtp.acme.example":  "smtp.acme.example:587",
		"smtp+starttls://[2001:db8::1]:2525": "[2001:db8::1]:2525",
		"smtp+insecure://127.0.0.2":          "127.0.0.2:25",
	} {
		s, err := parseServer(text[:4], text)
		if err != nil || s.Address() != want {
			t.Errorf("%s is %v, %v; want %s", text, s, err, want)
		}
		kinds := 0
		for _, is := range []bool{s.TLS(), s.StartTLS(), s.Insecure()} {
			if is {
				kinds++
			}
		}
		if kinds != 1 {
			t.Errorf("%s is of %d kinds", text, kinds)
		}
	}
	for _, text := range []string{"", "imaps://", "imaps://:993", "imaps://h:0", "imaps://h:x", "imaps://h/INBOX", "imaps://h?x", "imaps://h#x",
		"imaps://u@h", "imaps://a b", "IMAPS://h", "imap+insecure://10.0.0.1", "imap+insecure://localhost.evil.example", "smtps://h", "imaps://-h"} {
		if s, err := parseServer("imap", text); err == nil {
			t.Errorf("%q is %v, want an error", text, s)
		}
	}
}

func TestClosest(t *testing.T) {
	known := []string{"password_file", "password_env", "username", "server", "poll"}
	got := map[string]string{}
	for _, word := range []string{"passwordfile", "password-file", "Server", "sevrer", "user", "pol", "zzz", "", "x"} {
		got[word] = closest(word, known)
	}
	want := map[string]string{"passwordfile": "password_file", "password-file": "password_file", "Server": "server", "sevrer": "server",
		"user": "username", "pol": "poll", "zzz": "", "": "", "x": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPercentOf(t *testing.T) {
	if got := Percent(25).Of(2 * time.Hour); got != 30*time.Minute {
		t.Errorf("a quarter of 2h is %v", got)
	}
}
