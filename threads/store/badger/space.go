package badger

import (
	"fmt"
	"sync"
	"time"

	"github.com/id8labs/escalated/threads/store"
)

// essentialShare of the watermark is what essential writes leave free.
const essentialShare = 4

// Space is the state of the disk.
type Space struct {
	Free, Watermark int64 // bytes
	Full            bool  // ordinary Updates are refused
}

// A space asks for the free bytes of a disk, at most once a second.
type space struct {
	dir       string
	watermark int64
	free      func(dir string) (int64, error)

	mu   sync.Mutex
	at   time.Time
	last int64
}

func (s *space) state() (Space, error) {
	if s.dir == "" {
		return Space{}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); s.at.IsZero() || now.Sub(s.at) >= time.Second {
		free, err := s.free(s.dir)
		if err != nil {
			return Space{}, fmt.Errorf("ask for the free disk space: %w", err)
		}
		s.at, s.last = now, free
	}
	return Space{Free: s.last, Watermark: s.watermark, Full: s.last < s.watermark}, nil
}

// check returns [store.ErrFull] when fewer bytes are free than to be left.
func (s *space) check(reserve int64) error {
	if reserve == 0 {
		return nil
	}
	now, err := s.state()
	if err != nil {
		return err
	}
	if now.Free < reserve {
		return fmt.Errorf("%w: %d MiB, to be left free: %d MiB", store.ErrFull, now.Free>>20, reserve>>20)
	}
	return nil
}
