package wire

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"unicode"
)

// A Bearer is one SASL login with an access token.
type Bearer struct {
	Mechanism string
	Initial   []byte // the client's first response
	// Farewell answers the challenge by which a server explains a refusal;
	// only then does it end the exchange.
	Farewell []byte
}

// NewBearer chooses between XOAUTH2 and OAUTHBEARER by what the server offers.
// XOAUTH2 goes first, being the one that vendors document and mail clients use.
// The address is the server's host:port. It returns false where neither is
// offered.
//
// The username is the address of the mailbox to open, which for a shared
// mailbox is not the account that the token was given to.
func NewBearer(offers func(mechanism string) bool, username, token, address string) (Bearer, bool) {
	switch {
	case offers("XOAUTH2"):
		return xoauth2(username, token), true
	case offers("OAUTHBEARER"):
		return oauthbearer(username, token, address), true
	}
	return Bearer{}, false
}

// xoauth2 is Google's and Microsoft's mechanism; no RFC has it.
func xoauth2(username, token string) Bearer {
	return Bearer{
		Mechanism: "XOAUTH2",
		Initial:   []byte("user=" + username + "\x01auth=Bearer " + token + "\x01\x01"),
		Farewell:  []byte{},
	}
}

// oauthbearer is RFC 7628 §3.1; its farewell §3.2.3, the escapes in the name
// RFC 5801 §4.
func oauthbearer(username, token, address string) Bearer {
	name := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(username)
	where := ""
	if host, port, err := net.SplitHostPort(address); err == nil {
		where = "host=" + host + "\x01port=" + port + "\x01"
	}
	return Bearer{
		Mechanism: "OAUTHBEARER",
		Initial:   []byte("n,a=" + name + ",\x01" + where + "auth=Bearer " + token + "\x01\x01"),
		Farewell:  []byte{1},
	}
}

// NoBearer is the error where a server offers neither mechanism.
func NoBearer(offered string) error {
	return fmt.Errorf("the server offers neither AUTH XOAUTH2 nor OAUTHBEARER (offered: %q), so the token was not sent; configure a password instead of oauth2, or allow OAuth2 on the server", line(offered))
}

// Refusal says what to do about a refused token, with what the server's
// challenge (RFC 7628 §3.2.2, also XOAUTH2's) tells; the protocol is IMAP or SMTP.
func Refusal(protocol string, challenge []byte) string {
	var why struct{ Status, Scope string }
	_ = json.Unmarshal(challenge, &why) // what cannot be read is left out
	text := "the server refused the access token"
	if why.Status != "" {
		text += " with status " + line(why.Status)
	}
	if why.Scope != "" {
		text += ", it wants the scope " + line(why.Scope)
	}
	return text + "; check that `username` is the address of a mailbox this token may open, that " + protocol +
		" is allowed for that mailbox, and the `scopes`"
}

// line makes a server's words fit for a log.
func line(words string) string {
	const most = 100
	words = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, words)
	if runes := []rune(words); len(runes) > most {
		words = string(runes[:most]) + "…"
	}
	return words
}
