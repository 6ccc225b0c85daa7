package templates

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	line, text := bound{chars: 20}, bound{chars: 60, lines: 3}
	tests := []struct {
		name, in string
		b        bound
		want     string
	}{
		{"plain", "as it is", line, "as it is"},
		{"injection", "a\r\nBcc: b", line, "a Bcc: b"},
		{"unicode line ends", "a\u2028b\u0085c", line, "a b c"},
		{"bidi and invisible", "a\u202eb\u200bc\ufeff", line, "abc"},
		{"emoji and Persian joiners stay", "\U0001F468\u200d\U0001F4BB می\u200cخواهم", line, "\U0001F468\u200d\U0001F4BB می\u200cخواهم"},
		{"invalid", "a\xffb", line, "a\uFFFDb"},
		{"cut at a space", "the quick brown fox jumps", line, "the quick brown fox…"},
		{"cut in a word", strings.Repeat("x", 30), line, strings.Repeat("x", 19) + "…"},
		{"lines", "a\r\n\r\n\r\n  b\tc \n", text, "a\n\n  b    c"},
		{"many lines", "a\nb\nc\nd", text, "a\nb\nc\n…"},
	}
	for _, test := range tests {
		if got := printable(test.in, test.b); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestCleanCopies(t *testing.T) {
	d := Sample()
	d.Case.Asks[0], d.Case.Owner.Name = "what\nnow?", "Dana\nOrtiz"
	d.Cases = []*Case{d.Case, nil}
	before := d.Case.Asks[0] + d.Case.Owner.Name
	c := clean(d)
	if d.Case.Asks[0]+d.Case.Owner.Name != before || len(d.Cases) != 2 {
		t.Error("the caller's data was changed")
	}
	if c.Case.Asks[0] != "what now?" || c.Case.Owner.Name != "Dana Ortiz" || len(c.Cases) != 1 {
		t.Errorf("not cleaned: %q %q", c.Case.Asks[0], c.Case.Owner.Name)
	}
	if c.Reader.Zone != d.Reader.Zone || !c.Now.Equal(d.Now) {
		t.Error("time or zone was touched")
	}
}

func TestCleanDropsLinksElsewhere(t *testing.T) {
	d := Sample()
	d.Case.Portal = "http://evil.test"
	d.Buttons = []Button{{"a", "javascript:x"}, {"b", "mailto:a@acme.example"}, {"c", "https://evil.test"}, {"d", "mailto:" + strings.Repeat("x", 3000)}}
	c := clean(d)
	if c.Case.Portal != "" || len(c.Buttons) != 1 || c.Buttons[0].Label != "b" {
		t.Errorf("%q %v", c.Case.Portal, c.Buttons)
	}
}

func TestCleanMarkers(t *testing.T) {
	d := Data{Case: &Case{Summary: "[urgent] checkout [ESC-ABC123] down"}}
	if got := clean(d).Case.Summary; strings.Contains(got, "[") || !strings.Contains(got, "checkout") {
		t.Errorf("%q", got)
	}
}

// Whatever the strings, what clean leaves is on one line and within its bound.
func FuzzPrintable(f *testing.F) {
	for _, seed := range attacks() {
		f.Add(seed[:min(len(seed), 200)], 20)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		n = 1 + max(n, -n)&0xff
		got := printable(s, bound{chars: n})
		if utf8.RuneCountInString(got) > n || strings.ContainsFunc(got, unprintable) || !utf8.ValidString(got) {
			t.Errorf("%q within %d: %q", s, n, got)
		}
	})
}

// Every string that a template can reach is one that clean can bound: there are
// no maps, interfaces or unexported parts in the contract.
func TestContractIsPlain(t *testing.T) {
	plain := []reflect.Kind{reflect.String, reflect.Int, reflect.Int64, reflect.Float64, reflect.Bool, reflect.Slice, reflect.Pointer, reflect.Struct}
	for _, shape := range shapes {
		for f := range shape.Fields() {
			if !f.IsExported() || !slices.Contains(plain, f.Type.Kind()) {
				t.Errorf("%s.%s is a %s", shape, f.Name, f.Type)
			}
		}
	}
}
