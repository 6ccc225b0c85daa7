package templates

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
)

const canary = "{{.Case.Revenue}}{{template \"body\"}}\r\nBcc: all@evil.test\r\n\r\n<script>alert(1)</script><img src=http://evil.test/x>\" onload='x' \u202eesrever\u2066\u200b\x00\x1b[31m [URGENT] [ESC-EVIL99] #own\t"

// hostile returns a Data all of whose strings are s, and all of whose lists are long.
func hostile(s string) Data {
	d := Sample()
	d.Cases = nil
	poison(reflect.ValueOf(&d).Elem(), s)
	d.Case.ID, d.Case.Severity, d.Case.Prefers = "ESC-7Q4K2M", 3, "email"
	return d
}

func poison(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 30, 30))
		if v.Type().Elem().Kind() == reflect.Pointer {
			return
		}
		for i := range v.Len() {
			poison(v.Index(i), s)
		}
	case reflect.Pointer:
		if _, zone := v.Interface().(*time.Location); !zone && !v.IsNil() {
			poison(v.Elem(), s)
		}
	case reflect.Struct:
		if _, instant := v.Interface().(time.Time); !instant {
			for _, field := range v.Fields() {
				poison(field, s)
			}
		}
	}
}

// attacks are strings that would do harm in a header, a line, a page or by their size.
func attacks() []string {
	return []string{
		canary,
		strings.Repeat("'\"<&>", 9000),
		strings.Repeat("\U0001F525", 40000),
		strings.Repeat("line\n", 40000),
		"\u202e\u2066\u200f\u061c\ufeff\u2060",
		"javascript:alert(1)",
		"mailto:a@b.example?bcc=evil@evil.test",
		"\xff\xfe\r\n--\r\n.\r\n",
		`x" style="background:url(http://evil.test)`,
		"</style></title><meta http-equiv=refresh content=0>",
	}
}

func TestHostileStrings(t *testing.T) {
	set := Builtin()
	for _, name := range names() {
		for i, attack := range attacks() {
			for _, lang := range []string{"en", "de"} {
				t.Run(fmt.Sprintf("%s/%s/%d", name, lang, i), func(t *testing.T) {
					m, err := set.Render(name, lang, hostile(attack))
					if err != nil {
						t.Fatal(err)
					}
					checkSubject(t, m.Subject)
					checkText(t, m.Text)
					checkPage(t, m.HTML)
				})
			}
		}
	}
}

func checkSubject(t *testing.T, subject string) {
	t.Helper()
	if n := utf8.RuneCountInString(subject); n > 120 || !utf8.ValidString(subject) {
		t.Errorf("subject of %d characters: %q", n, subject)
	}
	if strings.ContainsFunc(subject, unprintable) {
		t.Errorf("control or invisible characters in subject %q", subject)
	}
	if strings.Contains(subject, "EVIL99]") || strings.Count(subject, "[ESC-") != 1 || !strings.HasSuffix(subject, "[ESC-7Q4K2M]") {
		t.Errorf("subject %q does not carry just its own id", subject)
	}
}

func unprintable(r rune) bool {
	return unicode.IsControl(r) || r != '\u200c' && r != '\u200d' && unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

func checkText(t *testing.T, text string) {
	t.Helper()
	for line := range strings.SplitSeq(text, "\n") {
		if strings.ContainsFunc(line, unprintable) {
			t.Errorf("control or invisible characters in %q", line)
		}
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			t.Errorf("their words start a line of ours: %q", line)
		}
	}
	if len(text) > maxPart {
		t.Errorf("text of %d octets", len(text))
	}
}

// checkPage reads a page as a mail program does: nothing in it runs, nothing is
// loaded, and links lead to mail, telephone or portal.
func checkPage(t *testing.T, page string) {
	t.Helper()
	if len(page) >= 100_000 {
		t.Errorf("page of %d octets", len(page))
	}
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for node := range root.Descendants() {
		switch {
		case node.Type != html.ElementNode:
		case !known[node.Data]:
			t.Errorf("element <%s>", node.Data)
		default:
			for _, a := range node.Attr {
				checkAttribute(t, node.Data, a)
			}
		}
	}
}

var (
	known = map[string]bool{
		"html": true, "head": true, "meta": true, "title": true, "style": true, "body": true, "div": true, "table": true, "tbody": true,
		"tr": true, "td": true, "p": true, "br": true, "h1": true, "strong": true, "span": true, "a": true, "ul": true, "li": true,
	}
	target = regexp.MustCompile(`^(mailto:[^?&]*(\?subject=[^&]*&body=[^&]*)?|tel:\+?[0-9]*|https://.*)$`)
)

func checkAttribute(t *testing.T, element string, a html.Attribute) {
	t.Helper()
	key := strings.ToLower(a.Key)
	if key == "src" || key == "background" || key == "srcset" || key == "http-equiv" || strings.HasPrefix(key, "on") {
		t.Errorf("<%s %s=%q>", element, a.Key, a.Val)
	}
	if key == "style" && strings.Contains(a.Val, "url(") {
		t.Errorf("<%s style=%q>", element, a.Val)
	}
	if key == "href" && !target.MatchString(a.Val) && !strings.HasPrefix(a.Val, "mailto:a@b.example?") {
		t.Errorf("<%s href=%q>", element, a.Val)
	}
}

// A stranger's address must not smuggle recipients into a link of ours. Only
// buttons, which we make, may have a query.
func TestMailtoLinksNoQuery(t *testing.T) {
	d := hostile("a@b.example?bcc=evil@evil.test")
	d.Buttons = nil
	for _, name := range names() {
		m, err := Builtin().Render(name, "en", d)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(m.HTML, `mailto:a@b.example?`) {
			t.Errorf("%s: a link with a query", name)
		}
	}
}

func TestWithTheirWordsLiteral(t *testing.T) {
	m, err := Builtin().Render("alert", "en", hostile(canary))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(m.Text, "{{.Case.Revenue}}") || !strings.Contains(m.HTML, "{{.Case.Revenue}}") {
		t.Error("their words are not shown as they are")
	}
	if !strings.Contains(m.HTML, "&lt;script&gt;") {
		t.Error("their words are not escaped")
	}
}

// What no mail of ours may say, whatever the case.
func TestLint(t *testing.T) {
	banned := regexp.MustCompile(`(?i)apologi[sz]e for any inconvenience|as soon as possible|dear valued|unannehmlichkeiten|so bald wie möglich|schnellstmöglich|sehr geehrte`)
	robot := regexp.MustCompile(`\bI\b|\b[Ii]ch\b|\bmein\b|\b[Mm]y\b`)
	for _, name := range names() {
		for _, p := range portraits() {
			if p.name == "hostile" {
				continue
			}
			m, err := Builtin().Render(name, p.lang, p.data)
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range []string{m.Subject, m.Text, m.HTML} {
				for _, found := range append(banned.FindAllString(part, -1), robot.FindAllString(part, -1)...) {
					t.Errorf("%s of %s says %q", name, p.name, found)
				}
			}
			if strings.Contains(m.Text, "<no value>") || strings.Contains(m.Text, "%!") || strings.Contains(m.Text, "ZgotmplZ") || strings.Contains(m.HTML, "ZgotmplZ") {
				t.Errorf("%s of %s: a value is missing:\n%s", name, p.name, m.Text)
			}
		}
	}
}

// The HTML says what the text says.
func TestPartsAgree(t *testing.T) {
	for _, name := range names() {
		m, err := Builtin().Render(name, "en", Sample())
		if err != nil {
			t.Fatal(err)
		}
		root, err := html.Parse(strings.NewReader(m.HTML))
		if err != nil {
			t.Fatal(err)
		}
		var page strings.Builder
		for node := range root.Descendants() {
			if node.Type == html.TextNode {
				page.WriteString(" " + node.Data)
			}
		}
		for word := range strings.FieldsFuncSeq(m.Text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if !strings.Contains(page.String(), word) {
				t.Errorf("%s: the text says %q, the page does not", name, word)
			}
		}
	}
}
