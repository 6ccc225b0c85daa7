package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/id8labs/escalated/mailbox"
)

// validateCustomers wants each customer named and each domain once, over the
// file and the customers file.
func (c *Config) validateCustomers(r *report) {
	owners := map[string]string{}
	for i, customer := range c.Customers {
		path := c.customerPath(i)
		r.need(path+".company", customer.Company == "", "write the customer's name")
		r.need(path+".domains", len(customer.Domains) == 0, "write the domains of its addresses, as in domains: [northwind.example]")
		if customer.Prefers == "portal" {
			r.need(path+".portal_url", customer.PortalURL == "", "a customer who prefers the portal gets mail that links it: write its address")
		}
		for j, domain := range customer.Domains {
			if owner, taken := owners[domain]; taken && domain != "" {
				at := fmt.Sprintf("%s.domains[%d]", path, j)
				r.refuse(at, "%s: %s belongs to %s already; keep it with one of them", name(at), domain, clip(owner))
			}
			owners[domain] = customer.Company
		}
	}
}

// customerPath is where customer i stands: in the file, or in the customers file.
func (c *Config) customerPath(i int) string {
	if c.CustomersFile != "" && i >= c.inline {
		return fmt.Sprintf("%s[%d]", list, i-c.inline)
	}
	return fmt.Sprintf("customers[%d]", i)
}

func (c *Config) validateRouting(r *report) {
	for i, route := range c.Routing {
		path := fmt.Sprintf("routing[%d]", i)
		if r.need(path+".owner", route.Owner == "", "write the address of one of `people`") {
			c.validateOwner(r, path+".owner", route.Owner)
		}
		for j, address := range route.Notify {
			r.outside(c, fmt.Sprintf("%s.notify[%d]", path, j), address)
		}
	}
}

func (c *Config) validateOwner(r *report, path, owner string) {
	var known []string
	for _, p := range c.People {
		if mailbox.Same(p.Email, owner) {
			return
		}
		known = append(known, p.Email)
	}
	if near := closest(owner, known); near != "" {
		r.refuse(path, "%s: %s is not in `people`; did you mean %s?", name(path), owner, near)
		return
	}
	r.refuse(path, "%s: %s is not in `people`; add that person there, or name another owner", name(path), owner)
}

func (c *Config) validatePolicy(r *report) {
	calendars := slices.Sorted(maps.Keys(c.Calendars))
	for _, title := range calendars {
		if title == always {
			r.refuse("calendars.always", "`calendars.always`: always means at all hours and cannot be redefined; give this calendar another name")
		}
		if len(c.Calendars[title].Days) == 0 {
			r.refuse("calendars."+title+".days", "`calendars.%s` is never open; write days as in days: [mon, tue, wed, thu, fri]", clip(title))
		}
	}
	for severity, promise := range c.Policy.Severities {
		path := fmt.Sprintf("policy.severities.%d.hours", severity)
		if _, known := c.Calendars[promise.Hours]; !known && promise.Hours != always && promise.Hours != "" {
			r.refuse(path, "%s: there is no calendar %s; %s", name(path), quote(promise.Hours), calendarRemedy(promise.Hours, calendars))
		}
	}
	for i, raise := range c.Policy.Raise {
		path := fmt.Sprintf("policy.raise[%d]", i)
		if raise.When == (Condition{}) && !r.refusedUnder(path+".when") {
			r.refuse(path+".when", "%s names no condition and would raise every escalation; write one, as in when: {tier: enterprise}", name(path+".when"))
		}
		if raise.By > 3 {
			r.refuse(path+".by", "%s: %d is more steps than there are; write 1, 2 or 3", name(path+".by"), raise.By)
		}
	}
}

func calendarRemedy(hours string, calendars []string) string {
	if near := closest(hours, append(calendars, always)); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return "write always, or describe it under `calendars`"
}
