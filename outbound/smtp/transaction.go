package smtp

import (
	"bytes"
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"time"
)

const block = 64 << 10 // bytes of mail under one deadline

// warmLimit is how long a kept connection may take to answer its first
// command before it counts as dead.
const warmLimit = 10 * time.Second

// A mail is an envelope fit to be sent.
type mail struct {
	from, to string
	body     []byte // lines end in CRLF
	utf8     bool   // an address is not ASCII
	eightBit bool   // the body is not
}

func newMail(e Envelope) (mail, *Error) {
	if !pathable(e.From) {
		return mail{}, unsendable(phaseMail, fmt.Sprintf("%q cannot be a sender address", e.From))
	}
	if e.To == "" || !pathable(e.To) {
		return mail{}, unsendable(phaseRcpt, fmt.Sprintf("%q cannot be a recipient address", e.To))
	}
	return mail{
		from: e.From, to: e.To, body: crlf(e.Mail),
		utf8:     !ascii(e.From) || !ascii(e.To),
		eightBit: !ascii(e.Mail),
	}, nil
}

// unsendable is a refusal of ours.
func unsendable(phase, why string) *Error {
	return &Error{Verdict: Refused, Phase: phase, Err: errors.New(why)}
}

// pathable reports that an address can stand between < and > of a command
// without ending it. Whether it is an address is for the server to say.
func pathable(address string) bool {
	return !bytes.ContainsFunc([]byte(address), func(r rune) bool {
		return r < ' ' || r == 0x7f || r == '<' || r == '>'
	})
}

// printable reports a non-empty name of visible ASCII, fit for EHLO.
func printable(name string) bool {
	return name != "" && !bytes.ContainsFunc([]byte(name), func(r rune) bool { return r <= ' ' || r > '~' })
}

func ascii[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// crlf ends every line in CRLF, also those that end in a bare CR or LF
// (RFC 5321 §2.3.8), and the last. It returns mail itself when nothing is to be
// changed.
func crlf(mail []byte) []byte {
	strays := len(mail) == 0 || mail[len(mail)-1] != '\n'
	for i := 0; i < len(mail) && !strays; i++ {
		switch mail[i] {
		case '\r':
			strays = i+1 == len(mail) || mail[i+1] != '\n'
		case '\n':
			strays = i == 0 || mail[i-1] != '\r'
		}
	}
	if !strays {
		return mail
	}
	mail = bytes.ReplaceAll(mail, []byte("\r\n"), []byte("\n"))
	mail = bytes.ReplaceAll(mail, []byte("\r"), []byte("\n"))
	mail = append(bytes.TrimSuffix(mail, []byte("\n")), '\n')
	return bytes.ReplaceAll(mail, []byte("\n"), []byte("\r\n"))
}

// send makes one transaction.
func (c *session) send(m mail) (Reply, *Error) {
	c.mails++
	reply, err := c.transact(m)
	if err == nil {
		return reply, nil
	}
	c.dirty = true
	if own, ok := errors.AsType[*Error](err); ok {
		own.Server = c.server.addr
		return Reply{}, own
	}
	return Reply{}, c.failure(err)
}

func (c *session) transact(m mail) (Reply, error) {
	if err := c.envelope(m); err != nil {
		return Reply{}, err
	}
	c.conn.begin(phaseData, c.server.config.Timeouts.Command)
	if err := c.smtp.Text.PrintfLine("DATA"); err != nil {
		return Reply{}, err
	}
	if _, _, err := c.smtp.Text.ReadResponse(3); err != nil {
		return Reply{}, err
	}
	if err := c.content(m.body); err != nil {
		return Reply{}, err
	}
	c.conn.begin(phaseFinal, c.server.config.Timeouts.Final)
	code, words, err := c.smtp.Text.ReadResponse(2)
	if err != nil {
		return Reply{}, err
	}
	_, text := parseReply(code, words)
	return Reply{Code: code, Text: text, Server: c.server.addr}, nil
}

// A step is one command of the envelope and its phase.
type step struct{ phase, command string }

// envelope says from whom and to whom, in one round trip where the server
// knows PIPELINING (RFC 2920).
func (c *session) envelope(m mail) error {
	from, err := c.mailCommand(m)
	if err != nil {
		return err
	}
	steps := []step{{phaseMail, from}, {phaseRcpt, "RCPT TO:<" + m.to + ">"}}
	if c.dirty {
		steps = slices.Insert(steps, 0, step{phaseMail, "RSET"})
	}
	if c.offers("PIPELINING") {
		err = c.converse(steps)
	} else {
		for i := 0; i < len(steps) && err == nil; i++ {
			err = c.converse(steps[i : i+1])
		}
	}
	c.dirty = err != nil
	return err
}

// converse sends commands together and reads the answers to all. It returns
// the first that is not a 2xx, with the phase left where that happened.
func (c *session) converse(steps []step) error {
	c.conn.begin(steps[0].phase, c.patience(steps[0]))
	for _, s := range steps {
		fmt.Fprintf(c.smtp.Text.W, "%s\r\n", s.command) // an error stays for Flush
	}
	if err := c.smtp.Text.W.Flush(); err != nil {
		return err
	}
	for i, s := range steps {
		c.conn.begin(s.phase, c.patience(s))
		_, _, err := c.smtp.Text.ReadResponse(2)
		if err != nil {
			c.skip(len(steps)-i-1, err)
			return err
		}
		if s.phase == phaseMail {
			c.server.health.up(time.Now())
		}
	}
	return nil
}

// skip reads the answers to commands that were sent behind a refused one.
func (c *session) skip(answers int, refusal error) {
	if _, ok := errors.AsType[*textproto.Error](refusal); !ok {
		return
	}
	for range answers {
		_, _, err := c.smtp.Text.ReadResponse(0)
		c.lost = c.lost || err != nil
	}
}

func (c *session) patience(s step) time.Duration {
	limit := c.server.config.Timeouts.Command
	if c.reused && s.phase == phaseMail {
		return min(limit, warmLimit)
	}
	return limit
}

// mailCommand is MAIL with the parameters that mail and server both want.
func (c *session) mailCommand(m mail) (string, error) {
	command := "MAIL FROM:<" + m.from + ">"
	if c.offers("SIZE") {
		command += fmt.Sprintf(" SIZE=%d", len(m.body)) // RFC 1870 §6
	}
	if m.eightBit {
		if !c.offers("8BITMIME") {
			return "", unsendable(phaseMail, "the mail holds 8-bit bytes and the server takes none (no 8BITMIME)")
		}
		command += " BODY=8BITMIME"
	}
	if m.utf8 {
		if !c.offers("SMTPUTF8") {
			return "", unsendable(phaseRcpt, "an address is not ASCII and the server takes none such (no SMTPUTF8)")
		}
		command += " SMTPUTF8"
	}
	return command, nil
}

// content sends the mail and the final dot. An error means that the dot was
// not wholly sent: it goes with the last flush.
func (c *session) content(body []byte) error {
	w := c.smtp.Text.DotWriter()
	for chunk := range slices.Chunk(body, block) {
		c.conn.begin(phaseData, c.server.config.Timeouts.Block)
		if _, err := w.Write(chunk); err != nil {
			return c.lastWords(err)
		}
	}
	if err := w.Close(); err != nil {
		return c.lastWords(err)
	}
	return nil
}

// lastWords returns the refusal of a server that hung up amid a mail, if it
// gave one.
func (c *session) lastWords(cut error) error {
	c.conn.begin(phaseData, time.Second)
	code, words, err := c.smtp.Text.ReadResponse(0)
	if err == nil && (code/100 == 4 || code/100 == 5) {
		return &textproto.Error{Code: code, Msg: words}
	}
	return cut
}
