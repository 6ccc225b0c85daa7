package threads

import (
	"sync/atomic"

	"github.com/id8labs/escalated/mailbox"
)

var uid atomic.Uint32

// nextLocation is a place in the watched folder that no mail had before.
func nextLocation() mailbox.Location {
	return mailbox.Location{Folder: "INBOX", UIDValidity: 1, UID: uid.Add(1)}
}
