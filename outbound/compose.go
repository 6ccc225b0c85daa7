package outbound

import (
	"bytes"
	"cmp"
	"fmt"
	netmail "net/mail"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/wneessen/go-mail"

	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/templates"
	"github.com/id8labs/escalated/threads"
)

// A Composer turns notices into mails.
type Composer struct {
	Desk      *threads.Desk
	Templates *templates.Set
	Company   string // ours, the name in From
	Stable    bool   // customers' mails keep the customer's own subject
	Redirect  string // shadow mode: the address all mail goes to instead
	// Fallback is told of a template of the user's that failed; the built-in
	// one was used. May be nil.
	Fallback func(template string, err error)

	newer atomic.Pointer[templates.Set] // in place of Templates
}

// Reload replaces the templates, for mails composed from now on.
func (c *Composer) Reload(set *templates.Set) { c.newer.Store(set) }

// Compose makes the mail of a notice, with CRLF line ends.
func (c *Composer) Compose(job threads.Job, now time.Time) (threads.Attempt, error) {
	n := &job.Notice
	attempt := threads.Attempt{Key: n.Key}
	notice, ok := templates.NoticeOf(n.Template)
	if !ok {
		return attempt, fmt.Errorf("no notice has the template %q", n.Template)
	}
	s := c.Desk.Settings()
	data := c.data(s, job, now)
	if n.Customer && data.Case != nil && n.Template != "ack-bare" { // which prints no time
		attempt.Promised = cmp.Or(data.Case.NextUpdate, data.Case.FirstUpdate)
	}
	rendered, err := cmp.Or(c.newer.Load(), c.Templates).Render(n.Template, language(job), data)
	if err != nil {
		return attempt, err
	}
	attempt.Subject = rendered.Subject
	if rendered.Fallback != nil && c.Fallback != nil {
		c.Fallback(n.Template, rendered.Fallback)
	}
	m := newMail(rendered)
	c.address(m, s, n)
	m.SetMessageIDWithValue(n.MessageID)
	m.SetDateWithValue(now)
	if notice.AutoSubmitted != "" {
		m.SetGenHeader("Auto-Submitted", notice.AutoSubmitted)
	}
	m.SetGenHeader("X-Auto-Response-Suppress", "DR, RN, NRN, OOF, AutoReply")
	m.SetGenHeader("X-Escalated-Notice", n.Kind)
	if n.Escalation != "" {
		m.SetGenHeader("X-Escalated-ID", n.Escalation)
		thread(m, s, job)
	}
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		return attempt, fmt.Errorf("writing the mail: %w", err)
	}
	attempt.Mail = b.Bytes()
	return attempt, nil
}

func newMail(r templates.Mail) *mail.Msg {
	m := mail.NewMsg(mail.WithNoDefaultUserAgent(), mail.WithEncoding(mail.EncodingQP))
	m.Subject(r.Subject)
	m.SetBodyString(mail.TypeTextPlain, r.Text)
	m.AddAlternativeString(mail.TypeTextHTML, r.HTML)
	return m
}

// address writes who a mail is from and for. In shadow mode nobody else's
// address stands where a mail program would answer it.
func (c *Composer) address(m *mail.Msg, s *threads.Settings, n *threads.Notice) {
	person := ""
	if !n.Customer {
		person = n.To[0].Address.Address
	}
	m.FromMailAddress(named(c.Company, s.Address))
	m.ReplyToMailAddress(named("", s.ReplyAddress(idOf(n), person)))
	if c.Redirect != "" {
		c.redirect(m, n)
		return
	}
	for _, to := range n.To {
		m.AddToMailAddress(named(to.Name, to.Address.Address))
	}
}

func (c *Composer) redirect(m *mail.Msg, n *threads.Notice) {
	var meant []string
	for _, to := range n.To {
		meant = append(meant, to.Address.Address)
	}
	whom := strings.Join(meant, ", ")
	m.SetGenHeader("X-Escalated-Redirected-From", whom)
	subject := m.GetGenHeader(mail.HeaderSubject)
	m.Subject("[for " + whom + "] " + strings.Join(subject, ""))
	m.AddToMailAddress(named("for "+whom, c.Redirect))
}

// maxName bounds a display name, in characters.
const maxName = 80

// named is an address with a display name of one bounded line: a phrase that
// net/mail quotes or encodes as it must be, whatever is in it. Only a backslash
// it may leave bare in an encoded word, which RFC 2047 §5 forbids.
func named(name, address string) *netmail.Address {
	name = strings.Join(strings.FieldsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	name = strings.ReplaceAll(name, `\`, "/")
	if r := []rune(name); len(r) > maxName {
		name = string(r[:maxName-1]) + "…"
	}
	if bare, err := netmail.ParseAddress("<" + address + ">"); err == nil {
		address = bare.Address // without the quotes of its local part, which are set anew
	}
	return &netmail.Address{Name: name, Address: address}
}

// thread makes a mail part of a conversation: the customer's own, or ours with
// one person, which never names a customer's Message-ID. Identifiers that could
// not be a header are left out.
func thread(m *mail.Msg, s *threads.Settings, job threads.Job) {
	n := &job.Notice
	var references []string
	if n.Customer {
		references = slices.DeleteFunc(slices.Clone(job.Escalation.Thread), unprintable)
	} else if root := s.ThreadRoot(n.Escalation, n.To[0].Address.Address); root != n.MessageID {
		references = []string{root}
	}
	if n.Customer && job.Letter != nil && slices.Contains(references, job.Letter.MessageID) {
		m.SetGenHeaderPreformatted("In-Reply-To", "<"+job.Letter.MessageID+">")
	} else if len(references) > 0 {
		m.SetGenHeaderPreformatted("In-Reply-To", "<"+references[len(references)-1]+">")
	}
	if len(references) > 0 {
		m.SetGenHeaderPreformatted("References", "<"+strings.Join(references, ">\r\n <")+">") // one to a line, RFC 5322 §2.2.3
	}
}

// unprintable reports what is no identifier for a header: anything but visible
// ASCII in one bounded word.
func unprintable(id string) bool {
	return id == "" || len(id) > 900 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' })
}

// language is the customer's for the customer's mail, English for ours.
func language(job threads.Job) string {
	if !job.Notice.Customer || job.Escalation == nil {
		return "en"
	}
	return cmp.Or(job.Escalation.Language, "en")
}

// first is the name to greet: of the escalation's customer the one the mail
// was signed with, of anybody else the first word of the name.
func first(name string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(name), " ")
	return strings.Trim(word, ",.;")
}

func contact(s *threads.Settings, address string) templates.Contact {
	p, _ := s.Directory.Person(address)
	return templates.Contact{Name: cmp.Or(p.Name, address), First: p.First(), Title: p.Title, Email: address, Phone: p.Phone}
}

// customerContact is the customer as our people see them.
func customerContact(e *threads.Escalation) templates.Contact {
	return templates.Contact{Name: e.Customer.Name, First: e.Customer.FirstName, Email: e.Customer.Address}
}

func readerOf(s *threads.Settings, job threads.Job) templates.Reader {
	n := &job.Notice
	to := n.To[0]
	if n.Customer {
		zone, place := customerZone(s, job.Escalation)
		name := job.Escalation.Customer.FirstName
		if len(n.To) == 1 && !mailbox.Same(to.Address.Address, job.Escalation.Customer.Address) {
			name = first(to.Name)
		}
		return templates.Reader{Name: to.Name, First: name, Zone: zone, Place: place}
	}
	p, known := s.Directory.Person(to.Address.Address)
	if !known || p.Zone == nil {
		return templates.Reader{Name: to.Name, First: first(to.Name), Zone: time.UTC, Place: "UTC"}
	}
	owns := job.Escalation != nil && mailbox.Same(job.Escalation.Owner, p.Email)
	return templates.Reader{Name: p.Name, First: p.First(), Zone: p.Zone, Place: place(p.Zone), Owns: owns}
}

// customerZone is the customer's zone where the directory knows it; else UTC,
// which says so.
func customerZone(s *threads.Settings, e *threads.Escalation) (*time.Location, string) {
	if company, known := s.Directory.Company(e.Customer.Address); known && company.Zone != nil {
		return company.Zone, place(company.Zone)
	}
	return time.UTC, "UTC"
}

// place names a zone as people do: America/New_York is "New York".
func place(zone *time.Location) string {
	name := zone.String()
	return strings.ReplaceAll(name[strings.LastIndexByte(name, '/')+1:], "_", " ")
}
