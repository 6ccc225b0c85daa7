package imap

import (
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"

	"github.com/id8labs/escalated/mailbox"
)

// filedFlag marks mails that were copied to their place and cannot be expunged,
// on servers with neither MOVE nor UIDPLUS. \Deleted alone would not do: people
// set it, too, on mails nobody has copied yet.
const filedFlag imap.Flag = "$EscalatedFiled"

// moveAtOnce bounds one MOVE or COPY command.
const moveAtOnce = 500

// file moves mails as ruled. A server that refuses a move is logged and asked
// again at the next look; the error is one of the connection or the desk.
func (s *session) file(rulings []ruling) error {
	destinations := []struct {
		fate         mailbox.Fate
		folder, name string
	}{
		{mailbox.Archive, s.in.cfg.Archive, s.archive},
		{mailbox.Quarantine, s.in.cfg.Quarantine, s.quarantine},
	}
	for _, to := range destinations {
		var uids []imap.UID
		for _, r := range rulings {
			if r.fate == to.fate {
				uids = append(uids, r.uid)
			}
		}
		for some := range slices.Chunk(uids, moveAtOnce) {
			if err := s.fileTo(to.folder, to.name, some); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *session) fileTo(folder, name string, uids []imap.UID) error {
	copied, err := s.move(name, uids)
	if err == nil || !refused(err) {
		s.in.memory.refusal = ""
	} else {
		s.refusedMove(folder, name, len(uids), err)
	}
	if err == nil {
		s.in.state.addBacklog(-len(uids))
		s.in.cfg.Log.Debug("imap mails moved", "folder", name, "mails", len(uids))
	}
	if moves := s.moves(folder, copied); len(moves) > 0 {
		if err := s.in.desk.Filed(s.hard, moves); err != nil {
			return deskError{fmt.Errorf("filed: %w", err)}
		}
	}
	return unlessRefused(err)
}

// refusedMove notes that mails stay for now, and logs it unless it did before.
func (s *session) refusedMove(folder, name string, mails int, err error) {
	s.in.memory.stuck = fmt.Sprintf("mails cannot be moved to %s and stay in the watched folder: %v", folder, err)
	if refusal := err.Error(); refusal != s.in.memory.refusal {
		s.in.memory.refusal = refusal
		s.in.cfg.Log.Warn("imap mails cannot be moved: they stay and are tried again", "folder", name, "mails", mails, "error", err)
	}
}

// move moves mails, creating the folder once if it vanished.
func (s *session) move(name string, uids []imap.UID) (imap.CopyData, error) {
	if err := s.undelete(uids); err != nil {
		return imap.CopyData{}, err
	}
	data, err := s.moveOnce(name, imap.UIDSetNum(uids...))
	if refused(err) && s.create(name) == nil {
		data, err = s.moveOnce(name, imap.UIDSetNum(uids...))
	}
	return data, err
}

// undelete takes \Deleted from mails that are about to be moved: their place
// in the archive must not end at the next EXPUNGE there.
func (s *session) undelete(uids []imap.UID) error {
	var doomed imap.UIDSet
	for _, uid := range uids {
		if s.deleted.Contains(uid) && !s.in.memory.copied.Contains(uid) {
			doomed.AddNum(uid)
		}
	}
	if len(doomed) == 0 {
		return nil
	}
	return s.do("undelete", func() error {
		return s.c.Store(doomed, &imap.StoreFlags{Op: imap.StoreFlagsDel, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close()
	})
}

// moveOnce tells what was copied even when it fails later. go-imap's Move is
// used only with the capability: without, it deletes what it could not copy.
func (s *session) moveOnce(name string, uids imap.UIDSet) (data imap.CopyData, err error) {
	if !s.c.Caps().Has(imap.CapMove) {
		return s.copyAndDelete(name, uids)
	}
	err = s.do("move", func() error {
		moved, err := s.c.Move(uids, name).Wait()
		if err != nil {
			return err
		}
		data.UIDValidity = moved.UIDValidity
		data.SourceUIDs, _ = moved.SourceUIDs.(imap.UIDSet)
		data.DestUIDs, _ = moved.DestUIDs.(imap.UIDSet)
		return nil
	})
	return data, err
}

// expunges reports whether the server can remove a mail by UID from the folder.
func (s *session) expunges() bool {
	return s.caps.Has(imap.CapMove) || s.caps.Has(imap.CapUIDPlus)
}

// copyAndDelete is the long form of MOVE; each step waits for the one before.
func (s *session) copyAndDelete(name string, uids imap.UIDSet) (data imap.CopyData, err error) {
	m := &s.in.memory
	if fresh := without(uids, m.copied); len(fresh) > 0 {
		err = s.do("copy", func() error {
			copied, err := s.c.Copy(fresh, name).Wait()
			if err == nil {
				data = *copied
			}
			return err
		})
		if err != nil {
			return data, err
		}
		m.copied.AddSet(fresh)
	}
	flags := []imap.Flag{imap.FlagDeleted}
	if s.keyword && !s.expunges() {
		flags = append(flags, filedFlag)
	}
	err = s.do("delete", func() error {
		return s.c.Store(uids, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: flags}, nil).Close()
	})
	if err == nil && s.expunges() {
		err = s.do("expunge", func() error { return s.c.UIDExpunge(uids).Close() })
	}
	if err != nil {
		return data, err
	}
	m.copied = without(m.copied, uids)
	if !s.expunges() {
		m.parted.AddSet(uids)
	}
	return data, nil
}

// without returns the UIDs of a that are not in b.
func without(a, b imap.UIDSet) (rest imap.UIDSet) {
	uids, _ := numbers(a)
	for _, uid := range uids {
		if !b.Contains(uid) {
			rest.AddNum(uid)
		}
	}
	return rest
}

// moves pairs old and new places; none when the server did not say, or oddly.
func (s *session) moves(folder string, data imap.CopyData) []mailbox.Move {
	from, err1 := numbers(data.SourceUIDs)
	to, err2 := numbers(data.DestUIDs)
	if data.UIDValidity == 0 || err1 != nil || err2 != nil || len(from) != len(to) {
		return nil
	}
	moves := make([]mailbox.Move, len(from))
	for i := range from {
		moves[i] = mailbox.Move{
			From: s.location(from[i]),
			To:   mailbox.Location{Account: s.in.account(), Folder: folder, UIDValidity: data.UIDValidity, UID: uint32(to[i])},
		}
	}
	return moves
}
