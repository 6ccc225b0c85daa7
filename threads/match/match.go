// Package match holds the pure rules by which a mail is compared with
// escalations: what a subject says once its prefixes are gone, which
// escalations a text names, and who belongs to one organisation.
//
// Whether a mail that matches may join is decided in package threads.
package match

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/id8labs/escalated/mailbox"
)

const (
	// Window bounds the fallback on subject and sender, and how long after
	// its end an escalation is still joined by its thread.
	Window = 14 * 24 * time.Hour
	// Dormant is the silence after which an escalation that nobody ended is
	// no longer joined: what comes then is another matter.
	Dormant = 60 * 24 * time.Hour
)

// idAlphabet is Crockford's base32: no I, L, O or U to misread.
const idAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

var tag = regexp.MustCompile(`(?i)\bESC-([0-9a-hjkmnp-tv-z]{6,12})\b`)

// IDs returns the escalations that a text names, in order, without repeats.
func IDs(text string) []string {
	var ids []string
	for _, m := range tag.FindAllStringSubmatch(text, 16) {
		id := "ESC-" + strings.ToUpper(m[1])
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// ID makes the id of an escalation from random bytes, five bits of each.
func ID(random []byte) string {
	id := []byte("ESC-")
	for _, b := range random {
		id = append(id, idAlphabet[b&31])
	}
	return string(id)
}

// prefix is what mail clients put before a subject they answer or forward, in
// the languages of the corpus and its neighbours; lists add [brackets].
var prefix = regexp.MustCompile(`(?i)^\s*(?:(?:re|aw|antw|antwort|sv|vs|ref|rif|res|odp|ynt|fw|fwd|wg|tr|rv|enc|i|vb|doorst|vl|fs|回复|答复|转发|返信|転送)\s*(?:\[\d+\]|\(\d+\))?\s*[:：]|\[[^\]]{1,40}\])`)

var (
	brackets = regexp.MustCompile(`(?i)[\[(]\s*ESC-[0-9a-z]{6,12}\s*[\])]|\bESC-[0-9a-z]{6,12}\b`)
	spaces   = regexp.MustCompile(`\s+`)
)

// Subject returns what is left of a subject without reply and forward
// prefixes, list tags, our own tag, case and spacing. It is empty when nothing
// of the sender's own is left.
func Subject(s string) string {
	s = brackets.ReplaceAllString(s, " ")
	for {
		rest := prefix.ReplaceAllString(s, "")
		if rest == s {
			break
		}
		s = rest
	}
	return strings.ToLower(strings.TrimSpace(spaces.ReplaceAllString(s, " ")))
}

//go:embed freemail.txt
var freemailList string

// Freemail reports domains whose addresses anyone can have: they make no organisation.
func Freemail(domain string) bool {
	return freemail(strings.ToLower(domain))
}

func freemail(domain string) bool {
	for line := range strings.Lines(freemailList) {
		known := strings.TrimSpace(line)
		if known == domain || strings.HasSuffix(known, ".*") && strings.HasPrefix(domain, known[:len(known)-1]) {
			return known != ""
		}
	}
	return false
}

// Organisation returns the registrable domain of an address, or the whole
// address where the domain is a freemail provider's or no organisation's.
func Organisation(address string) string {
	domain := mailbox.Domain(address)
	registrable, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil || Freemail(domain) || Freemail(registrable) {
		return strings.ToLower(address)
	}
	return registrable
}
