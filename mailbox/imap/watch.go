package imap

import (
	"context"
	"errors"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// deskError is the desk's own trouble: nothing is wrong with the connection.
type deskError struct{ error }

func (e deskError) Unwrap() error { return e.error }

// watch looks through the folder, then waits for news or the next look, until
// ctx ends or the connection does.
func (s *session) watch(ctx context.Context) error {
	var due time.Time // the next reconcile
	var retry backoff // of a desk in trouble
	for ctx.Err() == nil {
		var err error
		switch {
		case !time.Now().Before(due):
			due = time.Now().Add(s.in.cfg.Poll)
			err = s.reconcile(ctx)
		case s.hasNews():
			err = s.arrivals(ctx)
		default:
			err = s.rest(ctx, due)
		}
		if trouble, ok := errors.AsType[deskError](err); ok {
			delay := retry.next()
			s.in.troubled(trouble, delay)
			due, err = time.Time{}, s.stay(ctx, delay)
		} else if err == nil {
			retry = backoff{}
			s.in.state.set(func(st *Status) { st.Err = s.in.memory.trouble() })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// troubled notes that the desk takes nothing now.
func (in *Inbox) troubled(err error, retry time.Duration) {
	if in.state.set(func(s *Status) { s.Err = err.Error() }) {
		in.cfg.Log.Warn("mails are left in the mailbox for now", "error", err, "retry", retry.Round(time.Millisecond))
	}
}

func (s *session) hasNews() bool {
	select {
	case <-s.news:
		s.fresh = true
	default:
	}
	return s.fresh
}

// rest waits for news until due: in IDLE where the server has it.
func (s *session) rest(ctx context.Context, due time.Time) error {
	idle, err := s.idle()
	if err != nil {
		return err
	}
	err = s.await(ctx, time.Until(due), s.news)
	if idle == nil || err != nil {
		return err
	}
	return s.do("idle", func() error { return errors.Join(idle.Close(), idle.Wait()) })
}

// idle starts IDLE (RFC 2177). It returns nil where the server has none.
func (s *session) idle() (cmd *imapclient.IdleCommand, err error) {
	if s.plain || !s.caps.Has(imap.CapIdle) {
		return nil, nil
	}
	err = s.do("idle", func() (err error) {
		cmd, err = s.c.Idle()
		return err
	})
	if refused(err) {
		s.in.cfg.Log.Info("imap server refuses IDLE: new mail is found by polling", "every", s.in.cfg.Poll, "error", err)
		s.plain = true
		return nil, nil
	}
	return cmd, err
}

// stay waits without listening for news.
func (s *session) stay(ctx context.Context, d time.Duration) error { return s.await(ctx, d, nil) }

// await returns at news, after d, when ctx ends, or with an error when the
// connection does.
func (s *session) await(ctx context.Context, d time.Duration, news <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-news:
		s.fresh = true
	case <-timer.C:
	case <-ctx.Done():
	case <-s.c.Closed():
		return errors.New("the server closed the connection")
	}
	return nil
}
