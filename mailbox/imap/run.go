package imap

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/id8labs/escalated/mailbox"
)

// grace is how long a batch in hand may take once Run is told to end.
const grace = 8 * time.Second

// An Inbox watches one folder.
type Inbox struct {
	cfg    Config
	server server
	desk   mailbox.Desk
	state  state
	memory memory // used by Run only
}

// memory is what outlives a connection, for as long as the UIDs mean the same.
type memory struct {
	validity uint32
	suspects map[imap.UID]suspicion
	copied   imap.UIDSet // COPY done, the original not yet marked deleted
	parted   imap.UIDSet // copied and marked deleted, on servers that cannot expunge by UID
	refusal  string      // the last refusal of a move that was logged
	stuck    string      // why mails could not be moved at the last look at all of them

	failed      map[imap.UID]bool // mails that failed alone since one could last be fetched
	failedSince time.Time         // the first of them
}

// A suspicion is why a mail is fetched alone.
type suspicion struct {
	until  time.Time // not before
	reason string    // why it failed alone; "" while it has not
}

// New checks the configuration; it contacts nobody.
func New(cfg Config, desk mailbox.Desk) (*Inbox, error) {
	s, err := parseServer(cfg.Server)
	cfg.setDefaults(s)
	if err = errors.Join(err, cfg.check(desk)); err != nil {
		return nil, fmt.Errorf("imap: %w", err)
	}
	return &Inbox{cfg: cfg, server: s, desk: desk}, nil
}

// Run watches until ctx ends, and then returns nil. A batch that is at the desk
// by then is recorded and moved, if that takes no longer than eight seconds;
// otherwise its mails stay, and the desk knows them next time.
func (in *Inbox) Run(ctx context.Context) error {
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()

	var retry backoff
	for ctx.Err() == nil {
		useful, err := in.session(ctx, hard)
		if ctx.Err() != nil {
			break
		}
		if useful {
			retry = backoff{}
		}
		delay := retry.next()
		if _, ok := errors.AsType[refusedError](err); ok {
			delay = max(delay, time.Minute)
		}
		in.lost(err, delay)
		pause(ctx, delay)
	}
	in.state.set(func(s *Status) { s.Connected = false })
	return nil
}

// session connects and watches until the connection ends. It was useful when
// any mail was handed over or the folder was looked through.
func (in *Inbox) session(ctx, hard context.Context) (useful bool, err error) {
	s, err := in.connect(ctx, hard)
	if err != nil {
		return false, err
	}
	defer s.close()
	in.state.set(func(st *Status) { st.Connected, st.Err = true, "" })
	in.cfg.Log.Info("imap connected", "server", in.server.host, "folder", s.folder)
	err = s.watch(ctx)
	return s.useful, err
}

// lost notes that there is no connection, and logs it unless it did before.
func (in *Inbox) lost(err error, retry time.Duration) {
	was := in.Status().Connected
	news := in.state.set(func(s *Status) { s.Connected, s.Err = false, err.Error() })
	if !news && !was {
		in.cfg.Log.Debug("imap still not connected", "error", err, "retry", retry)
		return
	}
	if _, ok := errors.AsType[refusedError](err); ok {
		in.cfg.Log.Error("imap server refuses the login: "+in.hint(), "server", in.server.host, "username", in.cfg.Username, "error", err)
		return
	}
	in.cfg.Log.Warn("imap not connected", "server", in.server.host, "error", err, "retry", retry.Round(time.Millisecond))
}

// hint says what a person can do about a refused login.
func (in *Inbox) hint() string {
	if in.cfg.Token != nil {
		return "it is tried again every minute, each time with a new token"
	}
	return "check the mailbox's username and password; both are tried again every minute, the password read anew each time"
}

// backoff doubles from a second to 45, with jitter: within a minute of a server's
// return we are back.
type backoff struct{ last time.Duration }

func (b *backoff) next() time.Duration {
	b.last = min(max(2*b.last, time.Second), 45*time.Second)
	return spread(b.last)
}

// spread adds up to a quarter at random, so that many clients do not come back at once.
func spread(d time.Duration) time.Duration { return d + rand.N(d/4) }

// pause waits, and no longer than ctx.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
