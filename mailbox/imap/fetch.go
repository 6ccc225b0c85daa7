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
		// One octet more than is wanted tells a mail that was cut from one that just fits.
		BodySection: []*imap.FetchItemBodySection{{Peek: true, Partial: &imap.SectionPartial{Size: s.in.cfg.Limit + 1}}},
	}
	err = s.do("fetch", func() error {
		cmd := s.c.Fetch(imap.UIDSetNum(uids...), options)
		var octets int64
		for msg := cmd.Next(); msg != nil; msg = cmd.Next() {
			raw, err := s.read(msg, len(uids) > 1 && octets > s.in.cfg.BatchBytes)
			switch {
			case errors.Is(err, errNoBody):
				broken = append(broken, imap.UID(raw.Location.UID))
			case err != nil:
				return err // the connection has ended, and cmd with it
			default:
				raws = append(raws, raw)
			}
			octets += int64(len(raw.Bytes))
		}
		return cmd.Close()
	})
	if err != nil {
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

// errTooMuch is about a batch of mails each larger than the server said: read
// together they might not fit in memory.
var errTooMuch = errors.New("the server sends more than the sizes it told add up to")

// read takes one FETCH response apart. Where the batch is full its body is not
// read. After any error but errNoBody the connection has ended.
func (s *session) read(msg *imapclient.FetchMessageData, full bool) (mailbox.Raw, error) {
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
			body, err := s.readBody(item.Literal, full)
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

// readBody reads a body or ends the connection. After an error the literal must
// not be read again, not even by go-imap's Next and Close, which skip what is
// left of it: go-imap's own reader has gone on by then, and reads the same buffer.
func (s *session) readBody(literal imap.LiteralReader, full bool) ([]byte, error) {
	size := literal.Size()
	var err error
	switch {
	case size > s.in.cfg.Limit+1:
		err = fmt.Errorf("the server sent %d octets where %d were asked for", size, s.in.cfg.Limit+1)
	case full && size > 0:
		err = errTooMuch
	}
	if err != nil {
		s.line.hangUp() // or the rest would have to be read first
		_, _ = io.Copy(io.Discard, literal)
		return nil, err
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(literal, body); err != nil {
		s.line.hangUp()
		return nil, fmt.Errorf("body: %w", err)
	}
	return body, nil
}

// trueSize cuts a mail at the limit and corrects servers that only estimate
// RFC822.SIZE, so that Bytes is shorter than Size exactly when the mail was
// cut. A mail without an INTERNALDATE is received now.
func (s *session) trueSize(raw mailbox.Raw) mailbox.Raw {
	got := int64(len(raw.Bytes))
	if got <= s.in.cfg.Limit {
		raw.Size = got
	} else {
		raw.Size = max(raw.Size, got)
		raw.Bytes = raw.Bytes[:s.in.cfg.Limit]
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
			clear(s.in.memory.failed)
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
		s.in.memory.suspects[uid] = suspicion{}
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
	s.in.memory.suspects[uid] = suspicion{time.Now().Add(s.in.cfg.Poll / 2), reason.Error()} // at the next look
	s.in.cfg.Log.Warn("imap mail cannot be fetched", "uid", uid, "uid_validity", s.in.memory.validity, "error", reason)
	if s.in.memory.excuses(uid, reason) {
		return nil
	}
	fate, err := s.in.desk.Fail(s.hard, s.location(uid), reason)
	if err != nil {
		return deskError{fmt.Errorf("fail: %w", err)}
	}
	if !connected {
		return nil // the next session files it
	}
	return s.file([]ruling{{uid, fate}})
}

// excuse is for how long a failure is thought to be the server's, where that
// may be: as many mails as there are would be given up otherwise, because its
// disk is away or large packets are lost.
const excuse = time.Hour

// excuses notes that a mail failed alone, and reports whether that may be the
// server's fault: it says so, or other mails fail too and none can be fetched.
func (m *memory) excuses(uid imap.UID, reason error) bool {
	if len(m.failed) == 0 {
		m.failedSince = time.Now()
	}
	m.failed[uid] = true
	e, ok := errors.AsType[*imap.Error](reason)
	unavailable := ok && (e.Code == imap.ResponseCodeUnavailable || e.Code == imap.ResponseCodeInUse || e.Code == imap.ResponseCodeLimit)
	return (unavailable || len(m.failed) > 1) && time.Since(m.failedSince) < excuse
}

// trouble says what keeps mails in the folder, "" when nothing does.
func (m *memory) trouble() string {
	if m.stuck != "" {
		return m.stuck
	}
	for uid, s := range m.suspects {
		if s.reason != "" {
			return fmt.Sprintf("mail %d of the watched folder cannot be fetched: %s", uid, s.reason)
		}
	}
	return ""
}
