package threads

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/threads/store"
)

// A record is a byte of format, a byte of encoding, and JSON. One of a newer
// format is refused, so that an older program never writes back what it can't
// read. Most of what is long is text, which S2 halves, and what a transaction
// writes decides how many mails a second are taken.
const (
	format = 1
	plain  = 'j'
	packed = 's' // in S2 compression
	pack   = 512 // from how many octets on
)

func put(tx store.Txn, key []byte, record any) error {
	raw, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("writing %q: %w", key, err)
	}
	if len(raw) < pack {
		return tx.Set(key, append([]byte{format, plain}, raw...))
	}
	return tx.Set(key, append([]byte{format, packed}, s2.Encode(nil, raw)...))
}

// get reads a record; found is false when there is none.
func get[T any](r store.Reader, key []byte) (record T, found bool, err error) {
	value, err := r.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return record, false, nil
	}
	if err != nil {
		return record, false, err
	}
	record, err = decode[T](key, value)
	return record, err == nil, err
}

func decode[T any](key, value []byte) (record T, err error) {
	if len(value) < 2 {
		return record, fmt.Errorf("reading %q: no record of ours: it has %d bytes", key, len(value))
	}
	if value[0] != format {
		return record, fmt.Errorf("reading %q: %w: format %d, this program knows %d", key, store.ErrNewer, value[0], format)
	}
	raw := value[2:]
	if value[1] == packed {
		if raw, err = s2.Decode(nil, raw); err != nil {
			return record, fmt.Errorf("unpacking %q: %w", key, err)
		}
	}
	if err := json.Unmarshal(raw, &record); err != nil {
		return record, fmt.Errorf("reading %q: %w", key, err)
	}
	return record, nil
}

// maxNamed bounds how many escalations one Message-ID or subject may point at;
// the newest stay.
const maxNamed = 32

// point makes an index key lead to an escalation besides those it leads to.
func point(tx store.Txn, key []byte, id string) error {
	ids, _, err := get[[]string](tx, key)
	if err != nil || slices.Contains(ids, id) {
		return err
	}
	if len(ids) >= maxNamed {
		ids = ids[1:]
	}
	return put(tx, key, append(ids, id))
}

// A Letter is a mail as the record keeps it: what it says and where its
// original lies, never the original itself.
type Letter struct {
	Location    mailbox.Location     `json:"location"`
	Received    time.Time            `json:"received"`
	Hash        string               `json:"hash"` // SHA-256 of the raw mail, in hex
	MessageID   string               `json:"message_id"`
	Date        time.Time            `json:"date,omitzero"`
	From        []mailbox.Address    `json:"from"`
	To          []mailbox.Address    `json:"to,omitempty"`
	Cc          []mailbox.Address    `json:"cc,omitempty"`
	Subject     string               `json:"subject"`
	Text        string               `json:"text"` // the new text only
	Attachments []mailbox.Attachment `json:"attachments,omitempty"`
	Cut         bool                 `json:"cut,omitempty"` // larger than limits.message: only its beginning was read
	Origin      mailbox.Origin       `json:"origin"`
}

// An Aside is a mail that opened nothing and joined nothing: kept with kind and
// hash, and counted in no escalation.
type Aside struct {
	At       time.Time        `json:"at"`
	Kind     string           `json:"kind"`
	From     string           `json:"from"`
	Subject  string           `json:"subject"`
	Because  string           `json:"because"`
	Hash     string           `json:"hash"`
	Location mailbox.Location `json:"location"`
	Certain  bool             `json:"certain"` // no human needs to look now
}

// A file is what is known of one mail by its place in the watched folder.
type file struct {
	Fate   mailbox.Fate      `json:"fate"`
	Run    string            `json:"run,omitempty"`    // the run of the program that is trying it
	Tries  int               `json:"tries,omitempty"`  // attempts of its own that failed or never ended
	Reason string            `json:"reason,omitempty"` // why the last one failed
	Lies   *mailbox.Location `json:"lies,omitempty"`   // where it was moved to
}

// setEscalation writes the state and the index entries that follow from it.
func setEscalation(tx store.Txn, before, e *Escalation) error {
	if before.Due != e.Due {
		if err := moveDue(tx, before, e); err != nil {
			return err
		}
	}
	open, was := e.Status != Closed, before.ID != "" && before.Status != Closed
	switch {
	case open && !was:
		if err := tx.Set(openKey(e.ID), nil); err != nil {
			return err
		}
	case was && !open:
		if err := tx.Delete(openKey(e.ID)); err != nil {
			return err
		}
	}
	return put(tx, escalationKey(e.ID), e)
}

func moveDue(tx store.Txn, before, e *Escalation) error {
	if !before.Due.IsZero() {
		if err := tx.Delete(dueKey(before.Due, e.ID)); err != nil {
			return err
		}
	}
	if e.Due.IsZero() {
		return nil
	}
	return tx.Set(dueKey(e.Due, e.ID), nil)
}
