package badger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/id8labs/escalated/threads/store"
)

// scrubPause is made after each thousand records: five million take nine minutes.
const scrubPause = 100 * time.Millisecond

// Run maintains the store until ctx is done, and returns nil then: it walks
// all records at once and every ScrubEvery, and frees log space every GCEvery.
// What is wrong is logged, damaged records are handed to Config.Damaged too.
func (db *DB) Run(ctx context.Context) error {
	gc, scrub := time.NewTicker(db.c.GCEvery), time.NewTicker(db.c.ScrubEvery)
	defer gc.Stop()
	defer scrub.Stop()
	db.scrub(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-gc.C:
			db.collect(ctx)
		case <-scrub.C:
			db.scrub(ctx)
		}
	}
}

func (db *DB) scrub(ctx context.Context) {
	damaged := 0
	records, err := store.Scrub(ctx, db.DB, scrubPause, func(key []byte, err error) {
		damaged++
		db.c.Log.Error("store: damaged record", "key", fmt.Sprintf("%x", key))
		if db.c.Damaged != nil {
			db.c.Damaged(key, err)
		}
	})
	if err == nil {
		err = db.kv.verify(ctx)
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrClosed) {
		db.c.Log.Error("store: scrub failed", "records", records, "error", err)
		return
	}
	db.c.Log.Debug("store: scrubbed", "records", records, "damaged", damaged)
}

// verify checks the sums of all tables.
func (k *kv) verify(ctx context.Context) error {
	leave, err := k.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return verifyTables(k.db)
}

// verifyTables survives that Badger dereferences nil to name a block it could not read.
func verifyTables(db *badger.DB) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("a table has an unreadable block: %v", r)
		}
	}()
	return db.VerifyChecksum()
}

func (db *DB) collect(ctx context.Context) {
	if db.c.InMemory {
		return
	}
	leave, err := db.kv.enter(ctx)
	if err != nil {
		return
	}
	defer leave()
	for ctx.Err() == nil {
		if db.kv.space.check(db.c.FreeSpace/essentialShare) != nil {
			return // rewriting a log takes space before it gives some
		}
		err := db.kv.db.RunValueLogGC(0.5)
		if errors.Is(err, badger.ErrNoRewrite) {
			return
		}
		if err != nil {
			db.c.Log.Warn("store: log space was not freed", "error", err)
			return
		}
	}
}

// A logger gives Badger's messages to slog. They name files and keys, not values.
type logger struct{ log *slog.Logger }

func (l logger) Errorf(format string, args ...any)   { l.write(slog.LevelError, format, args) }
func (l logger) Warningf(format string, args ...any) { l.write(slog.LevelWarn, format, args) }
func (l logger) Infof(format string, args ...any)    { l.write(slog.LevelDebug, format, args) }
func (l logger) Debugf(format string, args ...any)   { l.write(slog.LevelDebug, format, args) }

func (l logger) write(level slog.Level, format string, args []any) {
	ctx := context.Background()
	if l.log.Enabled(ctx, level) {
		l.log.Log(ctx, level, "badger: "+strings.TrimSpace(fmt.Sprintf(format, args...)))
	}
}
