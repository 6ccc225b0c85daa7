package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// The results of a finding. A note costs something or may be meant so; a
// problem keeps the service from its work.
const (
	resultOK      = "ok"
	resultNote    = "note"
	resultProblem = "problem"
)

// A finding is one line of `escalated check`.
type finding struct {
	Check  string  `json:"check"`
	Result string  `json:"result"`
	Says   string  `json:"says"`
	Do     *string `json:"do"` // what to do about it; nil when all is well
}

// findings prints what is found and counts the problems.
type findings struct {
	out      io.Writer
	json     bool
	width    int // of the checks' names
	masks    *masks
	problems int
	failed   error // of the first write that failed
}

func newFindings(out io.Writer, json bool) *findings {
	return &findings{out: out, json: json, width: len("imap.capabilities"), masks: &masks{}}
}

func (f *findings) ok(check, says string) { f.add(finding{check, resultOK, says, nil}) }

func (f *findings) note(check, says, do string) { f.add(finding{check, resultNote, says, some(do)}) }

func (f *findings) problem(check, says, do string) {
	f.problems++
	f.add(finding{check, resultProblem, says, some(do)})
}

// add prints a finding. Words of servers are in it: they are made one line
// without anything a terminal would obey, and secrets they may quote are masked.
func (f *findings) add(found finding) {
	found.Says = oneLine(f.masks.hide(found.Says))
	if found.Do != nil {
		found.Do = new(oneLine(f.masks.hide(*found.Do)))
	}
	var err error
	if f.json {
		encoder := json.NewEncoder(f.out)
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(found)
	} else {
		_, err = io.WriteString(f.out, found.text(f.width))
	}
	if f.failed == nil {
		f.failed = err
	}
}

// text is a finding for people; what to do stands below.
func (f finding) text(width int) string {
	result := f.Result
	if result == resultProblem {
		result = "PROBLEM" // to be seen among many lines
	}
	line := fmt.Sprintf("%-7s  %-*s  %s\n", result, width, f.Check, f.Says)
	if f.Do != nil {
		line += fmt.Sprintf("%-7s  %-*s  → %s\n", "", width, "", *f.Do)
	}
	return line
}

// oneLine makes any words one printable line of bounded length.
func oneLine(words string) string {
	const most = 600
	words = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, words)
	words = strings.Join(strings.Fields(words), " ")
	if runes := []rune(words); len(runes) > most {
		words = string(runes[:most]) + "…"
	}
	return words
}

// masks hide secrets that a server or a provider quotes.
type masks struct{ pairs []string }

// add hides a secret from now on, also as SASL PLAIN and LOGIN send it. What is
// shorter than four characters is no secret, and is in many words.
func (m *masks) add(username, secret string) {
	if len(secret) < 4 {
		return
	}
	encode := base64.StdEncoding.EncodeToString
	for _, form := range []string{encode([]byte("\x00" + username + "\x00" + secret)), encode([]byte(secret)), secret} {
		m.pairs = append(m.pairs, form, "***")
	}
}

func (m *masks) hide(words string) string { return strings.NewReplacer(m.pairs...).Replace(words) }
