// Package auth answers "who vouches for From, and did a person write at all?".
//
// It is pure: a verdict depends on the mail and on [Trust], which is what we
// know for certain, and on nothing else. Three rules hold throughout.
//
// What a sender can write proves nothing. Only the Authentication-Results
// (RFC 8601) of our own server count, from the topmost block of its fields.
// Below the Received field of our server the header is the sender's, so of a
// block there only the first field can raise the result; see block.go. The
// server must write its results on every mail, or remove those of others that
// carry its name (RFC 8601 §5): where it does neither, no reader can tell.
//
// Doubt never passes. What does not parse, contradicts itself, or speaks of
// another domain than From's is [mailbox.None]; a From that is not exactly one
// address is [mailbox.Fail].
//
// Doubt never hides a person. A mail is taken for a robot's, a bounce or bulk
// only on evidence in its header; markers that stand on human mail as well
// withhold the acknowledgment and change nothing else.
package auth

import (
	"slices"

	"github.com/id8labs/escalated/mailbox"
)

// Trust is what we know for certain about mail: our server and ourselves.
type Trust struct {
	AuthservID string   // whose Authentication-Results to believe; "" believes none
	Own        []string // our addresses: the watched one and its aliases
	Host       string   // the domain in the Message-IDs we write
}

// Judge says who or what sent a mail. Every kind but a person's has NoReply.
func (t Trust) Judge(m *mailbox.Message) mailbox.Origin {
	origin := t.kind(m)
	origin.Authenticated = t.authenticate(m)
	if origin.Kind != mailbox.KindHuman {
		origin.NoReply = true
	} else if because := t.withhold(m); because != "" {
		origin.NoReply, origin.Because = true, because
	}
	return origin
}

// Owns reports whether an address is one of ours, sub-addresses (RFC 5233)
// included, case aside.
func (t Trust) Owns(address string) bool {
	base, _ := mailbox.SubAddress(address)
	return slices.ContainsFunc(t.Own, func(own string) bool {
		return mailbox.Same(own, address) || mailbox.Same(own, base)
	})
}

// kind asks for the surest evidence first. A report of our own mail's delivery
// may carry our address, and a newsletter may call itself auto-generated.
func (t Trust) kind(m *mailbox.Message) mailbox.Origin {
	if origin, ok := t.report(m); ok {
		return origin
	}
	if origin, ok := t.plainBounce(m); ok {
		return origin
	}
	for _, ask := range []struct {
		kind mailbox.Kind
		of   func(*mailbox.Message) string
	}{
		{mailbox.KindOwn, t.own},
		{mailbox.KindRobot, answered},
		{mailbox.KindBulk, t.bulk},
		{mailbox.KindRobot, generated},
	} {
		if because := ask.of(m); because != "" {
			return mailbox.Origin{Kind: ask.kind, Because: because}
		}
	}
	return mailbox.Origin{Kind: mailbox.KindHuman}
}

// own decides by From alone. Our Message-IDs, our X-Escalated fields and
// Auto-Submitted can be copied by anyone, and From can too; but whoever writes
// as us can only be kept from an answer to ourselves.
func (t Trust) own(m *mailbox.Message) string {
	for _, from := range m.From {
		if t.Owns(from.Address) {
			return "From is our address " + from.Address
		}
	}
	return ""
}
