package templates

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestFold(t *testing.T) {
	long := strings.Repeat("word ", 20)
	url := "https://portal.example/" + strings.Repeat("x", 90)
	tests := []struct{ name, text, want string }{
		{"short", "one\n\ntwo", "one\n\ntwo\n"},
		{"paragraph", long, strings.Repeat("word ", 14) + "word\n" + "word word word word word\n"},
		{"list", "- " + long, "- " + strings.Repeat("word ", 14) + "word\n  word word word word word\n"},
		{"quote", "| " + long, "| " + strings.Repeat("word ", 15) + "word\n| word word word word\n"},
		{"indented quote", "|   two", "|   two\n"},
		{"row", "Why\t" + long, "Why          " + strings.Repeat("word ", 11) + "word\n             word word word word word word word word\n"},
		{"long label", "A label beyond its room\tvalue", "A label beyond its room  value\n"},
		{"address stays whole", "see " + url + " now", "see\n" + url + "\nnow\n"},
		{"no spaces", strings.Repeat("漢", 40), strings.Repeat("漢", 38) + "\n漢漢\n"},
		{"no command starts a line", strings.Repeat("x", 70) + " say #own", strings.Repeat("x", 70) + "\nsay #own\n"},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, fold(test.text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestSqueeze(t *testing.T) {
	if got := squeeze("\n\n a  \n\n \n\nb\t\n\n"); got != "a\n\nb" {
		t.Errorf("%q", got)
	}
}

// No line is too long but for an address, and nothing is lost.
func FuzzFold(f *testing.F) {
	for _, seed := range []string{"", "- a b", "| quoted words", "Why\tvalue of a row", strings.Repeat("漢字", 60), "x " + strings.Repeat("#", 90), "see https://a.example/" + strings.Repeat("y", 99), "a\u00a0b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = squeeze(oneLine(text))
		if utf8.RuneCountInString(text) > 5000 {
			return
		}
		folded := fold(text)
		for line := range strings.SplitSeq(folded, "\n") {
			if cells(line) > columns && !strings.ContainsAny(line, "@#") && !strings.Contains(line, "://") {
				t.Errorf("%d columns: %q", cells(line), line)
			}
		}
		bald := func(s string) string {
			return strings.Map(func(r rune) rune {
				if unicode.IsSpace(r) || r == '|' {
					return -1
				}
				return r
			}, s)
		}
		if bald(folded) != bald(text) {
			t.Errorf("%q became %q", text, folded)
		}
	})
}

func TestBlocks(t *testing.T) {
	text := "lead\nmore\n\nintro:\n- a\n- b\n| q\n|\n| r\nWhy\tx\nHow\ty\n\nHow\tz"
	want := []block{
		{Lines: []string{"lead", "more"}}, {Lines: []string{"intro:"}}, {Items: []string{"a", "b"}}, {Quote: []string{"q", "", "r"}},
		{Rows: [][2]string{{"Why", "x"}, {"How", "y"}}}, {Rows: [][2]string{{"How", "z"}}},
	}
	if diff := cmp.Diff(want, blocks(text)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	l := laidOut{Data: Data{Plain: "lead"}, Blocks: want}
	if got := l.Lead(); got != "intro:" {
		t.Errorf("lead %q", got)
	}
}
