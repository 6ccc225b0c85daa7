package classify

import (
	"slices"
	"strings"
	"time"

	"github.com/id8labs/escalated/mailbox"
)

// A Directory is whom we know: our people and our customers.
type Directory struct {
	People    []Person
	Customers []Company
}

// A Person is one of ours.
type Person struct {
	Name   string
	Email  string
	Title  string
	Phone  string
	Roles  []Role
	Teams  []string
	Zone   *time.Location // never nil
	Absent []Absence
}

// A Role is what a person of ours does.
type Role string

const (
	Agent       Role = "agent"
	Manager     Role = "manager"
	Exec        Role = "exec"
	CSM         Role = "csm"
	Engineering Role = "engineering"
)

// An Absence is a time from which until before which a person is away.
type Absence struct{ From, Until time.Time }

// A Tier is a customer's contract level.
type Tier string

const (
	Enterprise Tier = "enterprise"
	BusinessT  Tier = "business"
	Standard   Tier = "standard"
)

// A Company is a customer as the configuration names it.
type Company struct {
	Name          string
	Domains       []string // lower case
	Tier          Tier
	AnnualRevenue float64
	CSM           string         // address of the customer success manager
	Prefers       string         // email, call or portal
	PortalURL     string         // for those who prefer the portal
	Zone          *time.Location // nil when unknown
	Language      string         // BCP 47, "" when unknown
}

// Has reports whether the person holds a role.
func (p Person) Has(role Role) bool {
	return slices.Contains(p.Roles, role)
}

// Away reports whether the person is absent at an instant.
func (p Person) Away(now time.Time) bool {
	for _, a := range p.Absent {
		if !now.Before(a.From) && now.Before(a.Until) {
			return true
		}
	}
	return false
}

// First returns the person's first name.
func (p Person) First() string {
	first, _, _ := strings.Cut(p.Name, " ")
	return first
}

// Person finds one of ours by address, sub-address and case aside.
func (d *Directory) Person(address string) (Person, bool) {
	base, _ := mailbox.SubAddress(address)
	for _, p := range d.People {
		if mailbox.Same(p.Email, address) || mailbox.Same(p.Email, base) {
			return p, true
		}
	}
	return Person{}, false
}

// With returns the people who hold a role, in the order of the configuration.
func (d *Directory) With(role Role) []Person {
	var people []Person
	for _, p := range d.People {
		if p.Has(role) {
			people = append(people, p)
		}
	}
	return people
}

// Company finds the customer an address belongs to, by its domain or a parent of it.
func (d *Directory) Company(address string) (Company, bool) {
	domain := mailbox.Domain(address)
	for _, c := range d.Customers {
		for _, known := range c.Domains {
			if domain == known || strings.HasSuffix(domain, "."+known) {
				return c, true
			}
		}
	}
	return Company{}, false
}
