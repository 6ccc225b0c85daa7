package auth

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/id8labs/escalated/mailbox"
)

// block returns the topmost run of adjacent Authentication-Results fields by
// our server. Servers put fields on top, so the first with its name is its own
// unless it wrote none; and a mail's way can show that it is not:
//
//	Received: by imap.acme.example with LMTP      local delivery, passed over
//	Authentication-Results: mx.acme.example; …    sealed: what is above a Received
//	Authentication-Results: mx.acme.example; …            of ours, the sender never held
//	Received: by mx.acme.example                  our border
//	Authentication-Results: mx.acme.example; …    open: Gmail writes its field here, and
//	Authentication-Results: mx.acme.example; …            the sender's own field may follow at once
//	Received: by relay.sender.example             a stranger: nothing below is ours
//
// sealed says that all of the run is ours; otherwise only its first field is.
func (t Trust) block(header mailbox.Header) (run []string, sealed bool) {
	home := []string{organisation(t.AuthservID)}
	crossed := false
	for i, f := range header {
		switch {
		case strings.EqualFold(f.Name, "Received"):
			by, with := hop(f.Value)
			if !crossed && strings.HasPrefix(with, "lmtp") {
				continue // RFC 2033 §5: never used across the Internet
			}
			if !crossed {
				home = append(home, organisation(by)) // the last to receive is ours
			}
			if !private(by) && !slices.Contains(home, organisation(by)) {
				return nil, false
			}
			crossed = true
		case t.wrote(f):
			for _, f := range header[i:] {
				if !t.wrote(f) {
					break
				}
				run = append(run, f.Value)
			}
			return run, !crossed
		}
	}
	return nil, false
}

// wrote reports whether a field claims to be our server's results.
func (t Trust) wrote(f mailbox.Field) bool {
	if !strings.EqualFold(f.Name, "Authentication-Results") {
		return false
	}
	id, ok := authserv(f.Value)
	return ok && strings.EqualFold(id, t.AuthservID)
}

// hop returns the host that wrote a Received field and the protocol it
// received by, in lower case (RFC 5321 §4.4). The name behind "from" is the
// client's to choose and is passed over, "by" though it may be.
func hop(received string) (by, with string) {
	l := lexer{rest: received}
	var words []string
	for !l.end() && !l.peek(';') {
		words = append(words, strings.ToLower(l.value()))
	}
	if len(words) > 1 && words[0] == "from" {
		words = words[2:]
	}
	for i := 0; i+1 < len(words); i++ {
		switch {
		case words[i] == "by" && by == "":
			by = words[i+1]
			i++
		case words[i] == "with" && with == "":
			return by, words[i+1]
		}
	}
	return by, with
}

// private reports whether a host's name says nothing to the Internet: it is
// absent (qmail), an address, a single label, or under a private suffix.
func private(host string) bool {
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	switch _, suffix, _ := cutLast(host, "."); suffix {
	case "", "internal", "local", "localdomain", "lan":
		return true
	}
	return false
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
