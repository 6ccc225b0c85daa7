package imap

import (
	"context"
	"fmt"
	"sync"

	"github.com/emersion/go-imap/v2"

	"github.com/id8labs/escalated/mailbox"
)

// A handing is a batch at the desk. A nil one is no batch.
type handing struct {
	uids  []imap.UID
	fates []mailbox.Fate
	err   error
	done  chan struct{}
}

// take fetches batches and hands them over one after another: while the desk
// works on one, the next is fetched and those before are filed, several in one
// command. When ctx ends, the batch at the desk is finished and filed, and no
// other begun. After an error what is not filed yet is so at the next look.
func (s *session) take(ctx context.Context, batches [][]imap.UID) error {
	var desk sync.WaitGroup
	defer desk.Wait()
	var last *handing
	var owed []ruling
	for _, uids := range batches {
		if ctx.Err() != nil {
			break
		}
		raws, err := s.fetchOrBlame(uids)
		if err != nil {
			return err
		}
		rulings, err := last.wait()
		if err != nil {
			return err
		}
		owed = append(owed, rulings...)
		if last = nil; len(raws) > 0 && ctx.Err() == nil {
			last = s.hand(&desk, raws)
		}
		if len(owed) >= moveAtOnce {
			if err := s.file(owed); err != nil {
				return err
			}
			owed = nil
		}
	}
	rulings, err := last.wait()
	if err != nil {
		return err
	}
	return s.file(append(owed, rulings...))
}

// hand gives a batch to the desk; take waits for it.
func (s *session) hand(desk *sync.WaitGroup, raws []mailbox.Raw) *handing {
	h := &handing{done: make(chan struct{})}
	for _, raw := range raws {
		h.uids = append(h.uids, imap.UID(raw.Location.UID))
	}
	s.useful = true
	desk.Go(func() {
		defer close(h.done)
		h.fates, h.err = s.in.desk.Receive(s.hard, raws)
	})
	return h
}

// wait returns what the desk ruled.
func (h *handing) wait() ([]ruling, error) {
	if h == nil {
		return nil, nil
	}
	<-h.done
	if h.err == nil && len(h.fates) != len(h.uids) {
		h.err = fmt.Errorf("%d fates for %d mails", len(h.fates), len(h.uids))
	}
	if h.err != nil {
		return nil, deskError{fmt.Errorf("receive: %w", h.err)}
	}
	rulings := make([]ruling, len(h.uids))
	for i, uid := range h.uids {
		rulings[i] = ruling{uid, h.fates[i]}
	}
	return rulings, nil
}
