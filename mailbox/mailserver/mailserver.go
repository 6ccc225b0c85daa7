// Package mailserver is an IMAP and SMTP server in one process with all mail in
// memory: for `escalated sandbox`, and for tests of the whole program, also in
// testing/synctest bubbles over net.Pipe.
//
// It stands on go-imap's imapserver and on go-smtp, with folders of its own.
// What it promises:
//
//   - BODY[] is byte for byte what arrived plus the trace fields of its
//     delivery, however broken the header; RFC822.SIZE agrees.
//   - A move is one step for every onlooker, and pushed to every IDLE.
//   - UIDVALIDITY is the second a folder was made, so a mailbox that lost its
//     mail in a restart is not taken for the old one.
//   - No lock is held while a client, a hook or the network is waited for.
//   - Close ends every connection and goroutine.
//
// As final server it puts on top of each delivered mail Return-Path,
// Delivered-To, Authentication-Results (with [Config].AuthservID) and Received.
package mailserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/id8labs/escalated/mailbox"
)

// A Server runs from New to Close.
type Server struct {
	config     Config
	accounts   map[string]*account // by lower-case address and alias
	imap, smtp *door
	stop       context.CancelFunc
	serving    sync.WaitGroup

	mu       sync.Mutex
	sent     []Envelope
	sentSize int
	ids      int // of Received fields
}

// New runs a server that is reached through [Server.DialIMAP] and
// [Server.DialSMTP], and through TCP after Start.
func New(config Config) *Server {
	config.Log = cmp.Or(config.Log, slog.New(slog.DiscardHandler))
	config.Sink = cmp.Or(config.Sink, sinkSize)
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{config: config, accounts: make(map[string]*account), stop: stop}
	for _, user := range config.Users {
		a := newAccount(user)
		for _, address := range append(slices.Clip(user.Aliases), user.Address) {
			s.accounts[strings.ToLower(address)] = a
		}
	}
	s.imap = newDoor(ctx, config, nil)
	s.smtp = newDoor(ctx, config, s.greet(ctx))
	s.serving.Go(func() { s.newIMAP().Serve(s.imap) })
	s.serving.Go(func() { s.newSMTP(ctx).Serve(s.smtp) })
	return s
}

// Start listens on TCP addresses; an empty one is left out, an empty host is
// 127.0.0.1, port 0 is any that is free. Close is due after an error too.
func (s *Server) Start(imapAddr, smtpAddr string) error {
	if err := s.imap.listen(imapAddr); err != nil {
		return fmt.Errorf("listening for IMAP: %w", err)
	}
	if err := s.smtp.listen(smtpAddr); err != nil {
		return fmt.Errorf("listening for SMTP: %w", err)
	}
	return nil
}

// IMAPAddr returns the host:port IMAP listens on, or "".
func (s *Server) IMAPAddr() string { return s.imap.address() }

// SMTPAddr returns the host:port SMTP listens on, or "".
func (s *Server) SMTPAddr() string { return s.smtp.address() }

// DialIMAP connects to the IMAP server through a pipe. It fits where a dialer's
// DialContext is wanted; network and address are ignored.
func (s *Server) DialIMAP(ctx context.Context, network, address string) (net.Conn, error) {
	return s.imap.dial(ctx)
}

// DialSMTP connects to the SMTP server through a pipe, as DialIMAP does.
func (s *Server) DialSMTP(ctx context.Context, network, address string) (net.Conn, error) {
	return s.smtp.dial(ctx)
}

// Close cuts all connections, cancels the context hooks run with, and returns
// when everything has ended. Folders can still be read.
func (s *Server) Close() error {
	s.stop()
	err := errors.Join(s.imap.close(), s.smtp.close())
	s.serving.Wait()
	return err
}

// Deliver puts a mail into a user's INBOX as if a stranger's server had sent
// it: with trace fields, and INTERNALDATE now. An empty from is the null sender.
func (s *Server) Deliver(from, to string, mail []byte) error {
	if s.account(to) == nil {
		return fmt.Errorf("delivering to %s: no such user", to)
	}
	s.accept(Envelope{From: from, To: []string{to}, Bytes: mail}, "by "+s.config.Domain+" with LMTP")
	return nil
}

// Append puts a mail as it is into a user's folder, which is made when missing.
func (s *Server) Append(address, folder string, mail []byte, received time.Time) (uid uint32, err error) {
	a := s.account(address)
	if a == nil {
		return 0, fmt.Errorf("appending to %s of %s: no such user", folder, address)
	}
	return a.append(folder, mail, received), nil
}

// Mailbox returns what lies in a user's folder, oldest UID first; nothing when
// there is no such user or folder.
func (s *Server) Mailbox(address, folder string) []Mail {
	a := s.account(address)
	if a == nil {
		return nil
	}
	mails, _ := a.list(folder)
	return mails
}

// Await waits until a user's folder holds what enough wants, and returns it.
func (s *Server) Await(ctx context.Context, address, folder string, enough func([]Mail) bool) ([]Mail, error) {
	a := s.account(address)
	if a == nil {
		return nil, fmt.Errorf("awaiting mail of %s: no such user", address)
	}
	for {
		mails, changed := a.list(folder)
		if enough(mails) {
			return mails, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return mails, fmt.Errorf("awaiting mail in %s of %s, which holds %d: %w", folder, address, len(mails), ctx.Err())
		}
	}
}

// Sent returns accepted mail with recipients that have no mailbox here, only
// those in To, oldest first. Config.Sink bounds it.
func (s *Server) Sent() []Envelope {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

// account returns whom an address reaches, or nil.
func (s *Server) account(address string) *account {
	if a := s.accounts[strings.ToLower(address)]; a != nil {
		return a
	}
	base, _ := mailbox.SubAddress(address)
	return s.accounts[strings.ToLower(base)]
}

// known reports whether mail for an address is taken at all.
func (s *Server) known(address string) bool {
	return s.account(address) != nil || !strings.EqualFold(mailbox.Domain(address), s.config.Domain)
}

// login finds the user of a name and password, or nil.
func (s *Server) login(name, password string) *account {
	a := s.accounts[strings.ToLower(name)]
	if a == nil || !a.knows(password) {
		return nil
	}
	return a
}

// accept delivers a mail to every recipient: users get it in their INBOX, the
// others' go to the sink. via is the beginning of the Received field.
func (s *Server) accept(e Envelope, via string) {
	var away []string
	for _, to := range e.To {
		if a := s.account(to); a != nil {
			a.append(inbox, s.stamp(e, to, via), time.Now())
		} else {
			away = append(away, to)
		}
	}
	if len(away) > 0 {
		e.To = away
		s.sink(e)
	}
}

func (s *Server) sink(e Envelope) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, e)
	s.sentSize += len(e.Bytes)
	for len(s.sent) > 1 && s.sentSize > s.config.Sink {
		s.sentSize -= len(s.sent[0].Bytes)
		s.sent = slices.Delete(s.sent, 0, 1)
	}
}
