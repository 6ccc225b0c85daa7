package badger

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/id8labs/escalated/threads/store"
)

func TestWatermark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var free atomic.Int64
		asked := 0
		ask := func(string) (int64, error) { asked++; return free.Load(), nil }
		free.Store(1000)
		db := open(t, Config{Dir: t.TempDir(), FreeSpace: 400, Free: ask, NoCompaction: true})
		essential := store.Essential(db)
		tests := []struct {
			free                 int64
			ordinary, tiny, full bool
		}{{400, true, true, false}, {399, false, true, true}, {100, false, true, true}, {99, false, false, true}, {500, true, true, false}}
		for _, test := range tests {
			free.Store(test.free)
			time.Sleep(time.Second)
			for handle, want := range map[store.DB]bool{db: test.ordinary, essential: test.tiny} {
				err := handle.Update(t.Context(), func(tx store.Txn) error { return tx.Set([]byte("k"), nil) })
				if want && err != nil || !want && !errors.Is(err, store.ErrFull) {
					t.Errorf("%d free, essential %v: %v", test.free, handle == essential, err)
				}
			}
			if got, err := db.Space(); err != nil || got != (Space{test.free, 400, test.full}) {
				t.Errorf("Space = %+v, %v", got, err)
			}
			view(t, db, func(r store.Reader) {
				if _, err := r.Get([]byte("k")); err != nil {
					t.Error(err)
				}
			})
		}
		if asked != 1+len(tests) {
			t.Errorf("asked the file system %d times, want once a second", asked)
		}
	})
}

func TestWatermarkAtOpen(t *testing.T) {
	dir := t.TempDir()
	full := Config{Dir: dir, FreeSpace: 400, Free: func(string) (int64, error) { return 99, nil }}
	if _, err := Open(full); !errors.Is(err, store.ErrFull) {
		t.Errorf("on a full disk: %v, want ErrFull", err)
	}
	broken := errors.New("no such file system")
	full.Free = func(string) (int64, error) { return 0, broken }
	if _, err := Open(full); !errors.Is(err, broken) {
		t.Errorf("without an answer: %v", err)
	}
	if got, err := open(t, Config{Dir: dir}).Space(); err != nil || got.Free <= 0 || got.Full {
		t.Errorf("of the real disk: %+v, %v", got, err)
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var found []string
		db := open(t, Config{
			Dir: t.TempDir(), NoCompaction: true,
			Log:     slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelInfo})),
			Damaged: func(key []byte, err error) { found = append(found, string(key)) },
		})
		put(t, db, "r", 1500, "customer text")
		err := db.kv.Update(t.Context(), func(tx store.Txn) error { return tx.Set([]byte("r00700"), []byte("customer text")) })
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- db.Run(ctx) }()
		time.Sleep(25 * time.Hour)
		synctest.Wait()
		if len(found) != 2 || found[0] != "r00700" || found[1] != "r00700" {
			t.Errorf("found %q damaged in two scrubs", found)
		}
		err = db.kv.Update(t.Context(), func(tx store.Txn) error { return tx.Delete([]byte("r00007")) })
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
		if got := log.String(); strings.Count(got, "damaged record") != 3 || !strings.Contains(got, "1500 records were written, 1499 are there") {
			t.Errorf("the log does not tell of damage and loss:\n%s", got)
		} else if strings.Contains(got, "customer") {
			t.Errorf("the log tells customer text:\n%s", got)
		}
	})
}

// TestCollect rewrites values until whole log files hold nothing else than old ones.
func TestCollect(t *testing.T) {
	var log bytes.Buffer
	db := open(t, Config{Dir: t.TempDir(), Log: slog.New(slog.NewTextHandler(&log, nil))})
	for range 3 {
		put(t, db, "large", 2, strings.Repeat("x", 30<<20))
	}
	db.collect(t.Context())
	if log.Len() > 0 {
		t.Errorf("the log says:\n%s", &log)
	}
	if n, err := store.Scrub(t.Context(), db, 0, func(key []byte, err error) { t.Error(err) }); n != 2 || err != nil {
		t.Errorf("%d records, %v", n, err)
	}
}

func TestLogger(t *testing.T) {
	var log bytes.Buffer
	l := logger{slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	l.Errorf("e%d\n", 1)
	l.Warningf("w%d", 2)
	l.Infof("i%d", 3)
	l.Debugf("d%d", 4)
	for _, want := range []string{`ERROR msg="badger: e1"`, `WARN msg="badger: w2"`, `DEBUG msg="badger: i3"`, `DEBUG msg="badger: d4"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &log)
		}
	}
}
