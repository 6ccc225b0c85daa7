package storetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/id8labs/escalated/threads/store"
)

var errRefused = errors.New("refused")

// testModel makes random transactions on the store and on a sorted map.
func testModel(t *testing.T, db store.DB) {
	rapid.Check(t, func(rt *rapid.T) {
		model := content(t, db) // what the check before left
		for range rapid.IntRange(1, 6).Draw(rt, "transactions") {
			attempt := maps.Clone(model)
			commit := rapid.Bool().Draw(rt, "commit")
			err := db.Update(t.Context(), func(tx store.Txn) error {
				for range rapid.IntRange(1, 8).Draw(rt, "steps") {
					step(rt, tx, attempt)
				}
				if !commit {
					return errRefused
				}
				return nil
			})
			if commit {
				model = attempt
			}
			if (err == nil) != commit || err != nil && !errors.Is(err, errRefused) {
				rt.Fatal(err)
			}
			check(rt, db, model)
		}
	})
}

func step(rt *rapid.T, tx store.Txn, model map[string]string) {
	key := rapid.StringMatching("[a-c]{1,3}").Draw(rt, "key")
	switch rapid.IntRange(0, 3).Draw(rt, "step") {
	case 0, 1:
		value := rapid.StringN(0, 20, -1).Draw(rt, "value")
		model[key] = value
		if err := tx.Set([]byte(key), []byte(value)); err != nil {
			rt.Fatal(err)
		}
	case 2:
		delete(model, key)
		if err := tx.Delete([]byte(key)); err != nil {
			rt.Fatal(err)
		}
	case 3:
		compare(rt, tx, model, key)
	}
}

func check(rt *rapid.T, db store.DB, model map[string]string) {
	err := db.View(rt.Context(), func(r store.Reader) error {
		compare(rt, r, model, rapid.StringMatching("[a-c]{1,3}").Draw(rt, "look"))
		return nil
	})
	if err != nil {
		rt.Fatal(err)
	}
}

// compare gets one key, and scans from it to another.
func compare(rt *rapid.T, r store.Reader, model map[string]string, key string) {
	value, err := r.Get([]byte(key))
	want, there := model[key]
	if there && (err != nil || string(value) != want) || !there && !errors.Is(err, store.ErrNotFound) {
		rt.Fatalf("Get(%q) = %q, %v; the model has %q, %v", key, value, err, want, there)
	}
	to := rapid.StringMatching("[a-d]{1,2}").Draw(rt, "to")
	var got, expected []string
	for pair, err := range r.Scan([]byte(key), []byte(to)) {
		if err != nil {
			rt.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s=%s", pair.Key, pair.Value))
	}
	for _, k := range slices.Sorted(maps.Keys(model)) {
		if key <= k && k < to {
			expected = append(expected, fmt.Sprintf("%s=%s", k, model[k]))
		}
	}
	if !slices.Equal(got, expected) {
		rt.Fatalf("from %q to %q: %q, the model has %q", key, to, got, expected)
	}
}
