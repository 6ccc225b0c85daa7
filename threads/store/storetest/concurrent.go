package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/id8labs/escalated/threads/store"
)

func testSnapshot(t *testing.T, db store.DB) {
	set(t, db, map[string]string{"a": "old", "b": "old"})
	view(t, db, func(r store.Reader) {
		expect(t, r, "a", "old")
		set(t, db, map[string]string{"a": "new", "c": "new"})
		remove(t, db, "b")
		expect(t, r, "a", "old")
		expect(t, r, "b", "old")
		expectNone(t, r, "c")
		if got := scanned(t, r, nil, nil); len(got) != 2 {
			t.Errorf("the snapshot has the keys %q, want a and b", got)
		}
	})
	expectContent(t, db, map[string]string{"a": "new", "c": "new"})
}

func testIncrements(t *testing.T, db store.DB) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				if err := add(t.Context(), db, "n"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	expectContent(t, db, map[string]string{"n": "\x64"})
}

// testWriteSkew has two transactions that read both of two keys, and clear one
// each if both are set: whatever their order, one stays.
func testWriteSkew(t *testing.T, db store.DB) {
	resign := func(self, other string) error {
		return db.Update(t.Context(), func(tx store.Txn) error {
			_, err1 := tx.Get([]byte(self))
			_, err2 := tx.Get([]byte(other))
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			return tx.Delete([]byte(self))
		})
	}
	for range 20 {
		set(t, db, map[string]string{"x": "on duty", "y": "on duty"})
		var wg sync.WaitGroup
		var errs [2]error
		wg.Go(func() { errs[0] = resign("x", "y") })
		wg.Go(func() { errs[1] = resign("y", "x") })
		wg.Wait()
		if left := len(content(t, db)); left != 1 {
			t.Fatalf("%d of 2 stayed (%v), want 1", left, errs)
		}
	}
}

// testUnique has several claim one key; a Get on it must make one of them win.
func testUnique(t *testing.T, db store.DB) {
	taken := errors.New("taken")
	for round := range 10 {
		key := fmt.Appendf(nil, "seat %d", round)
		var wg sync.WaitGroup
		var errs [4]error
		for i := range errs {
			wg.Go(func() {
				errs[i] = db.Update(t.Context(), func(tx store.Txn) error {
					if _, err := tx.Get(key); !errors.Is(err, store.ErrNotFound) {
						return errors.Join(err, taken)
					}
					return tx.Set(key, []byte{byte(i)})
				})
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, taken) {
				t.Error(err)
			}
		}
		if won != 1 {
			t.Errorf("%d claims won, want 1", won)
		}
	}
}

// testReadersDuringWrites moves a token about: every snapshot must show one.
func testReadersDuringWrites(t *testing.T, db store.DB) {
	seat := func(i int) []byte { return fmt.Appendf(nil, "seat %d", i%3) }
	set(t, db, map[string]string{string(seat(0)): "token"})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 60 {
			err := db.Update(t.Context(), func(tx store.Txn) error {
				return errors.Join(tx.Delete(seat(i)), tx.Set(seat(i+1), []byte("token")))
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	for range 2 {
		wg.Go(func() {
			for range 60 {
				err := db.View(t.Context(), func(r store.Reader) error {
					if got := scanned(t, r, nil, nil); len(got) != 1 {
						t.Errorf("a snapshot shows the token at %q", got)
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
