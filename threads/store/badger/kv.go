package badger

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"os"
	"runtime"
	"slices"
	"sync"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/id8labs/escalated/threads/store"
)

// Badger takes no value longer than one of its files.
const (
	maxValue         = 64 << 20
	maxValueInMemory = 1 << 20
)

// A kv is Badger as a store.DB, without frames and counts.
type kv struct {
	*shared
	reserve int64 // bytes that Update leaves free
}

type shared struct {
	db    *badger.DB
	lock  *os.File // nil in memory
	limit int      // of a value, in bytes
	space *space
	turn  chan struct{} // held by the Update that runs

	mu     sync.Mutex
	closed bool
	users  sync.WaitGroup
}

// enter holds off Close, which unmaps what transactions read, until leave is called.
func (s *shared) enter(ctx context.Context) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, store.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.users.Add(1)
	return s.users.Done, nil
}

func (s *shared) Close() error {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	if again {
		return nil
	}
	s.users.Wait()
	err := s.db.Close()
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return err
}

func (k *kv) Essential() store.DB {
	return &kv{shared: k.shared, reserve: min(k.reserve, k.space.watermark/essentialShare)}
}

func (k *kv) View(ctx context.Context, read func(store.Reader) error) error {
	leave, err := k.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	tx := k.db.NewTransaction(false)
	defer tx.Discard()
	return read(reader{ctx, k.db, tx})
}

func (k *kv) Update(ctx context.Context, write func(store.Txn) error) error {
	leave, err := k.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := k.space.check(k.reserve); err != nil {
		return err
	}
	tx := k.db.NewTransaction(true)
	defer tx.Discard()
	if err := write(txn{reader{ctx, k.db, tx}, k.limit}); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return translate(tx.Commit())
}

func translate(err error) error {
	switch {
	case errors.Is(err, badger.ErrTxnTooBig):
		return store.ErrTooBig
	case errors.Is(err, badger.ErrKeyNotFound):
		return store.ErrNotFound
	}
	return err
}

type reader struct {
	ctx context.Context
	db  *badger.DB
	tx  *badger.Txn
}

func (r reader) Get(key []byte) ([]byte, error) {
	item, err := r.tx.Get(key)
	switch {
	case errors.Is(err, badger.ErrKeyNotFound):
		return nil, store.ErrNotFound
	case errors.Is(err, badger.ErrDiscardedTxn):
		return nil, err
	case err != nil:
		return nil, store.Damaged(key, err)
	}
	return value(item)
}

func value(item *badger.Item) ([]byte, error) {
	v, err := item.ValueCopy(nil)
	if err != nil {
		return nil, store.Damaged(item.KeyCopy(nil), err)
	}
	return v, nil
}

func (r reader) Scan(from, to []byte) iter.Seq2[store.Pair, error] {
	return func(yield func(store.Pair, error) bool) {
		r.walk(from, to, func(item *badger.Item) bool {
			v, err := value(item)
			return yield(store.Pair{Key: item.KeyCopy(nil), Value: v}, err)
		}, func(err error) { yield(store.Pair{}, err) })
	}
}

func (r reader) Keys(from, to []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		r.walk(from, to, func(item *badger.Item) bool {
			return yield(item.KeyCopy(nil), nil)
		}, func(err error) { yield(nil, err) })
	}
}

// Count counts keys, which [store.Counted] does at every start: it divides the
// range along the tables and does so with all processors.
func (r reader) Count(from, to []byte) (int64, error) {
	bounds := r.split(from, to, runtime.GOMAXPROCS(0))
	counts, errs := make([]int64, len(bounds)-1), make([]error, len(bounds)-1)
	var wg sync.WaitGroup
	for i := range counts {
		wg.Go(func() {
			r.walk(bounds[i], bounds[i+1], func(*badger.Item) bool {
				counts[i]++
				return true
			}, func(err error) { errs[i] = err })
		})
	}
	wg.Wait()
	var total int64
	for _, n := range counts {
		total += n
	}
	return total, errors.Join(errs...)
}

// split returns the bounds of at most n consecutive ranges between from and to.
func (r reader) split(from, to []byte, n int) [][]byte {
	var ends [][]byte
	for _, table := range r.db.Tables() {
		if bytes.Compare(table.Right, from) > 0 && (to == nil || bytes.Compare(table.Right, to) < 0) {
			ends = append(ends, table.Right)
		}
	}
	slices.SortFunc(ends, bytes.Compare)
	bounds := [][]byte{from}
	for i := 1; i < n && len(ends) >= n; i++ {
		bounds = append(bounds, ends[i*len(ends)/n])
	}
	return append(bounds, to)
}

// walk calls visit for each record with from <= key < to until it returns
// false, and fail when the context ends before.
func (r reader) walk(from, to []byte, visit func(*badger.Item) bool, fail func(error)) {
	// Values are read in turn: prefetching costs a goroutine for each.
	it := r.tx.NewIterator(badger.IteratorOptions{Prefix: common(from, to)})
	defer it.Close()
	n := 0
	for it.Seek(from); it.Valid(); it.Next() {
		if n++; n%1024 == 0 && r.ctx.Err() != nil {
			fail(r.ctx.Err())
			return
		}
		item := it.Item()
		if to != nil && bytes.Compare(item.Key(), to) >= 0 || !visit(item) {
			return
		}
	}
}

// common returns the longest prefix of two bounds, which all keys between them
// share and which spares Badger the tables without it.
func common(from, to []byte) []byte {
	n := 0
	for n < min(len(from), len(to)) && from[n] == to[n] {
		n++
	}
	return from[:n]
}

type txn struct {
	reader
	limit int
}

func (t txn) Set(key, value []byte) error {
	if len(value) > t.limit {
		return store.ErrTooBig
	}
	return translate(t.tx.Set(key, value))
}

func (t txn) Delete(key []byte) error { return translate(t.tx.Delete(key)) }

// Badger has at most one iterator at a time in a transaction that writes, so
// that scans inside of one are read in chunks.
const chunk = 128

func (t txn) Scan(from, to []byte) iter.Seq2[store.Pair, error] {
	return chunked(t.reader.Scan, from, to, func(p store.Pair) []byte { return p.Key })
}

func (t txn) Keys(from, to []byte) iter.Seq2[[]byte, error] {
	return chunked(t.reader.Keys, from, to, func(key []byte) []byte { return key })
}

func chunked[T any](scan func(from, to []byte) iter.Seq2[T, error], from, to []byte, key func(T) []byte) iter.Seq2[T, error] {
	type result struct {
		record T
		err    error
	}
	return func(yield func(T, error) bool) {
		var results []result
		for next := from; ; {
			results = results[:0]
			for record, err := range scan(next, to) {
				if results = append(results, result{record, err}); len(results) == chunk {
					break
				}
			}
			for _, r := range results {
				next = append(slices.Clone(key(r.record)), 0)
				if !yield(r.record, r.err) {
					return
				}
				if r.err != nil && !errors.Is(r.err, store.ErrDamaged) {
					return
				}
			}
			if len(results) < chunk {
				return
			}
		}
	}
}
