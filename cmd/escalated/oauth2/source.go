package oauth2

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/id8labs/escalated/cmd/escalated/config"
)

const (
	earlier    = 5 * time.Minute  // before it lapses a token is renewed, or a tenth of its life before
	young      = time.Minute      // a token refused at this age is not why the server refuses
	firstPause = time.Second      // after trouble, doubling
	lastPause  = 15 * time.Second // up to this; those who log in pause too
	noPause    = 30 * time.Second // after the provider's no
	mostPause  = 5 * time.Minute  // whatever Retry-After says
	grace      = 5 * time.Second  // for the answer to a request whose context ended
)

// A Source gives out one account's access token. It is safe for use by many
// goroutines.
type Source struct {
	cfg    config.OAuth2
	client *http.Client
	log    *slog.Logger
	grant  *grant

	basic bool // the endpoint wants HTTP Basic; used in turn

	mu      sync.Mutex
	token   token
	consent time.Time // end of the refresh token, where told
	failure *Error    // of the last request; nil when that went well
	delay   time.Duration
	retryAt time.Time
	unsaved error // a new refresh token is not in its file
}

type token struct {
	value            string
	born             time.Time
	renewAt, expires time.Time
}

// Token returns an access token for a login now. The error is of type [*Error],
// unless ctx ended.
func (s *Source) Token(ctx context.Context) (string, error) {
	if value, err := s.kept(); value != "" || err != nil {
		return value, err
	}
	select {
	case s.grant.turn <- struct{}{}:
		defer func() { <-s.grant.turn }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if value, err := s.kept(); value != "" || err != nil {
		return value, err // whoever had the turn before got it
	}
	asked := time.Now()
	lingering, done := linger(ctx, grace)
	defer done()
	a, err := s.ask(lingering)
	if err != nil && ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	return s.settle(asked, a, err)
}

// kept returns the token or the failure that still counts; neither where the
// endpoint is to be asked.
func (s *Source) kept() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	switch {
	case now.Before(s.token.renewAt):
		return s.token.value, nil
	case s.failure == nil || !now.Before(s.retryAt):
		return "", nil
	case now.Before(s.token.expires):
		return s.token.value, nil
	}
	return "", s.failure
}

// settle keeps what an answer brought. A failure to renew a token early is no
// reason not to use it to its end.
func (s *Source) settle(asked time.Time, a answer, err error) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.failure, s.delay, s.retryAt = nil, 0, time.Time{}
		s.token = token{a.Token, asked, asked.Add(a.Lifetime - min(earlier, a.Lifetime/10)), asked.Add(a.Lifetime)}
		if a.RefreshLifetime > 0 {
			s.consent = asked.Add(a.RefreshLifetime)
		}
		return s.token.value, nil
	}
	failure, ok := errors.AsType[*Error](err)
	if !ok {
		failure = &Error{Err: err}
	}
	s.delay = min(max(2*s.delay, firstPause), lastPause)
	if failure.Refused {
		s.delay = noPause
	}
	s.failure, s.retryAt = failure, time.Now().Add(max(s.delay, min(failure.retryAfter, mostPause)))
	if time.Now().Before(s.token.expires) {
		return s.token.value, nil
	}
	return "", failure
}

// Refused notes that a server refused a token, which is then not given out
// again. It reports whether another may do better, so that it is worth logging
// in again at once: not where this one was new.
func (s *Source) Refused(value string) (another bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if value != s.token.value {
		return true // replaced already
	}
	age := time.Since(s.token.born)
	s.token = token{}
	return age >= young
}

// A Status is how a source is, for health checks.
type Status struct {
	TokenURL string    `json:"token_url"`
	ClientID string    `json:"client_id"`
	Expires  time.Time `json:"expires,omitzero"` // end of the access token; zero: there is none
	// ConsentExpires is the end of the refresh token. Few providers tell it; zero: unknown.
	ConsentExpires time.Time `json:"consent_expires,omitzero"`
	Refused        bool      `json:"refused,omitzero"`  // Err lasts until somebody acts
	RetryAt        time.Time `json:"retry_at,omitzero"` // not asked again before
	Err            string    `json:"error,omitzero"`    // what is wrong now, "" when all is well
}

// Status returns how the source is. It never waits for the endpoint.
func (s *Source) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := Status{
		TokenURL: s.cfg.TokenURL, ClientID: s.cfg.ClientID,
		Expires: s.token.expires, ConsentExpires: s.consent, RetryAt: s.retryAt,
	}
	if s.failure != nil {
		status.Err, status.Refused = s.failure.Error(), s.failure.Refused
	} else if s.unsaved != nil {
		status.Err = s.unsaved.Error()
	}
	return status
}

// save keeps a refresh token that replaces the one used.
func (s *Source) save(refresh string) {
	err := s.grant.keep(refresh)
	if err != nil {
		err = fmt.Errorf("the provider's new refresh token is only in memory, and a restart would lose it: let the user this runs as write %s and its folder: %w", s.cfg.RefreshTokenFile, err)
		s.log.Error("oauth2: a refresh token cannot be saved", "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsaved = err
}
