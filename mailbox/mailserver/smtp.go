package mailserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// A Stage is a point of an SMTP session at which Config.OnSMTP is called, on
// the goroutine of the connection. Nil goes on. An *smtp.SMTPError is the
// reply. [ErrCut] ends the connection without one. Any other error is a reply
// 451. To hang, wait for the context, which ends when the server closes.
type Stage string

const (
	Connect  Stage = "connect"  // arg: the client's address; an error replaces the greeting
	Auth     Stage = "auth"     // arg: the login name, before the password is looked at
	From     Stage = "mail"     // arg: the sender
	Rcpt     Stage = "rcpt"     // arg: the recipient
	Data     Stage = "data"     // 354 is out, nothing is read; an error reply waits for the final dot
	EndData  Stage = "enddata"  // the whole mail is read; an error means it is not delivered
	Accepted Stage = "accepted" // delivered, but the client has not been told
)

// ErrCut makes Config.OnSMTP cut the connection.
var ErrCut = errors.New("mailserver: cut the connection")

var (
	errUnknownUser = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user here"}
	errLocal       = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Local error in processing"}
)

// ask calls the hook and makes its error one that go-smtp replies with.
func (s *Server) ask(ctx context.Context, at Stage, arg string) error {
	if s.config.OnSMTP == nil {
		return nil
	}
	err := s.config.OnSMTP(ctx, at, arg)
	if err == nil || errors.Is(err, ErrCut) {
		return err
	}
	if reply, ok := errors.AsType[*smtp.SMTPError](err); ok {
		return reply
	}
	return errLocal
}

// greet asks the hook about a new connection, which go-smtp would only do after
// its own greeting.
func (s *Server) greet(ctx context.Context) func(net.Conn) error {
	return func(c net.Conn) error {
		err := s.ask(ctx, Connect, c.RemoteAddr().String())
		if reply, ok := errors.AsType[*smtp.SMTPError](err); ok {
			code := reply.EnhancedCode
			fmt.Fprintf(c, "%d %d.%d.%d %s\r\n", reply.Code, code[0], code[1], code[2], reply.Message)
		}
		return err
	}
}

// An smtpSession is one client's, from its EHLO on. It implements
// [smtp.AuthSession].
type smtpSession struct {
	server *Server
	ctx    context.Context // ends when the server closes
	conn   *smtp.Conn
	user   *account // nil until the client has logged in
	from   string
	to     []string
}

func (s *smtpSession) ask(at Stage, arg string) error {
	err := s.server.ask(s.ctx, at, arg)
	if errors.Is(err, ErrCut) {
		cut(s.conn.Conn())
	}
	return err
}

func (s *smtpSession) AuthMechanisms() []string { return []string{sasl.Plain, sasl.Login} }

func (s *smtpSession) Auth(mechanism string) (sasl.Server, error) {
	server := saslServer(mechanism, s.login)
	if server == nil {
		return nil, smtp.ErrAuthUnknownMechanism
	}
	return server, nil
}

func (s *smtpSession) login(name, password string) error {
	if err := s.ask(Auth, name); err != nil {
		return err
	}
	if s.user = s.server.login(name, password); s.user == nil {
		return smtp.ErrAuthFailed
	}
	return nil
}

func (s *smtpSession) Mail(from string, _ *smtp.MailOptions) error {
	if err := s.ask(From, from); err != nil {
		return err
	}
	s.from, s.to = from, nil
	return nil
}

func (s *smtpSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := s.ask(Rcpt, to); err != nil {
		return err
	}
	if !s.server.known(to) {
		return errUnknownUser
	}
	if !slices.ContainsFunc(s.to, func(other string) bool { return strings.EqualFold(other, to) }) {
		s.to = append(s.to, to)
	}
	return nil
}

func (s *smtpSession) Data(r io.Reader) error {
	if err := s.ask(Data, ""); err != nil {
		return err
	}
	mail, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := s.ask(EndData, ""); err != nil {
		return err
	}
	e := Envelope{From: s.from, To: s.to, Bytes: mail}
	if s.user != nil {
		e.User = s.user.address
	}
	s.server.accept(e, s.via())
	if s.server.config.OnMail != nil {
		s.server.config.OnMail(e)
	}
	return s.ask(Accepted, "")
}

func (s *smtpSession) Reset()        { s.from, s.to = "", nil }
func (s *smtpSession) Logout() error { return nil }

// via is the beginning of the Received field (RFC 5321 §4.4, RFC 3848).
func (s *smtpSession) via() string {
	with := "ESMTP"
	if _, ok := s.conn.Conn().(*tls.Conn); ok {
		with += "S"
	}
	if s.user != nil {
		with += "A"
	}
	from := "from " + word(s.conn.Hostname())
	if host, _, err := net.SplitHostPort(s.conn.Conn().RemoteAddr().String()); err == nil {
		from += " ([" + host + "])"
	}
	return from + "\r\n\tby " + s.server.config.Domain + " with " + with
}

// saslServer returns the server's side of a mechanism, or nil.
func saslServer(mechanism string, login func(name, password string) error) sasl.Server {
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, name, password string) error { return login(name, password) })
	case sasl.Login:
		return &loginServer{login: login}
	}
	return nil
}

// A loginServer is the server's side of LOGIN, which go-sasl lacks: two prompts,
// of which an initial response answers the first.
type loginServer struct {
	login    func(name, password string) error
	name     string
	prompted bool
	named    bool
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case response == nil && !l.prompted:
		l.prompted = true
		return []byte("Username:"), false, nil
	case !l.named:
		l.name, l.named, l.prompted = string(response), true, true
		return []byte("Password:"), false, nil
	}
	return nil, true, l.login(l.name, string(response))
}
