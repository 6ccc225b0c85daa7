package mailbox

import "context"

// A Desk takes mails from a watched folder. Whoever watches asks for Fates of
// what lies there, fetches what is to be fetched, hands it over with Receive,
// and moves every mail as its Fate says. A move that fails is harmless: the
// next pass asks again and gets the same Fate.
//
// An error of any method is about the desk (its disk is full, it is closing),
// never about a mail: all mails stay where they are, and the watcher tries
// again later.
type Desk interface {
	// Fates tells what was decided of each mail before, in order.
	Fates(ctx context.Context, at []Location) ([]Fate, error)
	// Receive records mails durably, all or none, and tells each one's fate, in order.
	Receive(ctx context.Context, batch []Raw) ([]Fate, error)
	// Fail counts that a mail could not be fetched though its neighbours could.
	Fail(ctx context.Context, at Location, reason error) (Fate, error)
	// Filed notes where mails lie now, where the server says (UIDPLUS).
	Filed(ctx context.Context, moves []Move) error
}

// A Move is the old and the new place of one mail.
type Move struct{ From, To Location }

// A Fate is what is to happen with a mail in the watched folder.
type Fate int

const (
	Fetch      Fate = iota // not known yet: fetch it and hand it over
	FetchAlone             // the same, in a batch of its own: it may be what ended the last run
	Archive                // recorded: move to the archive folder
	Quarantine             // could not be read, a human has been told: move to the quarantine folder
	Leave                  // failed this time: leave it, the next pass tries again
)
