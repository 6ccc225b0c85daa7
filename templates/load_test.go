package templates

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, files map[string]string) *Set {
	t.Helper()
	s, err := Load(folder(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func render(t *testing.T, s *Set, name, lang string, d Data) Mail {
	t.Helper()
	m, err := s.Render(name, lang, d)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestLoadReplaces(t *testing.T) {
	s := load(t, map[string]string{
		"ack.txt":       "Subject: Got it: {{.Case.Summary}}\n\nHowdy {{.Reader.First}}.\n- one\n- two\n",
		"ack-bare.html": "<!DOCTYPE html><title>x</title><p>whole page</p>",
		"alert.fr.txt":  "\ufeffSubject: Alerte\r\n\r\nBonjour {{.Case.Who}}.\r\n",
		"alert.html":    "<p>the page alone</p>",
		"README.md":     "passed over",
		".hidden.txt":   "passed over",
	})
	d := Sample()
	ack := render(t, s, "ack", "en-GB", d)
	if ack.Subject != "Got it: none of your 40 clinics can register patients [ESC-7Q4K2M]" || !strings.HasPrefix(ack.Text, "Howdy Eve.\n") {
		t.Errorf("text replaced: %q\n%s", ack.Subject, ack.Text)
	}
	// Without a page of its own, the page says what the text says.
	if !strings.Contains(ack.HTML, "Howdy Eve.") || !strings.Contains(ack.HTML, ">two</li>") || strings.Contains(ack.HTML, "owns this") {
		t.Errorf("page made of the text:\n%s", ack.HTML)
	}
	if m := render(t, s, "ack", "de", d); !strings.HasPrefix(m.Text, "Guten Tag") {
		t.Errorf("German is nearer than the replaced English: %s", m.Text)
	}
	if m := render(t, s, "ack-bare", "en", d); m.HTML != "<!DOCTYPE html><title>x</title><p>whole page</p>" || !strings.HasPrefix(m.Text, "Hello,") {
		t.Errorf("whole page: %q\n%s", m.HTML, m.Text)
	}
	if m := render(t, s, "alert", "fr-CA", d); m.Text != "Bonjour Northwind Hospitals.\n" || !strings.Contains(m.HTML, `lang="fr"`) {
		t.Errorf("further language: %q", m.Text)
	}
	if m := render(t, s, "alert", "nl", d); !strings.Contains(m.HTML, "<p>the page alone</p>") || !strings.Contains(m.HTML, "<!doctype html>") {
		t.Errorf("page within the layout:\n%s", m.HTML)
	}
}

func TestLoadReportsAllMistakes(t *testing.T) {
	_, err := Load(folder(t, map[string]string{
		"ack.txt":       "Subject: x\n\n{{if eq .Case.Severity 3}}{{.Case.Sumary}}{{end}}\n{{.Reader.Nickname}}\n",
		"ack.html":      "<p>\n{{.Case.Owner.Phon}}</p>",
		"alert.txt":     "Subjekt: x\n",
		"akc.txt":       "Subject: x\n",
		"security.txt":  "Subject: x\n\n{{.Case.ID}}\n",
		"operator.txt":  "Subject: x\n\n{{shout .Address}}\n",
		"missed.txt":    "Subject: x\n\n{{if .Case}}unclosed\n",
		"missed.html":   "<p>{{.Case.Owner.Summary}}</p>",
		"ack.fr.html":   "<p>Bonjour</p>",
		"ack-bare.txt":  "Subject: x\n\n{{with .Company}}{{end}}\n",
		"late-ack.txt":  "Subject: x\n\n{{range $i := 100000}}more and {{end}}more\n",
		"late-ack.html": "<a href='{{if .Case}}'x{{else}}>{{end}}",
	}))
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		"ack.txt:3: there is no field Sumary; did you mean Summary?",
		"ack.txt:4: there is no field Nickname",
		"ack.html:2: there is no field Phon; did you mean Phone?",
		`alert.txt:1: the first line must be "Subject: …"`,
		`akc.txt: there is no template "akc"; there are ack, `,
		"security.txt:3: Case is not there in every mail: write {{with .Case}}",
		"operator.txt:3: there is no function shout; besides",
		"missed.txt:4: unexpected EOF",
		"ack.fr.html: a mail needs a subject and a text: put them into ack.fr.txt",
		"ack-bare.txt: the text is empty for some mails",
		"late-ack.txt: the mail is longer than 100 KB",
		"late-ack.html:1: ",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing: %s", want)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
}

// A field of the wrong type shows only when the template is tried.
func TestLoadNamesTheType(t *testing.T) {
	_, err := Load(folder(t, map[string]string{"ack.txt": "Subject: x\n\n{{.Case.Owner.Summary}}\n"}))
	want := "ack.txt:3: there is no field Summary in Contact; it has Name, First, Title, Email and Phone"
	if err == nil || err.Error() != want {
		t.Errorf("%v; want %s", err, want)
	}
}

func TestLoadFolder(t *testing.T) {
	if _, err := Load(""); err != nil {
		t.Errorf("no folder: %v", err)
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "open folder") {
		t.Errorf("missing folder: %v", err)
	}
	dir, outside := folder(t, nil), folder(t, map[string]string{"secret": "Subject: x\n\nsecret\n"})
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "ack.txt")); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "ack.txt: open") {
		t.Errorf("link out of the folder: %v", err)
	}
	if _, err := Load(folder(t, map[string]string{"ack.txt": "Subject: x\n" + strings.Repeat("x", maxFile)})); err == nil || !strings.Contains(err.Error(), "larger than 256 KB") {
		t.Errorf("large file: %v", err)
	}
}

// What passes the samples may still fail on a case: then the built-in wording goes out.
func TestRenderFallsBack(t *testing.T) {
	s := load(t, map[string]string{
		"ack.txt": "Subject: ours\n\nours\n{{if eq .Case.Tier \"gold\"}}{{index .Case.Asks 9}}{{end}}\n",
	})
	d := Sample()
	if m := render(t, s, "ack", "en", d); m.Text != "ours\n" || m.Fallback != nil {
		t.Errorf("%q, %v", m.Text, m.Fallback)
	}
	d.Case.Tier = "gold"
	m := render(t, s, "ack", "en", d)
	if want := render(t, Builtin(), "ack", "en", d); m.Text != want.Text || m.Subject != want.Subject || m.HTML != want.HTML {
		t.Errorf("not the built-in mail: %q", m.Text)
	}
	if m.Fallback == nil || !strings.Contains(m.Fallback.Error(), "ack.txt:4: ") {
		t.Errorf("fallback %v", m.Fallback)
	}
}

// A user's wording of the bare acknowledgment has nothing to leak.
func TestBareAcknowledgmentReplaced(t *testing.T) {
	s := load(t, map[string]string{"ack-bare.txt": "Subject: {{.Case.Summary}}!\n\nHi {{.Reader.First}}{{.Case.Owner.Phone}}.\n"})
	if m := render(t, s, "ack-bare", "en", Sample()); m.Text != "Hi .\n" || m.Subject != "! [ESC-7Q4K2M]" {
		t.Errorf("%q %q", m.Subject, m.Text)
	}
}

func TestRenderErrors(t *testing.T) {
	if _, err := Builtin().Render("digest", "en", Sample()); err == nil || !strings.Contains(err.Error(), `no template "digest"`) {
		t.Errorf("not built: %v", err)
	}
	if _, err := Builtin().Render("ack", "en", Data{}); err == nil || !strings.Contains(err.Error(), "render ack") {
		t.Errorf("without a case: %v", err)
	}
}

func TestNearest(t *testing.T) {
	for lang, want := range map[string]string{
		"de-AT": "de-at de en", "zh_Hant_TW": "zh-hant-tw zh-hant zh en", "": "en", "de": "de en",
	} {
		var got []string
		for l := range nearest(lang) {
			got = append(got, l)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", lang, got, want)
		}
	}
}

func TestOneSlip(t *testing.T) {
	for _, near := range [][2]string{{"Sumary", "Summary"}, {"Summary", "Sumary"}, {"Phpne", "Phone"}, {"Phon", "Phone"}, {"phone", "Phone"}} {
		if !oneSlip(near[0], near[1]) {
			t.Errorf("%q is near %q", near[0], near[1])
		}
	}
	for _, far := range [][2]string{{"Owner", "Email"}, {"ID", "I"}, {"Case", "Cause9"}, {"Name", "Nmae"}} {
		if oneSlip(far[0], far[1]) {
			t.Errorf("%q is not near %q", far[0], far[1])
		}
	}
}
