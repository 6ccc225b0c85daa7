package outbound

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

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
}

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
	if n.Customer && data.Case != nil {
		attempt.Promised = data.Case.NextUpdate
	}
	rendered, err := c.Templates.Render(n.Template, language(job), data)
	if err != nil {
		return attempt, err
	}
	attempt.Subject = rendered.Subject
	if rendered.Fallback != nil && c.Fallback != nil {
		c.Fallback(n.Template, rendered.Fallback)
	}
	m := newMail(rendered)
	if err := c.address(m, s, n); err != nil {
		return attempt, err
	}
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
func (c *Composer) address(m *mail.Msg, s *threads.Settings, n *threads.Notice) error {
	if err := m.FromFormat(c.Company, s.Address); err != nil {
		return fmt.Errorf("our own address: %w", err)
	}
	person, id := "", idOf(n)
	if !n.Customer {
		person = n.To[0].Address.Address
	}
	if err := m.ReplyTo(s.ReplyAddress(id, person)); err != nil {
		return fmt.Errorf("the reply address: %w", err)
	}
	if c.Redirect != "" {
		return c.redirect(m, n)
	}
	for _, to := range n.To {
		if err := m.AddToFormat(to.Name, to.Address.Address); err != nil {
			return fmt.Errorf("the address of a recipient: %w", err)
		}
	}
	return nil
}

func (c *Composer) redirect(m *mail.Msg, n *threads.Notice) error {
	var meant []string
	for _, to := range n.To {
		meant = append(meant, to.Address.Address)
	}
	whom := strings.Join(meant, ", ")
	m.SetGenHeader("X-Escalated-Redirected-From", whom)
	subject := m.GetGenHeader(mail.HeaderSubject)
	m.Subject("[for " + whom + "] " + strings.Join(subject, ""))
	if err := m.AddToFormat("for "+whom, c.Redirect); err != nil {
		return fmt.Errorf("the address of redirect_to: %w", err)
	}
	return nil
}

// thread makes a mail part of a conversation: the customer's own, or ours with
// one person, which never names a customer's Message-ID.
func thread(m *mail.Msg, s *threads.Settings, job threads.Job) {
	n := &job.Notice
	var references []string
	if n.Customer {
		references = job.Escalation.Thread
	} else if root := s.ThreadRoot(n.Escalation, n.To[0].Address.Address); root != n.MessageID {
		references = []string{root}
	}
	if len(references) == 0 {
		return
	}
	answers := references[len(references)-1]
	if n.Customer && job.Letter != nil && job.Letter.MessageID != "" {
		answers = job.Letter.MessageID
	}
	m.SetGenHeader("In-Reply-To", "<"+answers+">")
	m.SetGenHeaderPreformatted("References", fold(references))
}

// fold writes Message-IDs one to a line (RFC 5322 §2.2.3). Identifiers with
// anything but printable ASCII are left out: they could not be a header.
func fold(ids []string) string {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !printable(id) })
	return "<" + strings.Join(ids, ">\r\n <") + ">"
}

func printable(id string) bool {
	return id != "" && len(id) < 900 && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' })
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
