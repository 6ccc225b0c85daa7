package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/id8labs/escalated/threads/store"
)

func testGetSetDelete(t *testing.T, db store.DB) {
	view(t, db, func(r store.Reader) { expectNone(t, r, "a") })
	expectContent(t, db, nil)
	set(t, db, map[string]string{"a": "1", "b": "2", "empty": ""})
	set(t, db, map[string]string{"a": "one"})
	remove(t, db, "b", "never there")
	expectContent(t, db, map[string]string{"a": "one", "empty": ""})
	view(t, db, func(r store.Reader) {
		expect(t, r, "a", "one")
		expect(t, r, "empty", "")
		expectNone(t, r, "b", "never there")
	})
	set(t, db, map[string]string{"b": "again"})
	expectContent(t, db, map[string]string{"a": "one", "b": "again", "empty": ""})
}

func testKeys(t *testing.T, db store.DB) {
	longest := strings.Repeat("k", store.MaxKey)
	set(t, db, map[string]string{longest: "long", "\xff\xff": "high", "a\x00b": "zero inside"})
	expectContent(t, db, map[string]string{longest: "long", "\xff\xff": "high", "a\x00b": "zero inside"})
	remove(t, db, longest)
	for _, key := range [][]byte{nil, {}, []byte(longest + "k")} {
		err := db.Update(t.Context(), func(tx store.Txn) error {
			_, get := tx.Get(key)
			set, del := tx.Set(key, nil), tx.Delete(key)
			if get == nil || errors.Is(get, store.ErrNotFound) || set == nil || del == nil {
				t.Errorf("a key of %d bytes: Get %v, Set %v, Delete %v; want an error of each", len(key), get, set, del)
			}
			return nil
		})
		must(t, err)
	}
	expectContent(t, db, map[string]string{"\xff\xff": "high", "a\x00b": "zero inside"})
}

func testScanBounds(t *testing.T, db store.DB) {
	all := []string{"a", "a\x00", "aa", "ab", "b", "b\xff", "b\xff\x01", "c", "\xff"}
	records := map[string]string{}
	for _, key := range all {
		records[key] = "value of " + key
	}
	set(t, db, records)
	tests := []struct {
		from, to []byte
		want     []string
	}{
		{nil, nil, all},
		{[]byte{}, nil, all},
		{[]byte("a"), []byte("b"), all[:4]},
		{[]byte("a\x00"), []byte("b"), all[1:4]},
		{[]byte("aaa"), []byte("b\xff\x00"), all[3:6]},
		{[]byte("b"), store.PrefixEnd([]byte("b")), all[4:7]},
		{[]byte("b\xff"), store.PrefixEnd([]byte("b\xff")), all[5:7]},
		{[]byte("\xff"), store.PrefixEnd([]byte("\xff")), all[8:]},
		{nil, []byte("a"), nil},
		{[]byte("b"), []byte("b"), nil},
		{[]byte("c"), []byte("a"), nil},
		{[]byte("d"), []byte("e"), nil},
	}
	view(t, db, func(r store.Reader) {
		for _, test := range tests {
			if got := scanned(t, r, test.from, test.to); !slices.Equal(got, test.want) {
				t.Errorf("keys from %q to %q: %q, want %q", test.from, test.to, got, test.want)
			}
		}
	})
	expectContent(t, db, records)
}

func testScansNest(t *testing.T, db store.DB) {
	set(t, db, map[string]string{"a": "1", "b": "2", "c": "3"})
	nest := func(r store.Reader) {
		var got []string
		for outer, err := range r.Scan(nil, nil) {
			must(t, err)
			for inner, err := range r.Keys(nil, nil) {
				must(t, err)
				if string(inner) == "c" {
					break
				}
				got = append(got, string(outer.Key)+string(inner))
			}
			if string(outer.Key) == "b" {
				break
			}
		}
		if want := []string{"aa", "ab", "ba", "bb"}; !slices.Equal(got, want) {
			t.Errorf("nested scans went %q, want %q", got, want)
		}
	}
	view(t, db, nest)
	must(t, db.Update(t.Context(), func(tx store.Txn) error {
		nest(tx)
		return tx.Set([]byte("d"), nil)
	}))
}

func testOwnWrites(t *testing.T, db store.DB) {
	set(t, db, map[string]string{"b": "old", "c": "old", "d": "old"})
	must(t, db.Update(t.Context(), func(tx store.Txn) error {
		must(t, tx.Set([]byte("a"), []byte("new")))
		must(t, tx.Set([]byte("b"), []byte("new")))
		must(t, tx.Delete([]byte("c")))
		must(t, tx.Set([]byte("e"), []byte("brief")))
		must(t, tx.Delete([]byte("e")))
		expect(t, tx, "a", "new")
		expect(t, tx, "b", "new")
		expectNone(t, tx, "c", "e")
		var got []string
		for pair, err := range tx.Scan(nil, nil) {
			must(t, err)
			got = append(got, fmt.Sprintf("%s=%s", pair.Key, pair.Value))
		}
		if want := []string{"a=new", "b=new", "d=old"}; !slices.Equal(got, want) {
			t.Errorf("a scan in the transaction gives %q, want %q", got, want)
		}
		if got := scanned(t, tx, []byte("b"), []byte("d")); !slices.Equal(got, []string{"b"}) {
			t.Errorf("keys from b to d: %q", got)
		}
		return nil
	}))
	expectContent(t, db, map[string]string{"a": "new", "b": "new", "d": "old"})
}

// testOwnWritesMany has a backend that reads scans in pieces join them.
func testOwnWritesMany(t *testing.T, db store.DB) {
	records, want := map[string]string{}, []string(nil)
	for i := range 512 {
		want = append(want, fmt.Sprintf("%04d", i))
		records[want[i]] = want[i]
	}
	set(t, db, records)
	must(t, db.Update(t.Context(), func(tx store.Txn) error {
		if got := scanned(t, tx, nil, nil); !slices.Equal(got, want) {
			t.Errorf("%d keys, want %d: %q", len(got), len(want), got)
		}
		for pair, err := range tx.Scan(nil, nil) {
			must(t, err)
			must(t, tx.Delete(pair.Key))
		}
		if left := scanned(t, tx, nil, nil); len(left) > 0 {
			t.Errorf("after all were deleted there are %q", left)
		}
		return nil
	}))
	expectContent(t, db, nil)
}

func testRollback(t *testing.T, db store.DB) {
	before := map[string]string{"a": "1", "b": "2"}
	set(t, db, before)
	refused := errors.New("refused")
	err := db.Update(t.Context(), func(tx store.Txn) error {
		must(t, tx.Set([]byte("a"), []byte("changed")))
		must(t, tx.Set([]byte("c"), []byte("new")))
		must(t, tx.Delete([]byte("b")))
		return refused
	})
	if !errors.Is(err, refused) {
		t.Errorf("Update gives %v, want the callback's error", err)
	}
	if err := db.View(t.Context(), func(store.Reader) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("View gives %v, want the callback's error", err)
	}
	expectContent(t, db, before)
}

func testRollbackOnPanic(t *testing.T, db store.DB) {
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = db.Update(t.Context(), func(tx store.Txn) error {
			must(t, tx.Set([]byte("a"), nil))
			panic("callback")
		})
	}()
	set(t, db, map[string]string{"b": "2"})
	expectContent(t, db, map[string]string{"b": "2"})
}

func testCopies(t *testing.T, db store.DB) {
	key, value := []byte("key"), []byte("value")
	must(t, db.Update(t.Context(), func(tx store.Txn) error {
		err := tx.Set(key, value)
		copy(key, "xxx")
		copy(value, "xxxxx")
		expect(t, tx, "key", "value")
		got, _ := tx.Get([]byte("key"))
		clear(got)
		return err
	}))
	var pairs []store.Pair
	view(t, db, func(r store.Reader) {
		got, err := r.Get([]byte("key"))
		must(t, err)
		clear(got)
		for pair, err := range r.Scan(nil, nil) {
			must(t, err)
			pairs = append(pairs, pair)
		}
	})
	clear(pairs[0].Key)
	clear(pairs[0].Value)
	expectContent(t, db, map[string]string{"key": "value"})
}

func testSizes(t *testing.T, db store.DB) {
	for _, size := range []int{0, 1, 1 << 10, 1<<10 + 1, 64 << 10, 1e6} {
		value := bytes.Repeat([]byte("v"), size)
		must(t, db.Update(t.Context(), func(tx store.Txn) error { return tx.Set([]byte("k"), value) }))
		view(t, db, func(r store.Reader) {
			if got, err := r.Get([]byte("k")); err != nil || !bytes.Equal(got, value) {
				t.Errorf("a value of %d bytes comes back with %d, %v", size, len(got), err)
			}
		})
	}
}

func testTooBig(t *testing.T, db store.DB) {
	fill := func(prefix string, n int) error {
		return db.Update(t.Context(), func(tx store.Txn) error {
			for i := range n {
				if err := tx.Set(fmt.Appendf(nil, "%s%06d", prefix, i), make([]byte, 1000)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	count := func() (n int) {
		view(t, db, func(r store.Reader) { n = len(scanned(t, r, nil, nil)) })
		return n
	}
	huge := 30_000
	switch err := fill("huge", huge); {
	case err == nil:
	case errors.Is(err, store.ErrTooBig):
		huge = 0
	default:
		t.Fatalf("30 MB in a transaction: %v, want nil or ErrTooBig", err)
	}
	if got := count(); got != huge {
		t.Errorf("the big transaction left %d records, want %d", got, huge)
	}
	must(t, fill("less", 1000))
	if got := count(); got != huge+1000 {
		t.Errorf("%d records, want %d", got, huge+1000)
	}
}

func testContext(t *testing.T, db store.DB) {
	ctx, cancel := context.WithCancel(t.Context())
	err := db.Update(ctx, func(tx store.Txn) error {
		cancel()
		return tx.Set([]byte("a"), nil)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Update, canceled in the callback: %v", err)
	}
	never := func() error { t.Error("called with a context that is done"); return nil }
	if err := db.Update(ctx, func(store.Txn) error { return never() }); !errors.Is(err, context.Canceled) {
		t.Errorf("Update, canceled: %v", err)
	}
	if err := db.View(ctx, func(store.Reader) error { return never() }); !errors.Is(err, context.Canceled) {
		t.Errorf("View, canceled: %v", err)
	}
	expectContent(t, db, nil)
}

func testClose(t *testing.T, db store.DB) {
	must(t, db.Close())
	if err := db.View(t.Context(), func(store.Reader) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("View gives %v, want ErrClosed", err)
	}
	if err := db.Update(t.Context(), func(store.Txn) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Update gives %v, want ErrClosed", err)
	}
	if err := db.Close(); err != nil {
		t.Errorf("Close gives %v the second time", err)
	}
}

func testEssential(t *testing.T, db store.DB) {
	set(t, store.Essential(db), map[string]string{"a": "1"})
	set(t, db, map[string]string{"b": "2"})
	expectContent(t, db, map[string]string{"a": "1", "b": "2"})
	expectContent(t, store.Essential(db), map[string]string{"a": "1", "b": "2"})
}

func testScrub(t *testing.T, db store.DB) {
	records := map[string]string{}
	for i := range 1000 { // a whole batch, and another below
		records[fmt.Sprintf("%04d", i)] = "x"
	}
	set(t, db, records)
	set(t, db, map[string]string{"more": "x"})
	n, err := store.Scrub(t.Context(), db, 0, func(key []byte, err error) { t.Errorf("%q: %v", key, err) })
	if n != 1001 || err != nil {
		t.Errorf("Scrub = %d, %v; want 1001 records", n, err)
	}
}
