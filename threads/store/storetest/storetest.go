// Package storetest pins what every backend of store guarantees: one suite,
// run against each. Whatever a caller may rely on is a case here.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/id8labs/escalated/threads/store"
)

// Test runs all Cases and a comparison with a model, each on a store of its own. open opens an empty store
// and closes it when the test ends; Close may come twice.
func Test(t *testing.T, open func(t *testing.T) store.DB) {
	for name, test := range Cases() {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
	t.Run("agrees with a model", func(t *testing.T) { testModel(t, open(t)) })
}

// Cases returns by name what can be wrapped too, as in a bubble of
// testing/synctest, which the model's library can't.
func Cases() map[string]func(t *testing.T, db store.DB) {
	return map[string]func(*testing.T, store.DB){
		"get, set, delete":     testGetSetDelete,
		"keys":                 testKeys,
		"scan bounds":          testScanBounds,
		"scans nest and stop":  testScansNest,
		"own writes":           testOwnWrites,
		"own writes, many":     testOwnWritesMany,
		"rollback":             testRollback,
		"rollback on panic":    testRollbackOnPanic,
		"slices are copies":    testCopies,
		"sizes":                testSizes,
		"too big, then less":   testTooBig,
		"snapshot":             testSnapshot,
		"increments":           testIncrements,
		"write skew":           testWriteSkew,
		"context":              testContext,
		"close":                testClose,
		"essential":            testEssential,
		"scrub":                testScrub,
		"unique by exact key":  testUnique,
		"one writer, many see": testReadersDuringWrites,
	}
}

// Durable checks that what is written stays. open opens the same store each
// time, and is called again only after Close.
func Durable(t *testing.T, open func(t *testing.T) store.DB) {
	db := open(t)
	want := map[string]string{"empty": "", "large": string(make([]byte, 100<<10))}
	for i := range 300 {
		want[fmt.Sprintf("key %03d", i)] = fmt.Sprint(i)
	}
	set(t, db, want)
	set(t, db, map[string]string{"gone": "", "key 001": "changed"})
	want["key 001"] = "changed"
	remove(t, db, "gone", "key 002")
	delete(want, "key 002")
	for range 2 {
		if err := db.Close(); err != nil {
			t.Fatal("close:", err)
		}
		db = open(t)
		if diff := cmp.Diff(want, content(t, db)); diff != "" {
			t.Fatal("after opening it again (-want +got):\n", diff)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal("close:", err)
	}
}

func set(t *testing.T, db store.DB, records map[string]string) {
	t.Helper()
	must(t, db.Update(t.Context(), func(tx store.Txn) error {
		for key, value := range records {
			if err := tx.Set([]byte(key), []byte(value)); err != nil {
				return err
			}
		}
		return nil
	}))
}

func remove(t *testing.T, db store.DB, keys ...string) {
	t.Helper()
	must(t, db.Update(t.Context(), func(tx store.Txn) error {
		for _, key := range keys {
			if err := tx.Delete([]byte(key)); err != nil {
				return err
			}
		}
		return nil
	}))
}

func view(t *testing.T, db store.DB, read func(store.Reader)) {
	t.Helper()
	must(t, db.View(t.Context(), func(r store.Reader) error { read(r); return nil }))
}

// content returns all records, by a scan.
func content(t *testing.T, db store.DB) map[string]string {
	t.Helper()
	records := map[string]string{}
	view(t, db, func(r store.Reader) {
		for pair, err := range r.Scan(nil, nil) {
			must(t, err)
			records[string(pair.Key)] = string(pair.Value)
		}
	})
	return records
}

// scanned returns the keys in a range, and that Scan and Keys agree on them.
func scanned(t *testing.T, r store.Reader, from, to []byte) []string {
	t.Helper()
	var byScan, byKeys []string
	for pair, err := range r.Scan(from, to) {
		must(t, err)
		byScan = append(byScan, string(pair.Key))
	}
	for key, err := range r.Keys(from, to) {
		must(t, err)
		byKeys = append(byKeys, string(key))
	}
	if !slices.Equal(byScan, byKeys) {
		t.Errorf("Scan(%q, %q) gives the keys %q, Keys gives %q", from, to, byScan, byKeys)
	}
	return byScan
}

func expect(t *testing.T, r store.Reader, key, want string) {
	t.Helper()
	value, err := r.Get([]byte(key))
	if err != nil || string(value) != want {
		t.Errorf("Get(%q) = %q, %v; want %q", key, value, err, want)
	}
}

func expectNone(t *testing.T, r store.Reader, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if value, err := r.Get([]byte(key)); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Get(%q) = %q, %v; want ErrNotFound", key, value, err)
		}
	}
}

func expectContent(t *testing.T, db store.DB, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, content(t, db), cmpopts.EquateEmpty()); diff != "" {
		t.Error("content (-want +got):\n", diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// add increments the number under a key, which is a byte.
func add(ctx context.Context, db store.DB, key string) error {
	return db.Update(ctx, func(tx store.Txn) error {
		value, err := tx.Get([]byte(key))
		if errors.Is(err, store.ErrNotFound) {
			value, err = []byte{0}, nil
		}
		if err != nil {
			return err
		}
		return tx.Set([]byte(key), []byte{value[0] + 1})
	})
}
