package imap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/id8labs/escalated/mailbox"
)

// window is how many mails the desk and the server are asked about at once. It
// keeps commands near the 8,000 octets every server takes (RFC 2683 §3.2.1.5).
const window = 1000

// A mail is one of the watched folder.
type mail struct {
	uid  imap.UID
	size int64 // octets the server says it has; -1: not asked yet
}

// A ruling is what is to happen with a mail.
type ruling struct {
	uid  imap.UID
	fate mailbox.Fate
}

// reconcile looks at every mail of the folder.
func (s *session) reconcile(ctx context.Context) error {
	s.fresh, s.in.memory.stuck = false, ""
	uids, err := s.list()
	if err != nil {
		return err
	}
	if len(uids) > 0 {
		s.next = uids[len(uids)-1] + 1
	}
	s.in.state.set(func(st *Status) { st.Backlog = len(uids) })
	s.in.cfg.Log.Debug("imap reconcile", "mails", len(uids))
	for some := range slices.Chunk(uids, window) {
		mails := make([]mail, len(some))
		for i, uid := range some {
			mails[i] = mail{uid: uid, size: -1}
		}
		if err := s.work(ctx, mails); err != nil || ctx.Err() != nil {
			return err
		}
	}
	s.useful = true
	s.in.state.set(func(st *Status) { st.LastPass = time.Now() })
	return nil
}

// list returns the UIDs of the folder in ascending order, without the mails
// that were copied away and could not be expunged. The folder is selected anew:
// a session may know less than the server until it is told, and stays with a
// folder that was renamed or deleted while another took its name.
func (s *session) list() (uids []imap.UID, err error) {
	if err := s.selectFolder(s.hard); err != nil {
		return nil, err
	}
	m := &s.in.memory
	all, err := s.search(&imap.SearchCriteria{})
	if err != nil {
		return nil, err
	}
	if s.deleted, err = s.search(&imap.SearchCriteria{Flag: []imap.Flag{imap.FlagDeleted}}); err != nil {
		return nil, err
	}
	if s.keyword && !s.expunges() {
		filed, err := s.search(&imap.SearchCriteria{Flag: []imap.Flag{imap.FlagDeleted, filedFlag}})
		if err != nil {
			return nil, err
		}
		m.parted.AddSet(filed)
	}
	for uid := range m.suspects {
		if !all.Contains(uid) {
			delete(m.suspects, uid)
			delete(m.failed, uid)
		}
	}
	uids, err = numbers(all)
	return slices.DeleteFunc(uids, m.parted.Contains), err
}

func (s *session) search(criteria *imap.SearchCriteria) (found imap.UIDSet, err error) {
	err = s.do("search", func() error {
		data, err := s.c.UIDSearch(criteria, nil).Wait()
		if err != nil {
			return err
		}
		var ok bool
		if found, ok = data.All.(imap.UIDSet); !ok && data.All != nil {
			return errors.New("the server answered with sequence numbers")
		}
		return nil
	})
	return found, err
}

// numbers lists a set. Sets come from the server: go-imap's own Nums does not
// end for ranges up to the highest UID.
func numbers(set imap.UIDSet) ([]imap.UID, error) {
	const most = 20_000_000
	var uids []imap.UID
	for _, r := range set {
		if r.Start == 0 || r.Stop < r.Start || uint64(r.Stop-r.Start)+uint64(len(uids)) >= most {
			return nil, fmt.Errorf("the server sent an impossible set of UIDs with %d:%d", r.Start, r.Stop)
		}
		for n := uint64(r.Start); n <= uint64(r.Stop); n++ {
			uids = append(uids, imap.UID(n))
		}
	}
	return uids, nil
}

// arrivals looks at the mails from s.next on, which the server announced. One
// round trip gives UIDs and sizes; the last mail always answers to "n:*".
func (s *session) arrivals(ctx context.Context) error {
	s.fresh = false
	mails, err := s.sizes(imap.UIDSet{{Start: s.next, Stop: 0}})
	if err != nil {
		return err
	}
	mails = slices.DeleteFunc(mails, func(m mail) bool { return m.uid < s.next })
	s.in.state.addBacklog(len(mails))
	for some := range slices.Chunk(mails, window) {
		if err := s.work(ctx, some); err != nil || ctx.Err() != nil {
			return err
		}
		s.next = some[len(some)-1].uid + 1
	}
	return nil
}

// sizes asks for RFC822.SIZE and returns the mails in ascending order.
func (s *session) sizes(set imap.UIDSet) (mails []mail, err error) {
	err = s.do("fetch sizes", func() error {
		cmd := s.c.Fetch(set, &imap.FetchOptions{UID: true, RFC822Size: true})
		for msg := cmd.Next(); msg != nil; msg = cmd.Next() {
			if buf, err := msg.Collect(); err == nil && buf.UID != 0 {
				mails = append(mails, mail{buf.UID, buf.RFC822Size})
			}
		}
		return cmd.Close()
	})
	slices.SortFunc(mails, func(a, b mail) int { return int(int64(a.uid) - int64(b.uid)) })
	return mails, err
}

// work does with some mails what the desk says: those it knows are filed, the
// others fetched and handed over, suspicious ones last and each alone.
func (s *session) work(ctx context.Context, mails []mail) error {
	at := make([]mailbox.Location, len(mails))
	for i, m := range mails {
		at[i] = s.location(m.uid)
	}
	fates, err := s.in.desk.Fates(s.hard, at)
	if err == nil && len(fates) != len(mails) {
		err = fmt.Errorf("%d fates for %d mails", len(fates), len(mails))
	}
	if err != nil {
		return deskError{fmt.Errorf("fates: %w", err)}
	}
	var known []ruling
	var unknown, alone []mail
	for i, m := range mails {
		switch fates[i] {
		case mailbox.Fetch:
			unknown = append(unknown, m)
		case mailbox.FetchAlone:
			alone = append(alone, m)
		default:
			known = append(known, ruling{m.uid, fates[i]})
		}
	}
	if err := s.file(known); err != nil {
		return err
	}
	if err := s.takeTogether(ctx, unknown); err != nil {
		return err
	}
	return s.takeAlone(ctx, append(s.only(unknown, s.suspect), alone...))
}

func (s *session) location(uid imap.UID) mailbox.Location {
	return mailbox.Location{Account: s.in.account(), Folder: s.in.cfg.Folder, UIDValidity: s.in.memory.validity, UID: uint32(uid)}
}

func (s *session) suspect(uid imap.UID) bool {
	_, ok := s.in.memory.suspects[uid]
	return ok
}

func (s *session) trusted(uid imap.UID) bool { return !s.suspect(uid) }

func (s *session) only(mails []mail, keep func(imap.UID) bool) []mail {
	return slices.DeleteFunc(slices.Clone(mails), func(m mail) bool { return !keep(m.uid) })
}

// takeTogether takes mails in batches as large as they may be.
func (s *session) takeTogether(ctx context.Context, mails []mail) error {
	mails = s.only(mails, s.trusted)
	if len(mails) > 0 && mails[0].size < 0 {
		sized, err := s.sizes(set(mails))
		if err != nil {
			s.accuse(mails)
			return unlessRefused(err)
		}
		mails = sized
	}
	return s.take(ctx, s.batches(mails))
}

// takeAlone takes mails each in a batch of its own, save those whose time has
// not come again.
func (s *session) takeAlone(ctx context.Context, mails []mail) error {
	var batches [][]imap.UID
	for _, m := range mails {
		if !time.Now().Before(s.in.memory.suspects[m.uid].until) {
			batches = append(batches, []imap.UID{m.uid})
		}
	}
	return s.take(ctx, batches)
}

// batches groups mails by count and by the octets that will be fetched.
func (s *session) batches(mails []mail) [][]imap.UID {
	var all [][]imap.UID
	var batch []imap.UID
	var octets int64
	for _, m := range mails {
		size := min(m.size, s.in.cfg.Limit)
		if len(batch) > 0 && (len(batch) == s.in.cfg.BatchCount || octets+size > s.in.cfg.BatchBytes) {
			all, batch, octets = append(all, batch), nil, 0
		}
		batch, octets = append(batch, m.uid), octets+size
	}
	if len(batch) > 0 {
		all = append(all, batch)
	}
	return all
}

func set(mails []mail) imap.UIDSet {
	var uids imap.UIDSet
	for _, m := range mails {
		uids.AddNum(m.uid)
	}
	return uids
}

// unlessRefused keeps only the errors that end a connection.
func unlessRefused(err error) error {
	if refused(err) {
		return nil
	}
	return err
}
