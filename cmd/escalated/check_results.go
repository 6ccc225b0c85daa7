package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/id8labs/escalated/mailbox"
)

// vouchers tells whose Authentication-Results stand on a mail that came to us,
// and which of them to believe: the topmost, since every server puts its own
// above what it got (RFC 8601 §4). It is a test of our own mail only; of what
// servers write on strangers' it tells nothing.
func (k *checkup) vouchers(m *mailbox.Message) {
	const check = "mail.authserv_id"
	const lookAtSource = "look for the topmost Authentication-Results in the source of a mail from outside: its first word is what trust.authserv_id must be"
	configured := k.cfg.Trust.AuthservID
	var ids []string
	for _, field := range m.Header.Values("Authentication-Results") {
		ids = append(ids, authservID(field))
	}
	if len(ids) == 0 {
		k.note(check, "the test mail has no Authentication-Results, as is common for a server's own users; whether trust.authserv_id "+quotedOr(configured, "may be set")+" cannot be told", lookAtSource)
		return
	}
	top, all := ids[0], "Authentication-Results from top to bottom: "+names(ids)
	switch {
	case configured != "" && strings.EqualFold(top, configured):
		k.ok(check, fmt.Sprintf("%s; the topmost is by trust.authserv_id, and this mail counts as %q", all, m.Origin.Authenticated))
	case top == "":
		k.note(check, all+"; the topmost names no server, so it cannot be told from a forged one", "have your mail server write its name (RFC 8601 §2.5), or leave trust.authserv_id empty")
	case configured == "":
		k.note(check, all+"; trust.authserv_id is empty, so none is believed", writeDown(top))
	case slices.ContainsFunc(ids, func(id string) bool { return strings.EqualFold(id, configured) }):
		k.note(check, fmt.Sprintf("%s; trust.authserv_id is %q, but the last server to check this mail was %q", all, configured, top), writeDown(top))
	default:
		k.problem(check, fmt.Sprintf("%s; trust.authserv_id is %q, so no mail counts as authenticated", all, configured), writeDown(top))
	}
}

func writeDown(id string) string {
	return fmt.Sprintf("if %s is your own server, and takes off forged fields of its name, write `trust.authserv_id: %s`", id, id)
}

func quotedOr(id, otherwise string) string {
	if id == "" {
		return otherwise
	}
	return fmt.Sprintf("%q is right", id)
}

// names lists the first few.
func names(ids []string) string {
	const most = 8
	var list []string
	for _, id := range ids[:min(len(ids), most)] {
		if id == "" {
			id = "(no name)"
		}
		list = append(list, id)
	}
	if len(ids) > most {
		list = append(list, "…")
	}
	return strings.Join(list, ", ")
}

// authservID is the first word of an Authentication-Results field (RFC 8601
// §2.2), to show to people; package auth decides what is believed. It is ""
// where there is none, as in the fields of Microsoft 365, which begin with
// their first result.
func authservID(field string) string {
	field = strings.TrimLeft(field, " \t\r\n")
	for depth := 0; strings.HasPrefix(field, "(") || depth > 0; {
		i := strings.IndexAny(field, `()\`)
		if i < 0 || i+1 >= len(field) {
			return ""
		}
		switch field[i] {
		case '(':
			depth++
		case ')':
			depth--
		default:
			i++ // a quoted pair
		}
		field = field[i+1:]
		if depth == 0 {
			field = strings.TrimLeft(field, " \t\r\n")
		}
	}
	if quoted, ok := strings.CutPrefix(field, `"`); ok {
		id, _, ended := strings.Cut(quoted, `"`)
		if !ended || strings.ContainsAny(id, "\\\r\n") {
			return ""
		}
		return id
	}
	id := field
	if i := strings.IndexAny(field, " \t\r\n;("); i >= 0 {
		id = field[:i]
	}
	if strings.ContainsAny(id, `=")\`) {
		return ""
	}
	return id
}
