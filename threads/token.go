package threads

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/id8labs/escalated/mailbox"
)

// A Key signs tokens: what proves that a reply answers a mail we sent to just
// that person about just that escalation.
type Key []byte

// What a token is for. A token of one purpose is worth nothing for another.
const (
	forReply  = "reply"
	forBounce = "bounce"
)

// customerSide is the person of tokens in mails that several customers share.
const customerSide = "customer"

// Service is the id of mails that belong to no escalation.
const Service = "service"

var tokenEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// token is 100 bits of HMAC-SHA256, in lower case since relays change case.
func (k Key) token(purpose, id, person string) string {
	mac := hmac.New(sha256.New, k)
	fmt.Fprintf(mac, "%s\n%s\n%s", purpose, strings.ToUpper(id), strings.ToLower(person))
	return tokenEncoding.EncodeToString(mac.Sum(nil))[:20]
}

func (k Key) valid(token, purpose, id, person string) bool {
	want := k.token(purpose, id, person)
	return subtle.ConstantTimeCompare([]byte(strings.ToLower(token)), []byte(want)) == 1
}

// detail is a token with what it is for, as it stands behind the + of an address.
func (k Key) detail(purpose, id, person string) string {
	return strings.ToLower(strings.TrimPrefix(id, "ESC-")) + "-" + k.token(purpose, id, person)
}

// parseDetail splits what detail made; the token is still to be proven.
func parseDetail(detail string) (id, token string, ok bool) {
	short, token, ok := strings.Cut(detail, "-")
	if !ok || short == "" || token == "" {
		return "", "", false
	}
	if short == Service {
		return Service, token, true
	}
	return "ESC-" + strings.ToUpper(short), token, true
}

// LoadKey reads the token key, and makes one that only we can read when there
// is none.
func LoadKey(path string) (Key, error) {
	key, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return newKey(path)
	case err != nil:
		return nil, fmt.Errorf("reading the token key: %w", err)
	case len(key) < 32:
		return nil, fmt.Errorf("token key %s has %d bytes, at least 32 are needed; remove it to get a new one (links in mails already sent stop working)", path, len(key))
	}
	return key, nil
}

func newKey(path string) (Key, error) {
	key := make([]byte, 32)
	rand.Read(key)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("making the token key's folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making the token key: %w", err)
	}
	_, err = f.Write(key)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("writing the token key: %w", err)
	}
	return key, nil
}

// ReplyAddress is where a reply about an escalation goes, a person's of ours or,
// with person "", anyone's on the customers' side; ours without a token where
// sub-addresses don't reach the mailbox.
func (s *Settings) ReplyAddress(id, person string) string {
	return s.subAddress(s.Key.detail(forReply, id, cmp.Or(person, customerSide)))
}

// BounceAddress is the envelope sender of mail to a recipient.
func (s *Settings) BounceAddress(id, recipient string) string {
	return s.subAddress("b-" + s.Key.detail(forBounce, id, recipient))
}

func (s *Settings) subAddress(detail string) string {
	user, host, ok := strings.Cut(s.Address, "@")
	if !ok || !s.SubAddress {
		return s.Address
	}
	return user + "+" + detail + "@" + host
}

// messageID derives a notice's Message-ID from its key, with the token of the
// person who may reply: the same notice always has the same one.
func (s *Settings) messageID(noticeKey, id, person string) string {
	return s.Key.detail(forReply, id, person) + "." + short(noticeKey)[:16] + "@" + mailbox.Domain(s.Address)
}

// proven returns the escalation whose token for the sender (or for the
// customers' side) a mail carries, in an address or a Message-ID it answers.
func (s *Settings) proven(m *mailbox.Message) (id string, ok bool) {
	from, sole := m.Sole()
	if !sole {
		return "", false
	}
	for _, detail := range s.details(m) {
		id, token, ok := parseDetail(detail)
		if ok && (s.Key.valid(token, forReply, id, from.Address) || s.Key.valid(token, forReply, id, customerSide)) {
			return id, true
		}
	}
	return "", false
}

// ours returns the escalation of a Message-ID that we wrote, to whomever.
func (s *Settings) ours(messageID string) (id string, ok bool) {
	local, ok := strings.CutSuffix(strings.ToLower(messageID), "@"+mailbox.Domain(s.Address))
	if !ok {
		return "", false
	}
	detail, _, _ := strings.Cut(local, ".")
	id, token, ok := parseDetail(detail)
	if !ok || id == Service {
		return "", false
	}
	if s.Key.valid(token, forReply, id, customerSide) {
		return id, true
	}
	for _, p := range s.Directory.People {
		if s.Key.valid(token, forReply, id, p.Email) {
			return id, true
		}
	}
	return "", false
}

// wrote reports whether a Message-ID is one of ours, of whatever mail.
func (s *Settings) wrote(messageID string) bool {
	if _, ok := s.ours(messageID); ok {
		return true
	}
	local, ok := strings.CutSuffix(strings.ToLower(messageID), "@"+mailbox.Domain(s.Address))
	detail, _, _ := strings.Cut(local, ".")
	id, token, parsed := parseDetail(detail)
	return ok && parsed && id == Service && slices.ContainsFunc(append(s.operators(), s.roster()...), func(p string) bool {
		return s.Key.valid(token, forReply, id, p)
	})
}

// told reports whether a mail answers one that we sent to its sender in person,
// as one of those who are told without being in the roster.
func (s *Settings) told(m *mailbox.Message, from string) bool {
	return slices.ContainsFunc(s.details(m), func(detail string) bool {
		id, token, ok := parseDetail(detail)
		return ok && s.Key.valid(token, forReply, id, from)
	})
}

func (s *Settings) roster() []string {
	var emails []string
	for _, p := range s.Directory.People {
		emails = append(emails, p.Email)
	}
	return emails
}

// details lists what could be reply tokens: behind the + of our addresses, and
// at the start of Message-IDs under our domain.
func (s *Settings) details(m *mailbox.Message) []string {
	var details []string
	for _, a := range append(append([]mailbox.Address{}, m.To...), m.Cc...) {
		if base, detail := mailbox.SubAddress(a.Address); detail != "" && s.Trust.Owns(base) {
			details = append(details, detail)
		}
	}
	for _, name := range []string{"Delivered-To", "X-Original-To"} {
		for _, v := range m.Header.Values(name) {
			if base, detail := mailbox.SubAddress(strings.Trim(v, " <>")); detail != "" && s.Trust.Owns(base) {
				details = append(details, detail)
			}
		}
	}
	host := "@" + mailbox.Domain(s.Address)
	for _, ref := range append(append([]string{}, m.InReplyTo...), m.References...) {
		if local, ok := strings.CutSuffix(strings.ToLower(ref), host); ok {
			detail, _, _ := strings.Cut(local, ".")
			details = append(details, detail)
		}
	}
	return details
}
