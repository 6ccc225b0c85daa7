package threads

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/id8labs/escalated/classify"
	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/parse"
	"github.com/id8labs/escalated/threads/store"
)

// chunk is how many mails one transaction takes: about a dozen small records each.
const chunk = 64

// An arrival is one mail on its way into the records.
type arrival struct {
	message  mailbox.Message
	verdict  classify.Verdict
	err      error
	read     int64     // octets of it that were fetched, fewer than message.Size when it was cut
	received time.Time // INTERNALDATE bounded by now: what clocks run from
	now      time.Time
}

// Receive implements [mailbox.Desk].
func (d *Desk) Receive(ctx context.Context, batch []mailbox.Raw) ([]mailbox.Fate, error) {
	d.receiving.Lock() // a/RUN has room for one batch
	defer d.receiving.Unlock()
	if err := d.attempt(ctx, batch); err != nil {
		return nil, fmt.Errorf("noting the attempt: %w", err)
	}
	fates := make([]mailbox.Fate, 0, len(batch))
	for part := range d.readAhead(batch) {
		decided, err := d.commit(ctx, part)
		if err != nil {
			return nil, err
		}
		kick(d.owed)
		fates = append(fates, decided...)
	}
	kick(d.due)
	return fates, nil
}

// readAhead yields a batch in parts of one transaction each, and reads the next
// part while the caller records the last.
func (d *Desk) readAhead(batch []mailbox.Raw) iter.Seq[[]arrival] {
	return func(yield func([]arrival) bool) {
		var reading sync.WaitGroup
		defer reading.Wait()
		var ahead []arrival
		for part := range slices.Chunk(batch, chunk) {
			reading.Wait()
			ready := ahead
			reading.Go(func() { ahead = d.read(part) })
			if ready != nil && !yield(ready) {
				return
			}
		}
		reading.Wait()
		yield(ahead)
	}
}

// attempt records, before anything reads the mails, that they are being tried:
// after a crash they are tried one by one.
func (d *Desk) attempt(ctx context.Context, batch []mailbox.Raw) error {
	at := make([]mailbox.Location, len(batch))
	for i, raw := range batch {
		at[i] = raw.Location
	}
	return d.db.Update(ctx, func(tx store.Txn) error {
		if len(at) > 1 {
			return put(tx, attemptKey(d.run), at)
		}
		k := locationKey(at[0])
		f, suspect, err := get[file](tx, k)
		if err != nil {
			return err
		}
		if !suspect {
			return put(tx, attemptKey(d.run), at)
		}
		if f.Run != d.run && f.Fate == mailbox.Fetch {
			f.Tries++ // the run before ended while trying it
		}
		f.Run = d.run
		return put(tx, k, f)
	})
}

// suspect marks the mails that a run which ended was trying.
func (d *Desk) suspect(ctx context.Context) error {
	return d.db.Update(ctx, func(tx store.Txn) error {
		prefix := attemptKey("")
		for p, err := range tx.Scan(prefix, store.PrefixEnd(prefix)) {
			if err != nil {
				return err
			}
			at, err := decode[[]mailbox.Location](p.Key, p.Value)
			if err != nil {
				return err
			}
			if err := markTried(tx, at, last(p.Key)); err != nil {
				return err
			}
			if err := tx.Delete(p.Key); err != nil {
				return err
			}
		}
		return nil
	})
}

func markTried(tx store.Txn, at []mailbox.Location, run string) error {
	for _, l := range at {
		_, decided, err := get[file](tx, locationKey(l))
		if err != nil {
			return err
		}
		if decided {
			continue
		}
		if err := put(tx, locationKey(l), file{Run: run}); err != nil {
			return err
		}
	}
	return nil
}

// read parses and classifies on all cores. A panic is that mail's failure.
func (d *Desk) read(batch []mailbox.Raw) []arrival {
	arrivals := make([]arrival, len(batch))
	s := d.Settings()
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(runtime.GOMAXPROCS(0), len(batch)) {
		wg.Go(func() {
			for i := range next {
				arrivals[i] = d.readOne(s, batch[i])
			}
		})
	}
	for i := range batch {
		next <- i
	}
	close(next)
	wg.Wait()
	return arrivals
}

func (d *Desk) readOne(s *Settings, raw mailbox.Raw) (a arrival) {
	defer func() {
		if p := recover(); p != nil {
			a.err = fmt.Errorf("reading it ended in a panic: %v", p)
		}
	}()
	a.now = time.Now().UTC()
	a.received = raw.Received.UTC()
	if a.received.IsZero() || a.received.After(a.now) {
		a.received = a.now
	}
	a.message, a.err = parse.Mail(raw, s.Trust)
	a.message.Location, a.read = raw.Location, int64(len(raw.Bytes))
	if a.err == nil {
		a.verdict = d.classify(&a.message, &s.Directory)
	}
	return a
}

// commit records mails in one transaction, or in several when one is too big
// or one mail stands in the way of the others.
func (d *Desk) commit(ctx context.Context, part []arrival) ([]mailbox.Fate, error) {
	fates := make([]mailbox.Fate, len(part))
	s := d.Settings()
	err := d.db.Update(ctx, func(tx store.Txn) error {
		for i := range part {
			if part[i].err != nil {
				continue
			}
			if err := d.take(tx, s, &part[i]); err != nil {
				return err
			}
			fates[i] = mailbox.Archive
		}
		return nil
	})
	switch {
	case err == nil:
		return d.giveBack(ctx, part, fates)
	case deskTrouble(ctx, err):
		return nil, fmt.Errorf("recording mail: %w", err)
	case len(part) == 1:
		part[0].err = err
		return d.giveBack(ctx, part, fates)
	}
	half := len(part) / 2
	first, err := d.commit(ctx, part[:half])
	if err != nil {
		return nil, err
	}
	second, err := d.commit(ctx, part[half:])
	return append(first, second...), err
}

// deskTrouble tells errors of the store as a whole from those that one mail causes.
func deskTrouble(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrClosed)
}

// giveBack counts an attempt against the mails that failed.
func (d *Desk) giveBack(ctx context.Context, part []arrival, fates []mailbox.Fate) ([]mailbox.Fate, error) {
	for i := range part {
		if part[i].err == nil {
			continue
		}
		at := part[i].message.Location
		d.log.Warn("mail could not be taken", "folder", at.Folder, "uid", at.UID, "error", part[i].err)
		fate, err := d.Fail(ctx, at, part[i].err)
		if err != nil {
			return nil, err
		}
		fates[i] = fate
	}
	return fates, nil
}

// take decides one mail and records all that follows from it.
func (d *Desk) take(tx store.Txn, s *Settings, a *arrival) error {
	known, err := d.known(tx, a)
	if err != nil || known {
		return err
	}
	if err := put(tx, locationKey(a.message.Location), file{Fate: mailbox.Archive}); err != nil {
		return err
	}
	switch a.message.Origin.Kind {
	case mailbox.KindOwn:
		return d.takeOwn(tx, s, a)
	case mailbox.KindBounce:
		return d.takeBounce(tx, s, a)
	case mailbox.KindRobot, mailbox.KindBulk:
		return d.takeRobot(tx, s, a)
	}
	if from, ok := a.message.Sole(); ok {
		person, ours := s.Directory.Person(from.Address)
		if ours || s.told(&a.message, from.Address) {
			person.Email = cmp.Or(person.Email, from.Address)
			return d.takeOurs(tx, s, a, person)
		}
	}
	return d.takeCustomer(tx, s, a)
}

// known reports a mail that is recorded already, under this location, as these
// bytes, or as the same text under the same Message-ID, From and Date. It
// claims the three keys for a mail that is not.
func (d *Desk) known(tx store.Txn, a *arrival) (bool, error) {
	f, tried, err := get[file](tx, locationKey(a.message.Location))
	if err != nil || tried && f.Fate == mailbox.Archive {
		return true, err
	}
	keys := [][]byte{rawKey(a.message.Hash)}
	if a.message.MessageID != "" {
		keys = append(keys, contentKey(content(&a.message)))
	}
	for _, k := range keys {
		_, err := tx.Get(k)
		if err == nil {
			return true, put(tx, locationKey(a.message.Location), file{Fate: mailbox.Archive})
		}
		if !errors.Is(err, store.ErrNotFound) {
			return false, err
		}
		if err := tx.Set(k, nil); err != nil {
			return false, err
		}
	}
	return false, nil
}

// content is what two copies of one mail have in common whatever servers and
// lists did to their bytes.
func content(m *mailbox.Message) [32]byte {
	from, _ := m.Sole()
	text := sha256.Sum256([]byte(m.FullText))
	return sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d\n%x", m.MessageID, from.Address, m.Date.Unix(), text))
}

// cut reports a mail of which only the beginning was read.
func (a *arrival) cut() bool { return a.read < a.message.Size }

func letter(a *arrival) Letter {
	m := &a.message
	return Letter{
		Location: m.Location, Received: a.received, Hash: hex.EncodeToString(m.Hash[:]),
		MessageID: m.MessageID, Date: m.Date, From: m.From, To: m.To, Cc: m.Cc,
		Subject: m.Subject, Text: m.Text, Attachments: m.Attachments, Origin: m.Origin, Cut: a.cut(),
	}
}
