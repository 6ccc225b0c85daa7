package store

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"sync"
)

// A witness is a file of 12 bytes: a number of commits and its CRC-32C, both
// big-endian. It is overwritten in place, within one sector, without a sync.
type witness struct {
	file  *os.File // nil when there is none
	known bool     // the file held a number

	mu      sync.Mutex
	commits uint64
}

func openWitness(path string) (*witness, error) {
	if path == "" {
		return &witness{}, nil
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	w := &witness{file: file}
	var b [12]byte
	if _, err := file.ReadAt(b[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, file.Close())
	}
	if w.known = b != [12]byte{} && binary.BigEndian.Uint32(b[8:]) == sum(b[:8]); w.known {
		w.commits = binary.BigEndian.Uint64(b[:8])
	}
	return w, nil
}

// attest notes that a number of transactions are committed. Calls may come out of order.
func (w *witness) attest(commits uint64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil || commits <= w.commits {
		return nil
	}
	var b [12]byte
	binary.BigEndian.PutUint64(b[:8], commits)
	binary.BigEndian.PutUint32(b[8:], sum(b[:8]))
	if _, err := w.file.WriteAt(b[:], 0); err != nil {
		return err
	}
	w.commits = commits
	return nil
}

func (w *witness) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil {
		return nil
	}
	err := errors.Join(w.file.Sync(), w.file.Close())
	w.file = nil
	return err
}

func sum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
