package parse

import (
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/id8labs/escalated/mailbox"
)

const (
	maxAddresses  = 500
	maxReferences = 200
	maxID         = 998 // octets of an identifier
)

// senders reads a From field. Where it is malformed every address in it counts,
// those in names too: receivers differ in which of them they take, and only a
// field that can be read in one way says who wrote.
func senders(value string) []mailbox.Address {
	list, strict := strictly(value)
	if strict {
		return list
	}
	list = loosely(value)
	for _, candidate := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" <>,;:()\"'[]", r) }) {
		a, ok := address("", candidate)
		if ok && !slices.ContainsFunc(list, func(b mailbox.Address) bool { return mailbox.Same(a.Address, b.Address) }) {
			list = append(list, a)
		}
	}
	return list[:min(len(list), maxAddresses)]
}

// addresses reads a list of addresses (RFC 5322 §3.4), groups included.
func addresses(value string) []mailbox.Address {
	list, strict := strictly(value)
	if !strict {
		list = loosely(value)
	}
	return list[:min(len(list), maxAddresses)]
}

// strictly reads a list as the standard says, or not at all.
func strictly(value string) ([]mailbox.Address, bool) {
	if strings.TrimSpace(value) == "" {
		return nil, true
	}
	parsed, err := mail.ParseAddressList(value)
	if err != nil {
		return nil, false
	}
	var list []mailbox.Address
	for _, p := range parsed {
		a, ok := address(p.Name, p.Address)
		if !ok {
			return nil, false
		}
		list = append(list, a)
	}
	return list, true
}

// loosely reads a list item by item: an address in angle brackets with what is
// before it as its name, or a bare address.
func loosely(value string) (list []mailbox.Address) {
	for _, item := range items(value) {
		name, rest, angled := strings.Cut(unquoted(item), "<")
		candidate := name
		if angled {
			candidate, _, _ = strings.Cut(strings.TrimLeft(rest, "<"), ">")
			candidate = candidate[strings.LastIndex(candidate, ":")+1:] // an old route
		} else if _, member, group := strings.Cut(name, ":"); group {
			name, candidate = "", member
		} else {
			name = ""
		}
		if a, ok := address(strings.Trim(name, " \t\"'"), candidate); ok {
			list = append(list, a)
		}
	}
	return list
}

// items splits a list at commas and semicolons outside of quotes and brackets.
func items(value string) (list []string) {
	start, quoted, angled := 0, false, false
	for i := range len(value) {
		switch c := value[i]; {
		case c == '"' && (i == 0 || value[i-1] != '\\'):
			quoted = !quoted
		case quoted:
		case c == '<':
			angled = true
		case c == '>':
			angled = false
		case (c == ',' || c == ';') && !angled:
			list, start = append(list, value[start:i]), i+1
		}
	}
	return append(list, value[start:])
}

// unquoted drops angle brackets inside a quoted name, which are no address.
func unquoted(item string) string {
	end := strings.LastIndexByte(item, '"')
	if start := strings.IndexByte(item, '"'); start >= 0 && start < end {
		return item[:start] + strings.NewReplacer("<", "", ">", "").Replace(item[start:end]) + item[end:]
	}
	return item
}

// address checks and cleans one address. A local part that needs quotes keeps
// them, so that what it holds is never read as a second address.
func address(name, addr string) (mailbox.Address, bool) {
	addr = strings.TrimSpace(single(addr))
	at := strings.LastIndexByte(addr, '@')
	if at <= 0 || at == len(addr)-1 || len(addr) > 512 {
		return mailbox.Address{}, false
	}
	local, domain := addr[:at], strings.ToLower(strings.TrimSuffix(addr[at+1:], "."))
	if strings.ContainsAny(domain, " \t<>\"(),;:\\@") && !strings.HasPrefix(domain, "[") || domain == "" {
		return mailbox.Address{}, false
	}
	if strings.ContainsAny(local, " <>()[],;:\\@\"") {
		if strings.HasPrefix(local, `"`) {
			return mailbox.Address{}, false
		}
		local = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(local) + `"`
	}
	return mailbox.Address{Name: cut(single(decodeWords(name)), maxName), Address: local + "@" + domain}, true
}

// identifiers reads Message-IDs without their brackets. Words between them are
// skipped; where no brackets are, words with an @ count.
func identifiers(values ...string) (ids []string) {
	for _, value := range values {
		bracketed := strings.Contains(value, "<")
		for value != "" {
			var id string
			if bracketed {
				_, rest, found := strings.Cut(value, "<")
				if !found {
					break
				}
				end := strings.IndexAny(rest, "<>")
				if end < 0 {
					end = len(rest)
				}
				id, value = strings.Join(strings.Fields(rest[:end]), ""), strings.TrimPrefix(rest[end:], ">")
			} else {
				id, value, _ = strings.Cut(strings.TrimSpace(value), " ")
				if id = strings.Trim(id, ",;>"); !strings.Contains(id, "@") {
					continue
				}
			}
			if id != "" && len(id) <= maxID && !slices.Contains(ids[max(0, len(ids)-20):], id) {
				ids = append(ids, id)
			}
		}
	}
	if len(ids) > maxReferences { // the thread's root and its newest
		ids = append(ids[:1:1], ids[len(ids)-maxReferences+1:]...)
	}
	return ids
}

// layouts are what programs write instead of RFC 5322 §3.3.
var layouts = []string{
	time.RFC3339, time.ANSIC, time.UnixDate, time.RFC850, "Mon, 2 Jan 2006 15:04:05", "2 Jan 2006 15:04:05", "2 Jan 2006 15:04:05 -07:00",
	"Mon, 2 Jan 2006 15:04:05 -07:00", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05", "Mon, 02-Jan-2006 15:04:05 -0700",
	"Mon, 2 Jan 2006 15.04.05 -0700", "Mon Jan _2 15:04:05 2006 -0700", "Mon, 2 January 2006 15:04:05 -0700", "2 January 2006 15:04:05 -0700",
}

// date reads a Date field; zero when it cannot be.
func date(value string) time.Time {
	t, err := mail.ParseDate(value)
	value, _, _ = strings.Cut(value, "(")
	value = strings.Join(strings.Fields(value), " ")
	for i := 0; err != nil && i < len(layouts); i++ {
		t, err = time.Parse(layouts[i], value)
	}
	if err != nil || t.Year() < 1970 || t.Year() > 2200 {
		return time.Time{}
	}
	if _, offset := t.Zone(); offset < -14*3600 || offset > 14*3600 {
		return t.UTC()
	}
	return t
}
