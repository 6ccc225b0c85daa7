package store_test

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/id8labs/escalated/threads/store"
)

// A mem is the smallest backend that fulfils the contract, with its bytes laid
// open for tests to damage. A transaction conflicts with every other.
type mem struct {
	mu      sync.Mutex
	records map[string]string // replaced, never changed
	version int
	limit   int // writes in a transaction; 0 for any number
	fail    error
	closed  bool
	reruns  int
}

func newMem() *mem { return &mem{records: map[string]string{}} }

func (m *mem) begin(ctx context.Context) (memTxn, int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return memTxn{}, 0, store.ErrClosed
	}
	return memTxn{m, m.records}, m.version, ctx.Err()
}

func (m *mem) View(ctx context.Context, read func(store.Reader) error) error {
	tx, _, err := m.begin(ctx)
	if err != nil {
		return err
	}
	return read(tx)
}

func (m *mem) Update(ctx context.Context, write func(store.Txn) error) error {
	for {
		tx, version, err := m.begin(ctx)
		if err != nil {
			return err
		}
		tx.records = maps.Clone(tx.records)
		if err := write(tx); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if m.commit(tx, version) {
			return nil
		}
	}
}

func (m *mem) commit(tx memTxn, version int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.version != version {
		m.reruns++
		return false
	}
	m.records = tx.records
	m.version++
	return true
}

func (m *mem) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

type memTxn struct {
	m       *mem
	records map[string]string
}

func (t memTxn) Get(key []byte) ([]byte, error) {
	if t.m.fail != nil {
		return nil, t.m.fail
	}
	value, ok := t.records[string(key)]
	if !ok {
		return nil, store.ErrNotFound
	}
	return []byte(value), nil
}

func (t memTxn) Scan(from, to []byte) iter.Seq2[store.Pair, error] {
	return func(yield func(store.Pair, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(t.records)) {
			if t.m.fail != nil {
				yield(store.Pair{}, t.m.fail)
				return
			}
			value, ok := t.records[key]
			if !ok || key < string(from) || to != nil && key >= string(to) {
				continue
			}
			if !yield(store.Pair{Key: []byte(key), Value: []byte(value)}, nil) {
				return
			}
		}
	}
}

func (t memTxn) Keys(from, to []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for pair, err := range t.Scan(from, to) {
			if !yield(pair.Key, err) {
				return
			}
		}
	}
}

func (t memTxn) Set(key, value []byte) error {
	t.records[string(key)] = string(value)
	return t.check()
}

func (t memTxn) Delete(key []byte) error {
	delete(t.records, string(key))
	return t.check()
}

// check only knows how far a transaction on an empty store has grown.
func (t memTxn) check() error {
	if t.m.limit > 0 && len(t.records) > t.m.limit {
		return store.ErrTooBig
	}
	return nil
}
