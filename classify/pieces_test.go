package classify

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/id8labs/escalated/mailbox"
)

func TestFirstNames(t *testing.T) {
	for display, want := range map[string]string{
		"Harriet Oyelaran": "Harriet", "Krueger, Dale": "Dale", "Meyer, PhD": "Meyer", "Dr. Anand Mehrotra": "Anand", "Prof. Dr. Ute Lenz": "Ute",
		"Cpt. Louise Marchetti": "Louise", "Maître Hélène Cazaux": "Hélène", "J. Whitlock": "", "J.P. Morgan": "", "JP Morgan": "", "IT Support": "",
		"Support Desk": "", "noreply": "", "山本 由紀": "由紀", "Hye-jin Park": "Hye-jin", "Lars Emil Toft": "Lars", "DALE KRUEGER": "Dale",
		"dale krueger": "Dale", "Dale Krueger (Freight)": "Dale", "": "", "\"Dale Krueger\"": "Dale", "Jo Li": "Jo",
	} {
		if got := firstName(display); got != want {
			t.Errorf("%q: %q, want %q", display, got, want)
		}
	}
}

func TestCustomers(t *testing.T) {
	d := &Directory{Customers: []Company{{Name: "Known Ltd", Domains: []string{"known.example"}, Tier: Enterprise}}}
	for _, test := range []struct {
		name, address, text string
		want                Customer
	}{
		{"Ann Ode", "Ann@mail.known.example", "", Customer{"Ann Ode", "Ann", "Known Ltd", "ann@mail.known.example", Enterprise}},
		{"", "ann.ode@harborpilots.example", "Ann\nHarbor Pilots Association, Hull", Customer{"Ann Ode", "Ann", "Harbor Pilots Association", "ann.ode@harborpilots.example", ""}},
		{"ann@cole-and-son.example", "ann@cole-and-son.example", "Cole & Son", Customer{"", "", "Cole & Son", "ann@cole-and-son.example", ""}},
		{"Ann Ode", "ann@citrus-grove.example", "", Customer{"Ann Ode", "Ann", "Citrus Grove", "ann@citrus-grove.example", ""}},
		{"Ann Ode", "ann@shop.acorn.co.uk", "", Customer{"Ann Ode", "Ann", "Acorn", "ann@shop.acorn.co.uk", ""}},
		{"Ann Ode", "ann@gmail.com", "Ann", Customer{"Ann Ode", "Ann", "", "ann@gmail.com", ""}},
		{"", "", "", Customer{}},
	} {
		if got := customer(mailbox.Address{Name: test.name, Address: test.address}, test.text, d); got != test.want {
			t.Errorf("%s <%s>: %+v, want %+v", test.name, test.address, got, test.want)
		}
	}
}

func TestSummaries(t *testing.T) {
	for _, test := range []struct{ subject, text, want string }{
		{"RE: Fwd: AW: [URGENT] Export broken!!!", "", "Export broken"},
		{"[ESC-7Q4K2M] Re[2]: Export broken", "", "Export broken"},
		{"URGENT: Export broken - ASAP", "", "Export broken"},
		{"DISPATCH DOWN - TRUCKS SITTING", "", "Dispatch down - trucks sitting"},
		{"help", "Hi there,\n\nWe use the tablet a lot. The sign-in tablet is frozen since this morning.", "The sign-in tablet is frozen since this morning"},
		{"", "Hello,\nOrders API is giving 503 on every single call", "Orders API is giving 503 on every single call"},
		{"URGENT!!!", "", "URGENT"},
		{"Exams", "The exam player crashes for all of them.", "The exam player crashes for all of them"},
		{"Exams", "We would like to talk about this at some point.", "Exams"},
		{"", "", ""},
		{"see https://evil.example/x our portal\u202e fails", "", "see our portal fails"},
		{"本番環境が停止しています", "", "本番環境が停止しています"},
		{strings.Repeat("export ", 20), "", "export export export export export export export export export…"},
	} {
		if got := summarize(read(cleanSubject(test.subject), test.text, lexiconOf("en"))); got != test.want {
			t.Errorf("%q: %q, want %q", test.subject, got, test.want)
		}
	}
}

func TestFigures(t *testing.T) {
	for _, test := range []struct {
		language, text string
		users          int
		money          Money
		deadline       string
	}{
		{"en", "212 drivers, 40 of them new, and 7,400 call-centre agents", 7400, Money{}, ""},
		{"en", "Eleven thousand people wait, two hundred and seventy tellers too", 11000, Money{}, ""},
		{"en", "six of us; my team of 20", 20, Money{}, ""},
		{"en", "all 130 of us lost 3 servers and 14,000 orders", 130, Money{}, ""},
		{"en", "fourteen hundred brokers, 1.2 million customers", 1_200_000, Money{}, ""},
		{"en", "one of your engineers answered", 0, Money{}, ""},
		{"en", "suppose 500 users were hit", 0, Money{}, ""},
		{"de", "140 Leute, das kostet 85.000 Euro pro Schicht, bis Freitag 12 Uhr", 140, Money{85000, "EUR"}, "bis Freitag 12 Uhr"},
		{"fr", "340 salariés, environ 28 000 € par jour, avant lundi midi", 340, Money{28000, "EUR"}, "avant lundi midi"},
		{"es", "unos 60.000 euros por hora", 0, Money{60000, "EUR"}, ""},
		{"ja", "全社員320名が影響", 320, Money{}, ""},
		{"en", "$40,000 an hour, £1,140, EUR 3.5 million", 0, Money{3.5e6, "EUR"}, ""},
		{"en", "$18k per 10 minutes", 0, Money{18000, "USD"}, ""},
		{"en", "120 thousand dollars", 0, Money{120000, "USD"}, ""},
		{"en", "CHF 1'250.50", 0, Money{1250.5, "CHF"}, ""},
		{"en", "back by close of business Friday, please", 0, Money{}, "by close of business Friday"},
		{"en", "We need it before 10:15 or all is void", 0, Money{}, "before 10:15"},
		{"en", "decide by the 17th", 0, Money{}, "by the 17th"},
		{"en", "I want it back. TODAY.", 0, Money{}, "TODAY"},
		{"en", "Today's webinar was good", 0, Money{}, ""},
		{"en", "fixed by our own people", 0, Money{}, ""},
		{"en", "lines 2 by 5", 0, Money{}, ""},
	} {
		i := read("", test.text, lexiconOf(test.language)).impact()
		if i.Users != test.users || i.Revenue != test.money || i.Deadline != test.deadline {
			t.Errorf("%q: %+v", test.text, i)
		}
	}
}

func TestDenialAndSupposition(t *testing.T) {
	for _, test := range []struct {
		text string
		cue  cue
		want bool
	}{
		{"The portal is down.", "down", true},
		{"Nothing is down.", "down", false},
		{"It isn't down, but slow.", "down", false},
		{"It is not slow, it is down.", "down", true},
		{"Not only is it slow, but it is down.", "down", true},
		{"If it is down again we leave. ", "down", false},
		{"It would help if you called, because the portal is down.", "down", true},
		{"Production would be down.", "down", false},
		{"If you read this: hello. It is down.", "down", true},
		{"Suppose it breaks. The portal is down.", "down", false},
		{"Suppose it breaks.\n\nThe portal is down.", "down", true},
		{"No data has been lost.", "lost", false},
		{"This message may be confidential. Report any data breach.", "breach", true},
		{"This message is confidential. Report any data breach.", "breach", false},
		{"We cant log in", "stopped", true},
		{"31 of our 33 stations", "whole", true},
		{"0 of 44 kiosks work", "whole", true},
		{"two of our five depots", "partial", true},
		{"two of our five depots", "whole", false},
	} {
		if got := read("", test.text, lexiconOf("en")).facts(Impact{})[test.cue]; got != test.want {
			t.Errorf("%q says %s: %v, want %v", test.text, test.cue, got, test.want)
		}
	}
}

func TestMistakesInWords(t *testing.T) {
	for _, text := range []string{"down", "[stopped]\nis ..x down", "[stopped]\n..2 down", "[stopped]\ndown ..2", "[number]\none=uno"} {
		if l, err := readLexicon("xx", text); err == nil {
			t.Errorf("%q read as %+v", text, l)
		}
	}
}

// TestCuesAreKnown finds sections that no rule asks for, and cues without words.
func TestCuesAreKnown(t *testing.T) {
	used := map[cue]bool{}
	for _, r := range rules {
		for _, c := range append(append(append(cues(), r.all...), r.any...), r.none...) {
			used[cue(strings.TrimSuffix(string(c), "@"))] = true
		}
	}
	for _, s := range speaks {
		used[s.cue] = true
	}
	derived := cues("many", "few", "costly", "near", "asks")
	elsewhere := cues("public", "critical", "when", "who", "impact", "tried", "sales", "scenario", "boilerplate", "if", "would", "by", "now", "soon", "crew", "thanks", "closing", "unrelated", "number")
	spoken := phrased(lexiconOf("en"))
	for _, c := range derived {
		delete(used, c)
	}
	for c := range used {
		if !spoken[c] {
			t.Errorf("no English words for %s", c)
		}
	}
	for _, c := range elsewhere {
		used[c] = true
	}
	for _, l := range lexicons() {
		for c := range phrased(l) {
			if !used[c] {
				t.Errorf("%s: nobody asks for %s", l.language, c)
			}
		}
	}
}

// phrased are the cues that a language has phrases for.
func phrased(l *lexicon) map[cue]bool {
	found := map[cue]bool{}
	for _, phrases := range slices.Concat(slices.Collect(maps.Values(l.exact)), slices.Collect(maps.Values(l.stems)), [][]phrase{l.counts}) {
		for _, p := range phrases {
			found[p.cue] = true
		}
	}
	return found
}

func TestLongTextsTakeBoundedWork(t *testing.T) {
	r := read("", strings.Repeat("if it is down then é ", 20_000), lexiconOf("en"))
	if len(r.text) > readMost+2 || len(r.findings) > findMost+100 {
		t.Errorf("%d bytes, %d findings", len(r.text), len(r.findings))
	}
}
