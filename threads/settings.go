package threads

import (
	"slices"
	"time"

	"github.com/id8labs/escalated/classify"
	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/auth"
	"github.com/id8labs/escalated/threads/cadence"
)

// Settings are what the configuration decides. They may be replaced while the
// desk works: each mail and each tick sees one whole set.
type Settings struct {
	Address          string // ours: From of all we send
	SubAddress       bool   // user+detail@ reaches the mailbox
	Key              Key
	Trust            auth.Trust
	InsecureFromOnly bool // an agent's From is enough
	Directory        classify.Directory
	Policy           cadence.Policy
	Routing          []Route
	Operators        []string // who hears of the service's own troubles
	PerAddress       Budget   // acknowledgments to one address
	PerDomain        Budget   // and to one domain that is no freemail provider
	Backlog          time.Duration
}

// A Route gives the new escalations it matches to an owner.
type Route struct {
	Match  func(classify.Verdict) bool
	Owner  string
	Notify []string // further addresses that are told
}

// A Budget is so many in so long; the zero Budget has no bound.
type Budget struct {
	Count int
	Per   time.Duration
}

// overall bounds the acknowledgments of a day to writers nobody vouches for, so
// that a flood with forged senders can't make us one.
var overall = Budget{Count: 20_000, Per: 24 * time.Hour}

// receipts bounds the answers to one of ours whose mails open nothing.
var receipts = Budget{Count: 10, Per: 24 * time.Hour}

// trusts reports whether a mail from one of our people may act as theirs
// (design.md, "Who may do what").
func (s *Settings) trusts(m *mailbox.Message, id string) bool {
	from, sole := m.Sole()
	if !sole || m.Origin.Authenticated == mailbox.Fail {
		return false
	}
	if m.Origin.Authenticated == mailbox.Pass || s.InsecureFromOnly {
		return true
	}
	for _, detail := range s.details(m) {
		of, token, ok := parseDetail(detail)
		if ok && of == id && s.Key.valid(token, forReply, of, from.Address) {
			return true
		}
	}
	return false
}

// vouched reports whether a customer's mail may steer: not refused by their
// domain, and proven by a token of ours or by their domain.
func (s *Settings) vouched(m *mailbox.Message, id string) bool {
	if m.Origin.Authenticated == mailbox.Fail {
		return false
	}
	proven, ok := s.proven(m)
	return m.Origin.Authenticated == mailbox.Pass || ok && proven == id
}

// audience lists who is told of an escalation besides its owner: those of the
// severity's roles, the customer's success manager, and whom the route names.
func (s *Settings) audience(e *Escalation, notify []string) []string {
	var told []string
	company, _ := s.Directory.Company(e.Customer.Address)
	for _, role := range s.Policy.Levels[e.Severity].Audience {
		if role == classify.CSM && company.CSM != "" {
			told = append(told, company.CSM)
			continue
		}
		for _, p := range s.Directory.With(role) {
			told = append(told, p.Email)
		}
	}
	return append(told, notify...)
}

func (s *Settings) managers() []string {
	var managers []string
	for _, p := range s.Directory.With(classify.Manager) {
		managers = append(managers, p.Email)
	}
	return managers
}

// unique drops repeats and empty addresses, case aside, and keeps the order.
func unique(addresses ...string) []string {
	var kept []string
	for _, a := range addresses {
		if a != "" && !slices.ContainsFunc(kept, func(k string) bool { return mailbox.Same(k, a) }) {
			kept = append(kept, a)
		}
	}
	return kept
}
