package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"slices"
)

// Every value lies in a frame: one byte of version, four bytes of CRC-32C in
// big-endian order over the key and the payload, the payload. The key is in the
// sum, so that a record which turns up under another's key is damage too.
const (
	frameVersion = 1
	frameHead    = 1 + crc32.Size
)

// Framed returns a DB that frames every value of a backend and checks it
// whenever it is read. A record that does not fit its sum gives [ErrDamaged].
// Framed also holds keys to the contract, so that a backend need not.
func Framed(backend DB) DB { return framed{backend} }

type framed struct{ db DB }

func (f framed) View(ctx context.Context, read func(Reader) error) error {
	return f.db.View(ctx, func(r Reader) error { return read(framedReader{r}) })
}

func (f framed) Update(ctx context.Context, write func(Txn) error) error {
	return f.db.Update(ctx, func(t Txn) error { return write(framedTxn{framedReader{t}, t}) })
}

func (f framed) Close() error  { return f.db.Close() }
func (f framed) Essential() DB { return framed{Essential(f.db)} }

type framedReader struct{ r Reader }

func (f framedReader) Get(key []byte) ([]byte, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	value, err := f.r.Get(key)
	if err != nil {
		return nil, err
	}
	return unframe(key, value)
}

func (f framedReader) Scan(from, to []byte) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		for pair, err := range f.r.Scan(from, to) {
			if err == nil {
				pair.Value, err = unframe(pair.Key, pair.Value)
			}
			if !yield(pair, err) {
				return
			}
		}
	}
}

func (f framedReader) Keys(from, to []byte) iter.Seq2[[]byte, error] { return f.r.Keys(from, to) }

type framedTxn struct {
	framedReader
	t Txn
}

func (f framedTxn) Set(key, value []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return f.t.Set(slices.Clone(key), frame(key, value))
}

func (f framedTxn) Delete(key []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return f.t.Delete(slices.Clone(key))
}

func checkKey(key []byte) error {
	if len(key) == 0 || len(key) > MaxKey {
		return fmt.Errorf("a key of %d bytes: it must have 1 to %d", len(key), MaxKey)
	}
	return nil
}

func frame(key, payload []byte) []byte {
	framed := make([]byte, frameHead, frameHead+len(payload))
	framed[0] = frameVersion
	binary.BigEndian.PutUint32(framed[1:], checksum(key, payload))
	return append(framed, payload...)
}

func unframe(key, value []byte) ([]byte, error) {
	if len(value) < frameHead {
		return nil, Damaged(key, fmt.Errorf("only %d bytes are left", len(value)))
	}
	if value[0] != frameVersion {
		return nil, Damaged(key, fmt.Errorf("frame version %d", value[0]))
	}
	payload := value[frameHead:]
	if binary.BigEndian.Uint32(value[1:]) != checksum(key, payload) {
		return nil, Damaged(key, errors.New("checksum mismatch"))
	}
	return payload, nil
}

func checksum(key, payload []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(key, table), table, payload)
}

// Damaged returns an [ErrDamaged] that names a key and what is wrong. Backends
// use it for records they find unreadable themselves.
func Damaged(key []byte, cause error) error {
	return fmt.Errorf("%w: key %q: %w", ErrDamaged, key, cause)
}
