package templates

import (
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A bound is how much of a field is printed.
type bound struct {
	chars int // of a string
	lines int // of a string; 0 makes it a single line
	items int // of a list
}

// clean returns a deep copy of d that is safe to print.
func clean(d Data) Data {
	d.Buttons = slices.DeleteFunc(slices.Clone(d.Buttons), func(b Button) bool {
		return !strings.HasPrefix(b.Href, "mailto:") || len(b.Href) > 2000
	})
	d.Cases = slices.DeleteFunc(slices.Clone(d.Cases), func(c *Case) bool { return c == nil })
	scrub(reflect.ValueOf(&d).Elem(), bound{chars: 200, items: 12})
	for _, c := range append(d.Cases, d.Case) {
		if c != nil {
			c.Summary = strings.TrimSpace(markers.ReplaceAllString(c.Summary, ""))
			if !strings.HasPrefix(c.Portal, "https://") {
				c.Portal = ""
			}
		}
	}
	return d
}

// markers are what only we may say in a subject.
var markers = regexp.MustCompile(`(?i)\[\s*(urgent|esc-[0-9a-z]*)\s*\]`)

// bare leaves of d what may be told to somebody unverified.
func bare(d Data) Data {
	safe := Data{Company: d.Company, Address: d.Address, Now: d.Now, Cut: d.Cut, Late: d.Late}
	if d.Case != nil {
		safe.Case = &Case{ID: d.Case.ID}
	}
	return safe
}

// scrub makes every string below v safe, and copies what v only points to.
func scrub(v reflect.Value, b bound) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(printable(v.String(), b))
	case reflect.Slice:
		copied := reflect.MakeSlice(v.Type(), min(v.Len(), b.items), min(v.Len(), b.items))
		reflect.Copy(copied, v)
		for i := range copied.Len() {
			scrub(copied.Index(i), b)
		}
		v.Set(copied)
	case reflect.Pointer:
		if _, zone := v.Interface().(*time.Location); zone || v.IsNil() {
			return
		}
		copied := reflect.New(v.Type().Elem())
		copied.Elem().Set(v.Elem())
		scrub(copied.Elem(), b)
		v.Set(copied)
	case reflect.Struct:
		if _, instant := v.Interface().(time.Time); instant {
			return
		}
		for i := range v.NumField() {
			scrub(v.Field(i), b.of(v.Type().Field(i).Tag))
		}
	}
}

// of returns the bound with what a field's tag says.
func (b bound) of(tag reflect.StructTag) bound {
	set := func(key string, value *int) {
		if n, err := strconv.Atoi(tag.Get(key)); err == nil {
			*value = n
		}
	}
	set("max", &b.chars)
	set("lines", &b.lines)
	set("items", &b.items)
	return b
}

func printable(s string, b bound) string {
	s = head(s, 16*b.chars)
	if b.lines == 0 {
		return shorten(b.chars, oneLine(s))
	}
	lines := strings.Split(strings.TrimRightFunc(shorten(b.chars, lineEnds.Replace(s)), unicode.IsSpace), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRightFunc(visible(line), unicode.IsSpace)
	}
	lines = slices.CompactFunc(lines, func(a, b string) bool { return a == "" && b == "" })
	if len(lines) > b.lines {
		lines = append(lines[:b.lines], "…")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

// head returns at most n octets of s, whole characters, so that a huge mail
// costs no more than a long one.
func head(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\v", "\n", "\f", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n", "\t", "    ")

// oneLine puts s on a single line, with single spaces.
func oneLine(s string) string { return strings.Join(strings.Fields(visible(s)), " ") }

// visible replaces control characters by spaces and drops format characters
// (bidi overrides, zero-width spaces, tags), except the two joiners that Persian,
// Indic scripts and emoji are written with.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case ' ' <= r && r < '\u007f': // most there is
			return r
		case r == '\u200c' || r == '\u200d':
			return r
		case unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp):
			return ' '
		case unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// shorten cuts s to at most n characters, at a space where there is one near.
func shorten(n int, s string) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	end := max(n-1, 0)
	cut := string(runes[:end])
	if space := strings.LastIndexFunc(cut, unicode.IsSpace); !unicode.IsSpace(runes[end]) && space > len(cut)*3/4 {
		cut = cut[:space]
	}
	return strings.TrimRight(cut, " \n,;:-–…") + "…"
}
