package outbound

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/templates"
	"github.com/id8labs/escalated/threads"
	"github.com/id8labs/escalated/threads/store"
)

// The header of every mail is made of these fields and no others.
var (
	always   = []string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Reply-To", "Subject", "To", "X-Auto-Response-Suppress", "X-Escalated-Notice"}
	threaded = []string{"In-Reply-To", "References"}
	oneCase  = []string{"X-Escalated-Id"}
)

func fieldsOf(groups ...[]string) []string {
	return slices.Sorted(slices.Values(slices.Concat(groups...)))
}

func TestHeaderOfCustomerMail(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.start()
		o.arrive(vouched("2", "Orders fail", "References: <0@northwind.example>", "In-Reply-To: <0@northwind.example>"))
		m := o.the(to(o.mails(), eve))
		id := o.record().ID
		settings := o.desk.Settings()
		h := wellFormed(t, m.Bytes)
		if diff := cmp.Diff(fieldsOf(always, threaded, oneCase), names(h)); diff != "" {
			t.Errorf("fields (-want +got):\n%s", diff)
		}
		want := map[string]string{
			"From": `"Acme" <` + us + ">", "To": `"Eve Adams" <` + eve + ">",
			"Reply-To":       "<" + settings.ReplyAddress(id, "") + ">",
			"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "DR, RN, NRN, OOF, AutoReply",
			"X-Escalated-Id": id, "X-Escalated-Notice": "ack",
			"In-Reply-To": "<2@northwind.example>", "References": "<2@northwind.example>",
			"Date": m.at.UTC().Format(time.RFC1123Z), "Subject": "[URGENT] We're on it - Orders fail [" + id + "]",
		}
		for name, value := range want {
			if got := h.Get(name); got != value && !(name == "References" && strings.HasSuffix(got, value)) {
				t.Errorf("%s is %q, want %q", name, got, value)
			}
		}
		if !strings.HasSuffix(h.Get("Message-Id"), "@acme.example>") {
			t.Errorf("Message-ID is %q, want one under our domain", h.Get("Message-Id"))
		}
		if m.From != settings.BounceAddress(id, eve) {
			t.Errorf("envelope sender is %q, want the bounce address", m.From)
		}
		if diff := cmp.Diff([]string{"text/plain", "text/html"}, parts(t, m.Bytes)); diff != "" {
			t.Errorf("parts (-want +got):\n%s", diff)
		}
	})
}

// TestHeaderOfInternalMail: our people's mails are a conversation of their own
// with each person, which never names a customer's Message-ID.
func TestHeaderOfInternalMail(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.start()
		o.set(refuse(eve))
		o.arrive(vouched("2", "Orders fail", "References: <0@northwind.example>"))
		time.Sleep(time.Minute)
		got := o.mails()
		id, settings := o.record().ID, o.desk.Settings()
		for _, person := range []string{dana, mia} {
			mails := to(got, person)
			if len(mails) != 2 || mails[0].kind() != "alert" || mails[1].kind() != "operator" {
				t.Fatalf("want an alert, then word of the refusal:%s", summary(mails))
			}
			alert, told := wellFormed(t, mails[0].Bytes), wellFormed(t, mails[1].Bytes)
			if diff := cmp.Diff(fieldsOf(always, oneCase), names(alert)); diff != "" {
				t.Errorf("fields of the first mail (-want +got):\n%s", diff)
			}
			root := "<" + settings.ThreadRoot(id, person) + ">"
			if alert.Get("Message-Id") != root || told.Get("In-Reply-To") != root || told.Get("References") != root {
				t.Errorf("%s: the root %s has Message-ID %s, the next mail answers %s with References %s", person, root, alert.Get("Message-Id"), told.Get("In-Reply-To"), told.Get("References"))
			}
			for _, m := range mails {
				h := header(m.Bytes)
				if want := "<" + settings.ReplyAddress(id, person) + ">"; h.Get("Reply-To") != want || h.Get("Auto-Submitted") != "auto-generated" {
					t.Errorf("Reply-To %s, want %s; Auto-Submitted %s", h.Get("Reply-To"), want, h.Get("Auto-Submitted"))
				}
				if fields, _, _ := bytes.Cut(m.Bytes, []byte("\r\n\r\n")); bytes.Contains(fields, []byte("@northwind.example>")) {
					t.Errorf("the header names a customer's Message-ID:\n%s", fields)
				}
				if len(m.To) != 1 {
					t.Errorf("the token of %s went to %s", person, m.To)
				}
			}
		}
	})
}

// TestNamesOfAllKinds: no name keeps a mail from being written, and each is
// read back as it was.
func TestNamesOfAllKinds(t *testing.T) {
	for _, name := range []string{
		"", "Eve", `Eve "the boss" Adams`, `back\slash\`, `"`, "Adams, Eve (IT) <eve@other.example>", "Ève Ådams", "山田太郎",
		"a\r\nBcc: x@evil.example", `x" <x@evil.example>, "y`, "=?utf-8?q?Bcc:_x?=", "@", ";", strings.Repeat("long ", 60),
	} {
		t.Run(name, func(t *testing.T) {
			c := composer()
			c.Company = name
			raw := compose(t, c, customerJob(func(j *threads.Job) { j.Notice.To[0].Name = name }))
			h := wellFormed(t, raw)
			for field, address := range map[string]string{"To": eve, "From": us} {
				list, err := h.AddressList(field)
				if err != nil || len(list) != 1 || list[0].Address != address {
					t.Fatalf("%s is %q (%v), want just %s", field, h.Get(field), err, address)
				}
				want := strings.ReplaceAll(strings.Join(strings.Fields(name), " "), `\`, "/")
				if len(want) > 200 {
					want = want[:maxName-1] + "…"
				}
				if list[0].Name != want {
					t.Errorf("the name in %s is %q, want %q", field, list[0].Name, want)
				}
			}
		})
	}
}

// TestHostileMail lets a mail try to write into the header of what it causes.
func TestHostileMail(t *testing.T) {
	hostile := map[string]string{
		"encoded line breaks": "From: =?utf-8?q?Eve=0D=0ABcc:_x=40evil.example?= <" + eve + ">\nSubject: =?utf-8?q?a=0D=0ABcc:_x=40evil.example=0D=0A=0D=0Abody?=\nMessage-ID: <a@northwind.example>",
		"header-like text":    "From: \"Bcc: x@evil.example\" <" + eve + ">\nSubject: Content-Type: text/html; boundary=x\nMessage-ID: <a@northwind.example>",
		"template syntax":     "From: \"{{.Case.Owner}}\" <" + eve + ">\nSubject: {{template \"now\"}}{{.Address}} ${HOME} %s%n\nMessage-ID: <{{.ID}}@northwind.example>",
		"markup":              "From: \"<script>x</script>\" <" + eve + ">\nSubject: <img src=x onerror=alert(1)> <a href=\"http://evil.example\">x</a>\nMessage-ID: <a@northwind.example>",
		"bidi and invisible":  "From: \"Eve \u202eslaw\u202c\u200b\" <" + eve + ">\nSubject: invoice\u202efdp.exe \u2066x\u2069 \u0000 \ufeff\nMessage-ID: <a\u202e@northwind.example>",
		"odd identifiers":     "From: Eve <" + eve + ">\nSubject: x\nMessage-ID: <a b\tc@x y>\nReferences: <" + strings.Repeat("r", 2000) + "@x> <ü@x> <> << >> <a<b>c@x>\nIn-Reply-To: =?utf-8?q?=3Ca=0D=0ABcc:_x?=",
		"our own tags":        "From: Eve <" + eve + ">\nSubject: [ESC-AAAAAA] [URGENT] Re: [ESC-BBBBBB] x\nMessage-ID: <a@northwind.example>\nX-Escalated-Notice: ack\nX-Escalated-ID: ESC-AAAAAA",
		"long":                "From: " + strings.Repeat("Eve ", 600) + "<" + eve + ">\nSubject: " + strings.Repeat("x", 20000) + "\nMessage-ID: <" + strings.Repeat("i", 5000) + "@northwind.example>",
	}
	for name, fields := range hostile {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, o *office) {
				o.start()
				o.arrive("Authentication-Results: mx.acme.example; dmarc=pass header.from=northwind.example\nTo: " + us + "\n" + fields + "\n\n" + fields + "\n")
				got := o.mails()
				if len(got) != 3 {
					t.Fatalf("want an acknowledgment and two alerts:%s", summary(got))
				}
				id := o.record().ID
				for _, m := range got {
					h := wellFormed(t, m.Bytes)
					known := fieldsOf(always, threaded, oneCase)
					for _, name := range names(h) {
						if !slices.Contains(known, name) {
							t.Errorf("%s has the foreign field %s: %q", m.kind(), name, h[name])
						}
					}
					if subject := decoded(t, h.Get("Subject")); strings.Count(subject, "[ESC-") != 1 || !strings.HasSuffix(subject, "["+id+"]") {
						t.Errorf("the subject of the %s is %q, want it to end with our one tag", m.kind(), subject)
					}
				}
			})
		})
	}
}

// TestHeaderLaw: whatever a customer writes, the mail is well-formed and its
// header has our fields only.
func TestHeaderLaw(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"\r\nBcc: x@evil.example", "\n\n", "a\rb", `"`, `\`, "<a@b>", "{{.}}", "=?utf-8?q?=0D=0A?=", "\u202e", "<>"}))
	rapid.Check(t, func(rt *rapid.T) {
		c := composer()
		raw, err := c.Compose(customerJob(func(j *threads.Job) {
			e := j.Escalation
			e.Summary, e.Subject, e.Customer.FirstName = text.Draw(rt, "summary"), text.Draw(rt, "subject"), text.Draw(rt, "first name")
			e.Thread = rapid.SliceOfN(text, 0, 30).Draw(rt, "thread")
			j.Letter.MessageID, j.Letter.Text = text.Draw(rt, "message-id"), text.Draw(rt, "text")
			j.Notice.To[0].Name = text.Draw(rt, "name")
			c.Stable = rapid.Bool().Draw(rt, "stable")
		}), time.Unix(1e9, 0))
		if err != nil {
			rt.Fatalf("not composed: %v", err)
		}
		h := wellFormed(rt, raw.Mail)
		known := fieldsOf(always, threaded, oneCase)
		for _, name := range names(h) {
			if !slices.Contains(known, name) || len(h[name]) != 1 {
				rt.Errorf("field %s: %q", name, h[name])
			}
		}
		if list, err := h.AddressList("To"); err != nil || len(list) != 1 || list[0].Address != eve {
			rt.Errorf("To is %q (%v)", h.Get("To"), err)
		}
		for id := range strings.FieldsSeq(h.Get("References") + " " + h.Get("In-Reply-To")) {
			if unprintable(strings.Trim(id, "<>")) {
				rt.Errorf("%q is no identifier", id)
			}
		}
	})
}

// TestShadowMode: with redirect_to nobody else gets or sees anything.
func TestShadowMode(t *testing.T) {
	const shadow = "shadow@acme.test"
	inBubble(t, func(t *testing.T, o *office) {
		o.composer.Redirect = shadow
		o.start()
		o.arrive(vouched("1", "Orders fail", "Cc: Adam <"+adam+">"))
		got := o.mails()
		whom := map[string]int{}
		for _, m := range got {
			h := wellFormed(t, m.Bytes)
			if diff := cmp.Diff([]string{shadow}, m.To); diff != "" {
				t.Errorf("recipients (-want +got):\n%s", diff)
			}
			list, err := h.AddressList("To")
			if err != nil || len(list) != 1 || list[0].Address != shadow || h.Get("Cc") != "" {
				t.Errorf("To is %q (%v)", h.Get("To"), err)
			}
			for meant := range strings.SplitSeq(h.Get("X-Escalated-Redirected-From"), ", ") {
				whom[meant]++
				if !strings.Contains(decoded(t, h.Get("Subject")), meant) {
					t.Errorf("subject %q does not say that it was for %s", h.Get("Subject"), meant)
				}
			}
		}
		for _, person := range []string{eve, adam, dana, mia} {
			if whom[person] == 0 {
				t.Errorf("nothing says that it was for %s", person)
			}
		}
	})
}

// TestFailingTemplate: a template of the user's that fails on a mail holds
// nothing up, and the operators are told once a day.
func TestFailingTemplate(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.composer.Templates = customTemplates(t, "ack.txt", "Subject: Ours\n{{if eq .Case.Summary \"Orders fail\"}}{{index .Case.Notes 9}}{{end}}Our own words\n")
		var failed []string
		o.open()
		desk := o.desk
		o.composer.Fallback = func(template string, err error) {
			failed = append(failed, template)
			if err := desk.Tell(t.Context(), "template/"+template, "A template failed", err.Error()); err != nil {
				t.Error(err)
			}
		}
		o.start()
		o.arrive(vouched("1", "Orders fail"))
		got := o.mails()
		if text := string(o.the(to(got, eve)).Bytes); !strings.Contains(text, "Dana Ortiz owns this from now on") {
			t.Errorf("not the built-in acknowledgment:\n%s", text)
		}
		if diff := cmp.Diff([]string{"ack"}, failed); diff != "" {
			t.Errorf("templates reported as failed (-want +got):\n%s", diff)
		}
		operator := slices.DeleteFunc(to(got, mia), func(m taken) bool { return m.kind() != "operator" })
		if text := string(o.the(operator).Bytes); !strings.Contains(text, "ack.txt") {
			t.Errorf("the operator is not told which file:\n%s", text)
		}
		o.arrive(vouched("2", "Nothing fails"))
		if text := string(o.the(to(o.mails(), eve)).Bytes); !strings.Contains(text, "Our own words") {
			t.Errorf("not the user's template where it works:\n%s", text)
		}
		o.composer.Reload(customTemplates(t, "ack.txt", "Subject: Ours\nOther words\n"))
		o.arrive(vouched("3", "Orders fail again"))
		if text := string(o.the(to(o.mails(), eve)).Bytes); !strings.Contains(text, "Other words") {
			t.Errorf("not the reloaded template:\n%s", text)
		}
	})
}

// TestLateAcknowledgment says so, and is recorded late.
func TestLateAcknowledgment(t *testing.T) {
	inBubble(t, func(t *testing.T, o *office) {
		o.refuse = func(string) bool { return true }
		o.start()
		o.arrive(vouched("1", "Orders fail"))
		time.Sleep(40 * time.Minute)
		o.allow()
		time.Sleep(time.Minute)
		got := o.mails()
		if text := string(o.the(to(got, eve)).Bytes); !strings.Contains(text, "This acknowledgment is 25 minutes late.") {
			t.Errorf("does not say that it is late, 15 minutes being in time:\n%s", text)
		}
		r := o.record()
		i := slices.IndexFunc(r.Events, func(e threads.Event) bool { return e.Type == threads.EventAcknowledged })
		if i < 0 || !strings.HasPrefix(r.Events[i].Late, "25m") {
			t.Errorf("not recorded as 25 minutes late: %+v", r.Events)
		}
		if r.PromisedUpdate == nil || !r.PromisedUpdate.After(*r.AcknowledgedAt) {
			t.Errorf("promises an update at %v, acknowledged at %v", r.PromisedUpdate, r.AcknowledgedAt)
		}
		for _, person := range []string{dana, mia} {
			if late := slices.DeleteFunc(to(got, person), func(m taken) bool { return m.kind() != "missed" }); len(late) != 1 {
				t.Errorf("%s was told %d times that it was late, want once", person, len(late))
			}
		}
	})
}

func TestUnknownTemplateIsAnError(t *testing.T) {
	_, err := composer().Compose(customerJob(func(j *threads.Job) { j.Notice.Template = "no such" }), time.Unix(0, 0))
	if err == nil || !strings.Contains(err.Error(), "no such") {
		t.Errorf("error %v, want one that names the template", err)
	}
}

// noDB holds nothing: a composer asks its desk for settings only.
type noDB struct{ store.DB }

func (noDB) View(context.Context, func(store.Reader) error) error { return nil }
func (noDB) Update(context.Context, func(store.Txn) error) error  { return nil }

// composer is one that needs no store.
func composer() *Composer {
	desk, err := threads.NewDesk(context.Background(), threads.Config{DB: noDB{}, Settings: testSettings()})
	if err != nil {
		panic(err)
	}
	return &Composer{Desk: desk, Templates: templates.Builtin(), Company: "Acme"}
}

// customerJob is an acknowledgment owed to Eve, changed as wanted.
func customerJob(change func(*threads.Job)) threads.Job {
	job := threads.Job{
		Notice: threads.Notice{
			Key: "esc-aaaaaa/ack/1", Escalation: "ESC-AAAAAA", Kind: "ack", Template: "ack", Customer: true, Letter: 1,
			To: []threads.Delivery{{Address: mailbox.Address{Name: "Eve", Address: eve}}}, MessageID: "aaaaaa-t.1@acme.example",
		},
		Escalation: &threads.Escalation{ID: "ESC-AAAAAA", Severity: 2, Type: "technical", Summary: "Orders fail", Owner: dana, OpenedAt: time.Unix(1e9, 0)},
		Letter:     &threads.Letter{MessageID: "1@northwind.example"},
	}
	job.Escalation.Customer.Address = eve
	change(&job)
	return job
}

func compose(t *testing.T, c *Composer, job threads.Job) []byte {
	t.Helper()
	a, err := c.Compose(job, time.Unix(1e9, 0))
	if err != nil {
		t.Fatal(err)
	}
	return a.Mail
}

type tester interface {
	Helper()
	Errorf(string, ...any)
	Fatalf(string, ...any)
}

// wellFormed checks what every mail must be on the wire, and returns its header.
func wellFormed(t tester, raw []byte) mail.Header {
	t.Helper()
	for line := range bytes.Lines(raw) {
		text, ok := bytes.CutSuffix(line, []byte("\r\n"))
		if !ok || bytes.ContainsAny(text, "\r\n\x00") {
			t.Errorf("line does not end in just CRLF: %q", line)
		}
		if len(text) > 998 {
			t.Errorf("line of %d bytes, RFC 5322 §2.1.1 allows 998: %.80q…", len(text), text)
		}
		if bytes.ContainsFunc(text, func(r rune) bool { return r > '~' || r < ' ' && r != '\t' }) {
			t.Errorf("line is not printable ASCII: %q", text)
		}
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("net/mail cannot read it: %v\n%s", err, raw)
	}
	if _, err := m.Header.Date(); err != nil {
		t.Errorf("Date: %v", err)
	}
	return m.Header
}

func names(h mail.Header) []string { return slices.Sorted(maps.Keys(h)) }

func decoded(t *testing.T, value string) string {
	t.Helper()
	text, err := new(mime.WordDecoder).DecodeHeader(value)
	if err != nil {
		t.Errorf("%q: %v", value, err)
	}
	return text
}

// parts lists the types of a multipart/alternative in order.
func parts(t *testing.T, raw []byte) []string {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("Content-Type %q (%v)", m.Header.Get("Content-Type"), err)
	}
	var kinds []string
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return kinds
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		kinds = append(kinds, kind)
	}
}
