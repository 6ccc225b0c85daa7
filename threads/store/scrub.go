package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const scrubBatch = 1000 // records in one snapshot

// Scrub reads every record there is, in small snapshots with a pause after
// each, and calls damaged for those that can't be trusted; then it compares the
// number of records with the ledger, where there is one. It returns how many
// records it read; the error says why it could not go on, or [ErrLoss].
func Scrub(ctx context.Context, db DB, pause time.Duration, damaged func(key []byte, err error)) (int, error) {
	records := 0
	for from := []byte(nil); ; {
		read, next, err := scrubFrom(ctx, db, from, damaged)
		records += read
		if err != nil {
			return records, fmt.Errorf("scrub: %w", err)
		}
		if read < scrubBatch {
			break
		}
		from = next
		select {
		case <-ctx.Done():
			return records, fmt.Errorf("scrub: %w", ctx.Err())
		case <-time.After(pause):
		}
	}
	if c, ok := db.(interface{ recount(context.Context) error }); ok {
		return records, c.recount(ctx)
	}
	return records, nil
}

// scrubFrom reads one batch and returns where the next one starts.
func scrubFrom(ctx context.Context, db DB, from []byte, damaged func([]byte, error)) (read int, next []byte, err error) {
	err = db.View(ctx, func(r Reader) error {
		for pair, err := range r.Scan(from, nil) {
			if errors.Is(err, ErrDamaged) {
				damaged(pair.Key, err)
			} else if err != nil {
				return err
			}
			read++
			next = append(pair.Key, 0)
			if read == scrubBatch {
				return nil
			}
		}
		return nil
	})
	return read, next, err
}
