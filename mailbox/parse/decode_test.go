package parse

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeWords(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                              "plain",
		"=?utf-8?Q?K=C3=A4se_und?= Brot":     "Käse und Brot",
		"=?utf-8?B?S8Okc2U=?= =?utf-8?q?!?=": "Käse!",
		"=?iso-8859-1?Q?K=E4se?=\t=?utf-8?Q?_gr=C3=BC=C3=9Ft?=": "Käse grüßt",
		"=?x-unknown-7?Q?K=E4se?=":                              "Käse",
		"=?utf-8*de?Q?K=C3=A4se?=":                              "Käse",
		"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=":                    "日本",
		"=?utf-8?Q?no end":                                      "=?utf-8?Q?no end",
		"=?utf-8?X?odd?= =?utf-8?Q?ok?=":                        "=?utf-8?X?odd?= ok",
		"=?utf-8?B?S8Okc2U?=":                                   "Käse",
		"a =?utf-8?Q?b?= c =?utf-8?Q?d?=":                       "a b c d",
		"=?":                                                    "=?",
	} {
		if got := decodeWords(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestSingleDropsWhatHides(t *testing.T) {
	for in, want := range map[string]string{
		"a\r\nBcc: b":                "a Bcc: b",
		"txt\u202egpj.exe":           "txtgpj.exe",
		"z\u200be\u2060r\ufeffo":     "zero",
		"\u00adsoft\u2028line\x07":   "soft line",
		"\u0093quoted\u0094 \u0081x": "“quoted” x",
		"tag\U000e0041s":             "tags",
		"日本語 ünchanged":              "日本語 ünchanged",
	} {
		if got := single(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestMultilineKeepsJoinersOfScripts(t *testing.T) {
	const emoji, persian = "👩\u200d🚒", "می\u200cخواهم"
	if got := multiline(emoji + "\r\n" + persian + "\rpre\u200cheader\x00"); got != emoji+"\n"+persian+"\npreheader" {
		t.Errorf("got %q", got)
	}
}

func TestSenders(t *testing.T) {
	for in, want := range map[string]string{
		`Eve Adams <eve@NorthWind.Example>`:                     "Eve Adams <eve@northwind.example>",
		`eve@x.example (Eve)`:                                   "Eve <eve@x.example>",
		`"=?utf-8?Q?K=C3=A4the?=" <k@x.example>`:                "Käthe <k@x.example>",
		`"dana@acme.example" <eve@x.example>`:                   "dana@acme.example <eve@x.example>",
		`eve@x.example <eve@x.example>`:                         "eve@x.example <eve@x.example>",
		`dana@acme.example <eve@x.example>`:                     "dana@acme.example <eve@x.example>,  <dana@acme.example>",
		`<@relay.example:eve@x.example>`:                        " <eve@x.example>",
		`"a@acme.example> , <b"@x.example`:                      ` <"a@acme.example> , <b"@x.example>`,
		`Adams, Eve <eve@x.example>`:                            "Eve <eve@x.example>",
		`Eve [Acme] <eve@x.example>`:                            "Eve [Acme] <eve@x.example>",
		`eve@x.example; bob@x.example`:                          " <eve@x.example>,  <bob@x.example>",
		`Eve <eve@x.example.>`:                                  "Eve <eve@x.example>",
		`Eve <eve at x.example>`:                                "",
		`Eve <@x.example>`:                                      "",
		`=?utf-8?Q?Eve=0D=0ABcc:_z=40z.example?= <e@x.example>`: "Eve Bcc: z@z.example <e@x.example>",
	} {
		if got := list(senders(in)); got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
}

func TestRecipientsInNamesDoNotCount(t *testing.T) {
	if got := list(addresses(`spy@evil.example <eve@x.example>`)); got != "spy@evil.example <eve@x.example>" {
		t.Errorf("got %q", got)
	}
}

func TestDate(t *testing.T) {
	want := time.Date(2026, 3, 2, 8, 40, 0, 0, time.UTC)
	for _, in := range []string{
		"Mon, 02 Mar 2026 08:40:00 +0000", "Mon, 2 Mar 2026 09:40:00 +0100 (CET)", "2 Mar 2026 08:40:00 GMT", "Mon, 02 Mar 2026 08:40:00",
		"2026-03-02T08:40:00Z", "Mon Mar  2 08:40:00 2026", "Monday, 02-Mar-26 08:40:00 UTC", "Mon, 2 March 2026 03:40:00 -0500",
		"Mon, 02 Mar 2026 08.40.00 +0000",
	} {
		if got := date(in); !got.Equal(want) {
			t.Errorf("%s: got %v", in, got)
		}
	}
	for _, in := range []string{"", "yesterday", "Mon, 02 Mar 0026 08:40:00 +0000", "Mon, 32 Mar 2026 08:40:00 +0000"} {
		if got := date(in); !got.IsZero() {
			t.Errorf("%q: got %v", in, got)
		}
	}
	if _, err := date("Mon, 02 Mar 2026 08:40:00 +9900").MarshalJSON(); err != nil {
		t.Errorf("a zone that JSON cannot hold: %v", err)
	}
}

func TestGuess(t *testing.T) {
	for in, want := range map[string]string{
		"Käse":                           "Käse",
		"K\xe4se \x80":                   "Käse €",
		"K\xc3\xa4\xc3\xa4se\xff":        "Kääse",
		"\xff\xfeK\x00\xe4\x00s\x00":     "Käs",
		"\xfe\xff\x00K\x00\xe4\x00s":     "Käs",
		"\x1b$B\x46\x7c\x4b\x5c\x1b(B":   "日本",
		"N\x00o\x00 \x00m\x00a\x00r\x00": "No mar",
	} {
		if got := guess([]byte(in)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestTransfer(t *testing.T) {
	for name, test := range map[string]struct{ encoding, raw, want, defects string }{
		"base64 in capitals":      {"BASE64", "eHl6", "xyz", ""},
		"base64 with a comment":   {"base64 ;", "eHl6\r\n", "xyz", ""},
		"base64 of two, one text": {"base64", "eHk=\r\neHl6", "xyxyz", ""},
		"base64 cut off":          {"base64", "eHl6e", "xyz", "damaged base64"},
		"quoted-printable":        {"Quoted-Printable", "a=3D=\r\nb=e4=\n", "a=b\xe4", ""},
		"quoted soft with spaces": {"quoted-printable", "a=  \r\nb", "ab", ""},
		"quoted at the end":       {"quoted-printable", "a=", "a", ""},
		"quoted half an escape":   {"quoted-printable", "a=4", "a=4", ""},
		"seven bit":               {"7-bit", "a=3D", "a=3D", ""},
		"unknown":                 {"x-zip", "a", "a", `unknown transfer encoding "x-zip"`},
	} {
		t.Run(name, func(t *testing.T) {
			w := &walker{}
			if got := string(w.transfer([]byte(test.raw), test.encoding)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got := strings.Join(w.defects, ";"); got != test.defects {
				t.Errorf("defects %q, want %q", got, test.defects)
			}
		})
	}
}

func TestUnflow(t *testing.T) {
	for in, want := range map[string]string{
		"a \nb\n\nc":           "a b\n\nc",
		"> a \n> b\nc":         "> a b\nc",
		"> a \nb":              "> a \nb",
		"a\n-- \nsig":          "a\n-- \nsig",
		" > stuffed\n From us": "> stuffed\nFrom us",
		"\na":                  "\na",
	} {
		if got := unflow(in, false); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	if got := unflow("日 \n本", true); got != "日本" {
		t.Errorf("DelSp: got %q", got)
	}
}

func TestMediaType(t *testing.T) {
	for in, want := range map[string]map[string]string{
		`multipart/mixed; boundary=a=b`:                  {"": "multipart/mixed", "boundary": "a=b"},
		`Multipart/Mixed; boundary="a;b"`:                {"": "multipart/mixed", "boundary": "a;b"},
		`text/plain; charset=utf-8; charset=x`:           {"": "text/plain", "charset": "utf-8"},
		`text/plain; name*=utf-8''K%C3%A4se.txt`:         {"": "text/plain", "name": "Käse.txt"},
		`text/html charset=utf-8`:                        {"": "text/html"},
		`application/pdf; name=two words.pdf; size="12"`: {"": "application/pdf", "name": "two words.pdf", "size": "12"},
	} {
		kind, got := mediaType(in)
		if got[""] = kind; !cmp.Equal(want, got) {
			t.Errorf("%s: %s", in, cmp.Diff(want, got))
		}
	}
}

func TestTextsOfSeveralParts(t *testing.T) {
	const head = "From: eve@x.example\r\nContent-Type: multipart/mixed; boundary=e\r\n\r\n"
	part := func(kind, text string) string { return "--e\r\nContent-Type: " + kind + "\r\n\r\n" + text + "\r\n" }
	m := parse(t, []byte(head+part("text/plain", "above")+part("image/png", "x")+part("text/html", "<p>below</p>")+part("text/csv", "a;b")+"--e--"))
	if m.FullText != "above\n\nbelow" || len(m.Attachments) != 2 {
		t.Errorf("text %q, attachments %v", m.FullText, m.Attachments)
	}
	m = parse(t, []byte("From: eve@x.example\r\nContent-Type: multipart/alternative; boundary=e\r\n\r\n"+
		part("text/plain", "")+part("text/html", "<p>shown</p>")+part("text/calendar", "BEGIN:VCALENDAR")+"--e--"))
	if m.FullText != "shown" || len(m.Attachments) != 1 {
		t.Errorf("text %q, attachments %v", m.FullText, m.Attachments)
	}
}
