package threads

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/threads/match"
	"github.com/id8labs/escalated/threads/store"
)

// bundle is how long uncertain mail that opened nothing may wait for others
// before people are told of all of it in one mail.
const bundle = 10 * time.Minute

// setAside keeps a mail that opens nothing. Unless that is certain to be right,
// people are told within bundle.
func (d *Desk) setAside(tx store.Txn, s *Settings, a *arrival, kind, because string, certain bool) error {
	m := &a.message
	from, _ := m.Sole()
	hash := hex.EncodeToString(m.Hash[:])
	aside := Aside{
		At: a.received, Kind: kind, From: from.Address, Subject: m.Subject, Because: because,
		Hash: hash, Location: m.Location, Certain: certain,
	}
	if err := put(tx, asideKey(a.now, hash), aside); err != nil {
		return err
	}
	if certain {
		return nil
	}
	since := a.now.Truncate(bundle)
	return s.tell(tx, Notice{
		Key: key(Service, kindOperator, "aside", since.Format("20060102-1504")), Kind: kindOperator, Template: "operator",
		Owed: a.now, Next: since.Add(bundle), Since: since,
		Subject: "Mail that opened no escalation",
	}, s.operators())
}

// spend takes an acknowledgment out of the budgets; it says which is used up.
func (d *Desk) spend(tx store.Txn, s *Settings, a *arrival, to mailbox.Address) (string, error) {
	passed := a.message.Origin.Authenticated == mailbox.Pass
	domain := mailbox.Domain(to.Address)
	base, _ := mailbox.SubAddress(strings.ToLower(to.Address))
	_, known := s.Directory.Company(to.Address)
	budgets := []struct {
		scope, of string
		budget    Budget
		counts    bool
	}{
		{"address", base, s.PerAddress, true},
		{"domain", domain, s.PerDomain, !match.Freemail(domain) && !(known && passed)},
		{"all", "", overall, !passed},
	}
	for _, b := range budgets {
		if !b.counts || b.budget.Count == 0 {
			continue
		}
		left, err := spend(tx, budgetKey(b.scope, b.of), b.budget, a.now)
		if err != nil {
			return "", err
		}
		if !left {
			return fmt.Sprintf("the limit of %d acknowledgments in %v for this %s is used up", b.budget.Count, b.budget.Per, b.scope), nil
		}
	}
	return "", nil
}

// spent counts what went out of one budget since a window began.
type spent struct {
	Since time.Time `json:"since"`
	Count int       `json:"count"`
}

func spend(tx store.Txn, k []byte, b Budget, now time.Time) (left bool, err error) {
	used, _, err := get[spent](tx, k)
	if err != nil {
		return false, err
	}
	if used.Since.Add(b.Per).Before(now) || used.Since.After(now) {
		used = spent{Since: now}
	}
	if used.Count >= b.Count {
		return false, nil
	}
	used.Count++
	return true, put(tx, k, used)
}
