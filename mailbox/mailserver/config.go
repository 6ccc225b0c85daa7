package mailserver

import (
	"context"
	"crypto/tls"
	"log/slog"
	"time"
)

const (
	maxMail  = 50 << 20 // octets of one mail, by SMTP or APPEND
	sinkSize = 64 << 20 // default of Config.Sink
)

// A Config describes a mail server. Domain is required.
type Config struct {
	// Domain is the server's name, and the domain in which an address that is
	// no user's is refused with 550 5.1.1. Mail for other domains is accepted
	// and kept, see [Server.Sent].
	Domain string
	Users  []User

	// AuthservID, when set, makes arriving mail carry an Authentication-Results
	// field of that name, and takes forged ones off (RFC 8601 §5).
	AuthservID string
	// Results gives the results that field states of mail from a client that
	// did not log in, such as "dmarc=pass header.from=northwind.example".
	// Without it, all methods are none.
	Results func(Envelope) string

	// TLS is offered through STARTTLS, or from the first octet with
	// ImplicitTLS. Without TLS passwords travel in the clear, and the server
	// listens on loopback only.
	TLS         *tls.Config
	ImplicitTLS bool

	Sink int // octets of mail Sent keeps, oldest dropped first; 0: 64 MiB

	Log *slog.Logger // protocol errors, at debug level; nil: none

	// OnMail is told of every mail accepted by SMTP, after its delivery and
	// before the client reads 250. It may run for several clients at once, and
	// Close waits for it.
	OnMail func(Envelope)
	// OnSMTP injects faults, see [Stage].
	OnSMTP func(ctx context.Context, at Stage, arg string) error
}

// A User has a mailbox. Address+detail reaches it as well (RFC 5233).
type User struct {
	Address  string   // also the login name, case aside
	Password string   // empty: nobody can log in
	Aliases  []string // further addresses that reach the mailbox, of any domain
}

// An Envelope is a mail as a client handed it over.
type Envelope struct {
	From  string   // "" is the null sender
	To    []string // as in RCPT
	User  string   // address of who logged in, or ""
	Bytes []byte   // without trace fields; not to be changed
}

// A Mail lies in a folder.
type Mail struct {
	UID      uint32
	Bytes    []byte // not to be changed
	Flags    []string
	Received time.Time // INTERNALDATE
}
