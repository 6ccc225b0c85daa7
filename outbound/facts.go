package outbound

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/id8labs/escalated/classify"
	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/templates"
	"github.com/id8labs/escalated/threads"
)

// data gathers what a template may say.
func (c *Composer) data(s *threads.Settings, job threads.Job, now time.Time) templates.Data {
	n := &job.Notice
	d := templates.Data{
		Company: c.Company, Address: s.Address, Now: now, Reader: readerOf(s, job),
		Subject: n.Subject, Lines: slices.Clone(n.Lines),
		Plain:  "A plain reply to this mail is read by nobody; answer the people it names.",
		Counts: s.Trust.AuthservID != "" || s.InsecureFromOnly,
	}
	d.Lines = append(d.Lines, asideLines(job.Asides)...)
	if job.Escalation == nil {
		return d
	}
	e := job.Escalation
	d.Case = c.facts(s, job, now)
	d.Plain = "A plain reply to this mail is kept as an internal note on " + e.ID + "; the customer never sees it."
	d.Buttons = buttons(s, e, n)
	if job.Letter != nil && len(job.Letter.From) > 0 {
		from := job.Letter.From[0]
		d.Author = templates.Contact{Name: from.Name, Email: from.Address}.String()
	}
	d.Cut = job.Letter != nil && job.Letter.Cut
	switch {
	case n.Template == "undeliverable":
		d.Lines = nil
		for pair := range slices.Chunk(n.Lines, 2) { // the address, and the server's answer
			d.Failures = append(d.Failures, templates.Failure{Recipient: pair[0], Mail: "our mail", Answer: pair[len(pair)-1]})
		}
	case n.Kind == "ack":
		d.Late = max(0, now.Sub(e.OpenedAt)-s.Policy.Acknowledge)
	case n.Template == "late-ack":
		d.Waiting, d.Case.Acknowledged = cmp.Or(e.AcknowledgedAt, now).Sub(e.OpenedAt), e.AcknowledgedAt
	}
	return d
}

// facts is the escalation as the reader may know it.
func (c *Composer) facts(s *threads.Settings, job threads.Job, now time.Time) *templates.Case {
	e := job.Escalation
	level := s.Policy.Levels[e.Severity]
	company, _ := s.Directory.Company(e.Customer.Address)
	csm, _ := s.Directory.Person(company.CSM)
	f := &templates.Case{
		ID: e.ID, Summary: e.Summary, Severity: int(e.Severity), Type: string(e.Type), Status: string(e.Status),
		Owner: contact(s, e.Owner), Opened: e.OpenedAt, Customer: customerContact(e), Employer: e.Customer.Company,
		Tier: string(e.Customer.Tier), Revenue: company.AnnualRevenue, CSM: csm.Name, Prefers: company.Prefers, Portal: company.PortalURL,
		NextUpdate: cmp.Or(e.PromisedUpdate, e.UpdateBy), Every: level.Update, FirstUpdate: e.RespondBy, Resolve: e.ResolveBy, Due: e.PromisedUpdate,
		Silent: now.Sub(lastHuman(e)), Claims: e.Claims, Notes: slices.Clone(e.Notes), Impact: impact(e.Impact),
	}
	if job.Notice.Kind == "ack" { // what it prints is a promise from now on
		f.NextUpdate, f.FirstUpdate = s.Policy.NextUpdate(e.Severity, now), s.Policy.RespondBy(e.Severity, now)
	}
	for _, q := range classify.Questions {
		if !slices.Contains(e.Answers, q) {
			f.Unsaid = append(f.Unsaid, unsaid[q])
		}
	}
	f.Asks = asks(e)
	f.Why = reasons(e.Evidence)
	for _, r := range f.Why {
		if r.Text != "" {
			f.Understood = append(f.Understood, r.Text)
		}
	}
	if e.Withheld != "" {
		f.Notes = append(f.Notes, "The customer got no acknowledgment: "+e.Withheld+". Write to them yourself.")
	}
	if c.Stable && job.Notice.Customer {
		f.Re = "Re: " + e.Subject
	}
	if job.Letter != nil {
		f.Words = job.Letter.Text
		f.Notes = append(f.Notes, doubts(s, job)...)
	}
	return f
}

// doubts are what the reader of a later mail must know of who wrote it.
func doubts(s *threads.Settings, job threads.Job) []string {
	switch job.Letter.Origin.Authenticated {
	case mailbox.Fail:
		return []string{"The domain in From does not vouch for this mail: it may be forged."}
	case mailbox.None:
		if s.Trust.AuthservID != "" && job.Notice.Template == "wrote" {
			return []string{"Nobody vouches for who wrote this mail."}
		}
	}
	return nil
}

// maxAsides is how many set-aside mails one bundle names.
const maxAsides = 18

// asideLines lists set-aside mails, those of people first.
func asideLines(list []threads.Aside) []string {
	robots := map[string]bool{string(mailbox.KindRobot): true, string(mailbox.KindBounce): true}
	slices.SortStableFunc(list, func(a, b threads.Aside) int {
		return cmp.Compare(map[bool]int{true: 1}[robots[a.Kind]], map[bool]int{true: 1}[robots[b.Kind]])
	})
	var lines []string
	for i, a := range list {
		if i == maxAsides {
			return append(lines, fmt.Sprintf("And %d more: escalated list --set-aside", len(list)-maxAsides))
		}
		lines = append(lines, fmt.Sprintf("%s from %s: %s (%s)", a.Kind, cmp.Or(a.From, "nobody"), cmp.Or(a.Subject, "no subject"), a.Because))
	}
	return lines
}

// reasons are the grounds of the severity, each of the customer's words quoted once.
func reasons(evidence []classify.Evidence) []templates.Reason {
	var list []templates.Reason
	for _, ev := range evidence {
		said := slices.ContainsFunc(list, func(r templates.Reason) bool { return ev.Text != "" && strings.Contains(r.Text, ev.Text) })
		if strings.HasPrefix(ev.For, "severity") && !said {
			list = append(list, templates.Reason{Because: ev.Because, Text: ev.Text})
		}
	}
	for i := range len(list) - 1 {
		if list[i].Because == list[i+1].Because {
			list[i].Because = "" // said once, behind the last of the words it rests on
		}
	}
	return list
}

func lastHuman(e *threads.Escalation) time.Time { return cmp.Or(e.FirstResponseAt, e.OpenedAt) }

var unsaid = map[classify.Question]string{
	classify.What:       "what exactly happens",
	classify.When:       "when it started",
	classify.Who:        "who is affected",
	classify.Impacts:    "the business impact",
	classify.Tried:      "what was tried",
	classify.Workaround: "whether there is a workaround",
}

// question words each of the domain's triage questions as the customer reads
// it, most useful first; at most three are asked.
var question = [...]struct {
	of     classify.Question
	en, de string
}{
	{classify.What, "What exactly happens, and what did you expect instead?", "Was genau passiert, und was hatten Sie erwartet?"},
	{classify.When, "When did it start?", "Seit wann besteht das Problem?"},
	{classify.Who, "Who is affected: which sites, teams or users, and how many?", "Wer ist betroffen: welche Standorte, Teams oder Personen, und wie viele?"},
	{classify.Tried, "What have you or your team tried or changed so far?", "Was haben Sie oder Ihr Team bisher versucht oder geändert?"},
	{classify.Workaround, "Is there any way around it for now?", "Gibt es vorerst einen Ausweg?"},
	{classify.Impacts, "What does it keep you from doing, and by when does that hurt?", "Was können Sie deshalb nicht tun, und ab wann wird es kritisch?"},
}

func asks(e *threads.Escalation) []string {
	if e.Severity == 4 || e.Type != classify.Technical && e.Type != classify.Security {
		return nil // a trifle, a dispute or a request is answered, not diagnosed
	}
	var open []string
	for _, q := range question {
		if len(open) == 3 || slices.Contains(e.Answers, q.of) {
			continue
		}
		if strings.HasPrefix(e.Language, "de") {
			open = append(open, q.de)
		} else {
			open = append(open, q.en)
		}
	}
	return open
}

func impact(i classify.Impact) []string {
	var lines []string
	if i.Users > 0 {
		lines = append(lines, strconv.Itoa(i.Users)+" people affected")
	}
	if i.Revenue.Amount > 0 {
		lines = append(lines, fmt.Sprintf("%.0f %s at risk", i.Revenue.Amount, i.Revenue.Currency))
	}
	for _, flag := range []struct {
		set  bool
		text string
	}{{i.Public, "public exposure"}, {i.Regulatory, "regulatory"}, {i.Criticality != "", i.Criticality + " criticality"}, {i.Deadline != "", "deadline: " + i.Deadline}} {
		if flag.set {
			lines = append(lines, flag.text)
		}
	}
	return lines
}

// buttons are mailto links that make the next likely mails. Their commands come
// with the command grammar; until then each opens an internal note.
func buttons(s *threads.Settings, e *threads.Escalation, n *threads.Notice) []templates.Button {
	if n.Customer {
		return nil
	}
	write := mailto(e.Customer.Address, "Re: "+e.Subject+" ["+e.ID+"]", s.Address)
	note := mailto(s.ReplyAddress(e.ID, n.To[0].Address.Address), "Note ["+e.ID+"]", "")
	if e.Customer.Address == "" {
		return []templates.Button{{Label: "Add a note", Href: note}}
	}
	return []templates.Button{{Label: "Write to the customer", Href: write}, {Label: "Add a note", Href: note}}
}

// mailto makes a link (RFC 6068) with spaces as %20, which all clients read.
func mailto(to, subject, cc string) string {
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	query := "subject=" + escape(subject)
	if cc != "" {
		query += "&cc=" + escape(cc)
	}
	return "mailto:" + url.PathEscape(to) + "?" + query
}
