package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/id8labs/escalated/classify"
)

func TestCheckText(t *testing.T) {
	for _, test := range []struct{ rule, text, want string }{
		{"address", "Dana@ACME.example", "Dana@acme.example"},
		{"address", "o'neil+x@mail.acme.example", "o'neil+x@mail.acme.example"},
		{"domain", "Northwind.Example", "northwind.example"},
		{"domain", "bücher.example", "bücher.example"},
		{"env", "IMAP_PASSWORD2", "IMAP_PASSWORD2"},
		{"url", "https://portal.acme.example/x?y=1", "https://portal.acme.example/x?y=1"},
		{"url", "http://127.0.0.1:8080/", "http://127.0.0.1:8080/"},
		{"listen", ":9099", ":9099"},
		{"listen", "[::1]:0", "[::1]:0"},
		{"language", "pt-br", "pt-BR"},
		{"path", "/run/secrets/imap", "/run/secrets/imap"},
		{"filled", "x", "x"},
	} {
		if got, err := checkText(test.rule, test.text); err != nil || got != test.want {
			t.Errorf("%s %q is %q, %v", test.rule, test.text, got, err)
		}
	}
	for rule, texts := range map[string][]string{
		"address":  {"dana", "@acme.example", "dana@", "dana@acme example", "dana@-acme.example", "a@b@c.example", "<dana@acme.example>", "dana@acme.example, mia@acme.example"},
		"domain":   {"@acme.example", ".example", "acme..example", "acme.example.", "*.acme.example", "acme example"},
		"env":      {"2X", "A-B", "${X}", "$X", "hunter2!"},
		"url":      {"portal.acme.example", "http://portal.acme.example", "https://", "https://u:p@h/", "ftp://h/", "https://a b/", "://"},
		"listen":   {"9099", "localhost", ":http", ":70000"},
		"language": {"english!", "x y"},
		"path":     {"~/x", "$HOME/x", "/a/${B}"},
		"filled":   {"", " "},
	} {
		for _, text := range texts {
			if got, err := checkText(rule, text); err == nil {
				t.Errorf("%s %q is %q, want an error", rule, text, got)
			}
		}
	}
}

// TestDirectory: zones fall back to that of the file, then to UTC, and an
// absence until a date lasts to the end of that day in its person's zone.
func TestDirectory(t *testing.T) {
	const file = `address: a@acme.example
mailbox: {server: imaps://h, username: u, password_env: P}
smtp: {server: smtps://h}
people:
  - {name: Dana Ortiz, email: d@acme.example, roles: [agent], away: [{from: 2026-12-24, until: 2026-12-26}]}
  - {name: Mia Chen, email: m@acme.example, roles: [manager], time_zone: America/New_York, away: [{from: 2026-12-24 12:00, until: 2026-12-24 13:00}]}
customers: [{company: Northwind, domains: [northwind.example], time_zone: America/Chicago, tier: enterprise}, {company: Contoso, domains: [contoso.example]}]
`
	for zone, begin := range map[string]string{"": "2026-12-24T00:00:00Z", "time_zone: Europe/Berlin": "2026-12-23T23:00:00Z"} {
		c, err := Parse("x.yaml", []byte(file+zone+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		directory := c.Directory()
		dana, _ := directory.Person("D@acme.example")
		mia, _ := directory.Person("m@acme.example")
		from, err := time.Parse(time.RFC3339, begin)
		if err != nil {
			t.Fatal(err)
		}
		noon := time.Date(2026, 12, 24, 17, 0, 0, 0, time.UTC)
		got := []bool{dana.Away(from.Add(-1)), dana.Away(from), dana.Away(from.Add(3*day - 1)), dana.Away(from.Add(3 * day)),
			mia.Away(noon.Add(-1)), mia.Away(noon), mia.Away(noon.Add(time.Hour))}
		if diff := cmp.Diff([]bool{false, true, true, false, false, true, false}, got); diff != "" {
			t.Errorf("%q: %s", zone, diff)
		}
		northwind, _ := directory.Company("x@sub.northwind.example")
		contoso, _ := directory.Company("x@contoso.example")
		if northwind.Zone.String() != "America/Chicago" || contoso.Zone != nil || contoso.Tier != classify.Standard || contoso.Prefers != "email" {
			t.Errorf("customers are %+v and %+v", northwind, contoso)
		}
		if !dana.Has(classify.Agent) || mia.Zone.String() != "America/New_York" {
			t.Errorf("people are %+v and %+v", dana, mia)
		}
	}
}
