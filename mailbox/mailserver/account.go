package mailserver

import (
	"crypto/subtle"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

const (
	inbox     = "INBOX"
	delimiter = '/'
)

// An account is a user's folders. One lock guards them all, so that what
// touches two folders is one step; it is never held while anything is waited
// for.
type account struct {
	address, password string

	mu       sync.Mutex
	folders  map[string]*folder
	validity uint32        // the last UIDVALIDITY given out
	changed  chan struct{} // closed, and replaced, at every change
}

// A folder holds mails in the order of their UIDs.
type folder struct {
	name       string
	validity   uint32
	next       imap.UID
	subscribed bool
	mails      []*message
	tracker    *imapserver.MailboxTracker // tells the sessions that have it selected
}

// A message is a mail in one folder. Only flags change.
type message struct {
	uid      imap.UID
	bytes    []byte // shared by copies in other folders
	received time.Time
	flags    map[imap.Flag]struct{}
}

func newAccount(user User) *account {
	a := &account{
		address: user.Address, password: user.Password,
		folders: make(map[string]*folder), changed: make(chan struct{}),
	}
	a.create(inbox)
	return a
}

func (a *account) knows(password string) bool {
	return a.password != "" && subtle.ConstantTimeCompare([]byte(a.password), []byte(password)) == 1
}

// lock returns the unlock, for `defer a.lock()()`.
func (a *account) lock() func() {
	a.mu.Lock()
	return a.mu.Unlock
}

// append puts a mail into a folder, which is made when missing.
func (a *account) append(name string, mail []byte, received time.Time) (uid uint32) {
	defer a.lock()()
	m := &message{bytes: mail, received: received, flags: make(map[imap.Flag]struct{})}
	a.create(name).add(m)
	a.notify()
	return uint32(m.uid)
}

// list returns what lies in a folder, and a channel closed at the next change.
func (a *account) list(name string) ([]Mail, <-chan struct{}) {
	defer a.lock()()
	f := a.folders[folderName(name)]
	if f == nil {
		return nil, a.changed
	}
	mails := make([]Mail, len(f.mails))
	for i, m := range f.mails {
		flags := make([]string, 0, len(m.flags))
		for _, flag := range m.flagList() {
			flags = append(flags, string(flag))
		}
		mails[i] = Mail{UID: uint32(m.uid), Bytes: m.bytes, Flags: flags, Received: m.received}
	}
	return mails, a.changed
}

// The methods below want the lock held.

// notify wakes all that wait for a change.
func (a *account) notify() {
	close(a.changed)
	a.changed = make(chan struct{})
}

// create returns the folder of a name, made when missing, and likewise those
// above it (RFC 3501 §6.3.3). All are subscribed, or clients would not show them.
func (a *account) create(name string) *folder {
	name = folderName(name)
	if f := a.folders[name]; f != nil {
		return f
	}
	a.createAbove(name)
	a.validity = max(a.validity+1, uint32(time.Now().Unix()))
	f := &folder{name: name, validity: a.validity, next: 1, subscribed: true, tracker: imapserver.NewMailboxTracker(0)}
	a.folders[name] = f
	return f
}

func (a *account) createAbove(name string) {
	if i := strings.LastIndexByte(name, delimiter); i > 0 {
		a.create(name[:i])
	}
}

// sorted returns the folders by name.
func (a *account) sorted() []*folder {
	return slices.SortedFunc(maps.Values(a.folders), func(f, g *folder) int { return strings.Compare(f.name, g.name) })
}

// add gives a message the next UID.
func (f *folder) add(m *message) {
	m.uid = f.next
	f.next++
	f.mails = append(f.mails, m)
	f.tracker.QueueNumMessages(uint32(len(f.mails)))
}

// copy adds a message of another folder, or of this one.
func (f *folder) copy(m *message) imap.UID {
	c := &message{bytes: m.bytes, received: m.received, flags: maps.Clone(m.flags)}
	f.add(c)
	return c.uid
}

// remove takes out the messages drop says. It goes from the last to the first,
// so that each sequence number announced is true at its time (RFC 3501 §7.4.1).
func (f *folder) remove(drop func(*message) bool) {
	for i := len(f.mails) - 1; i >= 0; i-- {
		if drop(f.mails[i]) {
			f.tracker.QueueExpunge(uint32(i) + 1)
			f.mails = slices.Delete(f.mails, i, i+1)
		}
	}
}

// count returns how many messages have a flag.
func (f *folder) count(flag imap.Flag) uint32 {
	n := uint32(0)
	for _, m := range f.mails {
		if m.has(flag) {
			n++
		}
	}
	return n
}

func (f *folder) size() int64 {
	n := int64(0)
	for _, m := range f.mails {
		n += int64(len(m.bytes))
	}
	return n
}

func (m *message) has(flag imap.Flag) bool {
	_, ok := m.flags[canonical(flag)]
	return ok
}

func (m *message) set(flags ...imap.Flag) {
	for _, flag := range flags {
		m.flags[canonical(flag)] = struct{}{}
	}
}

func (m *message) flagList() []imap.Flag { return slices.Sorted(maps.Keys(m.flags)) }

func systemFlags() []imap.Flag {
	return []imap.Flag{imap.FlagAnswered, imap.FlagDeleted, imap.FlagDraft, imap.FlagFlagged, imap.FlagSeen}
}

// canonical writes a system flag as RFC 3501 does. Keywords are kept in lower
// case, since flags do not differ by case.
func canonical(flag imap.Flag) imap.Flag {
	for _, system := range systemFlags() {
		if strings.EqualFold(string(system), string(flag)) {
			return system
		}
	}
	return imap.Flag(strings.ToLower(string(flag)))
}

// folderName writes a folder's name in the one way it is kept.
func folderName(name string) string {
	name = strings.Trim(name, string(delimiter))
	if strings.EqualFold(name, inbox) {
		return inbox
	}
	return name
}
