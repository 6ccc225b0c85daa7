package templates

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// A portrait is a kind of case that every template must word well.
type portrait struct {
	name, lang string
	data       Data
}

func portraits() []portrait {
	return []portrait{
		{"sev1", "en", Sample()},
		{"sparse", "en", sparse(&Case{ID: "ESC-MM20XA", Severity: 4})},
		{"progress", "en", onProgress()},
		{"late", "en", late()},
		{"german", "de-AT", inGerman()},
		{"hostile", "en", hostile(canary)},
	}
}

// onProgress is a SEV-4 that is heard of when there is something to hear.
func onProgress() Data {
	d := Sample()
	d.Reader.Owns = true
	c := d.Case
	c.Severity, c.Type, c.Summary = 4, "technical", "the logo on invoices is blurred"
	c.NextUpdate, c.Every = time.Time{}, 0
	c.FirstUpdate, c.Resolve = d.Now.Add(24*time.Hour), d.Now.Add(7*24*time.Hour)
	c.Understood, c.Engaged, c.Asks, c.Claims, c.Notes = []string{"Our logo is blurred on the invoices you print."}, nil, []string{"Which printer is it?"}, "", nil
	c.Words = "Hello,\nour logo is blurred on the invoices you print. No hurry.\nEve"
	return d
}

// late is a breach acknowledged hours late, without an owner yet.
func late() Data {
	d := Sample()
	d.Late, d.Reader.First = 3*time.Hour+10*time.Minute, ""
	d.Case.Severity, d.Case.Type, d.Case.Summary = 2, "security", "one user sees another's orders"
	d.Case.Owner, d.Case.Every, d.Case.Understood = Contact{}, 2*time.Hour, nil
	d.Case.Acknowledged, d.Waiting = d.Now, d.Late+15*time.Minute
	d.Case.NextUpdate = d.Now.Add(16 * time.Hour)
	return d
}

func inGerman() Data {
	d := Sample()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		berlin = time.UTC
	}
	d.Reader = Reader{Name: "Jürgen Weiß", First: "Jürgen", Zone: berlin, Place: "Berlin"}
	c := d.Case
	c.Severity, c.Summary, c.Employer = 3, "Lieferscheine werden doppelt gedruckt", "Süddeutsche Fracht"
	c.NextUpdate, c.Every = d.Now.Add(23*time.Hour), 24*time.Hour
	c.Understood = []string{"Seit Montag kommt jeder Lieferschein zweimal aus dem Drucker."}
	c.Engaged, c.Asks = []string{"die Druck-Entwicklung"}, []string{"Welche Filialen sind betroffen?"}
	c.Words = "Guten Tag,\nseit Montag kommt jeder Lieferschein zweimal aus dem Drucker.\nMit freundlichen Grüßen\nJürgen Weiß"
	return d
}

func TestGolden(t *testing.T) {
	set := Builtin()
	for _, name := range names() {
		for _, p := range portraits() {
			t.Run(name+"/"+p.name, func(t *testing.T) {
				m, err := set.Render(name, p.lang, p.data)
				if err != nil || m.Fallback != nil {
					t.Fatal(err, m.Fallback)
				}
				golden(t, name+"."+p.name+".txt", "Subject: "+m.Subject+"\n\n"+m.Text)
				golden(t, name+"."+p.name+".html", m.HTML)
			})
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestGoldenHasNoStrays(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*")
	if err != nil {
		t.Fatal(err)
	}
	if want := 2 * len(names()) * len(portraits()); len(files) != want {
		t.Errorf("%d golden files, want %d", len(files), want)
	}
}

// The bare acknowledgment is the same for everybody but for its id.
func TestBareAcknowledgmentSaysNothing(t *testing.T) {
	set := Builtin()
	for _, lang := range []string{"en", "de"} {
		plain, err := set.Render("ack-bare", lang, Data{Company: "Acme", Case: &Case{ID: "ESC-7Q4K2M"}})
		if err != nil {
			t.Fatal(err)
		}
		full := hostile(canary)
		full.Company, full.Case.ID, full.Late = "Acme", "ESC-7Q4K2M", time.Hour
		full.Late = 0 // ours to say
		echoed, err := set.Render("ack-bare", lang, full)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plain, echoed); diff != "" {
			t.Errorf("%s: the bare acknowledgment depends on the mail:\n%s", lang, diff)
		}
	}
}

// Who sent a mail that was too long to be read whole is told, also in the bare
// acknowledgment, and so is the owner.
func TestCutMailIsToldOf(t *testing.T) {
	d := Sample()
	d.Cut = true
	for _, test := range []struct{ name, lang, says string }{
		{"ack", "en", "too long to be read whole"}, {"ack", "de", "zu lang, um ganz gelesen zu werden"},
		{"ack-bare", "en", "too long to be read whole"}, {"ack-bare", "de", "zu lang, um ganz gelesen zu werden"},
		{"wrote", "en", "too long to be read whole"},
	} {
		m, err := Builtin().Render(test.name, test.lang, d)
		if err != nil || m.Fallback != nil {
			t.Fatal(err, m.Fallback)
		}
		for _, part := range []string{m.Text, m.HTML} {
			if !strings.Contains(strings.Join(strings.Fields(part), " "), test.says) {
				t.Errorf("%s in %s does not say %q:\n%s", test.name, test.lang, test.says, part)
			}
		}
	}
}

func TestAcknowledgmentSubjects(t *testing.T) {
	set := Builtin()
	for severity, want := range []string{
		1: "[URGENT] We're on it - checkout is down [ESC-7Q4K2M]",
		2: "[URGENT] We're on it - checkout is down [ESC-7Q4K2M]",
		3: "We're on it - checkout is down [ESC-7Q4K2M]",
		4: "We're on it - checkout is down [ESC-7Q4K2M]",
	} {
		if want == "" {
			continue
		}
		m, err := set.Render("ack", "en", Data{Case: &Case{ID: "ESC-7Q4K2M", Summary: "checkout is down", Severity: severity}})
		if err != nil || m.Subject != want {
			t.Errorf("SEV-%d: %q, %v; want %q", severity, m.Subject, err, want)
		}
	}
}

func TestSubjectsKeptAsTheirs(t *testing.T) {
	d := Sample()
	d.Case.Re = "Re: [ESC-OTHER2] Checkout down\r\nBcc: x@evil.test"
	ack, err := Builtin().Render("ack", "en", d)
	if want := "Re: Checkout down Bcc: x@evil.test [ESC-7Q4K2M]"; err != nil || ack.Subject != want {
		t.Errorf("ack %q, %v; want %q", ack.Subject, err, want)
	}
	alert, err := Builtin().Render("alert", "en", d)
	if err != nil || !strings.HasPrefix(alert.Subject, "SEV-1 Northwind") {
		t.Errorf("alert %q, %v: internal mail keeps its own", alert.Subject, err)
	}
}

// Two cases in one mail: the subject carries no id, since a reply is about either.
func TestMissedBundle(t *testing.T) {
	d := Sample()
	second := *d.Case
	second.ID, second.Employer, second.Severity = "ESC-MM20XA", "Heartland Freight", 2
	d.Cases = []*Case{d.Case, &second, nil}
	m, err := Builtin().Render("missed", "en", d)
	if err != nil || m.Subject != "2 customers are waiting past their promised update" {
		t.Fatalf("subject %q, %v", m.Subject, err)
	}
	for _, want := range []string{"Northwind Hospitals", "Heartland Freight", "ESC-MM20XA", "ESC-7Q4K2M"} {
		if !strings.Contains(m.Text, want) || !strings.Contains(m.HTML, want) {
			t.Errorf("no %s in\n%s", want, m.Text)
		}
	}
}
