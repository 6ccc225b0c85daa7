//go:build unix

package badger

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/id8labs/escalated/threads/store"
)

// lockDir takes the lock that Badger itself would take, so that its own tools
// respect ours. It is held until the file is closed, or the process ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, nil
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = store.ErrLocked
	}
	return nil, errors.Join(err, f.Close())
}

func freeBytes(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
