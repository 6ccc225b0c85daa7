package imap

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/id8labs/escalated/mailbox"
)

// fetch returns the mails of a batch in ascending order; those that are gone
// are missing. broken are the mails the server answered for without a body.
// On an error there are no mails: go-imap may have cut any of them short.
func (s *session) fetch(uids []imap.UID) (raws []mailbox.Raw, broken []imap.UID, err error) {
	options := &imap.FetchOptions{
		UID: true, InternalDate: true, RFC822Size: true,
		BodySection: []*imap.FetchItemBodySection{{Peek: true, Partial: &imap.SectionPartial{Size: s.in.cfg.Limit}}},
	}
	var unreadable error
	err = s.do("fetch", func() error {
		cmd := s.c.Fetch(imap.UIDSetNum(uids...), options)
		for msg := cmd.Next(); msg != nil; msg = cmd.Next() {
			switch raw, err := s.read(msg); {
			case errors.Is(err, errNoBody):
				broken = append(broken, imap.UID(raw.Location.UID))
			case err != nil:
				unreadable = err
				s.line.hangUp() // or the rest would have to be read first
			default:
				raws = append(raws, raw)
			}
		}
		return cmd.Close()
	})
	if err = errors.Join(err, unreadable); err != nil {
		return nil, nil, err
	}
	slices.SortFunc(raws, func(a, b mailbox.Raw) int {
		return int(int64(a.Location.UID) - int64(b.Location.UID))
	})
	return raws, broken, nil
}

// errNoBody may also be a flag change of somebody else's that came while the
// mail was being fetched, and that go-imap took for the answer.
var errNoBody = errors.New("the server sent no body")

// read takes one FETCH response apart.
func (s *session) read(msg *imapclient.FetchMessageData) (mailbox.Raw, error) {
	var raw mailbox.Raw
	var whole bool
	for item := msg.Next(); item != nil; item = msg.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			raw.Location = s.location(item.UID)
		case imapclient.FetchItemDataRFC822Size:
			raw.Size = item.Size
		case imapclient.FetchItemDataInternalDate:
			raw.Received = item.Time
		case imapclient.FetchItemDataBodySection:
			if item.Literal == nil {
				continue
			}
			body, err := s.readBody(item.Literal)
			if err != nil {
				return raw, err
			}
			raw.Bytes, whole = body, true
		}
	}
	if !whole || len(raw.Bytes) == 0 && raw.Size > 0 {
		return raw, errNoBody
	}
	return s.trueSize(raw), nil
}

func (s *session) readBody(literal imap.LiteralReader) ([]byte, error) {
	size := literal.Size()
	if size > s.in.cfg.Limit {
		return nil, fmt.Errorf("the server sent %d octets where %d were asked for", size, s.in.cfg.Limit)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(literal, body); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	return body, nil
}

// trueSize corrects servers that only estimate RFC822.SIZE, so that Bytes is
// shorter than Size exactly when the mail was cut. A mail without an
// INTERNALDATE is received now.
func (s *session) trueSize(raw mailbox.Raw) mailbox.Raw {
	got := int64(len(raw.Bytes))
	if got < s.in.cfg.Limit || raw.Size < got {
		raw.Size = got
	}
	if raw.Received.IsZero() {
		raw.Received = time.Now()
	}
	return raw
}

// fetchOrBlame fetches a batch. When that fails, its mails become suspects, to
// be fetched one by one; a suspect that fails alone is reported to the desk.
// The error is one of the connection or the desk.
func (s *session) fetchOrBlame(uids []imap.UID) ([]mailbox.Raw, error) {
	raws, broken, err := s.fetch(uids)
	switch {
	case err == nil:
		for _, raw := range raws {
			delete(s.in.memory.suspects, imap.UID(raw.Location.UID))
		}
		for _, uid := range broken {
			if err := s.blame(uid, errNoBody); err != nil {
				return nil, err
			}
		}
		return raws, nil
	case s.hard.Err() != nil: // we hung up ourselves
		return nil, err
	case len(uids) > 1:
		s.in.cfg.Log.Debug("imap batch failed: its mails are fetched one by one", "mails", len(uids), "error", err)
		for _, uid := range uids {
			s.accuseOne(uid)
		}
		return nil, unlessRefused(err)
	}
	return nil, errors.Join(s.blame(uids[0], err), unlessRefused(err))
}

func (s *session) accuse(mails []mail) {
	for _, m := range mails {
		s.accuseOne(m.uid)
	}
}

func (s *session) accuseOne(uid imap.UID) {
	if s.trusted(uid) {
		s.in.memory.suspects[uid] = time.Time{}
	}
}

// blame deals with a mail whose FETCH failed and was about no other mail. The
// first time may be the connection's fault and only makes it a suspect.
func (s *session) blame(uid imap.UID, reason error) error {
	if s.trusted(uid) {
		s.accuseOne(uid)
		return nil
	}
	connected := refused(reason) || errors.Is(reason, errNoBody)
	if connected {
		if found, err := s.search(&imap.SearchCriteria{UID: []imap.UIDSet{imap.UIDSetNum(uid)}}); err != nil || !found.Contains(uid) {
			return err // expunged by somebody else meanwhile
		}
	}
	s.in.memory.suspects[uid] = time.Now().Add(s.in.cfg.Poll)
	fate, err := s.in.desk.Fail(s.hard, s.location(uid), reason)
	if err != nil {
		return deskError{fmt.Errorf("fail: %w", err)}
	}
	s.in.cfg.Log.Warn("imap mail cannot be fetched", "uid", uid, "uid_validity", s.in.memory.validity, "error", reason)
	if !connected {
		return nil // the next session files it
	}
	return s.file([]ruling{{uid, fate}})
}
