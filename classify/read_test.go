package classify

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/id8labs/escalated/mailbox"
)

func TestKinds(t *testing.T) {
	for _, test := range []struct {
		name, from, subject, text string
		origin                    mailbox.Origin
		want                      Kind
	}{
		{"bounce", "a@b.example", "Production down", "failed", mailbox.Origin{Kind: mailbox.KindBounce}, KindBounce},
		{"robot", "a@b.example", "Out of office", "URGENT: all is down", mailbox.Origin{Kind: mailbox.KindRobot}, KindAutoReply},
		{"list", "a@b.example", "Digest", "API down again?", mailbox.Origin{Kind: mailbox.KindBulk}, KindBulk},
		{"offer", "a@b.example", "Re: your team", "Following up on my last 3 emails! Are you the right person to talk to? Book a demo now.", mailbox.Origin{}, KindBulk},
		{"marked and selling", "a@b.example", "News", "To leave the list, unsubscribe here.", mailbox.Origin{NoReply: true}, KindBulk},
		{"marked, a person's", "a@b.example", "Portal down", "The portal is down for all of us.", mailbox.Origin{NoReply: true}, KindEscalation},
		{"one phrase of sellers", "a@b.example", "Unsubscribe fails", "The unsubscribe link in our mails fails.", mailbox.Origin{}, KindEscalation},
		{"thanks", "a@b.example", "Re: export", "Thank you so much, it works now!", mailbox.Origin{}, KindThanks},
		{"Danke", "a@b.example", "AW: Export", "Vielen Dank, läuft wieder!", mailbox.Origin{}, KindThanks},
		{"merci", "a@b.example", "Re: export", "Merci beaucoup, tout fonctionne.", mailbox.Origin{}, KindThanks},
		{"thanks for past trouble", "a@b.example", "Thanks", "Thanks to the night crew, production was down and you saved us. No answer needed.", mailbox.Origin{}, KindThanks},
		{"thanks, but", "a@b.example", "Re: export", "Thanks, but it still fails.", mailbox.Origin{}, KindEscalation},
		{"thanks in advance", "a@b.example", "Export", "Could you add a column? Thanks.", mailbox.Origin{}, KindEscalation},
		{"command", "lidia.moretti@acme.example", "Re: [ESC-7Q4K2M]", "#severity 2\nless bad", mailbox.Origin{}, KindCommand},
		{"spaced command", "lidia.moretti@acme.example", "Re: x", "hello\n# own", mailbox.Origin{}, KindCommand},
		{"a customer's command", "a@b.example", "x", "#severity 1", mailbox.Origin{}, KindEscalation},
		{"no command", "lidia.moretti@acme.example", "x", "#1 is down\n## two", mailbox.Origin{}, KindEscalation},
		{"nothing", "a@b.example", "", "", mailbox.Origin{}, KindEscalation},
	} {
		m := mailbox.Message{Subject: test.subject, Text: test.text, FullText: test.text, From: []mailbox.Address{{Address: test.from}}, Origin: test.origin}
		if v := Read(&m, testDirectory()); v.Kind != test.want {
			t.Errorf("%s: %s, want %s (%+v)", test.name, v.Kind, test.want, v.Evidence)
		}
	}
}

func TestDoubtIsSevereAndSaysSo(t *testing.T) {
	v := Read(&mailbox.Message{Subject: "Zyx", Text: "Qwe rty uio."}, testDirectory())
	want := []Evidence{{For: "severity 2", Because: "nothing in it tells how bad it is"}, {For: "type technical", Because: "most of it speaks of that"}}
	if diff := cmp.Diff(want, v.Evidence); v.Severity != 2 || diff != "" {
		t.Errorf("severity %d, evidence (-want +got):\n%s", v.Severity, diff)
	}
}

func TestEvidenceQuotesTheMail(t *testing.T) {
	m := mailbox.Message{Subject: "Portal", Text: "Good morning. Since nine the portal is down for everybody, and there is no workaround."}
	v := Read(&m, testDirectory())
	want := []Evidence{
		{"severity 1", "it is down for all, and there is no substitute", "Since nine the portal is down for everybody, and there is no workaround"},
		{"severity 1", "it is down for all, and there is no substitute", "Since nine the portal is down for everybody, and there is no workaround"},
		{"severity 1", "it is down for all, and there is no substitute", "Since nine the portal is down for everybody, and there is no workaround"},
	}
	if diff := cmp.Diff(want[:1], v.Evidence[:1]); v.Severity != 1 || diff != "" {
		t.Errorf("severity %d, evidence (-want +got):\n%s", v.Severity, diff)
	}
}

func TestLanguages(t *testing.T) {
	for text, want := range map[string]string{
		"the portal is down for all of us": "en",
		"":                                 "en",
		"xyz 123":                          "en",
		"das Portal ist seit heute nicht mehr erreichbar":         "de",
		"le portail est inaccessible depuis hier pour nous":       "fr",
		"el portal no funciona desde ayer para los clientes":      "es",
		"o portal está fora do ar desde ontem para os clientes":   "pt",
		"il portale non funziona da ieri per tutti i clienti":     "it",
		"het portaal is sinds gisteren niet meer te openen":       "nl",
		"本番環境が停止しています。Acme portal":                                "ja",
		"我们的系统无法访问，请尽快处理":                                         "zh",
		"Hello, the customer writes 停止 in the log, what is this?": "en",
	} {
		if got := detect(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// check holds what is promised of every verdict.
func check(t *testing.T, v Verdict) {
	t.Helper()
	if utf8.RuneCountInString(v.Summary) > longestSummary || strings.ContainsFunc(v.Summary, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
		t.Errorf("summary %q", v.Summary)
	}
	rated := v.Kind == KindEscalation || v.Kind == KindForward
	if rated != (v.Severity >= 1 && v.Severity <= 4) || rated != (v.Type != "") || !rated && len(v.Answers) > 0 {
		t.Errorf("%s with severity %d, type %q, answers %v", v.Kind, v.Severity, v.Type, v.Answers)
	}
	if !rated && v.Impact != (Impact{}) || (v.Kind == KindForward) != (v.Original != nil) || v.Impact.Users < 0 || v.Impact.Revenue.Amount < 0 {
		t.Errorf("%s with impact %+v, original %v", v.Kind, v.Impact, v.Original)
	}
	for _, e := range v.Evidence {
		if !utf8.ValidString(e.Text) || strings.Contains(e.Text, "\n") {
			t.Errorf("evidence %q", e.Text)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("URGENT!!!", "All 212 drivers can't work since 4:55, $40,000 an hour. No workaround.", "Krueger, Dale", "dale@freight.example")
	f.Add("Fwd: x", "---------- Forwarded message ---------\nFrom: Ann <ann@firm.example>\nSubject: y\n\nIt isn't down.", "Joel", "joel@acme.example")
	f.Add("", "n't 't can't '\u2019 28 000 € 1.2.3 # 5 of of 3", "", "@")
	f.Add("【緊急】停止", "本番環境が停止しています。320名", "山本 由紀", "yuki@minato.example")
	f.Add("Re: [x] RE:", "two hundred and and hundred thousand million of us by by by", "Dr. , ", "a.b@c")
	f.Fuzz(func(t *testing.T, subject, text, name, address string) {
		subject, text, name = strings.ToValidUTF8(subject, ""), strings.ToValidUTF8(text, ""), strings.ToValidUTF8(name, "")
		m := mailbox.Message{Subject: subject, Text: text, FullText: text, From: []mailbox.Address{{Name: name, Address: strings.ToValidUTF8(address, "")}}}
		check(t, Read(&m, testDirectory()))
	})
}

func TestCorpusVerdictsHoldTogether(t *testing.T) {
	files, err := filepath.Glob("testdata/corpus/mails/*.eml")
	if err != nil || len(files) != 150 {
		t.Fatalf("%d mails (%v)", len(files), err)
	}
	for _, file := range files {
		m := parsed(t, file)
		v := Read(&m, testDirectory())
		check(t, v)
		if diff := cmp.Diff(v, Read(&m, testDirectory())); diff != "" {
			t.Errorf("%s read twice differs:\n%s", file, diff)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	m := parsed(b, "testdata/corpus/mails/075.eml")
	m.Text = strings.Repeat(m.Text+"\n\n", 12<<10/len(m.Text)+1)[:12<<10]
	m.FullText = m.Text
	d := testDirectory()
	b.SetBytes(12 << 10)
	for b.Loop() {
		Read(&m, d)
	}
}
