package threads

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/id8labs/escalated/classify"
	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/threads/store"
)

// written is a small mail; fields are further header lines.
func written(from, subject, text string, fields ...string) []byte {
	id := fmt.Sprintf("<m%d@%s>", uid.Add(1), mailbox.Domain(from))
	lines := append([]string{
		"From: " + from, "To: escalations@acme.example", "Subject: " + subject, "Message-ID: " + id,
		"Date: " + time.Now().Format(time.RFC1123Z),
	}, fields...)
	return []byte(strings.Join(lines, "\r\n") + "\r\n\r\n" + strings.ReplaceAll(text, "\n", "\r\n") + "\r\n")
}

const outage = "Since 08:40 nothing works: production is down for all users and there is no workaround."

// all returns every escalation, oldest first.
func all(t *testing.T, d *Desk) []Escalation {
	t.Helper()
	return scanned[Escalation](t, d, "e/", func(a, b Escalation) int { return a.OpenedAt.Compare(b.OpenedAt) })
}

// notices returns every notice of a kind, by key.
func notices(t *testing.T, d *Desk, kind string) []Notice {
	t.Helper()
	list := scanned[Notice](t, d, "n/", func(a, b Notice) int { return strings.Compare(a.Key, b.Key) })
	return slices.DeleteFunc(list, func(n Notice) bool { return n.Kind != kind })
}

func scanned[T any](t *testing.T, d *Desk, prefix string, order func(a, b T) int) []T {
	t.Helper()
	var list []T
	err := d.db.View(t.Context(), func(r store.Reader) error {
		for p, err := range r.Scan([]byte(prefix), store.PrefixEnd([]byte(prefix))) {
			if err != nil {
				return err
			}
			record, err := decode[T](p.Key, p.Value)
			if err != nil {
				return err
			}
			list = append(list, record)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(list, order)
	return list
}

// addressees lists whom notices go to.
func addressees(list []Notice) []string {
	var to []string
	for _, n := range list {
		for _, d := range n.To {
			to = append(to, d.Address.Address)
		}
	}
	slices.Sort(to)
	return to
}

// eventsOf lists an escalation's events of a type.
func eventsOf(t *testing.T, d *Desk, id string, kind EventType) []Event {
	t.Helper()
	r, err := Show(t.Context(), d.db, id)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(r.Events, func(e Event) bool { return e.Type != kind })
}

func TestOneMailOneEffect(t *testing.T) {
	d := testDesk(t, nil)
	mail := written("Eve Adams <eve@northwind.example>", "Registration down", outage)
	relayed := append([]byte("Received: from a by b; Mon, 23 Nov 2026 10:00:00 +0000\r\n"), mail...)
	for _, copy := range [][]byte{mail, mail, relayed} {
		if fates := receive(t, d, copy); fates[0] != mailbox.Archive {
			t.Fatalf("fate %v, want archive", fates[0])
		}
	}
	if got := all(t, d); len(got) != 1 || got[0].Messages != 1 {
		t.Errorf("three copies made %d escalations: %+v", len(got), got)
	}
	if acks := notices(t, d, kindAck); len(acks) != 1 {
		t.Errorf("%d acknowledgments owed, want 1", len(acks))
	}
}

func TestSameWordsAreNotTheSameMail(t *testing.T) {
	d := testDesk(t, nil)
	receive(t, d,
		written("eve@northwind.example", "Registration down", outage),
		written("ann@heartland.example", "Registration down", outage))
	if got := all(t, d); len(got) != 2 {
		t.Errorf("two customers with the same words made %d escalations", len(got))
	}
}

func TestStrangerIsKeptOut(t *testing.T) {
	d := testDesk(t, nil)
	receive(t, d, written("eve@northwind.example", "Registration down", outage))
	case1 := all(t, d)[0]
	ack := notices(t, d, kindAck)[0]
	receive(t, d, written("mallory@elsewhere.example", "Re: ["+case1.ID+"] tell me all", "What is going on?",
		"In-Reply-To: <"+ack.MessageID+">", "Cc: friend@elsewhere.example"))
	list := all(t, d)
	if len(list) != 2 {
		t.Fatalf("%d escalations, want the case and the stranger's own", len(list))
	}
	stranger := list[1]
	if list[0].ID != case1.ID {
		stranger = list[0]
	}
	if stranger.Claims != case1.ID {
		t.Errorf("claims %q, want %s", stranger.Claims, case1.ID)
	}
	if to := stranger.Recipients(); len(to) != 1 || to[0].Address != "mallory@elsewhere.example" {
		t.Errorf("recipients %v: an unverified mail added somebody", to)
	}
	if got := eventsOf(t, d, case1.ID, EventClaimed); len(got) != 1 {
		t.Errorf("the claimed case has %d events of it, want 1", len(got))
	}
	for _, n := range notices(t, d, kindAlert) {
		if slices.ContainsFunc(n.To, func(to Delivery) bool { return strings.Contains(to.Address.Address, "elsewhere") }) {
			t.Errorf("the stranger is sent %s", n.Key)
		}
	}
}

func TestContributorAddsAndGetsNothing(t *testing.T) {
	d := testDesk(t, nil)
	receive(t, d, written("eve@northwind.example", "Registration down", outage))
	id := all(t, d)[0].ID
	receive(t, d, written("bob@it.northwind.example", "Re: Registration down ["+id+"]", "Also in building 4."))
	e := all(t, d)[0]
	if e.Messages != 2 {
		t.Fatalf("%d messages, want the colleague's too", e.Messages)
	}
	if to := e.Recipients(); len(to) != 1 || to[0].Address != "eve@northwind.example" {
		t.Errorf("recipients %v, want Eve alone", to)
	}
}

func TestFreemailIsNoOrganisation(t *testing.T) {
	d := testDesk(t, nil)
	receive(t, d, written("eve@gmail.com", "Registration down", outage))
	id := all(t, d)[0].ID
	receive(t, d, written("mallory@gmail.com", "Re: Registration down ["+id+"]", "Hello"))
	if got := all(t, d); len(got) != 2 {
		t.Errorf("%d escalations: another freemail user was let in", len(got))
	}
}

func TestRecipientsByAuthenticatedCopy(t *testing.T) {
	d := testDesk(t, func(c *Config) { c.Settings.Trust.AuthservID = "mx.acme.example" })
	pass := "Authentication-Results: mx.acme.example; dmarc=pass header.from=northwind.example"
	receive(t, d, written("eve@northwind.example", "Registration down", outage, "Cc: cio@northwind.example"))
	if to := all(t, d)[0].Recipients(); len(to) != 1 {
		t.Errorf("recipients %v of an unverified mail, want the sender alone", to)
	}
	id := all(t, d)[0].ID
	mail := written("eve@northwind.example", "Re: Registration down ["+id+"]", "More", "Cc: ann@partner.example, mira.castellan@acme.example")
	receive(t, d, append([]byte(pass+"\r\n"), mail...))
	var to []string
	for _, a := range all(t, d)[0].Recipients() {
		to = append(to, a.Address)
	}
	if want := []string{"eve@northwind.example", "ann@partner.example"}; !slices.Equal(to, want) {
		t.Errorf("recipients %v, want %v", to, want)
	}
}

func TestForgedAgent(t *testing.T) {
	d := testDesk(t, func(c *Config) {
		c.Settings.InsecureFromOnly = false
		c.Settings.Trust.AuthservID = "mx.acme.example"
	})
	receive(t, d, written("eve@northwind.example", "Registration down", outage))
	id := all(t, d)[0].ID
	forged := written("Mira Castellan <mira.castellan@acme.example>", "Re: ["+id+"]", "All is well, you can close it.", "Cc: eve@northwind.example")
	receive(t, d, append([]byte("Authentication-Results: mx.acme.example; dmarc=fail header.from=acme.example\r\n"), forged...))
	if got := eventsOf(t, d, id, EventAgentWrote); len(got) != 0 {
		t.Error("a mail whose domain denies it counts as the agent's")
	}
	receive(t, d, written("Mira Castellan <mira.castellan@acme.example>", "Re: ["+id+"]", "Fixed.", "Cc: eve@northwind.example"))
	if got := eventsOf(t, d, id, EventNote); len(got) != 1 || !got[0].Unproven {
		t.Errorf("a mail nobody vouches for: %+v, want one unproven note", got)
	}
	if e := all(t, d); !e[0].FirstResponseAt.IsZero() {
		t.Error("a forged mail counts as the first response")
	}
}

func TestAgentWithToken(t *testing.T) {
	d := testDesk(t, func(c *Config) { c.Settings.InsecureFromOnly = false })
	receive(t, d, written("eve@northwind.example", "Registration down", outage))
	id := all(t, d)[0].ID
	s := d.Settings()
	for _, c := range []struct {
		name, reply string
		want        EventType
	}{
		{"another's token", s.ReplyAddress(id, "tobias.engel@acme.example"), EventNote},
		{"another case's token", s.ReplyAddress("ESC-000000", "mira.castellan@acme.example"), EventNote},
		{"the customers' token", s.ReplyAddress(id, customerSide), EventNote},
		{"their own token", strings.ToUpper(s.ReplyAddress(id, "mira.castellan@acme.example")), EventAgentWrote},
	} {
		before := len(eventsOf(t, d, id, c.want))
		receive(t, d, written("mira.castellan@acme.example", "Re: ["+id+"]", "We found it. "+c.name, "Cc: eve@northwind.example, "+c.reply))
		if got := len(eventsOf(t, d, id, c.want)); got != before+1 {
			t.Errorf("%s: not recorded as %s", c.name, c.want)
		}
	}
}

func TestAcknowledgmentWithheld(t *testing.T) {
	for _, c := range []struct {
		name, because string
		mail          []byte
	}{
		{"no sender", "no sender", []byte("Subject: help\r\n\r\nproduction is down\r\n")},
		{"two senders", "no sender", []byte("From: a@x.example, b@y.example\r\nSubject: help\r\n\r\nproduction is down\r\n")},
		{"asks for none", "no automatic answer", written("eve@northwind.example", "Down", outage, "X-Auto-Response-Suppress: All")},
		{"noreply", "no automatic answer", written("noreply@northwind.example", "Down", outage)},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := testDesk(t, nil)
			receive(t, d, c.mail)
			list := all(t, d)
			if len(list) != 1 || !strings.Contains(list[0].Withheld, c.because) {
				t.Fatalf("%+v, want one escalation withheld for %q", list, c.because)
			}
			if acks := notices(t, d, kindAck); len(acks) != 0 {
				t.Errorf("owes %v", acks)
			}
			if alerts := notices(t, d, kindAlert); len(alerts) == 0 {
				t.Error("nobody is told")
			}
		})
	}
}

func TestBudgetIsKeptAcrossRestarts(t *testing.T) {
	db := testDB(t)
	for i := range 5 {
		d := testDesk(t, func(c *Config) { c.DB = db })
		receive(t, d, written("eve@northwind.example", fmt.Sprintf("Trouble %d", i), outage))
	}
	d := testDesk(t, func(c *Config) { c.DB = db })
	if acks := notices(t, d, kindAck); len(acks) != 3 {
		t.Errorf("%d acknowledgments owed for five new escalations, the budget is 3", len(acks))
	}
	if got := len(all(t, d)); got != 5 {
		t.Errorf("%d escalations, want 5", got)
	}
}

func TestBacklogIsRecordedQuietly(t *testing.T) {
	d := testDesk(t, nil)
	old := mailbox.Raw{Location: nextLocation(), Received: time.Now().Add(-48 * time.Hour), Bytes: written("eve@northwind.example", "Old", outage)}
	if _, err := d.Fates(t.Context(), []mailbox.Location{old.Location}); err != nil {
		t.Fatal(err)
	}
	receiveRaw(t, d, old)
	if e := all(t, d); len(e) != 1 || e[0].Withheld != inBacklog {
		t.Fatalf("%+v, want it recorded and not acknowledged", e)
	}
	if n := notices(t, d, kindOperator); len(n) != 1 || len(notices(t, d, kindAlert)) != 0 {
		t.Errorf("notices %v, want one to the operators about all of it", n)
	}
}

func TestBareAcknowledgment(t *testing.T) {
	d := testDesk(t, func(c *Config) { c.Settings.Trust.AuthservID = "mx.acme.example" })
	receive(t, d, written("eve@northwind.example", "Down", outage))
	if n := notices(t, d, kindAck); len(n) != 1 || n[0].Template != "ack-bare" {
		t.Errorf("%+v, want the bare form for a mail nobody vouches for", n)
	}
}

func TestBounce(t *testing.T) {
	d := testDesk(t, nil)
	receive(t, d, written("eve@northwind.example", "Registration down", outage))
	id := all(t, d)[0].ID
	dsn := func(to, recipient string) []byte {
		return []byte(strings.ReplaceAll(`From: MAILER-DAEMON@northwind.example
To: `+to+`
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

It could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.northwind.example

Final-Recipient: rfc822; `+recipient+`
Action: failed
Status: 5.1.1

--b--
`, "\n", "\r\n"))
	}
	s := d.Settings()
	receive(t, d, dsn(s.Address, "eve@northwind.example"))
	receive(t, d, dsn(strings.Replace(s.Address, "@", "+b-"+strings.ToLower(id[4:])+"-aaaaaaaaaaaaaaaaaaaa@", 1), "eve@northwind.example"))
	if e := all(t, d)[0]; len(e.Undeliverable) != 0 {
		t.Fatal("a report without our token silenced a contact")
	}
	receive(t, d, dsn(s.BounceAddress(id, "eve@northwind.example"), "eve@northwind.example"))
	if e := all(t, d); len(e) != 1 || !slices.Equal(e[0].Undeliverable, []string{"eve@northwind.example"}) {
		t.Fatalf("%+v, want Eve undeliverable and nothing opened", e)
	}
	told := slices.DeleteFunc(notices(t, d, kindOperator), func(n Notice) bool { return n.Template != "undeliverable" })
	if want := []string{"mia@acme.example", all(t, d)[0].Owner}; !slices.Equal(addressees(told), want) {
		t.Errorf("told %v, want %v", addressees(told), want)
	}
}

func TestPanicGoesToQuarantine(t *testing.T) {
	d := testDesk(t, func(c *Config) {
		c.Classify = func(m *mailbox.Message, dir *classify.Directory) classify.Verdict {
			if strings.Contains(m.Subject, "poison") {
				panic("no")
			}
			return classify.Read(m, dir)
		}
	})
	poison := mailbox.Raw{Location: nextLocation(), Received: time.Now(), Bytes: written("a@x.example", "poison", "x")}
	good := mailbox.Raw{Location: nextLocation(), Received: time.Now(), Bytes: written("eve@northwind.example", "Down", outage)}
	fates := receiveRaw(t, d, poison, good)
	if want := []mailbox.Fate{mailbox.Leave, mailbox.Archive}; !slices.Equal(fates, want) {
		t.Fatalf("fates %v, want %v: the good mail is not held up", fates, want)
	}
	receiveRaw(t, d, poison)
	fates = receiveRaw(t, d, poison)
	if fates[0] != mailbox.Quarantine {
		t.Fatalf("after three failures: %v, want quarantine", fates[0])
	}
	if n := notices(t, d, kindOperator); len(n) != 1 || !strings.Contains(strings.Join(n[0].Lines, " "), "panic: no") {
		t.Errorf("%+v, want one mail to the operators with the reason", n)
	}
	again, err := d.Fates(t.Context(), []mailbox.Location{poison.Location})
	if err != nil || again[0] != mailbox.Quarantine {
		t.Errorf("a later pass says %v, %v", again, err)
	}
}

// TestKilledWhileReading is a mail that ends the program each time: it is tried
// alone, then given up.
func TestKilledWhileReading(t *testing.T) {
	db := testDB(t)
	batch := []mailbox.Raw{
		{Location: nextLocation(), Bytes: written("eve@northwind.example", "Down", outage)},
		{Location: nextLocation(), Bytes: written("a@x.example", "kills", "x")},
	}
	kills := batch[1].Location
	for run := range 5 {
		d := testDesk(t, func(c *Config) { c.DB = db })
		fates, err := d.Fates(t.Context(), []mailbox.Location{batch[0].Location, kills})
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case run == 0 && fates[1] != mailbox.Fetch, run > 0 && run < 4 && fates[1] != mailbox.FetchAlone, run == 4 && fates[1] != mailbox.Quarantine:
			t.Fatalf("run %d: fate %v", run, fates[1])
		}
		if run == 0 {
			err = d.attempt(t.Context(), batch) // and the program ends
		} else if run < 4 {
			err = d.attempt(t.Context(), batch[1:])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestFullDiskLeavesMailWhereItIs(t *testing.T) {
	db := testDB(t)
	full := &fullDB{DB: db}
	d := testDesk(t, func(c *Config) { c.DB = full })
	full.full = true
	mail := mailbox.Raw{Location: nextLocation(), Bytes: written("eve@northwind.example", "Down", outage)}
	if _, err := d.Receive(t.Context(), []mailbox.Raw{mail}); !errors.Is(err, store.ErrFull) {
		t.Fatalf("error %v, want ErrFull", err)
	}
	full.full = false
	receiveRaw(t, d, mail)
	if e := all(t, d); len(e) != 1 {
		t.Errorf("%d escalations once there is space again", len(e))
	}
}

// fullDB refuses writes while full.
type fullDB struct {
	store.DB
	full bool
}

func (f *fullDB) Update(ctx context.Context, write func(store.Txn) error) error {
	if f.full {
		return store.ErrFull
	}
	return f.DB.Update(ctx, write)
}

// want asks for all that is due at an instant.
func want(now time.Time) Want {
	return Want{Limit: 100, Acks: now, Rest: now, Skip: func(string) bool { return false }}
}

func TestUncertainMailIsToldInOneBundle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := testDesk(t, nil)
		for i := range 3 {
			receive(t, d, written("monitor@northwind.example", fmt.Sprintf("Alarm %d", i), "cpu", "Auto-Submitted: auto-generated"))
		}
		told := notices(t, d, kindOperator)
		if len(told) != 1 || len(all(t, d)) != 0 {
			t.Fatalf("%d notices and %d escalations, want one bundle", len(told), len(all(t, d)))
		}
		jobs, next, err := d.Jobs(t.Context(), want(time.Now()))
		if err != nil || len(jobs) != 0 || time.Until(next) > bundle {
			t.Fatalf("%d jobs, next %v, %v: want it within %v", len(jobs), next, err, bundle)
		}
		jobs, _, err = d.Jobs(t.Context(), want(next))
		if err != nil || len(jobs) != 1 || len(jobs[0].Asides) != 3 {
			t.Errorf("the bundle lists %+v, %v", jobs, err)
		}
	})
}

func TestLateAcknowledgmentIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := testDesk(t, nil)
		receive(t, d, written("eve@northwind.example", "Down", outage))
		next, err := d.Tick(t.Context(), time.Now())
		if err != nil || time.Until(next) != 15*time.Minute {
			t.Fatalf("next due in %v (%v), want the 15 minutes of the acknowledgment", time.Until(next), err)
		}
		time.Sleep(15 * time.Minute)
		for range 2 { // told once
			if _, err := d.Tick(t.Context(), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		missed := notices(t, d, kindMissed)
		if want := []string{all(t, d)[0].Owner, "mia@acme.example"}; len(missed) != 2 || !slices.Equal(sorted(addressees(missed)), sorted(want)) {
			t.Errorf("told %v, want %v", addressees(missed), want)
		}
	})
}

func sorted(s []string) []string { slices.Sort(s); return s }

func TestRoundRobinSkipsTheAbsent(t *testing.T) {
	d := testDesk(t, func(c *Config) {
		c.Settings.Directory.People[1].Absent = []classify.Absence{{From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)}}
	})
	var owners []string
	for i := range 4 {
		receive(t, d, written(fmt.Sprintf("a@customer%d.example", i), "Down", outage))
	}
	for _, e := range all(t, d) {
		owners = append(owners, e.Owner)
	}
	want := []string{"jonas.weir@acme.example", "jonas.weir@acme.example", "mira.castellan@acme.example", "mira.castellan@acme.example"}
	if !slices.Equal(sorted(owners), want) {
		t.Errorf("owners %v, want two each of the two who are there", owners)
	}
}

func TestEventsRebuildTheState(t *testing.T) {
	d := testDesk(t, nil)
	receive(t, d, written("eve@northwind.example", "Registration down", outage))
	id := all(t, d)[0].ID
	receive(t, d, written("eve@northwind.example", "Re: Registration down ["+id+"]", "More"))
	want := all(t, d)[0]
	r, err := Show(t.Context(), d.db, id)
	if err != nil {
		t.Fatal(err)
	}
	folded := Escalation{ID: id}
	for _, ev := range r.Events {
		if err := folded.apply(&ev); err != nil {
			t.Fatal(err)
		}
	}
	folded.Due = want.Due // an index, not a fact
	if fmt.Sprintf("%+v", folded) != fmt.Sprintf("%+v", want) {
		t.Errorf("events fold to\n%+v\nbut the state is\n%+v", folded, want)
	}
	if err := new(Escalation).apply(&Event{Type: EventNote}); err == nil {
		t.Error("an event before the opening was taken")
	}
}

func TestOursOpenNothing(t *testing.T) {
	d := testDesk(t, nil)
	for i := range 12 {
		receive(t, d, written("jonas.weir@acme.example", fmt.Sprintf("Question %d", i), "Is anybody there?"))
	}
	if got := all(t, d); len(got) != 0 {
		t.Errorf("%d escalations of mails of ours", len(got))
	}
	told := notices(t, d, kindOperator)
	if len(told) != receipts.Count || !slices.Contains(addressees(told), "jonas.weir@acme.example") {
		t.Errorf("%d answers to %v, want %d to Jonas: no loop with a silent robot", len(told), addressees(told), receipts.Count)
	}
}

func TestForwardOpensForTheCustomer(t *testing.T) {
	d := testDesk(t, nil)
	receive(t, d, written("lidia.moretti@acme.example", "Fwd: Registration down", `Please take this one.

---------- Forwarded message ---------
From: Eve Adams <eve@northwind.example>
Date: Mon, Nov 23, 2026 at 9:58 AM
Subject: Registration down
To: Lidia Moretti <lidia.moretti@acme.example>

Since 08:40 none of our clinics can register patients. We have no workaround.`))
	list := all(t, d)
	if len(list) != 1 || list[0].Customer.Address != "eve@northwind.example" {
		t.Fatalf("%+v, want one escalation of Eve's", list)
	}
	if len(list[0].Thread) != 0 {
		t.Errorf("the customer's thread names %v, a Message-ID of ours that they never saw", list[0].Thread)
	}
	if acks := notices(t, d, kindAck); len(acks) != 1 || !slices.Equal(addressees(acks), []string{"eve@northwind.example"}) {
		t.Errorf("acknowledgments %+v, want one to Eve", acks)
	}
}

func TestTroubles(t *testing.T) {
	db := testDB(t)
	disk := Trouble{Key: "disk", Says: "The disk is full.", Do: "Free some space."}
	report := func(now time.Time, current ...Trouble) (begun, over int) {
		t.Helper()
		d := testDesk(t, func(c *Config) { c.DB = db }) // after a restart each time
		b, o, err := d.ReportTroubles(t.Context(), now, current)
		if err != nil {
			t.Fatal(err)
		}
		return len(b), len(o)
	}
	now := time.Now()
	for i, want := range [][2]int{{1, 0}, {0, 0}} {
		if begun, over := report(now.Add(time.Duration(i)*time.Minute), disk); begun != want[0] || over != want[1] {
			t.Errorf("report %d: %d begun and %d over, want %v", i, begun, over, want)
		}
	}
	if begun, over := report(now.Add(time.Hour)); begun != 0 || over != 1 {
		t.Errorf("gone: %d begun and %d over, want one over", begun, over)
	}
	if begun, _ := report(now.Add(2*time.Hour), disk); begun != 1 {
		t.Error("the same trouble on the same day is not told again")
	}
	d := testDesk(t, func(c *Config) { c.DB = db })
	if told := notices(t, d, kindOperator); len(told) != 3 {
		t.Errorf("%d mails, want begun, over, begun", len(told))
	}
}

func TestBrake(t *testing.T) {
	d := testDesk(t, nil)
	receive(t, d, written("eve@northwind.example", "Down", outage))
	if _, _, err := d.ReportTroubles(t.Context(), time.Now(), []Trouble{{Key: "brake", Says: "Paused."}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		brake *Brake
		want  []string
	}{
		{"on", &Brake{}, []string{kindOperator}},
		{"on, except acks", &Brake{ExceptAcks: true}, []string{kindAck, kindOperator}},
		{"off", nil, []string{kindAck, kindAlert, kindOperator}},
	} {
		if err := SetBrake(t.Context(), d.db, c.brake); err != nil {
			t.Fatal(err)
		}
		jobs, _, err := d.Jobs(t.Context(), want(time.Now()))
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, j := range jobs {
			kinds = append(kinds, j.Notice.Kind)
		}
		if kinds = slices.Compact(sorted(kinds)); !slices.Equal(kinds, c.want) {
			t.Errorf("%s: sends %v, want %v", c.name, kinds, c.want)
		}
	}
}
