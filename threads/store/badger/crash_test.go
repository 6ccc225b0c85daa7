package badger

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/id8labs/escalated/threads/store"
)

const childDir = "ESCALATED_STORE_CHILD" // set in the process that is to be killed

func numbered(n int) (key, value []byte) {
	size := 40
	if n%5 == 4 {
		size = 3000 // such values lie in another file
	}
	return fmt.Appendf(nil, "record %06d", n), bytes.Repeat(fmt.Appendf(nil, "%d,", n), size/4)
}

// TestChild is the body of that process: it writes record after record and
// says so for each that is committed.
func TestChild(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		t.Skip("runs only as the child of another test")
	}
	db := open(t, Config{Dir: dir})
	n := 0
	view(t, db, func(r store.Reader) {
		for range r.Keys(nil, nil) {
			n++
		}
	})
	for ; ; n++ {
		key, value := numbered(n)
		if err := db.Update(t.Context(), func(tx store.Txn) error { return tx.Set(key, value) }); err != nil {
			t.Fatal(err)
		}
		fmt.Println("committed", n)
	}
}

// kill starts a child, kills it after so many commits and returns the number
// of the last one that it told of, or -1.
func kill(t *testing.T, dir string, commits int) (last int) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$")
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	last = -1
	if commits == 0 {
		_ = child.Process.Kill()
	}
	lines := bufio.NewScanner(out)
	for seen := 0; lines.Scan(); {
		if n, err := fmt.Sscanf(lines.Text(), "committed %d", &last); n != 1 {
			t.Fatalf("the child says %q: %v", lines.Text(), err)
		}
		if seen++; seen == commits {
			_ = child.Process.Kill()
		}
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	return last
}

func view(t *testing.T, db store.DB, read func(store.Reader)) {
	t.Helper()
	if err := db.View(t.Context(), func(r store.Reader) error { read(r); return nil }); err != nil {
		t.Fatal(err)
	}
}

func TestKilled(t *testing.T) {
	dir, last := t.TempDir(), -1
	for range 10 {
		last = max(last, kill(t, dir, rand.IntN(150)))
		db := open(t, Config{Dir: dir}) // compares the counts
		view(t, db, func(r store.Reader) {
			for n := range last + 1 {
				key, want := numbered(n)
				if got, err := r.Get(key); err != nil || !bytes.Equal(got, want) {
					t.Fatalf("record %d of %d acknowledged: %q, %v", n, last+1, got, err)
				}
			}
		})
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if last < 10 {
		t.Errorf("only %d records were written", last+1)
	}
}

// TestFlippedByte damages what a killed process and an orderly one left, a byte
// at a time. It may cost the whole store or single records, but never silently.
func TestFlippedByte(t *testing.T) {
	crashed := t.TempDir()
	last := kill(t, crashed, 100)
	closed := copyOf(t, crashed)
	if err := open(t, Config{Dir: closed}).Close(); err != nil {
		t.Fatal(err)
	}
	files := []string{closed + "/MANIFEST", crashed + "/witness", crashed + "/00001.mem", crashed + "/000001.vlog"}
	tables, err := filepath.Glob(closed + "/*.sst")
	if err != nil || len(tables) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	losses, damages := 0, 0
	for _, file := range append(files, tables...) {
		size := used(t, file)
		for i := range 7 {
			offset := (2*i + 1) * size / 14
			t.Run(fmt.Sprintf("%s at %d of %d", filepath.Base(file), offset, size), func(t *testing.T) {
				dir := copyOf(t, filepath.Dir(file))
				flip(t, filepath.Join(dir, filepath.Base(file)), offset)
				loss, damaged := inspect(t, dir, last)
				damages += damaged
				if loss {
					losses++
				}
			})
		}
	}
	if losses == 0 || damages == 0 {
		t.Errorf("%d losses and %d damaged records noticed, want some of both", losses, damages)
	}
}

// inspect opens a damaged store and reports whether the loss was noticed then,
// and how many records were when read. It fails for one that is gone silently.
func inspect(t *testing.T, dir string, last int) (loss bool, damaged int) {
	db, err := Open(Config{Dir: dir})
	if errors.Is(err, store.ErrLoss) {
		reopenWithLoss(t, dir)
		return true, 0
	}
	if err != nil {
		return false, 0 // Badger itself noticed
	}
	view(t, db, func(r store.Reader) {
		for n := range last + 1 {
			key, want := numbered(n)
			got, err := r.Get(key)
			if errors.Is(err, store.ErrDamaged) {
				damaged++
			} else if err != nil || !bytes.Equal(got, want) {
				t.Errorf("record %d: %q, %v", n, got, err)
			}
		}
	})
	reported := 0
	if _, err := store.Scrub(t.Context(), db, 0, func([]byte, error) { reported++ }); err != nil || reported != damaged {
		t.Errorf("scrub finds %d damaged, %v; want %d", reported, err, damaged)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	return false, damaged
}

func reopenWithLoss(t *testing.T, dir string) {
	t.Helper()
	if _, err := Open(Config{Dir: dir}); !errors.Is(err, store.ErrLoss) {
		t.Errorf("opened again: %v, want ErrLoss still", err)
	}
	db, err := Open(Config{Dir: dir, AcceptLoss: true})
	if err != nil && strings.Contains(err.Error(), "failed to initialize") {
		return // the last block of a table
	}
	if err != nil {
		t.Fatal(err)
	}
	put(t, db, "after", 1, "the loss")
	damagedTable := db.kv.verify(t.Context()) != nil
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, Config{Dir: dir, AcceptLoss: damagedTable})
}

// TestDamageWhileOpen flips bytes of a table that is in use.
func TestDamageWhileOpen(t *testing.T) {
	dir := t.TempDir()
	last := kill(t, dir, 60)
	if err := open(t, Config{Dir: dir}).Close(); err != nil {
		t.Fatal(err)
	}
	db := open(t, Config{Dir: dir})
	tables, err := filepath.Glob(dir + "/*.sst")
	if err != nil || len(tables) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	content := head(t, tables[0])
	damaged := 0
	for n := range last + 1 {
		key, value := numbered(n)
		at := bytes.Index(content, value)
		if at < 0 {
			continue
		}
		flip(t, tables[0], at)
		view(t, db, func(r store.Reader) {
			if got, err := r.Get(key); !errors.Is(err, store.ErrDamaged) {
				t.Errorf("record %d: %q, %v; want ErrDamaged", n, got, err)
			}
		})
		damaged++
	}
	if damaged == 0 {
		t.Error("no value was found in the table")
	}
	if err := db.kv.verify(t.Context()); err == nil {
		t.Error("verify finds nothing")
	}
}

func flip(t *testing.T, path string, offset int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, int64(offset)); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x10
	if _, err := f.WriteAt(b, int64(offset)); err != nil {
		t.Fatal(err)
	}
}

// Badger makes its logs far longer than what they hold, as sparse files; only
// the start is read and copied.
const logStart = 2 << 20

func head(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, logStart))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func used(t *testing.T, path string) int {
	t.Helper()
	return len(bytes.TrimRight(head(t, path), "\x00"))
}

func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(to, e.Name())
		err = os.WriteFile(path, head(t, filepath.Join(dir, e.Name())), 0o600)
		if err := errors.Join(err, os.Truncate(path, info.Size())); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func TestEmptyLogFiles(t *testing.T) {
	dir := t.TempDir()
	db := open(t, Config{Dir: dir})
	put(t, db, "r", 10, "kept")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"00007.mem", "000007.vlog"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db = open(t, Config{Dir: dir})
	if n, err := store.Scrub(t.Context(), db, 0, nil); n != 10 || err != nil {
		t.Errorf("%d records, %v; want 10", n, err)
	}
}

func TestNewerFormat(t *testing.T) {
	dir := t.TempDir()
	db := open(t, Config{Dir: dir})
	err := store.Framed(db.kv).Update(t.Context(), func(tx store.Txn) error {
		return tx.Set([]byte("\x00ledger"), []byte(`{"format":2}`))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	for _, accept := range []bool{false, true} {
		if _, err := Open(Config{Dir: dir, AcceptLoss: accept}); !errors.Is(err, store.ErrNewer) {
			t.Errorf("accepting loss %v: %v, want ErrNewer", accept, err)
		}
	}
}

func TestOpenFails(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: file}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file as directory: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "witness"), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it must not be locked
		if _, err := Open(Config{Dir: dir}); err == nil || errors.Is(err, store.ErrLocked) {
			t.Errorf("a directory in place of the witness: %v", err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "MANIFEST"), []byte("not one"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := Open(Config{Dir: dir}); err == nil || errors.Is(err, store.ErrLocked) {
			t.Errorf("a broken manifest: %v", err)
		}
	}
}

func TestLongScanEndsWithContext(t *testing.T) {
	db := open(t, Config{InMemory: true})
	put(t, db, "r", 3000, "")
	for _, run := range []func(context.Context, func(store.Reader) error) error{
		db.View,
		func(ctx context.Context, read func(store.Reader) error) error {
			return db.Update(ctx, func(tx store.Txn) error { return read(tx) })
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		read := 0
		err := run(ctx, func(r store.Reader) error {
			cancel()
			for _, err := range r.Scan(nil, nil) {
				if err != nil {
					return err
				}
				read++
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a canceled scan gives %v after %d records", err, read)
		}
	}
}
