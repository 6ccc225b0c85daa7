package badger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/id8labs/escalated/threads/store"
	"github.com/id8labs/escalated/threads/store/storetest"
)

func open(t *testing.T, c Config) *DB {
	t.Helper()
	db, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestOnDisk(t *testing.T) {
	storetest.Test(t, func(t *testing.T) store.DB { return open(t, Config{Dir: t.TempDir()}) })
}

func TestInMemory(t *testing.T) {
	storetest.Test(t, func(t *testing.T) store.DB { return open(t, Config{InMemory: true}) })
}

func TestDurable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	storetest.Durable(t, func(t *testing.T) store.DB { return open(t, Config{Dir: dir}) })
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory has mode %v, %v; want 0700", info.Mode(), err)
	}
}

func TestInBubble(t *testing.T) {
	for name, test := range storetest.Cases() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test(t, open(t, Config{Dir: t.TempDir(), NoCompaction: true}))
			})
		})
	}
}

func put(t *testing.T, db store.DB, prefix string, n int, value string) {
	t.Helper()
	err := db.Update(t.Context(), func(tx store.Txn) error {
		for i := range n {
			if err := tx.Set(fmt.Appendf(nil, "%s%05d", prefix, i), []byte(value)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLocked(t *testing.T) {
	dir := t.TempDir()
	first := open(t, Config{Dir: dir})
	if _, err := Open(Config{Dir: dir}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("opened twice: %v, want ErrLocked", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, Config{Dir: dir})
}

// TestTables has records in many tables, whose number is counted in parts.
func TestTables(t *testing.T) {
	dir := t.TempDir()
	db := open(t, Config{Dir: dir})
	const records = 40_000
	for n := 0; n < records; n += 1000 {
		if err := fill(db, n, 1000, 900); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, Config{Dir: dir})
	err := db.kv.View(t.Context(), func(r store.Reader) error {
		if parts := len(r.(reader).split([]byte("e"), nil, 4)) - 1; parts != 4 {
			t.Errorf("the tables make %d parts, want 4", parts)
		}
		if n, err := r.(reader).Count([]byte("e"), nil); n != records || err != nil {
			t.Errorf("Count = %d, %v", n, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
