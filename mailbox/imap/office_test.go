package imap

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/emersion/go-sasl"
)

// An office is go-imap's server in memory, reached through net.Pipe inside a
// synctest bubble, with faults to switch on.
type office struct {
	t    *testing.T
	user *imapmemserver.User

	caps    imap.CapSet
	conns   chan net.Conn // to the server
	onLogin func() error
	onFetch func(conn *imapserver.Conn, uids imap.UIDSet, options *imap.FetchOptions) error
	onMove  func(dest string) error // of MOVE and COPY
	onStore func() error
	onMake  func(folder string) error
	hear    func(sent []byte) []byte // rewrites what the server sends

	refuseIdle bool

	mechanisms []string                           // nil: PLAIN
	onSASL     func(mechanism string) sasl.Server // nil: PLAIN's

	mu       sync.Mutex
	down     bool // refuses connections
	clients  []*cable
	dials    []time.Time
	commands []string
	lines    []string // as the client wrote them
}

func open(t *testing.T) *office {
	t.Helper()
	o := &office{
		t: t, user: imapmemserver.NewUser("u", "p"), conns: make(chan net.Conn),
		caps: imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapMove: {}, imap.CapUIDPlus: {}, imap.CapNamespace: {}},
	}
	if err := o.user.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	return o
}

// lacks removes capabilities.
func (o *office) lacks(caps ...imap.Cap) {
	for _, c := range caps {
		delete(o.caps, c)
		if c == imap.CapIdle {
			o.hear = replace(" IDLE", "")
		}
	}
}

func replace(old, new string) func([]byte) []byte {
	return func(sent []byte) []byte { return bytes.ReplaceAll(sent, []byte(old), []byte(new)) }
}

// config starts the server and says how to watch it.
func (o *office) config() Config {
	memory := imapmemserver.New()
	memory.AddUser(o.user)
	server := imapserver.New(&imapserver.Options{
		Caps: o.caps, InsecureAuth: true, Logger: log.New(io.Discard, "", 0),
		NewSession: func(conn *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return &clerk{memory.NewSession().(imapserver.SessionIMAP4rev2), o, conn}, nil, nil
		},
	})
	served := make(chan error)
	go func() { served <- server.Serve(o) }()
	o.t.Cleanup(func() {
		_ = server.Close()
		if err := <-served; err != nil {
			o.t.Error(err)
		}
	})
	return Config{
		Server: "imap+insecure://localhost", Username: "u", Password: secret("p"), Dial: o.dial,
		Log: slog.New(slog.NewTextHandler(o.t.Output(), nil)),
	}
}

// watch runs an inbox until the test ends or stop is called.
func (o *office) watch(cfg Config, desk *testDesk) (in *Inbox, stop func()) {
	o.t.Helper()
	in, stop = watchReal(o.t, cfg, desk)
	synctest.Wait()
	return in, stop
}

// pass lets time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func (o *office) dial(context.Context) (net.Conn, error) {
	o.mu.Lock()
	o.dials = append(o.dials, time.Now())
	down := o.down
	o.mu.Unlock()
	if down {
		return nil, errors.New("connection refused")
	}
	client, server := net.Pipe()
	w := &cable{Conn: client, o: o}
	o.mu.Lock()
	o.clients = append(o.clients, w)
	o.mu.Unlock()
	o.conns <- server
	return w, nil
}

// dialSilent reaches somebody who says nothing.
func (o *office) dialSilent(context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	o.t.Cleanup(func() { _ = server.Close() })
	return client, nil
}

// Accept, Close and Addr make the office a listener.
func (o *office) Accept() (net.Conn, error) {
	if conn, ok := <-o.conns; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}
func (o *office) Close() error   { close(o.conns); return nil }
func (o *office) Addr() net.Addr { return &net.IPAddr{} }

// header makes any text a mail; put adds it to what has no header.
const header = "A: b\r\n\r\n"

// put delivers mails to INBOX.
func (o *office) put(mails ...string) {
	for _, mail := range mails {
		o.putFlagged(mail)
	}
	synctest.Wait()
}

func (o *office) putFlagged(mail string, flags ...imap.Flag) {
	if !strings.Contains(mail, "\r\n\r\n") {
		mail = header + mail
	}
	if _, err := o.user.Append("INBOX", strings.NewReader(mail), &imap.AppendOptions{Flags: flags}); err != nil {
		o.t.Fatal(err)
	}
}

// holds returns how many mails, and how many of them marked deleted, a folder has.
func (o *office) holds(folder string) [2]uint32 {
	data, err := o.user.Status(folder, &imap.StatusOptions{NumMessages: true, NumDeleted: true})
	if err != nil {
		o.t.Fatal(err)
	}
	return [2]uint32{*data.NumMessages, *data.NumDeleted}
}

func (o *office) expect(folder string, mails, deleted uint32) {
	o.t.Helper()
	if got := o.holds(folder); got != [2]uint32{mails, deleted} {
		o.t.Errorf("%s holds %d mails, %d deleted; want %d, %d", folder, got[0], got[1], mails, deleted)
	}
}

func (o *office) setDown(down bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.down = down
}

// last is the newest connection's client side.
func (o *office) last() *cable {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.clients[len(o.clients)-1]
}

func (o *office) dialled() []time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.dials)
}

// said returns the commands since the last call.
func (o *office) said() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	said := o.commands
	o.commands = nil
	return said
}

// A cable is the client's end of a connection.
type cable struct {
	net.Conn
	o *office

	mu    sync.Mutex
	black bool // nothing arrives any more, either way
}

func (w *cable) blacken() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.black = true
}

func (w *cable) isBlack() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.black
}

func (w *cable) Write(p []byte) (int, error) {
	if w.isBlack() {
		return len(p), nil
	}
	w.o.note(p)
	if w.o.refuseIdle {
		p = bytes.ReplaceAll(p, []byte("IDLE\r\n"), []byte("IDOL\r\n"))
	}
	return w.Conn.Write(p)
}

func (w *cable) Read(p []byte) (int, error) {
	for {
		n, err := w.Conn.Read(p)
		if w.isBlack() && err == nil {
			continue
		}
		if w.o.hear != nil {
			n = copy(p, w.o.hear(bytes.Clone(p[:n])))
		}
		return n, err
	}
}

// note records the command in a line the client sent, without its tag.
func (o *office) note(sent []byte) {
	words := strings.Fields(string(sent))
	if len(words) > 1 {
		words = words[1:]
	}
	if len(words) > 1 && words[0] == "UID" {
		words[0] += " " + words[1]
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.commands = append(o.commands, words[0])
	o.lines = append(o.lines, string(sent))
}

// written returns all that clients wrote, by the write.
func (o *office) written() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.lines)
}

// get reads and mend ends one of the office's faults while it is open.
func get[T any](o *office, fault *T) T {
	o.mu.Lock()
	defer o.mu.Unlock()
	return *fault
}

func mend[T any](o *office, fault *T) {
	var none T
	o.mu.Lock()
	defer o.mu.Unlock()
	*fault = none
}

// A clerk is a session with the office's faults.
type clerk struct {
	imapserver.SessionIMAP4rev2
	o    *office
	conn *imapserver.Conn
}

func (c *clerk) Login(username, password string) error {
	if fault := get(c.o, &c.o.onLogin); fault != nil {
		if err := fault(); err != nil {
			return err
		}
	}
	return c.SessionIMAP4rev2.Login(username, password)
}

// AuthenticateMechanisms and Authenticate make the session one with SASL.
func (c *clerk) AuthenticateMechanisms() []string {
	if c.o.mechanisms == nil {
		return []string{sasl.Plain}
	}
	return c.o.mechanisms
}

func (c *clerk) Authenticate(mechanism string) (sasl.Server, error) {
	if c.o.onSASL == nil {
		return sasl.NewPlainServer(func(_, username, password string) error { return c.Login(username, password) }), nil
	}
	return &admission{c.o.onSASL(mechanism), c}, nil
}

// An admission opens the office's mailbox to whom its server lets in.
type admission struct {
	sasl.Server
	clerk *clerk
}

func (a *admission) Next(response []byte) (challenge []byte, done bool, err error) {
	challenge, done, err = a.Server.Next(response)
	if done && err == nil {
		err = a.clerk.Login("u", "p")
	}
	return challenge, done, err
}

func (c *clerk) Create(folder string, options *imap.CreateOptions) error {
	if fault := get(c.o, &c.o.onMake); fault != nil {
		if err := fault(folder); err != nil {
			return err
		}
	}
	return c.SessionIMAP4rev2.Create(folder, options)
}

func (c *clerk) Fetch(w *imapserver.FetchWriter, set imap.NumSet, options *imap.FetchOptions) error {
	uids, _ := set.(imap.UIDSet)
	if fault := get(c.o, &c.o.onFetch); fault != nil {
		if err := fault(c.conn, uids, options); err != nil {
			return err
		}
	}
	return c.SessionIMAP4rev2.Fetch(w, set, options)
}

func (c *clerk) Move(w *imapserver.MoveWriter, set imap.NumSet, dest string) error {
	if fault := get(c.o, &c.o.onMove); fault != nil {
		if err := fault(dest); err != nil {
			return err
		}
	}
	return c.SessionIMAP4rev2.Move(w, set, dest)
}

func (c *clerk) Copy(set imap.NumSet, dest string) (*imap.CopyData, error) {
	if fault := get(c.o, &c.o.onMove); fault != nil {
		if err := fault(dest); err != nil {
			return nil, err
		}
	}
	return c.SessionIMAP4rev2.Copy(set, dest)
}

func (c *clerk) Store(w *imapserver.FetchWriter, set imap.NumSet, flags *imap.StoreFlags, options *imap.StoreOptions) error {
	if fault := get(c.o, &c.o.onStore); fault != nil {
		if err := fault(); err != nil {
			return err
		}
	}
	return c.SessionIMAP4rev2.Store(w, set, flags, options)
}

// no is a server's refusal.
func no(code imap.ResponseCode) error {
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: code, Text: "no"}
}
