package imap

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/id8labs/escalated/mailbox/wire"
)

// The steps of a [Probe], as [ProbeError] names them.
const (
	StepConnect  = "connect"
	StepTLS      = "tls"
	StepGreeting = "greeting"
	StepLogin    = "login"
	StepFolders  = "folders"
)

// A ProbeError is the step at which a [Probe] ended.
type ProbeError struct {
	Step    string
	Refused bool // the server said no to the login
	Err     error
}

// Error names the step unless the error does.
func (e *ProbeError) Error() string {
	return e.Step + ": " + strings.TrimPrefix(e.Err.Error(), e.Step+": ")
}

// Unwrap returns Err.
func (e *ProbeError) Unwrap() error { return e.Err }

// A Folder is one of the mailbox, as a [Probe] found it.
type Folder struct {
	Name   string // on the server
	Exists bool
	Mails  uint32
	// The rest is of the watched folder only.
	Writable, Keywords, UIDValidity bool

	next imap.UID // of the first mail that was not there yet
}

// A Visit is a connection that only looks: it marks, moves, creates and deletes
// nothing. What a [Probe] did not get to is zero.
type Visit struct {
	TLS               *tls.ConnectionState // nil without TLS
	Caps              []string             // after the login, sorted
	Separator, Prefix string               // of folder names; "" where there is none
	Watched, Archive  Folder
	Quarantine, Sent  Folder // Sent is zero unless asked for

	s    *session
	ears ears
}

// Probe connects, logs in and looks at the configured folders and at that for
// copies of what is sent, unless it is "". Beside an error, which is a
// [*ProbeError], the visit tells what was learned before; else it is to be
// closed. A refused token is replaced once.
func Probe(ctx context.Context, cfg Config, sent string) (*Visit, error) {
	v, err := probe(ctx, cfg, sent)
	if e, ok := errors.AsType[refusedError](err); ok && e.another {
		v, err = probe(ctx, cfg, sent)
	}
	if e, ok := errors.AsType[*ProbeError](err); ok && ctx.Err() != nil {
		e.Err = context.Cause(ctx) // the rest is about our hanging up
	}
	return v, err
}

func probe(ctx context.Context, cfg Config, sent string) (*Visit, error) {
	server, err := parseServer(cfg.Server)
	if err != nil {
		return &Visit{}, &ProbeError{Step: StepConnect, Err: err}
	}
	cfg.setDefaults(server)
	v := &Visit{s: &session{in: &Inbox{cfg: cfg, server: server}, hard: context.WithoutCancel(ctx), unhook: func() bool { return true }}}
	conn, err := cfg.Dial(ctx)
	if err != nil {
		return v, &ProbeError{Step: StepConnect, Err: err}
	}
	v.s.line = &line{Conn: conn}
	defer context.AfterFunc(ctx, v.s.line.hangUp)()
	for _, step := range []struct {
		name string
		take func(context.Context) error
	}{
		{StepTLS, v.secure}, {StepGreeting, v.greet}, {StepLogin, v.login},
		{StepFolders, func(context.Context) error { return v.look(sent) }},
	} {
		if err := step.take(ctx); err != nil {
			v.Close()
			_, no := errors.AsType[refusedError](err)
			return v, &ProbeError{Step: step.name, Refused: no, Err: err}
		}
	}
	return v, nil
}

// Close takes leave.
func (v *Visit) Close() { v.s.close() }

// secure encrypts the connection as the configuration says, and keeps what the
// server showed for it.
func (v *Visit) secure(ctx context.Context) error {
	s := v.s
	defer s.line.guard()()
	options := &imapclient.Options{TLSConfig: s.in.server.tls(s.in.cfg.RootCAs), DebugWriter: &v.ears}
	options.TLSConfig.VerifyConnection = func(state tls.ConnectionState) error {
		v.TLS = &state
		return nil
	}
	switch s.in.server.security {
	case implicitTLS:
		conn := tls.Client(s.line, options.TLSConfig)
		if err := conn.HandshakeContext(ctx); err != nil {
			return wire.ExplainTLS(err)
		}
		s.c = imapclient.New(conn, options)
	case startTLS:
		c, err := imapclient.NewStartTLS(s.line, options)
		if refused(err) {
			return wire.NoStartTLS("imaps")
		}
		if err != nil {
			return wire.ExplainTLS(err)
		}
		s.c = c
	case insecure:
		s.c = imapclient.New(s.line, options)
	}
	return nil
}

func (v *Visit) greet(context.Context) error {
	return v.s.do("greeting", v.s.c.WaitGreeting)
}

func (v *Visit) login(ctx context.Context) error {
	if err := v.s.login(ctx); err != nil {
		return err
	}
	for c := range v.s.caps {
		v.Caps = append(v.Caps, string(c))
	}
	slices.Sort(v.Caps)
	return nil
}

// look finds the folders. Only the watched one is opened, as the service does,
// because only that tells whether it can be written.
func (v *Visit) look(sent string) error {
	h, err := v.s.hierarchy()
	if err != nil {
		return err
	}
	v.Separator, v.Prefix = h.delim, h.prefix
	cfg := &v.s.in.cfg
	for _, f := range []struct {
		name string
		into *Folder
	}{{cfg.Archive, &v.Archive}, {cfg.Quarantine, &v.Quarantine}, {sent, &v.Sent}} {
		if f.name == "" {
			continue
		}
		if *f.into, err = v.folder(h, f.name); err != nil {
			return err
		}
	}
	v.Watched, err = v.open(h.name(cfg.Folder))
	return err
}

// folder looks for a folder by the names the service would try.
func (v *Visit) folder(h hierarchy, configured string) (Folder, error) {
	first := Folder{Name: h.name(configured), next: 1}
	names := []string{first.Name}
	if !v.s.caps.Has(imap.CapNamespace) && h.delim != "" {
		names = append(names, hierarchy{delim: h.delim, prefix: "INBOX" + h.delim}.name(configured))
	}
	for _, name := range names {
		f := Folder{Name: name, Exists: true, next: 1}
		err := v.s.do("status of "+name, func() error {
			data, err := v.s.c.Status(name, &imap.StatusOptions{NumMessages: true, UIDNext: true}).Wait()
			if err == nil && data.NumMessages != nil {
				f.Mails, f.next = *data.NumMessages, max(data.UIDNext, 1)
			}
			return err
		})
		if err == nil || !refused(err) {
			return f, err
		}
	}
	return first, nil
}

// open selects the watched folder. A server that refuses says that it is not there.
func (v *Visit) open(name string) (Folder, error) {
	f := Folder{Name: name}
	v.ears.listen()
	err := v.s.do("select "+name, func() error {
		data, err := v.s.c.Select(name, nil).Wait()
		if err != nil {
			return err
		}
		f.Exists, f.Mails, f.UIDValidity, f.next = true, data.NumMessages, data.UIDValidity != 0, max(data.UIDNext, 1)
		for _, flag := range data.PermanentFlags {
			f.Keywords = f.Keywords || flag == imap.FlagWildcard || strings.EqualFold(string(flag), string(filedFlag))
			f.Writable = f.Writable || flag == imap.FlagWildcard || strings.EqualFold(string(flag), string(imap.FlagDeleted))
		}
		f.Writable = (f.Writable || !v.ears.heardFlags()) && !v.ears.heardReadOnly() // none said: all may be set
		return nil
	})
	return f, unlessRefused(err)
}

// Find returns the mail that came into the watched folder, the archive or the
// quarantine after the Probe and whose subject has the word; and the folder. It
// returns nil where there is none yet. A mail that a service moves just then is
// found by the next call.
func (v *Visit) Find(ctx context.Context, word string) (mail []byte, folder string, err error) {
	defer context.AfterFunc(ctx, v.s.line.hangUp)()
	for _, f := range []*Folder{&v.Watched, &v.Archive, &v.Quarantine} {
		mail, err := v.findIn(f, word)
		if refused(err) { // not there yet
			continue
		}
		if mail != nil || err != nil {
			return mail, f.Name, err
		}
	}
	return nil, "", nil
}

// findIn opens a folder read-only, so that nothing is marked, and looks at the
// mails above those that are known to be older.
func (v *Visit) findIn(f *Folder, word string) (mail []byte, err error) {
	var data *imap.SelectData
	err = v.s.do("examine "+f.Name, func() (err error) {
		data, err = v.s.c.Select(f.Name, &imap.SelectOptions{ReadOnly: true}).Wait()
		return err
	})
	if err != nil || data.NumMessages == 0 {
		return nil, err
	}
	uids, err := v.subjects(max(f.next, 1), word)
	if err != nil || len(uids) == 0 {
		return nil, err
	}
	raws, _, err := v.s.fetch(uids[:1])
	if err != nil || len(raws) == 0 { // moved away meanwhile
		return nil, err
	}
	return raws[0].Bytes, nil
}

// subjects returns the mails from a UID on whose subject has a word. SEARCH
// would be shorter, but some servers' finds a mail only after a while.
func (v *Visit) subjects(next imap.UID, word string) (uids []imap.UID, err error) {
	section := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Subject"}, Peek: true}
	err = v.s.do("fetch subjects", func() error {
		mails, err := v.s.c.Fetch(imap.UIDSet{{Start: next, Stop: 0}},
			&imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
		for _, m := range mails {
			if m.UID >= next && bytes.Contains(m.FindBodySection(section), []byte(word)) {
				uids = append(uids, m.UID)
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("looking for new mail: %w", err)
	}
	return uids, nil
}

// ears listen for two words of the server that go-imap keeps to itself, and
// keep nothing of what else they hear.
type ears struct {
	mu                        sync.Mutex
	tail                      []byte
	on, readOnly, permissions bool
}

func (e *ears) listen() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.on, e.tail = true, nil
}

// Write implements [io.Writer].
func (e *ears) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.on {
		const most = len("[PERMANENTFLAGS") - 1
		heard := bytes.ToUpper(append(e.tail, p...))
		e.readOnly = e.readOnly || bytes.Contains(heard, []byte("[READ-ONLY]"))
		e.permissions = e.permissions || bytes.Contains(heard, []byte("[PERMANENTFLAGS"))
		e.tail = heard[max(0, len(heard)-most):]
	}
	return len(p), nil
}

func (e *ears) heardReadOnly() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.on = false
	return e.readOnly
}

func (e *ears) heardFlags() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.permissions
}
