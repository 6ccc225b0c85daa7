package config

import (
	"github.com/id8labs/escalated/classify"
	"github.com/id8labs/escalated/mailbox"
)

// Directory is our people and customers, in the order of the file, with all
// defaults filled in.
func (c *Config) Directory() *classify.Directory {
	directory := &classify.Directory{}
	for _, p := range c.People {
		directory.People = append(directory.People, c.person(p))
	}
	for _, customer := range c.Customers {
		directory.Customers = append(directory.Customers, classify.Company{
			Name:          customer.Company,
			Domains:       customer.Domains,
			Tier:          customer.Tier,
			AnnualRevenue: customer.AnnualRevenue,
			CSM:           customer.CSM,
			Prefers:       customer.Prefers,
			PortalURL:     customer.PortalURL,
			Zone:          customer.TimeZone,
			Language:      customer.Language,
		})
	}
	return directory
}

func (c *Config) person(p Person) classify.Person {
	zone := zoneOr(p.TimeZone, c.TimeZone)
	person := classify.Person{
		Name: p.Name, Email: p.Email, Title: p.Title, Phone: p.Phone,
		Roles: p.Roles, Teams: p.Teams, Zone: zone,
	}
	for _, away := range p.Away {
		person.Absent = append(person.Absent, classify.Absence{From: away.From.begin(zone), Until: away.Until.end(zone)})
	}
	return person
}

// Own reports whether an address is ours: the watched one or an alias, with
// any sub-address.
func (c *Config) Own(address string) bool {
	base, _ := mailbox.SubAddress(address)
	for _, own := range append([]string{c.Address}, c.Aliases...) {
		if own != "" && (mailbox.Same(own, address) || mailbox.Same(own, base)) {
			return true
		}
	}
	return false
}
