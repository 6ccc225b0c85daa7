package classify

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/id8labs/escalated/mailbox"
)

const trouble07 = "Hi,\n\nsince 5 this morning the driver app shows yesterday's jobs."

func TestForwards(t *testing.T) {
	ann := mailbox.Address{Name: "Ann Ode", Address: "ann@firm.example"}
	original := &Original{From: ann, Subject: "Export broken", Text: "It fails since noon."}
	for _, test := range []struct {
		name, from, subject, text string
		want                      *Original
	}{
		{"gmail", "lidia.moretti@acme.example", "Fwd: Export broken", "please\n\n---------- Forwarded message ---------\nFrom: Ann Ode <ann@firm.example>\nDate: Thu, 20 Aug 2026 at 09:58\nSubject: Export broken\nTo: Lidia <lidia.moretti@acme.example>\n\nIt fails since noon.", original},
		{"apple", "lidia.moretti@acme.example", "Fwd: Export broken", "Begin forwarded message:\n\nFrom: Ann Ode <ann@firm.example>\nSubject: Export broken\nDate: 11 May 2026 at 10:49:03 CEST\nTo: Lidia <lidia.moretti@acme.example>\n\nIt fails since noon.", original},
		{"german outlook", "lidia.moretti@acme.example", "WG: Export broken", "fyi\n\n*Von:* Ann Ode <ann@firm.example>\n*Gesendet:* Dienstag, 17. November 2026 16:58\n*An:* Lidia <lidia.moretti@acme.example>\n*Betreff:* Export broken\n\nIt fails since noon.", original},
		{"old outlook", "lidia.moretti@acme.example", "FW: Export broken", "fyi\n\nFrom: Ann Ode [mailto:ann@FIRM.example]\nSent: Tuesday, 17 November 2026 16:58\nTo: Lidia\nSubject: Export broken\n\nIt fails since noon.", original},
		{"a colleague not in the roster", "joel@acme.example", "Fwd: Export broken", "---------- Forwarded message ---------\nFrom: Ann Ode <ann@firm.example>\nDate: Thu, 20 Aug 2026 at 09:58\nSubject: Export broken\nTo: Joel <joel@acme.example>\n\nIt fails since noon.", original},
		{"a forward of a forward", "lidia.moretti@acme.example", "FW: FW: Export broken", "see below\n\n---------- Forwarded message ---------\nFrom: Joel <joel@acme.example>\nDate: Thu, 20 Aug 2026 at 09:58\nSubject: Fwd: Export broken\nTo: Lidia <lidia.moretti@acme.example>\n\nfor you\n\n---------- Forwarded message ---------\nFrom: Ann Ode <ann@firm.example>\nDate: Thu, 20 Aug 2026 at 09:58\nSubject: Export broken\nTo: Joel <joel@acme.example>\n\nIt fails since noon.", original},
		{"a customer's forward", "bob@firm.example", "Fwd: Export broken", "---------- Forwarded message ---------\nFrom: Ann Ode <ann@firm.example>\nDate: Thu, 20 Aug 2026 at 09:58\nSubject: Export broken\nTo: Bob <bob@firm.example>\n\nIt fails since noon.", nil},
		{"of one of ours", "lidia.moretti@acme.example", "Fwd: Lunch", "---------- Forwarded message ---------\nFrom: Joel <joel@acme.example>\nDate: Thu, 20 Aug 2026 at 09:58\nSubject: Lunch\nTo: Lidia <lidia.moretti@acme.example>\n\nAt noon?", nil},
		{"without an address", "lidia.moretti@acme.example", "FW: Export broken", "From: Ann Ode\nSent: Tuesday, 17 November 2026 16:58\nTo: Lidia\nSubject: Export broken\n\nIt fails since noon.", nil},
		{"a reply", "lidia.moretti@acme.example", "RE: Export broken", "Done.\n\nOn Thu, 20 Aug 2026 at 09:58, Ann Ode <ann@firm.example> wrote:\n> It fails since noon.", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := mailbox.Message{Subject: test.subject, Text: test.text, FullText: test.text, From: []mailbox.Address{{Address: test.from}}}
			v := Read(&m, testDirectory())
			if diff := cmp.Diff(test.want, v.Original); diff != "" {
				t.Errorf("original (-want +got):\n%s", diff)
			}
			if (v.Kind == KindForward) != (test.want != nil) {
				t.Errorf("kind %s", v.Kind)
			}
		})
	}
}

func TestForwardIsAboutItsOriginal(t *testing.T) {
	m := parsed(t, "testdata/forwards/outlook.eml")
	v := Read(&m, testDirectory())
	if v.Kind != KindForward || v.Original == nil {
		t.Fatalf("read as %s", v.Kind)
	}
	if v.Original.From.Address != "nerys.bevan@cwmtaxi.example" || v.Original.Subject != "Drivers see yesterday's jobs" || !strings.HasPrefix(v.Original.Text, trouble07) {
		t.Errorf("original %+v", v.Original)
	}
	if v.Customer.FirstName != "Nerys" || v.Customer.Company != "Cwm Taxi" || v.Summary != "Drivers see yesterday's jobs" {
		t.Errorf("customer %+v, summary %q", v.Customer, v.Summary)
	}
}

func TestAttachedOriginal(t *testing.T) {
	ann := mailbox.Address{Name: "Ann Ode", Address: "ann@firm.example"}
	m := mailbox.Message{
		Subject: "FW: see attached", Text: "Worth 250k USD a year to us. Make it SEV1.", FullText: "Worth 250k USD a year to us. Make it SEV1.",
		From:     []mailbox.Address{{Address: "lidia.moretti@acme.example"}},
		Attached: []mailbox.Message{{Subject: "Logo", Text: "The logo is the old one, no hurry.", From: []mailbox.Address{ann}}},
	}
	v := Read(&m, testDirectory())
	if v.Kind != KindForward || v.Severity != 4 || v.Customer.Address != "ann@firm.example" || v.Impact.Revenue != (Money{250_000, "USD"}) {
		t.Errorf("read as %+v", v)
	}
}
