// Package threads answers "which escalation, and what is owed to whom, when?".
// Its [Desk] takes mails, keeps the escalation records, and says what is owed:
// at once ([Desk.Receive]) and when time has passed ([Desk.Tick]).
//
// # Invariants
//
// An escalation is an append-only log of events; its state is folded from them
// by one transition table ([Event]). One transaction receives a mail: the keys
// that keep it from being taken twice, the letter, the events, the state, the
// index entries, the next due instant, and the notices owed. Nothing is sent
// inside it. A [Notice] is an intent with a key, so no duty is owed twice.
//
// A mail that fails three times, or ends the program three times while it is
// tried alone, is given up to quarantine in the transaction that tells people.
//
// Only contributors join an escalation: its participants, and addresses of the
// same organisation. Only recipients are sent what goes to the customer: the
// opener, and whom an authenticated recipient put in To or Cc.
//
// # Records
//
// Every value is a byte of format, 1, a byte of encoding, and the record as JSON,
// in S2 compression where that is 's'; package store frames it with a CRC. Instants in keys are eight bytes that sort by
// time; hashes are 128 bits in hex, so that strangers' strings make no keys.
//
//	e/ID                      Escalation, the state
//	v/ID/N                    the Events that one transaction appended, the first being number N, from 0
//	m/ID/N                    Letter, a mail's text and where its original lies, from 1
//	o/ID                      an escalation that is not closed
//	id/INSTANT/ID             the next instant at which time makes something owed
//	im/HASH                   the escalations of a Message-ID that we did not write: ours name theirs
//	is/HASH                   the escalations of an organisation and a subject
//	l/VALIDITY/UID/HASH       what was decided of the mail at a place in a folder
//	a/RUN                     the Locations a run of the program is trying
//	dr/SHA-256, dc/SHA-256    raw bytes, and (Message-ID, From, Date, text), of a mail that was taken
//	s/INSTANT/HASH            Aside, a mail that opened nothing
//	n/KEY                     Notice; KEY is escalation/kind/occasion
//	q/URGENCY/INSTANT/KEY     the queue of notices to send
//	f/KEY                     a notice that is being sent, and then not in the queue
//	y/KEY                     a notice's bytes in S2 compression, from the first attempt until it is done
//	b/SCOPE/HASH              a budget of acknowledgments and what was spent of it
//	k/first-sight, k/rota     when the mailbox was seen first; whose turn it is to own
//	k/troubles, k/brake       what the operators were told is wrong; whether sending is paused
package threads
