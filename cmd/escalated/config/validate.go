package config

import (
	"fmt"
	"strings"

	"github.com/id8labs/escalated/classify"
	"github.com/id8labs/escalated/mailbox"
)

// validate notes what is wrong beyond single values.
func (c *Config) validate(r *report) {
	r.need("address", c.Address == "", "write the watched address, as in address: escalations@acme.example")
	c.validateOwn(r)
	c.validateMailbox(r)
	c.validateSMTP(r)
	c.validatePeople(r)
	c.validateCustomers(r)
	c.validateRouting(r)
	c.validatePolicy(r)
}

// need notes a required key that is left out or empty. It reports whether the
// key is there.
func (r *report) need(path string, empty bool, remedy string) bool {
	if !empty {
		return true
	}
	r.refuse(path, "%s is missing; %s", name(path), remedy)
	return false
}

// validateOwn wants each address of ours once, and none of them where mail to
// people goes: it would come back in.
func (c *Config) validateOwn(r *report) {
	for i, alias := range c.Aliases {
		path := fmt.Sprintf("aliases[%d]", i)
		if mailbox.Same(alias, c.Address) {
			r.refuse(path, "%s: %s is `address` already; take it out here", name(path), alias)
		}
	}
	if c.SMTP.RedirectTo != "" && c.Own(c.SMTP.RedirectTo) {
		r.refuse("smtp.redirect_to", "`smtp.redirect_to`: %s is the watched mailbox, all mail would come back in; write another address", c.SMTP.RedirectTo)
	}
	for i, operator := range c.Operators {
		r.outside(c, fmt.Sprintf("operators[%d]", i), operator)
	}
}

// outside notes an address that should be somebody's and is the watched one.
func (r *report) outside(c *Config, path, address string) {
	if c.Own(address) {
		r.refuse(path, "%s: %s is the watched mailbox itself, its mail would come back in; write the address of a person", name(path), address)
	}
}

func (c *Config) validateMailbox(r *report) {
	const example = "write server, username and password_file below it"
	if !r.given("mailbox") {
		r.need("mailbox", true, example)
		return
	}
	m := c.Mailbox
	r.need("mailbox.server", m.Server == Server{}, "write it as imaps://imap.acme.example:993")
	r.credentials("mailbox", m.Credentials)
	folders := []struct{ key, name string }{{"folder", m.Folder}, {"archive", m.Archive}, {"quarantine", m.Quarantine}, {"sent", m.Sent}}
	for i, one := range folders {
		for _, other := range folders[:i] {
			if one.name != "" && sameFolder(one.name, other.name) {
				r.refuse("mailbox."+one.key, "`mailbox.%s` is the same folder as `mailbox.%s` (%s); name another", one.key, other.key, clip(one.name))
			}
		}
	}
}

// sameFolder compares names; only INBOX is without case (RFC 9051 §5.1).
func sameFolder(a, b string) bool {
	return a == b || strings.EqualFold(a, "INBOX") && strings.EqualFold(b, "INBOX")
}

func (c *Config) validateSMTP(r *report) {
	if !r.given("smtp") {
		r.need("smtp", true, "write server, username and password_file below it")
		return
	}
	r.relay("smtp", c.SMTP.Relay)
	for i, relay := range c.SMTP.Fallback {
		if !relay.inherits {
			r.relay(fmt.Sprintf("smtp.fallback[%d]", i), relay)
		}
	}
}

func (r *report) relay(path string, relay Relay) {
	r.need(path+".server", relay.Server == Server{}, "write it as smtps://smtp.acme.example:465")
	if !relay.None() {
		r.credentials(path, relay.Credentials)
	}
}

// credentials wants a username and exactly one way to prove it.
func (r *report) credentials(path string, c Credentials) {
	if c.Username == "" {
		r.need(path+".username", true, "write the name to log in with")
	}
	ways := r.ways(path, c)
	switch {
	case len(ways) == 0:
		r.refuse(path+".password_file", "%s has no password; name a file that holds it with `password_file`, or an environment variable with `password_env`", name(path))
	case len(ways) > 1:
		r.refuse(path+"."+ways[1], "%s has both `%s`; keep one of them", name(path), strings.Join(ways, "` and `"))
	}
	if c.OAuth2 != nil {
		r.oauth2(path+".oauth2", c.OAuth2)
	}
}

// ways are the keys by which a password or token is given, rightly or wrongly.
func (r *report) ways(path string, c Credentials) []string {
	given := map[string]bool{"password_file": c.PasswordFile != "", "password_env": c.PasswordEnv != "", "oauth2": c.OAuth2 != nil}
	var ways []string
	for _, key := range []string{"password_file", "password_env", "oauth2"} {
		if given[key] || r.refused[path+"."+key] {
			ways = append(ways, key)
		}
	}
	return ways
}

func (c *Config) validatePeople(r *report) {
	const example = `write at least one agent, as in - {name: Dana Ortiz, email: dana@acme.example, roles: [agent]}`
	if !r.need("people", len(c.People) == 0, example) {
		return
	}
	first, agents := map[string]int{}, 0
	for i, p := range c.People {
		path := fmt.Sprintf("people[%d]", i)
		r.need(path+".name", p.Name == "", "write the name customers will read")
		if r.need(path+".email", p.Email == "", "write this person's address") {
			r.outside(c, path+".email", p.Email)
		}
		r.need(path+".roles", len(p.Roles) == 0, "write at least one, as in roles: [agent]")
		if n := first[strings.ToLower(p.Email)]; n > 0 && p.Email != "" {
			r.refuse(path+".email", "%s: %s is person %d already; give each person one entry, with all roles in it", name(path+".email"), p.Email, n)
		} else {
			first[strings.ToLower(p.Email)] = i + 1
		}
		if c.person(p).Has(classify.Agent) || r.refusedUnder(path+".roles") {
			agents++
		}
		r.away(c, path, p)
	}
	if agents == 0 {
		r.refuse("people", "nobody in `people` is an agent, so nobody could own an escalation; give one of them roles: [agent]")
	}
}

// refusedUnder reports a mistake in a list or in one of its items.
func (r *report) refusedUnder(path string) bool {
	for refused := range r.refused {
		if strings.HasPrefix(refused, path) {
			return true
		}
	}
	return false
}

func (r *report) away(c *Config, person string, p Person) {
	absent := c.person(p).Absent
	for i, away := range p.Away {
		path := fmt.Sprintf("%s.away[%d]", person, i)
		from := r.need(path+".from", away.From == Moment{}, "write the first day, as in from: 2026-12-24")
		until := r.need(path+".until", away.Until == Moment{}, "write the last day, as in until: 2026-12-31")
		if from && until && !absent[i].Until.After(absent[i].From) {
			r.refuse(path, "%s ends before it begins; swap `from` and `until`", name(path))
		}
	}
}
