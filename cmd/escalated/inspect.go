package main

import (
	"encoding/json"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/id8labs/escalated/classify"
	"github.com/id8labs/escalated/cmd/escalated/config"
	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/auth"
	"github.com/id8labs/escalated/mailbox/parse"
)

type inspectCommand struct {
	Files  []string `arg:"" name:"file" type:"path" help:"Mails, as .eml files."`
	Config string   `type:"path" help:"Configuration file, for people and customers; none by default."`
	JSON   bool     `name:"json" help:"One JSON object per file."`
}

// An inspection is how the service reads one mail (config.md).
type inspection struct {
	File          string               `json:"file"`
	Error         string               `json:"error,omitempty"`
	MessageID     *string              `json:"message_id"`
	Date          *time.Time           `json:"date"`
	From          *mailbox.Address     `json:"from"`
	To            []mailbox.Address    `json:"to"`
	Cc            []mailbox.Address    `json:"cc"`
	Subject       string               `json:"subject"`
	Text          string               `json:"text"`
	FullText      string               `json:"full_text"`
	Attachments   []mailbox.Attachment `json:"attachments"`
	Kind          classify.Kind        `json:"kind"`
	Auto          bool                 `json:"auto"`
	Bounce        *mailbox.Bounce      `json:"bounce"`
	Authenticated mailbox.Result       `json:"authenticated"`
	Summary       string               `json:"summary"`
	Severity      *classify.Severity   `json:"severity"`
	Type          *classify.Type       `json:"type"`
	AlsoTypes     []classify.Type      `json:"also_types"`
	Impact        impact               `json:"impact"`
	Answers       []classify.Question  `json:"answers"`
	Customer      customer             `json:"customer"`
	Language      string               `json:"language"`
	Evidence      []classify.Evidence  `json:"evidence"`
	Commands      []command            `json:"commands"`
}

type impact struct {
	UsersAffected *int            `json:"users_affected"`
	RevenueAtRisk *classify.Money `json:"revenue_at_risk"`
	Public        bool            `json:"public_exposure"`
	Regulatory    bool            `json:"regulatory"`
	Criticality   *string         `json:"business_criticality"`
	Deadline      *string         `json:"deadline"`
}

type customer struct {
	Name      *string `json:"name"`
	FirstName *string `json:"first_name"`
	Company   *string `json:"company"`
}

// A command is one command line of a mail; its grammar comes with package
// classify/command.
type command struct {
	Name string `json:"name"`
	Args string `json:"args"`
	Line string `json:"line"`
}

// Run reads each file and prints how the service understands it. A file that
// can't be read is an object with an error, not a failure.
func (c *inspectCommand) Run(w world) error {
	var directory classify.Directory
	var trusted auth.Trust
	if c.Config != "" {
		cfg, err := config.Load(c.Config)
		if err != nil {
			return err
		}
		directory, trusted = *cfg.Directory(), trust(cfg)
	}
	encoder := json.NewEncoder(w.stdout)
	encoder.SetEscapeHTML(false)
	for _, file := range c.Files {
		i := inspect(file, trusted, &directory)
		print := func() error { return encoder.Encode(i) }
		if !c.JSON {
			print = func() error { return i.print(w) }
		}
		if err := print(); err != nil {
			return fmt.Errorf("writing the result: %w", err)
		}
	}
	return nil
}

func inspect(file string, trusted auth.Trust, directory *classify.Directory) inspection {
	i := inspection{File: file, Authenticated: mailbox.None}
	raw, err := os.ReadFile(file)
	if err != nil {
		i.Error = err.Error()
		return i.filled()
	}
	m, err := parse.Mail(mailbox.Raw{Bytes: raw, Size: int64(len(raw))}, trusted)
	if err != nil {
		i.Error = err.Error()
		return i.filled()
	}
	i.read(&m)
	i.classified(classify.Read(&m, directory))
	return i.filled()
}

func (i *inspection) read(m *mailbox.Message) {
	i.MessageID, i.Date = some(bracketed(m.MessageID)), some(m.Date.UTC())
	if m.Date.IsZero() {
		i.Date = nil
	}
	if len(m.From) > 0 {
		i.From = &m.From[0]
	}
	i.To, i.Cc, i.Subject, i.Text, i.FullText, i.Attachments = m.To, m.Cc, m.Subject, m.Text, m.FullText, m.Attachments
	i.Auto, i.Authenticated = m.Origin.NoReply || m.Origin.Kind != mailbox.KindHuman, m.Origin.Authenticated
	if b := m.Origin.Bounce; b != nil {
		named := *b
		named.OriginalMessageID = bracketed(b.OriginalMessageID)
		i.Bounce = &named
	}
}

func (i *inspection) classified(v classify.Verdict) {
	i.Kind, i.Summary, i.Language = v.Kind, v.Summary, v.Language
	i.Severity, i.Type, i.AlsoTypes, i.Answers, i.Evidence = some(v.Severity), some(v.Type), v.Also, v.Answers, v.Evidence
	i.Impact = impact{
		some(v.Impact.Users), some(v.Impact.Revenue), v.Impact.Public, v.Impact.Regulatory,
		some(v.Impact.Criticality), some(v.Impact.Deadline),
	}
	i.Customer = customer{some(v.Customer.Name), some(v.Customer.FirstName), some(v.Customer.Company)}
}

// filled makes lists that are absent empty lists in JSON.
func (i inspection) filled() inspection {
	i.To, i.Cc, i.Attachments = list(i.To), list(i.Cc), list(i.Attachments)
	i.AlsoTypes, i.Answers, i.Evidence, i.Commands = list(i.AlsoTypes), list(i.Answers), list(i.Evidence), list(i.Commands)
	return i
}

func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

func some[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func bracketed(id string) string {
	if id == "" {
		return ""
	}
	return "<" + id + ">"
}

// print writes what a person wants to know at a glance.
func (i *inspection) print(w world) error {
	table := tabwriter.NewWriter(w.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintf(table, "%s\n", i.File)
	if i.Error != "" {
		fmt.Fprintf(table, "\terror\t%s\n", i.Error)
		return table.Flush()
	}
	if i.From != nil {
		fmt.Fprintf(table, "\tfrom\t%s <%s> (authenticated: %s)\n", i.From.Name, i.From.Address, i.Authenticated)
	}
	fmt.Fprintf(table, "\tsubject\t%s\n\tkind\t%s\n", i.Subject, i.Kind)
	if i.Severity != nil && i.Type != nil {
		fmt.Fprintf(table, "\tseverity\tSEV-%d %s\n\tsummary\t%s\n", *i.Severity, *i.Type, i.Summary)
	}
	for _, e := range i.Evidence {
		fmt.Fprintf(table, "\t%s\t%s: %q\n", e.For, e.Because, e.Text)
	}
	return table.Flush()
}
