package parse

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/auth"
)

const (
	eve  = "Eve Adams <eve@northwind.example>"
	down = "Since 08:40 nobody can check out."
)

// read is what is compared of a nasty mail.
type read struct{ From, Subject, Text, Defects string }

// nasty says what is read of each file; a file without an entry is an error.
// From and Subject are Eve's and "Checkout is down" where left out.
var nasty = map[string]read{
	"no-header":                        {From: "-", Subject: "-", Text: down + "\nPlease call us.", Defects: "malformed header"},
	"no-from":                          {From: "-", Text: down},
	"two-from-fields":                  {From: "Dana Ortiz <dana@acme.example>, " + eve, Text: "#severity 4"},
	"two-from-addresses":               {From: eve + ", Dana <dana@acme.example>", Text: down},
	"from-address-in-name":             {From: "dana@acme.example <eve@northwind.example>,  <dana@acme.example>", Text: "#severity 4"},
	"from-only-name":                   {From: "-", Text: down},
	"from-group-syntax":                {Text: down},
	"from-not-an-address":              {From: " <eve@northwind.example>", Text: down},
	"charset-unknown":                  {Text: "Die Kasse fällt seit 08:40 aus, 300 € weg.", Defects: `unknown charset "x-klingon-8"`},
	"charset-wrong-c1":                 {Text: "We lost 300 €, it’s down."},
	"charset-utf16-unlabelled":         {Text: "Since 08:40 nobody can check out. Käse."},
	"charset-broken-utf8":              {Text: "Die Käsekasse fällt aus."},
	"whole-mail-utf16":                 {Text: down, Defects: "the whole mail is UTF-16"},
	"encoding-unknown":                 {Text: down, Defects: `unknown transfer encoding "x-uuencode-ish"`},
	"base64-damaged":                   {Text: down + " Please call us.", Defects: "damaged base64"},
	"base64-is-plain-text":             {Text: "Since 08:40, nobody can check out!", Defects: "damaged base64"},
	"base64-with-footer":               {Text: down + "\n_______________________________________\nSent through the clinics@ list, ask its owner.", Defects: "damaged base64"},
	"quoted-printable-damaged":         {Text: "Käse =ZZ 5 = 5, nobody can check out"},
	"boundary-end-missing":             {Text: down, Defects: "end boundary missing"},
	"boundary-never-used":              {Text: down, Defects: "multipart without parts"},
	"boundary-not-named":               {Text: down, Defects: "boundary not named"},
	"boundary-none":                    {Text: down, Defects: "multipart without boundary"},
	"part-header-malformed":            {Text: "Since 08:40 nobody\n\ncan check out.", Defects: "malformed header"},
	"preamble-of-one-long-line":        {Text: down},
	"content-type-nonsense":            {Text: down},
	"encoded-words-with-crlf":          {Subject: "Checkout is down Bcc: eve@evil.example", Text: down},
	"encoded-words-cut-in-a-character": {Subject: "Käse-Kasse fällt aus", Text: down},
	"header-8bit":                      {From: "Zoë Ådams <eve@northwind.example>", Subject: "Käse-Kasse fällt aus", Text: down},
	"header-mbox-from-line":            {Text: down, Defects: "mbox From line"},
	"header-line-without-colon":        {Text: down, Defects: "malformed header"},
	"header-blank-line-missing":        {Text: down + "\nPlease call us.\n\nEve", Defects: "malformed header"},
	"header-after-blank-lines":         {Text: down, Defects: "blank lines above the header"},
	"header-folded-ids":                {Text: down},
	"header-ids-without-brackets":      {Text: down},
	"date-nonsense":                    {Text: down},
	"line-ends-lf":                     {Text: "Since 08:40 nobody\ncan check out."},
	"line-ends-cr":                     {Text: "Since 08:40 nobody\ncan check out.", Defects: "lines end with CR alone"},
	"html-only-hidden-preheader":       {Text: down + "\n\n* till 1\n* till 2\n\nSite | Gary"},
	"html-alternative-stub":            {Text: "Since 08:40 nobody can check out & the queue in front of the shop grows."},
	"flowed":                           {Text: down + "\n\nFrom here it is stuffed."},
	"attachment-name-with-path":        {Text: down},
	"attached-mail-in-attached-mail":   {Text: down},
	"report-malformed-status":          {Text: "Could not be delivered."},
}

func TestNasty(t *testing.T) {
	files, err := filepath.Glob("testdata/nasty/*.eml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no nasty mails: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".eml")
		if name == "empty" || name == "only-nuls" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			want, ok := nasty[name]
			if !ok {
				t.Fatal("no expectation")
			}
			m := open(t, name)
			if m.Size == 0 || m.Hash == [32]byte{} {
				t.Errorf("size %d, hash %x", m.Size, m.Hash)
			}
			if diff := cmp.Diff(want.complete(), reduce(m)); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
		})
	}
}

func (r read) complete() read {
	fill := func(s *string, common string) {
		switch *s {
		case "":
			*s = common
		case "-":
			*s = ""
		}
	}
	fill(&r.From, eve)
	fill(&r.Subject, "Checkout is down")
	return r
}

func reduce(m mailbox.Message) read {
	return read{From: list(m.From), Subject: m.Subject, Text: m.Text, Defects: strings.Join(m.Defects, "; ")}
}

func list(addresses []mailbox.Address) string {
	var s []string
	for _, a := range addresses {
		s = append(s, fmt.Sprintf("%s <%s>", a.Name, a.Address))
	}
	return strings.Join(s, ", ")
}

func open(t testing.TB, name string) mailbox.Message {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "nasty", name+".eml"))
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, raw)
}

func parse(t testing.TB, raw []byte) mailbox.Message {
	t.Helper()
	m, err := Mail(mailbox.Raw{Bytes: raw}, auth.Trust{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestNoMail(t *testing.T) {
	for _, name := range []string{"empty", "only-nuls"} {
		raw, err := os.ReadFile(filepath.Join("testdata", "nasty", name+".eml"))
		if err != nil {
			t.Fatal(err)
		}
		if m, err := Mail(mailbox.Raw{Bytes: raw}, auth.Trust{}); err == nil {
			t.Errorf("%s: read %+v, want an error", name, m)
		}
	}
}

// TestHuge reads mails made to exhaust a parser. A parser whose time is not
// linear in them does not come to the end of the test.
func TestHuge(t *testing.T) {
	head := "From: " + eve + "\r\nSubject: Checkout is down\r\n"
	mixed := head + "Content-Type: multipart/mixed; boundary=edge\r\n\r\n"
	plain := "Content-Type: text/plain\r\n\r\n"
	for name, test := range map[string]struct {
		raw  string
		want string // in the text
	}{
		"nested 10,000 deep":           {head + nest(10_000, plain+down), down},
		"mails in mails 10,000 deep":   {head + strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 10_000), ""},
		"1 MB of header fields":        {head + strings.Repeat("X-Filler: "+strings.Repeat("x", 90)+"\r\n", 10_000) + "\r\n" + down, down},
		"1 MB header field":            {"X-Filler: " + strings.Repeat("x", 1<<20) + "\r\n" + head + "\r\n" + down, down},
		"1 MB folded header field":     {"X-Filler: " + strings.Repeat("x\r\n ", 1<<18) + "\r\n" + head + "\r\n" + down, down},
		"1 MB of header junk":          {strings.Repeat("junk\r\n", 1<<17) + head + "\r\n" + down, down},
		"1 MB of addresses":            {"To: " + strings.Repeat("a@b.example, ", 80_000) + "c@d.example\r\n" + head + "\r\n" + down, down},
		"1 MB of comments in To":       {"To: " + strings.Repeat("(", 1<<20) + "\r\n" + head + "\r\n" + down, down},
		"1 MB of identifiers":          {"References: " + strings.Repeat("<a", 1<<19) + "\r\n" + head + "\r\n" + down, down},
		"1 MB of encoded words":        {"X: " + strings.Repeat("=?utf-8?Q?", 100_000) + "\r\n" + head + "\r\n" + down, down},
		"100,000 parts":                {mixed + strings.Repeat("--edge\r\n"+plain+down+"\r\n", 100_000), down},
		"100,000 empty lines of edge":  {mixed + strings.Repeat("--edge\r\n", 100_000), ""},
		"1 MB line of text":            {head + "\r\n" + strings.Repeat("x", 1<<20), "xxx"},
		"1 MB line of quotes":          {head + "\r\n" + down + "\n" + strings.Repeat(">", 1<<20), down},
		"300,000 quoted lines":         {head + "\r\n" + down + "\n" + strings.Repeat("> x\n", 300_000), down},
		"300,000 attribution lines":    {head + "\r\n" + down + "\n" + strings.Repeat("On 1 May 2026 at 10:00\n", 50_000), down},
		"1 MB of nested HTML":          {head + "Content-Type: text/html\r\n\r\n" + strings.Repeat("<blockquote><div>", 60_000) + down, down},
		"1 MB of unclosed HTML tags":   {head + "Content-Type: text/html\r\n\r\n" + down + strings.Repeat("<a <b ", 200_000), down},
		"1 MB of HTML end tags":        {head + "Content-Type: text/html\r\n\r\n" + down + strings.Repeat("<p></b>", 150_000), down},
		"1 MB line of base64":          {head + "Content-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat("eHh4", 1<<18), "xxx"},
		"1 MB of quoted-printable":     {head + "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + down + strings.Repeat("=", 1<<20), down},
		"report of 1 MB":               {head + "Content-Type: message/delivery-status\r\n\r\n" + strings.Repeat("A: b\r\n c\r\n", 100_000), ""},
		"1 MB of semicolons in a type": {head + "Content-Type: text/plain" + strings.Repeat(";a=b", 1<<18) + "\r\n\r\n" + down, down},
	} {
		t.Run(name, func(t *testing.T) {
			m := parse(t, []byte(test.raw))
			if len(m.From) != 1 || m.Subject != "Checkout is down" {
				t.Errorf("From %v, Subject %q", m.From, m.Subject)
			}
			if !strings.Contains(m.FullText, test.want) || len(m.FullText) > 4*maxText {
				t.Errorf("text of %d octets, without %q", len(m.Text), test.want)
			}
		})
	}
}

// nest puts a part into multiparts, one in the other.
func nest(levels int, part string) string {
	var b bytes.Buffer
	for i := range levels {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	b.WriteString(part + "\r\n")
	for i := levels - 1; i >= 0; i-- {
		fmt.Fprintf(&b, "--b%d--\r\n", i)
	}
	return b.String()
}

func TestIdentifiers(t *testing.T) {
	m := open(t, "header-folded-ids")
	if m.MessageID != "nasty@northwind.example" {
		t.Errorf("Message-ID %q", m.MessageID)
	}
	if diff := cmp.Diff([]string{"esc.1@acme.example"}, m.InReplyTo); diff != "" {
		t.Errorf("In-Reply-To (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"root@northwind.example", "esc.1@acme.example", "last@northwind.example"}, m.References); diff != "" {
		t.Errorf("References (-want +got):\n%s", diff)
	}
	m = open(t, "header-ids-without-brackets")
	if diff := cmp.Diff([]string{"root@northwind.example", "esc.1@acme.example"}, m.References); diff != "" || m.MessageID != "nasty@northwind.example" {
		t.Errorf("without brackets: %q, %s", m.MessageID, diff)
	}
	if ids := identifiers(strings.Repeat("<a@b>", 3), "<"+strings.Repeat("x", 2000)+"@y>"); len(ids) != 1 {
		t.Errorf("repeated and endless identifiers: %v", ids)
	}
}

func TestAttachments(t *testing.T) {
	m := open(t, "attachment-name-with-path")
	if diff := cmp.Diff([]mailbox.Attachment{{Name: "pass wd", Type: "text/plain", Size: 4}}, m.Attachments); diff != "" {
		t.Errorf("attachments (-want +got):\n%s", diff)
	}
	m = open(t, "boundary-end-missing")
	if diff := cmp.Diff([]mailbox.Attachment{{Name: "log.pdf", Type: "application/pdf", Size: 6}}, m.Attachments); diff != "" {
		t.Errorf("attachments (-want +got):\n%s", diff)
	}
}

func TestAttachedMailGoesOneLevelDeep(t *testing.T) {
	m := open(t, "attached-mail-in-attached-mail")
	if len(m.Attached) != 1 {
		t.Fatalf("attached: %+v", m.Attached)
	}
	a := m.Attached[0]
	if diff := cmp.Diff(read{From: " <bob@northwind.example>", Subject: "first", Text: "It began at 08:40."}, reduce(a)); diff != "" {
		t.Errorf("attached (-want +got):\n%s", diff)
	}
	if len(a.Attached) != 0 || len(a.Attachments) != 1 || a.Attachments[0].Type != "message/rfc822" {
		t.Errorf("deeper: %+v, %+v", a.Attached, a.Attachments)
	}
}

func TestReport(t *testing.T) {
	want := mailbox.Report{
		Type: "delivery-status",
		Status: []mailbox.Header{
			{{Name: "Reporting-MTA", Value: "dns; mx.example"}},
			{{Name: "Final-Recipient", Value: "rfc822; bob@northwind.example"}, {Name: "Action", Value: "failed"}, {Name: "Status", Value: "5.1.1"}},
		},
		Origin: mailbox.Header{{Name: "Message-Id", Value: "<esc.1@acme.example>"}, {Name: "Subject", Value: "Update"}},
	}
	if diff := cmp.Diff(want, open(t, "report-malformed-status").Report); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func TestGroupSyntax(t *testing.T) {
	m := open(t, "from-group-syntax")
	if got := list(m.To); got != " <escalations@acme.example>, Bob <bob@northwind.example>" || len(m.Cc) != 0 {
		t.Errorf("To %q, Cc %v", got, m.Cc)
	}
}

func TestCutMailSaysSo(t *testing.T) {
	raw := mailbox.Raw{Bytes: []byte("From: " + eve + "\r\n\r\n" + down), Size: 1 << 30, Received: time.Unix(1, 0)}
	m, err := Mail(raw, auth.Trust{})
	if err != nil || m.Size != raw.Size || !m.Received.Equal(raw.Received) {
		t.Fatalf("%+v, %v", m, err)
	}
	if len(m.Defects) != 1 || !strings.HasPrefix(m.Defects[0], "cut at ") {
		t.Errorf("defects %q", m.Defects)
	}
}
