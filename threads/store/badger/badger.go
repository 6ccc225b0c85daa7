// Package badger keeps a store in a directory of this machine, in Badger.
//
// One process has the directory open, and one Update runs at a time, so there
// are no conflicts to retry: a sync to disk for each commit is what bounds the
// rate, and work that is to be fast goes into one transaction.
//
// The directory (mode 0700) holds Badger's own files and "witness", the file of
// [store.Counted]. Keys that start with "!badger!" are Badger's.
//
// Badger writes through memory maps and dies of SIGBUS on a full disk, at every
// start again. The watermarks of [Config] keep it from there.
package badger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	badger "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"github.com/id8labs/escalated/threads/store"
)

// A Config says where and how to open a store.
type Config struct {
	Dir string       // created with mode 0700 when missing
	Log *slog.Logger // nil discards

	// FreeSpace is the watermark in bytes: with less left on the disk Update
	// fails with [store.ErrFull]; through [store.Essential], and in Open, with
	// less than a quarter of it. 0 is no watermark.
	FreeSpace int64
	// AcceptLoss opens a store from which records are missing, and counts anew.
	// After damage to a table it is needed until compaction has replaced the
	// table; one whose first or last block is damaged can't be opened at all.
	AcceptLoss bool
	// Damaged is called by Run for every damaged record it finds; may be nil.
	Damaged func(key []byte, err error)
	// GCEvery and ScrubEvery pace Run; 0 is ten minutes and a day.
	GCEvery, ScrubEvery time.Duration

	// The rest is for tests.

	InMemory     bool                            // nothing is kept, Dir is ignored
	NoCompaction bool                            // no compactors, as testing/synctest needs it
	Free         func(dir string) (int64, error) // bytes left on the disk; nil asks the file system
}

// A DB is an open store.
type DB struct {
	store.DB
	kv *kv
	c  Config
}

// Open opens or creates a store. Its errors include [store.ErrLocked] when
// another process has it open, [store.ErrLoss] when records have vanished from
// it, [store.ErrNewer] and [store.ErrFull].
func Open(c Config) (*DB, error) {
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	c.GCEvery = cmp.Or(c.GCEvery, 10*time.Minute)
	c.ScrubEvery = cmp.Or(c.ScrubEvery, 24*time.Hour)
	if c.Free == nil {
		c.Free = freeBytes
	}
	if c.InMemory {
		c.Dir = ""
	}
	kv, err := openKV(c)
	if err != nil {
		return nil, fmt.Errorf("open the store %s: %w", c.Dir, err)
	}
	count := store.CountConfig{AcceptLoss: c.AcceptLoss, Log: c.Log}
	if !c.InMemory {
		count.Witness = filepath.Join(c.Dir, "witness")
	}
	counted, err := store.Counted(context.Background(), store.Framed(kv), count)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the store %s: %w", c.Dir, err), kv.Close())
	}
	return &DB{DB: counted, kv: kv, c: c}, nil
}

// Essential is what [store.Essential] calls.
func (db *DB) Essential() store.DB { return store.Essential(db.DB) }

// Space returns the state of the disk, at most a second old.
func (db *DB) Space() (Space, error) { return db.kv.space.state() }

func openKV(c Config) (_ *kv, err error) {
	kv := &kv{shared: &shared{turn: make(chan struct{}, 1), limit: maxValue}, reserve: c.FreeSpace}
	kv.space = &space{dir: c.Dir, watermark: c.FreeSpace, free: c.Free}
	if c.InMemory {
		kv.reserve, kv.space.watermark, kv.limit = 0, 0, maxValueInMemory
	} else {
		if kv.lock, err = prepare(c.Dir); err != nil {
			return nil, err
		}
		if err := kv.space.check(c.FreeSpace / essentialShare); err != nil {
			return nil, errors.Join(err, kv.lock.Close())
		}
	}
	if kv.db, err = badger.Open(tuned(c)); err != nil {
		if kv.lock != nil {
			err = errors.Join(err, kv.lock.Close())
		}
		return nil, err
	}
	if c.AcceptLoss {
		return kv, nil
	}
	if err := verifyTables(kv.db); err != nil {
		return nil, errors.Join(store.Lost(err), kv.Close())
	}
	return kv, nil
}

// prepare creates and locks the directory and removes what a kill can leave in
// it that Badger won't open.
func prepare(dir string) (lock *os.File, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if lock, err = lockDir(dir); err != nil {
		return nil, err
	}
	if err := removeEmpty(dir); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// removeEmpty removes log files that were created but not written to before
// the process was killed: Badger fails on them (its issue 2207).
func removeEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext != ".mem" && ext != ".vlog" {
			continue
		}
		info, err := e.Info()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil && info.Size() == 0 {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// tuned returns the options for a small daemon: 183 MB for 100,000 records of
// 1 KB, where Badger's defaults take 370.
//
// Badger may not check the sums of its tables itself: it takes a table that
// fails when opened, or a block that fails when read, for one that is not there,
// and a Get in it says "not found". So openKV and Run check them all, and in
// between [store.Framed] guards each value; a damaged key ends the process
// rather than hide a record. Only where loss is accepted damaged blocks are left out.
func tuned(c Config) badger.Options {
	o := badger.DefaultOptions(c.Dir).
		WithInMemory(c.InMemory).
		WithLogger(logger{c.Log}).
		WithSyncWrites(true).
		WithBypassLockGuard(true). // our lock is on the same object
		WithDetectConflicts(false).
		WithMetricsEnabled(false).
		WithVerifyValueChecksum(true).
		WithChecksumVerificationMode(options.NoVerification).
		WithCompression(options.None). // a third of the time to open; long values lie outside the tables
		WithMemTableSize(8 << 20).
		WithNumMemtables(2).
		WithValueThreshold(1 << 10).
		WithValueLogFileSize(maxValue).
		WithBlockCacheSize(8 << 20).
		WithNumLevelZeroTables(2).
		WithNumLevelZeroTablesStall(4).
		WithNumCompactors(2)
	if c.InMemory {
		o = o.WithValueThreshold(maxValueInMemory)
	}
	if c.AcceptLoss {
		o = o.WithChecksumVerificationMode(options.OnBlockRead)
	}
	if c.NoCompaction {
		o = o.WithNumCompactors(0).WithNumLevelZeroTablesStall(1 << 20)
	}
	return o
}
