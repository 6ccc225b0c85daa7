package store_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/id8labs/escalated/threads/store"
	"github.com/id8labs/escalated/threads/store/storetest"
)

func TestFramedContract(t *testing.T) {
	storetest.Test(t, func(t *testing.T) store.DB { return store.Framed(newMem()) })
}

func TestCountedContract(t *testing.T) {
	storetest.Test(t, func(t *testing.T) store.DB {
		backend := newMem()
		db := counted(t, backend, store.CountConfig{Witness: filepath.Join(t.TempDir(), "witness")})
		t.Cleanup(func() {
			backend.closed = false // whatever the case did, the count must fit
			if _, err := store.Counted(context.Background(), store.Framed(backend), store.CountConfig{}); err != nil {
				t.Error(err)
			}
		})
		return db
	})
}

func counted(t *testing.T, backend store.DB, c store.CountConfig) store.DB {
	t.Helper()
	db, err := store.Counted(t.Context(), store.Framed(backend), c)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func set(t *testing.T, db store.DB, keys ...string) {
	t.Helper()
	err := db.Update(t.Context(), func(tx store.Txn) error {
		for _, key := range keys {
			if err := tx.Set([]byte(key), []byte("value of "+key)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPrefixEnd(t *testing.T) {
	for prefix, want := range map[string]string{"a": "b", "ab": "ac", "a\xff": "b", "a\xff\xff": "b", "\x00": "\x01"} {
		if got := store.PrefixEnd([]byte(prefix)); string(got) != want {
			t.Errorf("PrefixEnd(%q) = %q, want %q", prefix, got, want)
		}
	}
	for _, prefix := range []string{"", "\xff", "\xff\xff"} {
		if got := store.PrefixEnd([]byte(prefix)); got != nil {
			t.Errorf("PrefixEnd(%q) = %q, want nil", prefix, got)
		}
	}
}

func TestPrefixEndBoundsThePrefix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		symbol := rapid.SampledFrom([]byte{0, 1, 0xfe, 0xff})
		prefix := rapid.SliceOfN(symbol, 0, 3).Draw(t, "prefix")
		key := rapid.SliceOfN(symbol, 0, 5).Draw(t, "key")
		end := store.PrefixEnd(prefix)
		between := bytes.Compare(prefix, key) <= 0 && (end == nil || bytes.Compare(key, end) < 0)
		if between != bytes.HasPrefix(key, prefix) {
			t.Fatalf("%q is between %q and %q: %v", key, prefix, end, between)
		}
	})
}

func TestDamage(t *testing.T) {
	damages := map[string]func(string) string{
		"payload": func(v string) string { return v[:len(v)-1] + "X" },
		"sum":     func(v string) string { return v[:1] + "X" + v[2:] },
		"version": func(v string) string { return "\x02" + v[1:] },
		"shorter": func(v string) string { return v[:len(v)-1] },
		"longer":  func(v string) string { return v + "X" },
		"stump":   func(v string) string { return v[:4] },
		"empty":   func(string) string { return "" },
		"zeroes":  func(v string) string { return strings.Repeat("\x00", len(v)) },
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			backend := newMem()
			db := store.Framed(backend)
			set(t, db, "a", "b", "c")
			backend.records["b"] = damage(backend.records["b"])
			expectDamaged(t, db, "b", "a", "c")
		})
	}
	t.Run("of another key", func(t *testing.T) {
		backend := newMem()
		db := store.Framed(backend)
		set(t, db, "a", "b", "c")
		backend.records["b"] = backend.records["a"]
		expectDamaged(t, db, "b", "a", "c")
	})
}

// expectDamaged wants one key damaged, named wherever it is read, and the others whole.
func expectDamaged(t *testing.T, db store.DB, damaged string, whole ...string) {
	t.Helper()
	named := func(err error) bool {
		return errors.Is(err, store.ErrDamaged) && strings.Contains(err.Error(), `"`+damaged+`"`)
	}
	err := db.View(t.Context(), func(r store.Reader) error {
		if value, err := r.Get([]byte(damaged)); !named(err) {
			t.Errorf("Get gives %q, %v", value, err)
		}
		var good []string
		for pair, err := range r.Scan(nil, nil) {
			if err == nil {
				good = append(good, string(pair.Key))
			} else if string(pair.Key) != damaged || !named(err) || pair.Value != nil {
				t.Errorf("Scan gives %q, %v", pair, err)
			}
		}
		if !slices.Equal(good, whole) {
			t.Errorf("Scan gives %q as whole, want %q", good, whole)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	var reported []string
	n, err := store.Scrub(t.Context(), db, 0, func(key []byte, err error) {
		reported = append(reported, string(key))
		if !named(err) {
			t.Error("Scrub reports", err)
		}
	})
	if err != nil || n != len(whole)+1 || !slices.Equal(reported, []string{damaged}) {
		t.Errorf("Scrub = %d, %v, and reports %q", n, err, reported)
	}
}

func TestDamagedRecordCanBeReplacedAndRemoved(t *testing.T) {
	backend := newMem()
	db := counted(t, backend, store.CountConfig{})
	set(t, db, "a", "b")
	backend.records["a"], backend.records["b"] = "", ""
	set(t, db, "a")
	err := db.Update(t.Context(), func(tx store.Txn) error { return tx.Delete([]byte("b")) })
	if err != nil {
		t.Fatal(err)
	}
	if n, err := store.Scrub(t.Context(), db, 0, nil); n != 1 || err != nil {
		t.Errorf("%d records, %v; want a alone", n, err)
	}
}

func TestLoss(t *testing.T) {
	const ledger = "\x00ledger"
	type state map[string]string
	losses := map[string]func(now, earlier state){
		"a record":       func(now, _ state) { delete(now, "b") },
		"a record more":  func(now, _ state) { now["x"] = now["b"] },
		"the end":        func(now, earlier state) { clear(now); maps.Copy(now, earlier) },
		"all":            func(now, _ state) { clear(now) },
		"the ledger":     func(now, _ state) { delete(now, ledger) },
		"ledger damaged": func(now, _ state) { now[ledger] = now[ledger][:9] },
	}
	for name, lose := range losses {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			c := store.CountConfig{Witness: filepath.Join(t.TempDir(), "witness"), Log: slog.New(slog.NewTextHandler(&log, nil))}
			backend := newMem()
			db := counted(t, backend, c)
			set(t, db, "a", "b")
			earlier := maps.Clone(backend.records)
			set(t, db, "a") // changes no count
			lose(backend.records, earlier)

			_, err := store.Counted(t.Context(), store.Framed(backend), c)
			if !errors.Is(err, store.ErrLoss) && !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "restore") {
				t.Fatalf("opened: %v, want a loss and what to do", err)
			}
			accept := c
			accept.AcceptLoss = true
			set(t, counted(t, backend, accept), "c")
			if !strings.Contains(log.String(), "loss accepted") {
				t.Errorf("the log does not tell: %s", &log)
			}
			counted(t, backend, c)
		})
	}
}

func TestWitness(t *testing.T) {
	path := filepath.Join(t.TempDir(), "witness")
	var log bytes.Buffer
	c := store.CountConfig{Witness: path, Log: slog.New(slog.NewTextHandler(&log, nil))}
	backend := newMem()
	set(t, counted(t, backend, c), "a")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	set(t, counted(t, backend, c), "b")
	if log.Len() > 0 {
		t.Errorf("the log says %s", &log)
	}
	for name, content := range map[string][]byte{"torn": before[:5], "damaged": append([]byte{1}, before[1:]...), "empty": {}} {
		log.Reset()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		counted(t, backend, c)
		if !strings.Contains(log.String(), "witness") {
			t.Errorf("%s: the log says %q", name, &log)
		}
	}
	log.Reset()
	if err := os.WriteFile(path, before, 0o600); err != nil { // as a crash leaves it
		t.Fatal(err)
	}
	counted(t, backend, c)
	if log.Len() > 0 {
		t.Errorf("one behind: the log says %s", &log)
	}
	c.Witness = filepath.Join(path, "no directory")
	if _, err := store.Counted(t.Context(), store.Framed(backend), c); !errors.As(err, new(*fs.PathError)) {
		t.Errorf("a witness that can't be opened: %v", err)
	}
}

// A witness that can't be written costs no transaction.
func TestWitnessNotWritten(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	var log bytes.Buffer
	backend := newMem()
	db := counted(t, backend, store.CountConfig{Witness: "/dev/full", Log: slog.New(slog.NewTextHandler(&log, nil))})
	set(t, db, "a")
	if !strings.Contains(log.String(), "not written") {
		t.Errorf("the log says %q", &log)
	}
	counted(t, backend, store.CountConfig{})
}

func TestReservedKeys(t *testing.T) {
	backend := newMem()
	db := counted(t, backend, store.CountConfig{})
	before := maps.Clone(backend.records)
	err := db.Update(t.Context(), func(tx store.Txn) error {
		for _, key := range []string{"\x00ledger", "\x00", "\x00\xff"} {
			if _, err := tx.Get([]byte(key)); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("Get(%q): %v", key, err)
			}
			if tx.Set([]byte(key), nil) == nil || tx.Delete([]byte(key)) == nil {
				t.Errorf("%q can be written", key)
			}
		}
		return nil
	})
	if err != nil || !maps.Equal(before, backend.records) {
		t.Errorf("%v; there is %q, want %q still", err, backend.records, before)
	}
}

func TestBackendErrors(t *testing.T) {
	backend := newMem()
	db := counted(t, backend, store.CountConfig{})
	set(t, db, "a")
	backend.fail = errors.New("disk on fire")
	write := func(tx store.Txn) error { return tx.Set([]byte("a"), nil) }
	if err := db.Update(t.Context(), write); !errors.Is(err, backend.fail) {
		t.Errorf("Update: %v", err)
	}
	if _, err := store.Scrub(t.Context(), db, 0, nil); !errors.Is(err, backend.fail) {
		t.Errorf("Scrub: %v", err)
	}
	if _, err := store.Counted(t.Context(), store.Framed(backend), store.CountConfig{AcceptLoss: true}); !errors.Is(err, backend.fail) {
		t.Errorf("Counted: %v", err)
	}
}

func TestTooBigIsNotCounted(t *testing.T) {
	backend := newMem()
	db := counted(t, backend, store.CountConfig{})
	backend.limit = 3
	err := db.Update(t.Context(), func(tx store.Txn) error {
		for _, key := range []string{"a", "b", "c", "d"} {
			if err := tx.Set([]byte(key), nil); err != nil {
				return err
			}
		}
		return nil
	})
	if !errors.Is(err, store.ErrTooBig) {
		t.Errorf("Update: %v, want ErrTooBig", err)
	}
	set(t, db, "a", "b")
	counted(t, backend, store.CountConfig{})
}

func TestConflictsRunAgain(t *testing.T) {
	backend := newMem()
	db := counted(t, backend, store.CountConfig{})
	meddle := true
	err := db.Update(t.Context(), func(tx store.Txn) error {
		if meddle {
			meddle = false
			set(t, db, "a") // a transaction of its own in between
		}
		return tx.Set([]byte("a"), []byte("second"))
	})
	if err != nil || backend.reruns != 1 {
		t.Errorf("%v, run again %d times, want once", err, backend.reruns)
	}
	counted(t, backend, store.CountConfig{}) // "a" was new the first time only
}

func TestScrubEndsWithContext(t *testing.T) {
	db := store.Framed(newMem())
	for i := range 1000 {
		set(t, db, strings.Repeat("k", i+1))
	}
	ctx, cancel := context.WithCancel(t.Context())
	first := true
	stopping := stopAfter{db, func() {
		if !first {
			t.Error("another batch was read")
		}
		first = false
		cancel()
	}}
	if n, err := store.Scrub(ctx, stopping, 1<<62, nil); n != 1000 || !errors.Is(err, context.Canceled) {
		t.Errorf("Scrub = %d, %v; want one batch", n, err)
	}
}

// stopAfter calls stop after each View.
type stopAfter struct {
	store.DB
	stop func()
}

func (s stopAfter) View(ctx context.Context, read func(store.Reader) error) error {
	defer s.stop()
	return s.DB.View(ctx, read)
}
