package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// A Server is where and how to connect.
type Server struct {
	Scheme string // imaps, imap+starttls, imap+insecure, smtps, smtp+starttls or smtp+insecure
	Host   string
	Port   int
}

// Address is host:port, for dialling.
func (s Server) Address() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// TLS reports a connection encrypted from its first octet (RFC 8314 §3).
func (s Server) TLS() bool { return s.Scheme == "imaps" || s.Scheme == "smtps" }

// StartTLS reports a connection that must be upgraded before anything is said.
func (s Server) StartTLS() bool { return strings.HasSuffix(s.Scheme, "+starttls") }

// Insecure reports a connection in the clear; its host is this machine.
func (s Server) Insecure() bool { return strings.HasSuffix(s.Scheme, "+insecure") }

// String writes the server as the file has it, port included.
func (s Server) String() string { return s.Scheme + "://" + s.Address() }

// portOf is the port of each scheme where none is written (RFC 8314 §7, RFC
// 6409 §3.1; 25 is where a relay on this machine listens).
func portOf(scheme string) (port int, known bool) {
	switch scheme {
	case "imaps":
		return 993, true
	case "imap+starttls", "imap+insecure":
		return 143, true
	case "smtps":
		return 465, true
	case "smtp+starttls":
		return 587, true
	case "smtp+insecure":
		return 25, true
	}
	return 0, false
}

// parseServer reads scheme://host or scheme://host:port. Its protocol is imap
// or smtp.
func parseServer(protocol, text string) (Server, error) {
	schemes := []string{protocol + "s", protocol + "+starttls", protocol + "+insecure"}
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		return Server{}, fmt.Errorf("%s does not say how to connect; write %ss:// in front, or %s+starttls://", quote(hidden(text)), protocol, protocol)
	}
	port, known := portOf(scheme)
	if !known || !strings.HasPrefix(scheme, protocol) {
		return Server{}, fmt.Errorf("%s:// is no way to connect here; %s", clip(scheme), remedyFor(protocol, scheme, schemes))
	}
	u, err := url.Parse("//" + strings.TrimSuffix(rest, "/"))
	if err != nil || u.User != nil || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || strings.Contains(rest, "@") {
		return Server{}, fmt.Errorf("only a host and a port belong behind %s://; write %s://mail.acme.example:%d (username and password_file are keys of their own)", scheme, scheme, port)
	}
	if given := u.Port(); given != "" {
		n, err := strconv.ParseUint(given, 10, 16)
		if err != nil || n == 0 {
			return Server{}, fmt.Errorf("%s is not a port; write a number from 1 to 65535", quote(given))
		}
		port = int(n)
	}
	server := Server{Scheme: scheme, Host: u.Hostname(), Port: port}
	if server.Insecure() && !loopback(server.Host) {
		return Server{}, fmt.Errorf("%s would send password and mail in the clear to another machine; write %ss:// or %s+starttls://", quote(server.String()), protocol, protocol)
	}
	return server, checkHost(server.Host)
}

func checkHost(host string) error {
	if net.ParseIP(host) != nil {
		return nil
	}
	if _, err := checkDomain(host); err != nil {
		return errors.New("the host has letters that no host name has; write it as mail.acme.example")
	}
	return nil
}

func remedyFor(protocol, scheme string, schemes []string) string {
	switch {
	case scheme == protocol:
		return fmt.Sprintf("write %ss:// for TLS from the start, or %s+starttls:// for STARTTLS", protocol, protocol)
	case closest(scheme, schemes) != "":
		return fmt.Sprintf("did you mean %s://?", closest(scheme, schemes))
	}
	return "write one of " + strings.Join(schemes, "://, ") + "://"
}

// hidden cuts off what may be a user and password in front of a host.
func hidden(text string) string { return text[strings.LastIndex(text, "@")+1:] }

// loopback reports a host that is this machine whatever a resolver says.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
