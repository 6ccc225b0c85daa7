package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
)

// The ledger is the one record of this package, kept up in every transaction
// that writes. It is outside the keys that callers see.
const (
	ledgerFormat = 1
	ledgerKey    = "\x00ledger"
	firstKey     = "\x01"
)

type ledger struct {
	Format  int    `json:"format"`  // of the whole directory; a newer one is refused
	Commits uint64 `json:"commits"` // transactions that wrote, ever
	Records int64  `json:"records"` // records there are now, this one aside
}

// A CountConfig says how [Counted] watches over a store.
type CountConfig struct {
	// Witness is a small file outside the backend's own log that remembers how
	// many transactions were committed; empty for none. Without it a log cut
	// off at an earlier transaction can't be told from one that ended there.
	Witness string
	// AcceptLoss opens a store from which records are missing, and counts anew.
	AcceptLoss bool
	Log        *slog.Logger
}

// Counted returns a DB that keeps the number of records and of transactions,
// and compares them first: records that are missing give [ErrLoss]. It costs
// two reads and a write in a transaction, a read for each record written, and
// a pass over all keys now.
//
// The ledger is a point that all transactions meet: it is for backends with one
// writing process, whose files nobody else guards. Values must be framed below.
//
// Loss is found at two places. Records gone from the middle leave a count that
// does not fit. A log cut off at its end leaves a sound older state, ledger
// included; but the witness, written after each commit and never before it,
// then knows of more transactions than the ledger. A crash leaves the witness
// behind, which proves nothing and is no error; so it needs no sync of its own.
func Counted(ctx context.Context, db DB, c CountConfig) (DB, error) {
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	w, err := openWitness(c.Witness)
	if err != nil {
		return nil, fmt.Errorf("open the witness file: %w", err)
	}
	counted := counted{db: db, witness: w, log: c.Log}
	if err := counted.audit(ctx, c.AcceptLoss); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return counted, nil
}

type counted struct {
	db      DB
	witness *witness
	log     *slog.Logger
}

func (c counted) View(ctx context.Context, read func(Reader) error) error {
	return c.db.View(ctx, func(r Reader) error { return read(visible{r}) })
}

func (c counted) Update(ctx context.Context, write func(Txn) error) error {
	var l ledger
	var wrote bool
	err := c.db.Update(ctx, func(t Txn) error {
		counting := &countingTxn{visible: visible{t}, t: t}
		if err := write(counting); err != nil {
			return err
		}
		if wrote = counting.wrote; !wrote {
			return nil
		}
		var err error
		if l, err = readLedger(t); err != nil {
			return err
		}
		l.Commits++
		l.Records += counting.added
		return l.write(t)
	})
	if err == nil && wrote {
		c.attest(l)
	}
	return err
}

// attest must not fail an Update that is committed: a witness left behind is harmless.
func (c counted) attest(l ledger) {
	if err := c.witness.attest(l.Commits); err != nil {
		c.log.Warn("store: the witness file was not written", "error", err)
	}
}

func (c counted) Close() error { return errors.Join(c.db.Close(), c.witness.close()) }

func (c counted) Essential() DB {
	c.db = Essential(c.db)
	return c
}

// audit compares what is there with the ledger and the witness.
func (c counted) audit(ctx context.Context, acceptLoss bool) error {
	kept, found, err := c.tally(ctx)
	fresh := kept == ledger{} && err == nil
	if err == nil {
		err = c.compare(kept, found)
	}
	switch {
	case err == nil && !fresh:
		c.attest(kept)
		return nil
	case err == nil:
	case errors.Is(err, ErrLoss) || errors.Is(err, ErrDamaged):
		if !acceptLoss {
			return Lost(err)
		}
		c.log.Warn("store: loss accepted, counting anew", "error", err, "records", found)
	default:
		return err
	}
	anew := ledger{Format: ledgerFormat, Commits: max(kept.Commits, c.witness.commits) + 1, Records: found}
	if err := c.db.Update(ctx, anew.write); err != nil {
		return fmt.Errorf("write the record count: %w", err)
	}
	c.attest(anew)
	return nil
}

func (c counted) compare(kept ledger, found int64) error {
	switch {
	case kept.Format > ledgerFormat:
		return fmt.Errorf("%w: data format %d, this version knows %d", ErrNewer, kept.Format, ledgerFormat)
	case kept.Records != found:
		return fmt.Errorf("%w: %d records were written, %d are there", ErrLoss, kept.Records, found)
	case kept.Commits < c.witness.commits:
		return fmt.Errorf("%w: the last %d of %d transactions are gone", ErrLoss, c.witness.commits-kept.Commits, c.witness.commits)
	}
	if !c.witness.known && kept.Commits > 0 && c.witness.file != nil {
		c.log.Warn("store: no readable witness file, so transactions lost at the end can't be noticed this once")
	}
	return nil
}

// tally reads the ledger and counts in one snapshot. The count is good even
// when the ledger is damaged; a store without one has a zero ledger.
func (c counted) tally(ctx context.Context) (kept ledger, found int64, err error) {
	err = c.db.View(ctx, func(r Reader) error {
		var err error
		if found, err = count(r); err != nil {
			return fmt.Errorf("count the records: %w", err)
		}
		if kept, err = readLedger(r); errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	})
	return kept, found, err
}

// Lost returns an [ErrLoss] with its cause and what an operator can do. Backends
// use it for losses they find themselves when they are opened.
func Lost(cause error) error {
	if !errors.Is(cause, ErrLoss) {
		cause = fmt.Errorf("%w: %w", ErrLoss, cause)
	}
	return fmt.Errorf("%w; restore the data directory from a backup, or start with the loss accepted", cause)
}

// count counts the records that callers see. A backend may have a faster way.
func count(r Reader) (n int64, err error) {
	if f, ok := r.(framedReader); ok {
		r = f.r
	}
	if c, ok := r.(interface {
		Count(from, to []byte) (int64, error)
	}); ok {
		return c.Count([]byte(firstKey), nil)
	}
	for _, err := range r.Keys([]byte(firstKey), nil) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// recount is tally for a store at work.
func (c counted) recount(ctx context.Context) error {
	kept, found, err := c.tally(ctx)
	if err == nil && kept.Records != found {
		err = fmt.Errorf("%w: %d records were written, %d are there", ErrLoss, kept.Records, found)
	}
	return err
}

func readLedger(r Reader) (l ledger, err error) {
	value, err := r.Get([]byte(ledgerKey))
	if err != nil {
		return l, fmt.Errorf("read the record count: %w", err)
	}
	if err := json.Unmarshal(value, &l); err != nil {
		return l, Damaged([]byte(ledgerKey), err)
	}
	return l, nil
}

func (l ledger) write(t Txn) error {
	value, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return t.Set([]byte(ledgerKey), value)
}

// visible is a Reader without this package's own keys.
type visible struct{ r Reader }

func (v visible) Get(key []byte) ([]byte, error) {
	if reserved(key) {
		return nil, ErrNotFound
	}
	return v.r.Get(key)
}

func (v visible) Scan(from, to []byte) iter.Seq2[Pair, error] { return v.r.Scan(start(from), to) }

func (v visible) Keys(from, to []byte) iter.Seq2[[]byte, error] { return v.r.Keys(start(from), to) }

func start(from []byte) []byte {
	if bytes.Compare(from, []byte(firstKey)) < 0 {
		return []byte(firstKey)
	}
	return from
}

func reserved(key []byte) bool { return len(key) > 0 && key[0] < firstKey[0] }

// A countingTxn notes by how many records a transaction grows the store.
type countingTxn struct {
	visible
	t     Txn
	added int64
	wrote bool
}

func (c *countingTxn) Set(key, value []byte) error {
	exists, err := c.exists(key)
	if err != nil {
		return err
	}
	if err := c.t.Set(key, value); err != nil {
		return err
	}
	c.wrote = true
	if !exists {
		c.added++
	}
	return nil
}

func (c *countingTxn) Delete(key []byte) error {
	exists, err := c.exists(key)
	if err != nil || !exists {
		return err
	}
	if err := c.t.Delete(key); err != nil {
		return err
	}
	c.wrote = true
	c.added--
	return nil
}

// exists also is true of a damaged record: it counts, and may be replaced or removed.
func (c *countingTxn) exists(key []byte) (bool, error) {
	if reserved(key) {
		return false, fmt.Errorf("the key %q is reserved", key)
	}
	_, err := c.t.Get(key)
	switch {
	case err == nil, errors.Is(err, ErrDamaged):
		return true, nil
	case errors.Is(err, ErrNotFound):
		return false, nil
	}
	return false, err
}
