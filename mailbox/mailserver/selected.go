package mailserver

import (
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// A sight is a message as a session's view shows it at one moment, so that it
// can be written to the client without the lock.
type sight struct {
	*message
	at    uint32 // sequence number in the folder
	shown uint32 // sequence number the client knows
	flags []imap.Flag
}

// sights returns the messages of a set that the session has been told of. The
// account's lock must be held.
func (v *view) sights(set imap.NumSet) []sight {
	var all []sight
	for i, m := range v.mails {
		at := uint32(i) + 1
		if shown := v.session.EncodeSeqNum(at); shown != 0 {
			all = append(all, sight{message: m, at: at, shown: shown})
		}
	}
	if len(all) == 0 {
		return nil
	}
	in := within(set, all[len(all)-1])
	picked := all[:0]
	for _, m := range all {
		if in(m) {
			m.flags = m.flagList()
			picked = append(picked, m)
		}
	}
	return picked
}

// within returns the test for a set, in which * is the last message.
func within(set imap.NumSet, last sight) func(sight) bool {
	return func(m sight) bool {
		switch set := set.(type) {
		case imap.SeqSet:
			for _, r := range set {
				if inRange(r.Start, r.Stop, last.shown, m.shown) {
					return true
				}
			}
		case imap.UIDSet:
			for _, r := range set {
				if inRange(r.Start, r.Stop, last.uid, m.uid) {
					return true
				}
			}
		}
		return false
	}
}

// inRange tests n for start:stop, of which 0 stands for * and either may be the
// larger (RFC 3501 §9, seq-range).
func inRange[N uint32 | imap.UID](start, stop, last, n N) bool {
	if start == 0 {
		start = last
	}
	if stop == 0 {
		stop = last
	}
	return min(start, stop) <= n && n <= max(start, stop)
}

func (s *imapSession) Store(w *imapserver.FetchWriter, set imap.NumSet, flags *imap.StoreFlags, _ *imap.StoreOptions) error {
	if s.view.readOnly {
		return errReadOnly
	}
	stored := s.store(set, flags)
	if flags.Silent {
		return nil
	}
	for _, m := range stored {
		r := w.CreateMessage(m.shown)
		r.WriteUID(m.uid)
		r.WriteFlags(m.flags)
		if err := r.Close(); err != nil {
			return err
		}
	}
	return nil
}

// store changes flags, and tells the other sessions.
func (s *imapSession) store(set imap.NumSet, flags *imap.StoreFlags) []sight {
	defer s.account.lock()()
	stored := s.view.sights(set)
	for i, m := range stored {
		switch flags.Op {
		case imap.StoreFlagsSet:
			clear(m.message.flags)
			m.set(flags.Flags...)
		case imap.StoreFlagsAdd:
			m.set(flags.Flags...)
		case imap.StoreFlagsDel:
			for _, flag := range flags.Flags {
				delete(m.message.flags, canonical(flag))
			}
		}
		if stored[i].flags = m.flagList(); slices.Equal(m.flags, stored[i].flags) {
			continue
		}
		s.view.tracker.QueueMessageFlags(m.at, m.uid, stored[i].flags, s.view.session)
	}
	s.account.notify()
	return stored
}

// Expunge leaves it to the poll after each command to tell the client, which
// never comes for CLOSE, as it must not (RFC 3501 §6.4.2).
func (s *imapSession) Expunge(_ *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	if s.view.readOnly {
		return nil // CLOSE calls this too
	}
	defer s.account.lock()()
	all := imap.UIDSet{{Start: 1, Stop: 0}}
	if uids != nil {
		all = *uids
	}
	s.view.remove(only(s.view.sights(all), func(m sight) bool { return m.has(imap.FlagDeleted) }))
	s.account.notify()
	return nil
}

func (s *imapSession) Copy(set imap.NumSet, to string) (*imap.CopyData, error) {
	defer s.account.lock()()
	data, _, err := s.copy(set, to)
	return data, err
}

// Move is one step for all sessions. The poll after the command tells this one
// of the expunges.
func (s *imapSession) Move(w *imapserver.MoveWriter, set imap.NumSet, to string) error {
	if s.view.readOnly {
		return errReadOnly
	}
	data, err := s.move(set, to)
	if err != nil || data == nil {
		return err
	}
	return w.WriteCopyData(data)
}

func (s *imapSession) move(set imap.NumSet, to string) (*imap.CopyData, error) {
	defer s.account.lock()()
	data, moved, err := s.copy(set, to)
	if err != nil {
		return nil, err
	}
	s.view.remove(only(moved, func(sight) bool { return true }))
	return data, nil
}

// copy wants the lock held. data is nil when nothing was copied.
func (s *imapSession) copy(set imap.NumSet, to string) (data *imap.CopyData, copied []sight, err error) {
	dest := s.account.folders[folderName(to)]
	if dest == nil {
		return nil, nil, errTryCreate
	}
	copied = s.view.sights(set)
	if len(copied) == 0 {
		return nil, nil, nil
	}
	var from, at imap.UIDSet
	for _, m := range copied {
		from.AddNum(m.uid)
		at.AddNum(dest.copy(m.message))
	}
	s.account.notify()
	return &imap.CopyData{UIDValidity: dest.validity, SourceUIDs: from, DestUIDs: at}, copied, nil
}

// only returns the test for being one of some sights.
func only(sights []sight, also func(sight) bool) func(*message) bool {
	chosen := make(map[*message]struct{}, len(sights))
	for _, m := range sights {
		if also(m) {
			chosen[m.message] = struct{}{}
		}
	}
	return func(m *message) bool {
		_, ok := chosen[m]
		return ok
	}
}
