package mailserver

import (
	"io"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-sasl"
)

// capabilities are those of IMAP4rev1 and the extensions [imapSession] has.
// IMAP4rev2 is left out for want of SEARCHRES and BINARY. Besides them the
// library offers IDLE, ENABLE, UNSELECT and SASL-IR.
func capabilities() imap.CapSet {
	set := make(imap.CapSet)
	for _, c := range []imap.Cap{
		imap.CapIMAP4rev1, imap.CapNamespace, imap.CapUIDPlus, imap.CapESearch, imap.CapMove, imap.CapStatusSize,
		imap.CapListExtended, imap.CapListStatus, imap.CapChildren, imap.CapLiteralPlus,
	} {
		set[c] = struct{}{}
	}
	return set
}

var (
	errNoFolder  = no(imap.ResponseCodeNonExistent, "No such mailbox")
	errTryCreate = no(imap.ResponseCodeTryCreate, "No such mailbox")
	errExists    = no(imap.ResponseCodeAlreadyExists, "Mailbox exists already")
	errInbox     = no(imap.ResponseCodeCannot, "INBOX stays")
	errReadOnly  = no(imap.ResponseCodeNoPerm, "Mailbox is selected read-only")
	errMechanism = no("", "SASL mechanism not supported")
)

func no(code imap.ResponseCode, text string) *imap.Error {
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: code, Text: text}
}

// An imapSession is one client's. The library calls its methods one at a time,
// Idle aside, and only in the states RFC 3501 §3 allows them in.
type imapSession struct {
	server  *Server
	account *account
	view    *view // the selected folder, or nil
}

var _ interface {
	imapserver.SessionNamespace
	imapserver.SessionMove
	imapserver.SessionSASL
	imapserver.SessionAppendLimit
} = (*imapSession)(nil)

// A view is a folder as one session has been told of it.
type view struct {
	*folder
	session  *imapserver.SessionTracker
	readOnly bool
}

func (s *imapSession) Close() error {
	if s.view != nil {
		s.view.session.Close()
	}
	return nil
}

func (s *imapSession) Login(name, password string) error {
	if s.account = s.server.login(name, password); s.account == nil {
		return imapserver.ErrAuthFailed
	}
	return nil
}

func (s *imapSession) AuthenticateMechanisms() []string { return []string{sasl.Plain, sasl.Login} }

func (s *imapSession) Authenticate(mechanism string) (sasl.Server, error) {
	server := saslServer(mechanism, s.Login)
	if server == nil {
		return nil, errMechanism
	}
	return server, nil
}

func (s *imapSession) AppendLimit() uint32 { return maxMail }

func (s *imapSession) Namespace() (*imap.NamespaceData, error) {
	return &imap.NamespaceData{Personal: []imap.NamespaceDescriptor{{Delim: delimiter}}}, nil
}

func (s *imapSession) Select(name string, options *imap.SelectOptions) (*imap.SelectData, error) {
	defer s.account.lock()()
	f := s.account.folders[folderName(name)]
	if f == nil {
		return nil, errNoFolder
	}
	s.view = &view{folder: f, session: f.tracker.NewSession(), readOnly: options.ReadOnly}
	return &imap.SelectData{
		Flags:             systemFlags(),
		PermanentFlags:    append(systemFlags(), imap.FlagWildcard),
		NumMessages:       uint32(len(f.mails)),
		FirstUnseenSeqNum: f.firstUnseen(),
		UIDNext:           f.next,
		UIDValidity:       f.validity,
	}, nil
}

func (s *imapSession) Unselect() error {
	s.view.session.Close()
	s.view = nil
	return nil
}

func (f *folder) firstUnseen() uint32 {
	for i, m := range f.mails {
		if !m.has(imap.FlagSeen) {
			return uint32(i) + 1
		}
	}
	return 0
}

func (s *imapSession) Append(name string, r imap.LiteralReader, options *imap.AppendOptions) (*imap.AppendData, error) {
	mail := make([]byte, r.Size())
	if _, err := io.ReadFull(r, mail); err != nil {
		return nil, err
	}
	m := &message{bytes: mail, received: options.Time, flags: make(map[imap.Flag]struct{})}
	if m.received.IsZero() {
		m.received = time.Now()
	}
	m.set(options.Flags...)

	defer s.account.lock()()
	f := s.account.folders[folderName(name)]
	if f == nil {
		return nil, errTryCreate
	}
	f.add(m)
	s.account.notify()
	return &imap.AppendData{UIDValidity: f.validity, UID: m.uid}, nil
}

// Poll writes what has happened in the selected folder since the last time.
func (s *imapSession) Poll(w *imapserver.UpdateWriter, allowExpunge bool) error {
	if s.view == nil {
		return nil
	}
	return s.view.session.Poll(w, allowExpunge)
}

// Idle takes the place of the tracker's own, which sleeps on what was queued
// before it began.
func (s *imapSession) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	view := s.view
	for {
		unlock := s.account.lock()
		changed := s.account.changed
		unlock()
		if view != nil {
			if err := view.session.Poll(w, true); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-stop:
			return nil
		}
	}
}
