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
	if certain {
		return put(tx, asideKey(a.now, hash), aside)
	}
	at, err := s.openWindow(tx, a.now)
	if err != nil {
		return err
	}
	if err := put(tx, asideKey(at, hash), aside); err != nil {
		return err
	}
	since := at.Truncate(bundle)
	return s.tell(tx, Notice{
		Key: windowKey(since), Kind: kindOperator, Template: "operator",
		Owed: a.now, Next: since.Add(bundle), Since: since, Until: since.Add(bundle),
		Subject: "Mail that opened no escalation",
	}, s.operators())
}

func windowKey(since time.Time) string {
	return key(Service, kindOperator, "aside", since.Format("20060102-1504"))
}

// openWindow returns now, or the start of the next window whose bundle was not
// written yet: a mail that was long in reading must not miss its bundle.
func (s *Settings) openWindow(tx store.Txn, now time.Time) (time.Time, error) {
	people := unique(s.operators()...)
	if len(people) == 0 {
		return now, nil
	}
	for {
		n, _, err := get[Notice](tx, noticeKey(key(windowKey(now.Truncate(bundle)), people[0])))
		if err != nil || n.Done.IsZero() && !n.Frozen {
			return now, err
		}
		now = now.Truncate(bundle).Add(bundle)
	}
}

// vouchedFor keeps the budgets apart: a flood of forged mail takes nothing from
// the one whose name it bears.
var vouchedFor = map[bool]string{true: "", false: " unproven"}

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
		{"address", base + vouchedFor[passed], s.PerAddress, true},
		{"domain", domain + vouchedFor[passed], s.PerDomain, !match.Freemail(domain) && !(known && passed)},
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
