package smtp

import (
	"fmt"
	"strings"
	"time"
)

// A Verdict says what is known of a mail that was not accepted.
type Verdict int

const (
	// Refused: not delivered, and never will be.
	Refused Verdict = iota + 1
	// Deferred: not delivered this time: a 4xx answer, or none from RCPT to
	// the last byte before the final dot, or the context ended.
	Deferred
	// Unsure: may have been delivered. Send again with the same Message-ID
	// and the same bytes.
	Unsure
	// Down: not delivered, through no fault of this mail: the server cannot be
	// reached, refuses us or our login, or fails before it heard of a
	// recipient. Hold all mail until RetryAt.
	Down
)

// String returns the verdict as a word for logs.
func (v Verdict) String() string {
	if v < Refused || v > Down {
		return fmt.Sprintf("Verdict(%d)", int(v))
	}
	return [...]string{Refused: "refused", Deferred: "deferred", Unsure: "unsure", Down: "down"}[v]
}

// The phases of a delivery, as [Error] names them.
const (
	phaseConnect  = "connect"  // TCP
	phaseTLS      = "tls"      // handshake, or STARTTLS
	phaseGreeting = "greeting" // 220
	phaseHello    = "hello"    // EHLO
	phaseAuth     = "auth"     // AUTH
	phaseMail     = "mail"     // MAIL FROM
	phaseRcpt     = "rcpt"     // RCPT TO
	phaseData     = "data"     // DATA and the mail's bytes, the final dot not wholly sent
	phaseFinal    = "final"    // the final dot is sent, its answer awaited
)

// An Error is why a mail was not accepted.
type Error struct {
	Verdict Verdict
	// Phase is what was being done: connect, tls, greeting, hello, auth, mail,
	// rcpt, data (the final dot not yet sent), or final. A refusal in phase
	// mail is of the mail's size or form; of our sender address it is Down.
	Phase        string
	Code         int       // the server's, 0 when there was no answer
	Status       string    // enhanced status (RFC 3463) such as 5.1.1, or ""
	Text         string    // the server's words on one line, at most 500 bytes
	Server       string    // host:port, "" when none was asked
	LoginRefused bool      // the server wants another login, or one at all; tried once a minute
	RetryAt      time.Time // with Down: when a server will be tried again; zero otherwise
	Err          error     // what went wrong, when it was not an answer; may be nil
}

// Error describes the failure on one line, in the server's words where it had any.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "smtp: %s at %s", e.Verdict, e.Phase)
	if e.Server != "" {
		fmt.Fprintf(&b, " by %s", e.Server)
	}
	if e.Code != 0 {
		fmt.Fprintf(&b, ": %d %s", e.Code, strings.TrimSpace(e.Status+" "+e.Text))
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %s", oneLine(e.Err.Error()))
	}
	return b.String()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// or returns e, the failure of a server asked before, with the earlier of the
// two times to retry: people should repair the main server first.
func (e *Error) or(later *Error) *Error {
	if e == nil {
		return later
	}
	if later.RetryAt.Before(e.RetryAt) {
		e.RetryAt = later.RetryAt
	}
	return e
}

// judge is the whole table from phase and answer to verdict. A code of 0, or
// one that answers no command, means that the connection was cut, timed out,
// or spoke nonsense.
//
// Without an answer the blame is the server's as long as it knew nothing of
// this mail's recipient or content. From then on it may be the mail's (a
// tarpit for one recipient, a filter that dies of one attachment), and must
// not hold up all others.
func judge(phase string, code int) (v Verdict, loginRefused bool) {
	kind := code / 100
	switch {
	case phase == phaseFinal && kind != 4 && kind != 5:
		return Unsure, false
	case phase == phaseAuth:
		return Down, kind == 5
	case phase != phaseFinal && wantsLogin(code):
		return Down, true
	case !phaseOfMail(phase), phase == phaseMail && aboutSession(code):
		return Down, false
	case kind == 5:
		return Refused, false
	}
	return Deferred, false
}

// phaseOfMail reports whether the server has heard of the mail.
func phaseOfMail(phase string) bool {
	switch phase {
	case phaseMail, phaseRcpt, phaseData, phaseFinal:
		return true
	}
	return false
}

// wantsLogin reports the codes of RFC 4954 §6 for a login that is missing or
// not good enough.
func wantsLogin(code int) bool {
	return code == 530 || code == 534 || code == 535 || code == 538
}

// aboutSession reports answers to MAIL that no mail can be guilty of: none, a
// goodbye, "I do not do MAIL", and every other refusal but that of its size
// (RFC 5321 §4.2.2). All mail has the same sender but for a token, so that
// refusing one is refusing us; taken for the recipient's refusal, it would make
// every customer and colleague undeliverable before anybody hears of it.
func aboutSession(code int) bool {
	return code == 421 || code/100 != 4 && code != 552
}
