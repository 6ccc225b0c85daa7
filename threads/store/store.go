// Package store is the small ordered transactional key-value store under
// threads. A backend ([DB]) keeps bytes under keys in the order of the keys;
// all that is worth writing once is written here, above the backends:
//
//   - [Framed] puts a version and a CRC around every value, so that a damaged
//     record is an error and never an answer;
//   - [Counted] keeps the number of records and of transactions, so that
//     records which vanished are noticed when the store is opened;
//   - [Scrub] walks everything slowly, so that damage is found while there
//     still is a backup without it.
//
// # What every backend guarantees, and no more
//
// Callers rely on nothing stronger than this; storetest pins it.
//
//   - Update commits all writes or none, and they are durable when it returns
//     nil. When the callback fails, its error is returned and nothing is written.
//   - Transactions are serializable on the keys they read: if a key that Get
//     or a scan returned, or that Get did not find, is changed by another
//     transaction meanwhile, the callback runs again. There is no phantom
//     protection: a key that appears in a range scanned before goes unnoticed.
//     Guard uniqueness with a Get on one exact key.
//   - View, and every run of an Update's callback, sees one snapshot. Inside
//     Update, Get sees the transaction's own writes, and so does a scan those
//     made before it started; whether it sees later ones is undefined.
//   - Transactions do not nest: an Update inside an Update may wait for ever.
//     Scans do nest.
//   - A transaction takes at least 1 MB in 1,000 writes, one value at least 1 MB
//     (a million bytes, keys included). What exceeds the backend's own limit is
//     refused with [ErrTooBig], by Set or at last by Update.
//   - Keys have 1 to [MaxKey] bytes; those that start with a zero byte belong to
//     this package and those that start with "!" to the backend. Values may be
//     empty; nil and empty are the same.
//   - Slices given and returned are copies: both sides may keep and change them.
package store

import (
	"context"
	"errors"
	"iter"
	"slices"
)

// MaxKey is the length of the longest key, in bytes. PostgreSQL's indices take 2.7 KB.
const MaxKey = 1024

var (
	// ErrNotFound says that there is no record under a key.
	ErrNotFound = errors.New("no such record")
	// ErrTooBig says that a transaction is too big: split it and do less in each.
	ErrTooBig = errors.New("transaction too big")
	// ErrFull says that the disk has less free space than the watermark. Reads go on working.
	ErrFull = errors.New("too little free disk space")
	// ErrDamaged says that a record is there and cannot be trusted; the error names its key.
	ErrDamaged = errors.New("damaged record")
	// ErrLoss says, when a store is opened, that records have vanished from it.
	ErrLoss = errors.New("records are missing")
	// ErrNewer says that what is stored was written by a newer version of the program.
	ErrNewer = errors.New("written by a newer version")
	// ErrLocked says that another process has the store open.
	ErrLocked = errors.New("in use by another process")
	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("store is closed")
)

// A DB is an ordered transactional key-value store. Its methods may be called concurrently.
type DB interface {
	// View calls read with a consistent snapshot and returns its error.
	View(ctx context.Context, read func(Reader) error) error
	// Update calls write in a transaction and commits unless it returns an
	// error. On a conflict write is called again: it must have no effect but on
	// the Txn, or set what it sets outside anew each time.
	Update(ctx context.Context, write func(Txn) error) error
	// Close waits for running transactions, then releases the store.
	Close() error
}

// A Reader reads within a transaction, and only until its callback returns.
type Reader interface {
	// Get returns the value under a key, or [ErrNotFound].
	Get(key []byte) ([]byte, error)
	// Scan yields the records with from <= key < to in the order of their keys;
	// a nil to means up to the last. A damaged record is yielded with its key
	// and [ErrDamaged], and the scan goes on if the caller does; any other error ends it.
	Scan(from, to []byte) iter.Seq2[Pair, error]
	// Keys is Scan without values, several times as fast. It does not notice damaged values.
	Keys(from, to []byte) iter.Seq2[[]byte, error]
}

// A Txn reads and writes within a transaction.
type Txn interface {
	Reader
	// Set writes a record. [ErrTooBig] leaves the transaction without it: return the error.
	Set(key, value []byte) error
	// Delete removes a record; it is no error when there is none.
	Delete(key []byte) error
}

// A Pair is one record.
type Pair struct{ Key, Value []byte }

// Essential returns db for writes that must be possible on a disk that is
// nearly full, since they are tiny or free space: recording that a mail was
// sent, erasing. They are refused only below a second, lower watermark.
// The result shares everything with db and needs no Close of its own.
func Essential(db DB) DB {
	if e, ok := db.(interface{ Essential() DB }); ok {
		return e.Essential()
	}
	return db
}

// PrefixEnd returns the first key behind all that start with prefix, for the
// upper bound of a scan; nil when there is none, which is no bound.
func PrefixEnd(prefix []byte) []byte {
	end := slices.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] < 0xff {
			end[i]++
			return end[:i+1]
		}
	}
	return nil
}
