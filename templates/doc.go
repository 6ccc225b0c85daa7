// Package templates answers "how is it said?": it words every mail the service
// sends. It knows no escalation, sends nothing and reads no clock: it turns a
// template's name, a language and a [Data] into a [Mail].
//
// # Invariants
//
// What others wrote is data. [Set.Render] makes every string of Data safe and
// bounded before a template sees it, so no template, built in or a user's, can
// be made to break a header, a line or a page. A subject is one line of at most
// 120 characters and always keeps its "[ESC-…]", which the renderer adds. HTML
// stays under 100 KB, and what is built in loads nothing from anywhere. The bare
// acknowledgment is given the id and whether the mail was cut, and nothing else,
// so that no wording of it can echo a stranger.
//
// A wording that fails is replaced by the built-in one; see [Mail.Fallback].
//
// # Files
//
// A template is NAME[.LANG].txt, whose first line is "Subject: …", and
// NAME[.LANG].html; a name without LANG is English. The text is text/template,
// the page html/template, and dot is the Data in both. The renderer wraps the
// text at 76 columns, so a paragraph is one line of the file; lines that begin
// with "- " or "| " keep that shape, and "row" makes a line of a label and a
// value. A page that begins with "<!doctype" or "<html" is taken as it is;
// anything else goes into the shared layout, and may define "preheader", the
// line that mail programs show beside the subject. Without a page of its own, a
// mail shows its text in the layout.
//
// Besides text/template's own, templates have these functions, which speak the
// language of the file (English or German; others get English):
//
//	clock $ T        09:22 (Chicago), with the date when not today
//	hour $ T         the same without the place, and place $ the place alone
//	words D          30 minutes, 2 hours, 2 h 10
//	every D          every 30 minutes, every day
//	money N          480,000
//	plural N ONE MANY  1 customer, 2 customers
//	join LIST        a, b and c
//	shorten N S      at most N characters
//	comma A B …      those that are not empty, with commas between
//	row LABEL VALUE  a line of a table with its line end; nothing without a value
//	pair LABEL VALUE the same in a page: {{template "fact" (pair LABEL VALUE)}}
//	quote S          lines that begin with "| "; lines S is a list of them
//	mailto ADDRESS, tel NUMBER  addresses for links
//	lang             the language of the file
package templates
