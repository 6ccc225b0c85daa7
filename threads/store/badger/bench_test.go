package badger

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/id8labs/escalated/threads/store"
)

func BenchmarkCommit(b *testing.B) { benchmarkCommits(b, 1) }

func BenchmarkCommit200(b *testing.B) { benchmarkCommits(b, 200) }

// benchmarkCommits writes records of 1 KB, so many in a transaction.
func benchmarkCommits(b *testing.B, batch int) {
	db, err := Open(Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	n := 0
	for b.Loop() {
		if err := fill(db, n, batch, 1000); err != nil {
			b.Fatal(err)
		}
		n += batch
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkOpen opens a store of a million records, or as many as ESCALATED_RECORDS says.
func BenchmarkOpen(b *testing.B) {
	dir, records := b.TempDir(), 1_000_000
	if s := os.Getenv("ESCALATED_RECORDS"); s != "" {
		records, _ = strconv.Atoi(s)
	}
	db, err := Open(Config{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	for n := 0; n < records; n += 5000 {
		if err := fill(db, n, 5000, 100); err != nil {
			b.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		db, err := Open(Config{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func fill(db store.DB, from, n, size int) error {
	return db.Update(context.Background(), func(tx store.Txn) error {
		for i := from; i < from+n; i++ {
			// Spread over the keys, as hashes and random identifiers are.
			key := fmt.Appendf(nil, "escalation/%016x", uint64(i)*0x9e3779b97f4a7c15)
			value := binary.BigEndian.AppendUint64(make([]byte, size-8), uint64(i))
			if err := tx.Set(key, value); err != nil {
				return err
			}
		}
		return nil
	})
}
