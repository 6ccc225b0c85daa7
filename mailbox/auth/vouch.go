package auth

import (
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"github.com/id8labs/escalated/mailbox"
)

// authenticate says whether the domain in From vouches for the mail, by the
// results of our server.
func (t Trust) authenticate(m *mailbox.Message) mailbox.Result {
	best := soundness(m)
	from, _ := m.Sole()
	if best == mailbox.Fail || t.AuthservID == "" {
		return worse(best, mailbox.None)
	}
	run, sealed := t.block(m.Header)
	verdict := weigh(run, from)
	if !sealed && len(run) > 1 {
		verdict = worse(verdict, weigh(run[:1], from))
	}
	return worse(best, verdict)
}

// soundness returns the best result a mail's From can get: fail unless there
// is one field with one address, none when it could be read in two ways. A
// server judges the From it reads; it must be the one we read.
func soundness(m *mailbox.Message) mailbox.Result {
	fields := m.Header.Values("From")
	from, ok := m.Sole()
	if !ok || len(fields) != 1 || strings.Contains(from.Address, "=?") {
		return mailbox.Fail
	}
	bare, ok := uncommented(fields[0])
	if !ok {
		return mailbox.None
	}
	found := ""
	for word := range strings.FieldsFuncSeq(bare, func(r rune) bool { return strings.ContainsRune(blank+"<>,;:", r) }) {
		switch {
		case !strings.Contains(word, "@"):
		case found != "" && !strings.EqualFold(found, word):
			return mailbox.Fail // agent@ours.example <someone@else.example>
		default:
			found = word
		}
	}
	switch {
	case found == "":
		return mailbox.Fail
	case strings.ContainsAny(bare, ",:;") || canonical(found) != canonical(from.Address):
		return mailbox.None // a group, a list, or a repair
	}
	return mailbox.Pass
}

// uncommented returns a field without its comments and quoted strings.
func uncommented(field string) (bare string, ok bool) {
	l := lexer{rest: field}
	var b strings.Builder
	for !l.end() {
		if l.rest[0] == '"' {
			_, n := quoted(l.rest)
			if n == 0 {
				return "", false
			}
			l.rest = l.rest[n:]
			continue
		}
		n := strings.IndexAny(l.rest[1:], `"(`+blank) + 1
		if n == 0 {
			n = len(l.rest)
		}
		b.WriteString(l.rest[:n])
		l.rest = l.rest[n:]
		b.WriteByte(' ') // what ended the word
	}
	return b.String(), !l.bad
}

// weigh reads a run of fields and decides. Nothing that is not wholly
// understood, or that says two things at once, decides anything.
func weigh(run []string, from mailbox.Address) mailbox.Result {
	var all []result
	for _, field := range run {
		_, results, err := parseResults(field)
		if err != nil {
			return mailbox.None
		}
		all = append(all, results...)
	}
	if contradictory(all) {
		return mailbox.None
	}
	return decide(all, from)
}

// contradictory reports whether two results about the same thing differ. A
// mail has one DMARC verdict, one sender and one login, but any number of
// signatures, of which only the same one twice can contradict itself.
func contradictory(all []result) bool {
	said := map[string]string{}
	for _, r := range all {
		about, what := r.method, r.value
		switch r.method {
		case "dmarc":
			what += " " + canonical(r.props["header.from"])
		case "spf":
			if _, ok := r.props["smtp.mailfrom"]; !ok {
				about += " helo"
			}
			what += " " + canonical(r.props["smtp.mailfrom"])
		case "auth":
			what += " " + strings.ToLower(r.props["smtp.auth"])
		case "dkim":
			if r.props["header.b"] == "" {
				continue
			}
			about += " " + canonical(signer(r)) + " " + r.props["header.s"] + " " + r.props["header.b"]
		default:
			continue
		}
		if old, twice := said[about]; twice && old != what {
			return true
		}
		said[about] = what
	}
	return false
}

// decide applies the rules to results that agree. A DMARC pass without
// header.from does not say for whom, and leaves the question to SPF and DKIM.
// A login as From beside a DMARC verdict against it is a contradiction: none.
func decide(all []result, from mailbox.Address) mailbox.Result {
	domain := canonical(from.Address)
	dmarc, aligned, failed, login := "none", false, false, false
	for _, r := range all {
		passed := r.value == "pass"
		switch r.method {
		case "dmarc":
			dmarc = r.value
			about, named := r.props["header.from"]
			if passed && !named {
				dmarc = "none"
			} else if passed && canonical(about) != domain {
				dmarc = "another's"
			}
		case "spf":
			aligned = aligned || passed && sameOrganisation(r.props["smtp.mailfrom"], domain)
			failed = failed || r.value == "fail"
		case "dkim":
			aligned = aligned || passed && sameOrganisation(signer(r), domain)
			failed = failed || r.value == "fail"
		case "auth":
			login = login || passed && mailbox.Same(r.props["smtp.auth"], from.Address)
		}
	}
	switch {
	case domain == "", login && (dmarc == "fail" || dmarc == "another's"):
		return mailbox.None
	case login, dmarc == "pass", dmarc == "none" && aligned:
		return mailbox.Pass
	case dmarc == "fail", failed && !aligned && dmarc != "another's":
		return mailbox.Fail
	}
	return mailbox.None
}

// signer returns the domain that signed: header.d, or header.i where d is unsaid.
func signer(r result) string {
	if d := r.props["header.d"]; d != "" {
		return d
	}
	return r.props["header.i"]
}

// worse returns the lesser of two results.
func worse(a, b mailbox.Result) mailbox.Result {
	for _, r := range []mailbox.Result{mailbox.Fail, mailbox.None} {
		if a == r || b == r {
			return r
		}
	}
	return mailbox.Pass
}

// canonical returns the domain of an address, or a domain itself, for
// comparing: lower case, as IDNA writes it, without a final dot; "" if it is
// none. It maps no character to another, so look-alikes stay different.
func canonical(address string) string {
	_, domain, ok := cutLast(strings.Trim(address, "<>"), "@")
	if !ok {
		domain = strings.Trim(address, "<>")
	}
	lower := strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, strings.TrimSuffix(domain, "."))
	domain, err := idna.Punycode.ToASCII(lower)
	unfit := func(r rune) bool {
		return r != '-' && r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
	}
	if err != nil || strings.ContainsFunc(domain, unfit) || !strings.Contains(domain, ".") {
		return ""
	}
	return domain
}

// organisation returns the organisational domain (RFC 7489 §3.2) by the public
// suffix list; a public suffix is an organisation of its own. "" if it is none.
func organisation(address string) string {
	domain := canonical(address)
	if org, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return org
	}
	return domain
}

func sameOrganisation(a, b string) bool {
	org := organisation(a)
	return org != "" && org == organisation(b)
}
