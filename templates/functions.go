package templates

import (
	"fmt"
	"html/template"
	"math"
	"net/url"
	"strings"
	"unicode"

	"github.com/dustin/go-humanize"
)

// functions are what templates of a language may call; the package
// documentation lists them.
func functions(lang string) map[string]any {
	g := tongueOf(lang)
	return map[string]any{
		"clock": g.clock, "hour": g.instant, "place": place,
		"words": g.words, "every": g.often, "money": g.money, "join": g.join,
		"plural": plural, "shorten": shorten, "row": row, "pair": pair, "comma": comma, "quote": quote,
		"mailto": mailto, "tel": tel, "columns": outlook,
		"lines": func(s string) []string { return strings.Split(s, "\n") },
		"lang":  func() string { return lang },
	}
}

// money prints a whole amount with its thousands apart.
func (g tongue) money(amount float64) string {
	if math.IsNaN(amount) || math.Abs(amount) > 1e15 {
		return "?"
	}
	return strings.ReplaceAll(humanize.Comma(int64(math.Round(amount))), ",", g.comma)
}

// join lists items as a sentence does.
func (g tongue) join(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	last := len(items) - 1
	return strings.Join(items[:last], ", ") + g.and + items[last]
}

// row is a line of a label and a value, or nothing without a value. The tab
// between them is what fold and blocks know it by; no string of Data holds one.
func row(label string, value any) string {
	text := fmt.Sprint(value)
	if text == "" {
		return ""
	}
	return label + "\t" + text + "\n"
}

// comma puts commas between those of its parts that say something.
func comma(parts ...any) string {
	var said []string
	for _, part := range parts {
		if text := fmt.Sprint(part); text != "" {
			said = append(said, text)
		}
	}
	return strings.Join(said, ", ")
}

func pair(label string, value any) [2]string { return [2]string{label, fmt.Sprint(value)} }

// quote puts "| " before each line of a customer's words, so that no reply that
// cites them can be taken for commands.
func quote(s string) string {
	if s == "" {
		return ""
	}
	return "| " + strings.ReplaceAll(s, "\n", "\n| ")
}

// mailto links to an address and to nothing else it may say (RFC 6068 §2).
func mailto(address string) template.URL {
	return template.URL("mailto:" + strings.ReplaceAll(url.PathEscape(address), "&", "%26"))
}

// tel links to the digits of a number (RFC 3966), up to an extension.
func tel(number string) template.URL {
	if extension := strings.IndexFunc(number, unicode.IsLetter); extension >= 0 {
		number = number[:extension]
	}
	return template.URL("tel:" + strings.Map(func(r rune) rune {
		if r == '+' || '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, number))
}

// outlook opens or closes the fixed table that Outlook for Windows needs, since
// it knows no max-width; others read a comment.
func outlook(open bool) template.HTML {
	if open {
		return `<!--[if mso]><table role="presentation" width="600" align="center" cellpadding="0" cellspacing="0"><tr><td><![endif]-->`
	}
	return `<!--[if mso]></td></tr></table><![endif]-->`
}
