package mailserver

import (
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

func (s *imapSession) Create(name string, _ *imap.CreateOptions) error {
	defer s.account.lock()()
	if s.account.folders[folderName(name)] != nil {
		return errExists
	}
	s.account.create(name)
	return nil
}

func (s *imapSession) Delete(name string) error {
	defer s.account.lock()()
	name = folderName(name)
	switch {
	case name == inbox:
		return errInbox
	case s.account.folders[name] == nil:
		return errNoFolder
	}
	delete(s.account.folders, name)
	s.account.notify()
	return nil
}

// Rename takes the folders below along (RFC 3501 §6.3.5). Unlike there, INBOX
// can't be renamed.
func (s *imapSession) Rename(from, to string, _ *imap.RenameOptions) error {
	defer s.account.lock()()
	from, to = folderName(from), folderName(to)
	folders := s.account.folders
	switch {
	case from == inbox:
		return errInbox
	case folders[from] == nil:
		return errNoFolder
	case folders[to] != nil:
		return errExists
	case strings.HasPrefix(to, from+string(delimiter)):
		return no(imap.ResponseCodeCannot, "A mailbox can't move below itself")
	}
	affected := s.account.sorted()
	s.account.createAbove(to)
	for _, f := range affected {
		below, ok := strings.CutPrefix(f.name+string(delimiter), from+string(delimiter))
		if ok {
			delete(folders, f.name)
			f.name = folderName(to + string(delimiter) + below)
			folders[f.name] = f
		}
	}
	s.account.notify()
	return nil
}

func (s *imapSession) Subscribe(name string) error   { return s.subscribe(name, true) }
func (s *imapSession) Unsubscribe(name string) error { return s.subscribe(name, false) }

func (s *imapSession) subscribe(name string, on bool) error {
	defer s.account.lock()()
	f := s.account.folders[folderName(name)]
	if f == nil {
		return errNoFolder
	}
	f.subscribed = on
	return nil
}

func (s *imapSession) List(w *imapserver.ListWriter, ref string, patterns []string, options *imap.ListOptions) error {
	if len(patterns) == 0 { // asks for the delimiter only (RFC 3501 §6.3.8)
		return w.WriteList(&imap.ListData{Attrs: []imap.MailboxAttr{imap.MailboxAttrNoSelect}, Delim: delimiter})
	}
	for _, data := range s.matching(ref, patterns, options) {
		if err := w.WriteList(&data); err != nil {
			return err
		}
	}
	return nil
}

func (s *imapSession) matching(ref string, patterns []string, options *imap.ListOptions) []imap.ListData {
	defer s.account.lock()()
	var all []imap.ListData
	folders := s.account.sorted()
	for _, f := range folders {
		if options.SelectSpecialUse || options.SelectSubscribed && !f.subscribed || !f.matches(ref, patterns) {
			continue
		}
		data := imap.ListData{Mailbox: f.name, Delim: delimiter, Attrs: []imap.MailboxAttr{f.children(folders)}}
		if f.subscribed && (options.ReturnSubscribed || options.SelectSubscribed) {
			data.Attrs = append(data.Attrs, imap.MailboxAttrSubscribed)
		}
		if options.ReturnStatus != nil {
			data.Status = f.status()
		}
		all = append(all, data)
	}
	return all
}

func (f *folder) matches(ref string, patterns []string) bool {
	for _, pattern := range patterns {
		if imapserver.MatchList(f.name, delimiter, ref, folderName(pattern)) {
			return true
		}
	}
	return false
}

func (f *folder) children(all []*folder) imap.MailboxAttr {
	for _, other := range all {
		if strings.HasPrefix(other.name, f.name+string(delimiter)) {
			return imap.MailboxAttrHasChildren
		}
	}
	return imap.MailboxAttrHasNoChildren
}

func (s *imapSession) Status(name string, _ *imap.StatusOptions) (*imap.StatusData, error) {
	defer s.account.lock()()
	f := s.account.folders[folderName(name)]
	if f == nil {
		return nil, errNoFolder
	}
	return f.status(), nil
}

// status answers everything a client may ask; the library picks.
func (f *folder) status() *imap.StatusData {
	return &imap.StatusData{
		Mailbox:     f.name,
		NumMessages: new(uint32(len(f.mails))),
		NumRecent:   new(uint32(0)),
		NumUnseen:   new(uint32(len(f.mails)) - f.count(imap.FlagSeen)),
		NumDeleted:  new(f.count(imap.FlagDeleted)),
		Size:        new(f.size()),
		UIDNext:     f.next,
		UIDValidity: f.validity,
	}
}
