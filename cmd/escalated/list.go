package main

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/id8labs/escalated/threads"
)

type listCommand struct {
	Config   string `default:"./escalated.yaml" type:"path" help:"Configuration file."`
	All      bool   `help:"Closed ones too."`
	SetAside bool   `help:"Mail that opened nothing, instead."`
	JSON     bool   `name:"json" help:"One JSON object per line."`
}

// Run lists escalations, or set-aside mail.
func (c *listCommand) Run(ctx context.Context, w world) error {
	query := "/list"
	switch {
	case c.SetAside:
		query = "/aside"
	case c.All:
		query = "/list?all=1"
	}
	if c.JSON {
		return ask(ctx, c.Config, query, func(line []byte) error {
			_, err := w.stdout.Write(line)
			return err
		})
	}
	table := tabwriter.NewWriter(w.stdout, 0, 8, 2, ' ', 0)
	row := listRow
	if c.SetAside {
		row = asideRow
	}
	err := ask(ctx, c.Config, query, func(line []byte) error { return row(table, line) })
	if err != nil {
		return err
	}
	return table.Flush()
}

func listRow(table *tabwriter.Writer, line []byte) error {
	var r threads.Record
	if err := json.Unmarshal(line, &r); err != nil {
		return err
	}
	_, err := fmt.Fprintf(table, "%s\tSEV-%d\t%s\t%s\t%s\t%s\n", r.ID, r.Severity, r.Status,
		text(r.Customer.Company, r.Customer.Address), text(r.Owner), r.Summary)
	return err
}

func asideRow(table *tabwriter.Writer, line []byte) error {
	var a threads.Aside
	if err := json.Unmarshal(line, &a); err != nil {
		return err
	}
	_, err := fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", a.At.Format(time.DateTime), a.Kind, a.From, a.Subject, a.Because)
	return err
}

// text is the first that is there, or a dash.
func text(options ...*string) string {
	for _, s := range options {
		if s != nil {
			return *s
		}
	}
	return "-"
}

type showCommand struct {
	ID     string `arg:"" help:"Such as ESC-7Q4K2M."`
	Config string `default:"./escalated.yaml" type:"path" help:"Configuration file."`
	JSON   bool   `name:"json" help:"One JSON object."`
}

// Run shows one escalation.
func (c *showCommand) Run(ctx context.Context, w world) error {
	return ask(ctx, c.Config, "/show?id="+c.ID, func(line []byte) error {
		if c.JSON {
			_, err := w.stdout.Write(line)
			return err
		}
		var r threads.Record
		if err := json.Unmarshal(line, &r); err != nil {
			return err
		}
		return showRecord(w, &r)
	})
}

// showRecord prints the nine fields of the domain's escalation record.
func showRecord(w world, r *threads.Record) error {
	table := tabwriter.NewWriter(w.stdout, 0, 8, 2, ' ', 0)
	for _, field := range [][2]string{
		{"ID", r.ID},
		{"Customer", text(r.Customer.Name, r.Customer.Address) + " (" + text(r.Customer.Company) + ")"},
		{"Severity", fmt.Sprintf("SEV-%d %s", r.Severity, text(r.Type))},
		{"Issue", r.Summary},
		{"Start time", clock(r.OpenedAt)},
		{"Current status", string(r.Status)},
		{"Owner", text(r.Owner)},
		{"Next action", text(r.NextAction)},
		{"ETA", clock(r.ETA)},
		{"Acknowledged", clock(r.AcknowledgedAt)},
		{"Next update due", clock(r.NextUpdateDue)},
		{"Resolve by", clock(r.ResolveBy)},
	} {
		fmt.Fprintf(table, "%s\t%s\n", field[0], field[1])
	}
	fmt.Fprintln(table, "\nUpdates")
	for _, e := range r.Events {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", e.At.Format(time.DateTime), e.Type, e.By, e.Reason)
	}
	return table.Flush()
}

func clock(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}
