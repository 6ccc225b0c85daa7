package oauth2

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"time"

	"github.com/id8labs/escalated/cmd/escalated/config"
)

// requestLimit bounds a request to the endpoint as a whole.
const requestLimit = 30 * time.Second

// Sources are all sources of a program. Accounts configured alike share one,
// and those that share a refresh token file take turns, since a provider that
// replaces refresh tokens takes each only once. For is not safe for use by many
// goroutines; what it returns is.
type Sources struct {
	RootCAs *x509.CertPool // trusted for token_url; nil: the system's
	Log     *slog.Logger   // told when a refresh token cannot be saved; nil: slog.Default

	all   []*Source
	files map[string]*grant // by refresh_token_file
}

// For returns the source of an account's tokens. It contacts nobody. The error
// is a token_url to which no secret can be sent.
func (s *Sources) For(c *config.OAuth2) (*Source, error) {
	for _, known := range s.all {
		if reflect.DeepEqual(known.cfg, *c) {
			return known, nil
		}
	}
	if err := checkEndpoint(c.TokenURL); err != nil {
		return nil, fmt.Errorf("oauth2: %w", err)
	}
	source := &Source{cfg: *c, client: client(s.RootCAs), log: cmp.Or(s.Log, slog.Default()), grant: s.grant(c)}
	s.all = append(s.all, source)
	return source, nil
}

func (s *Sources) grant(c *config.OAuth2) *grant {
	g := s.files[c.RefreshTokenFile]
	if g == nil {
		g = &grant{path: c.RefreshTokenFile, turn: make(chan struct{}, 1)}
	}
	if s.files == nil {
		s.files = make(map[string]*grant)
	}
	if g.path != "" {
		s.files[g.path] = g
	}
	return g
}

// Status tells how each source is, in the order they were asked for.
func (s *Sources) Status() []Status {
	var all []Status
	for _, source := range s.all {
		all = append(all, source.Status())
	}
	return all
}

// checkEndpoint wants https, or http to this machine.
func checkEndpoint(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil {
		return errors.New("token_url is not a web address; write it as https://login.acme.example/token")
	}
	ip := net.ParseIP(u.Hostname())
	here := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !here) {
		return fmt.Errorf("token_url at %s would send secrets in the clear; write https:// in front", u.Host)
	}
	return nil
}

// client follows no redirect: it would carry the secrets elsewhere.
func client(roots *x509.CertPool) *http.Client {
	return &http.Client{
		Timeout: requestLimit,
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    10 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			DisableKeepAlives:      true, // the next request is an hour away
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// linger returns a context that ends so much later than ctx: an answer under
// way may hold a refresh token that replaces ours.
func linger(ctx context.Context, by time.Duration) (context.Context, func()) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(by, cancel) })
	return longer, func() { stop(); cancel() }
}
