// Package imap watches one folder of an IMAP server and hands every mail in it
// to a [mailbox.Desk], then moves the mail where the desk says. It is the only
// importer of go-imap's client.
//
// # Invariants
//
//   - A mail is moved only after the desk recorded it, and copied before it is
//     marked deleted. EXPUNGE without UIDs is never sent.
//   - Mails are known by UID and UIDVALIDITY, never by \Seen or by sequence
//     number. What was handed over is the desk's knowledge; this package keeps
//     nothing across restarts.
//   - A batch whose FETCH failed is discarded whole; its mails are then fetched
//     one by one, behind all others, and only a mail that fails alone is
//     reported to the desk; for the first hour not even that, while no mail at
//     all can be fetched or the server says that it is unavailable.
//   - Every look at the whole folder selects it anew, by its name.
//   - At most two batches are in memory: one at the desk, one being fetched.
//   - Neither password nor token crosses a connection without TLS, except to
//     loopback where the URL says imap+insecure. A server that has no STARTTLS
//     where it should, or a certificate that is not its own, is told nothing.
//   - No command waits for ever: a minute without a byte from the server ends
//     the connection.
//
// A look is either a reconcile, which asks for all mails of the folder (at
// start, after each reconnect, and every Config.Poll), or arrivals, which asks
// for those above the last UID seen (when IDLE announces some).
package imap
