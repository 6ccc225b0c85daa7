package imap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/id8labs/escalated/mailbox"
)

// Config says which folder of which server to watch. Server, Username and one of
// Password and Token are required; the zero value of all else has a sensible
// meaning.
type Config struct {
	// Server is imaps://host[:port], imap+starttls://host[:port], or
	// imap+insecure://host[:port], the last for loopback hosts only. Ports
	// default to 993 and 143.
	Server string
	// Username is whose mailbox is opened. With a Token for a shared mailbox it
	// is that mailbox's address, whoever the token was given to.
	Username string
	// Password is called at each login, so that a changed password needs no restart.
	Password func() (string, error)
	// Token, where set, is called at each login instead of Password, for an
	// OAuth2 access token.
	Token func(ctx context.Context) (string, error)
	// TokenRefused is told of a token that the server refused, and reports
	// whether another may do better: then one more login is tried at once. May be nil.
	TokenRefused func(token string) (another bool)
	// RootCAs vouch for the server's certificate; nil: the system's.
	RootCAs *x509.CertPool

	// Folder is watched, default INBOX. Archive and Quarantine are where mails
	// are moved, default Escalations/Archive and Escalations/Quarantine; they
	// are created when missing. "/" separates levels whatever the server uses.
	Folder, Archive, Quarantine string

	// Poll is how often the whole folder is looked at even when the server
	// announces nothing; default 1 minute, at most 4, so that a dead
	// connection is noticed within 5.
	Poll time.Duration
	// Limit is how many octets of one mail are fetched; default 50 MiB.
	Limit int64
	// BatchCount and BatchBytes bound the mails handed over at once; default
	// 200 and 4 MiB. A single mail may be larger.
	BatchCount int
	BatchBytes int64

	// Dial opens the connection under TLS and STARTTLS; nil: TCP with keepalive.
	Dial func(ctx context.Context) (net.Conn, error)
	// Log gets connection changes at info and above, the rest at debug; nil: slog.Default.
	Log *slog.Logger
}

const (
	silence = time.Minute     // without a byte from the server, a command is given up
	maxPoll = 4 * time.Minute // plus silence: a dead connection is found within five minutes
)

// account names the mailbox apart from others with the same folders.
func (in *Inbox) account() string { return in.cfg.Username + "@" + in.server.host }

func (c *Config) setDefaults(s server) {
	c.Folder = or(c.Folder, "INBOX")
	c.Archive = or(c.Archive, "Escalations/Archive")
	c.Quarantine = or(c.Quarantine, "Escalations/Quarantine")
	c.Poll = min(or(c.Poll, time.Minute), maxPoll)
	c.Limit = or(c.Limit, 50<<20)
	c.BatchCount = or(c.BatchCount, 200)
	c.BatchBytes = or(c.BatchBytes, 4<<20)
	if c.Dial == nil {
		c.Dial = s.dial
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
}

func or[T int | int64 | time.Duration | string](value, fallback T) T {
	var zero T
	if value <= zero {
		return fallback
	}
	return value
}

func (c *Config) check(desk mailbox.Desk) error {
	var errs []error
	if desk == nil {
		errs = append(errs, errors.New("no desk"))
	}
	if c.Username == "" || c.Password == nil && c.Token == nil {
		errs = append(errs, errors.New("no username or no password"))
	}
	for _, folder := range []string{c.Archive, c.Quarantine} {
		if strings.EqualFold(folder, c.Folder) {
			errs = append(errs, fmt.Errorf("mails of %q cannot be moved to the same folder", folder))
		}
	}
	return errors.Join(errs...)
}

// security is how a connection is encrypted.
type security int

const (
	implicitTLS security = iota
	startTLS
	insecure
)

type server struct {
	security security
	host     string
	port     string
}

var schemes = map[string]server{
	"imaps":         {security: implicitTLS, port: "993"},
	"imap+starttls": {security: startTLS, port: "143"},
	"imap+insecure": {security: insecure, port: "143"},
}

// parseServer reads Config.Server.
func parseServer(address string) (server, error) {
	u, err := url.Parse(address)
	if err != nil {
		return server{}, errors.New("not a URL") // the parser's error would quote a password in it
	}
	s, ok := schemes[u.Scheme]
	s.host = u.Hostname()
	s.port = or(u.Port(), s.port)
	switch {
	case !ok:
		return s, fmt.Errorf("scheme %q: want imaps, imap+starttls or imap+insecure", u.Scheme)
	case u.User != nil:
		return s, errors.New("user and password belong in fields of their own")
	case s.host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return s, errors.New("want scheme://host:port and nothing else")
	case s.security == insecure && !loopback(s.host):
		return s, fmt.Errorf("%s is not a loopback host: imap+insecure would send the password in clear", s.host)
	}
	return s, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (s server) dial(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	return d.DialContext(ctx, "tcp", net.JoinHostPort(s.host, s.port))
}

func (s server) tls(roots *x509.CertPool) *tls.Config {
	return &tls.Config{ServerName: s.host, RootCAs: roots, MinVersion: tls.VersionTLS12}
}
