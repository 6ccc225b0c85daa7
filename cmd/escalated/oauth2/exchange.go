package oauth2

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/id8labs/escalated/mailbox/wire"
)

const maxAnswer = 256 << 10 // octets; real ones have a few thousand

// ask gets a token from the endpoint; the caller has the turn.
func (s *Source) ask(ctx context.Context) (answer, error) {
	secret, err := s.cfg.ClientSecret()
	if err != nil {
		return answer{}, &Error{What: "the client secret cannot be read", Err: err}
	}
	if s.grant.path == "" {
		return s.request(ctx, url.Values{"grant_type": {"client_credentials"}}, secret)
	}
	return s.renew(ctx, secret)
}

// renew uses the refresh token, and then the one that somebody put into the
// file while that was being refused.
func (s *Source) renew(ctx context.Context, secret string) (answer, error) {
	a, used, err := s.exchange(ctx, secret)
	if e, ok := errors.AsType[*Error](err); ok && e.Code == "invalid_grant" {
		if now, unread := s.grant.current(s.cfg.RefreshToken); unread == nil && now != used {
			a, _, err = s.exchange(ctx, secret)
		}
	}
	return a, err
}

func (s *Source) exchange(ctx context.Context, secret string) (a answer, refresh string, err error) {
	refresh, err = s.grant.current(s.cfg.RefreshToken)
	if err != nil {
		return a, "", &Error{What: "the refresh token cannot be read", Err: err}
	}
	a, err = s.request(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}, secret)
	if err == nil {
		s.follow(refresh, a.Refresh)
	}
	return a, refresh, err
}

// follow saves the refresh token that replaces the one used, if any does.
func (s *Source) follow(used, next string) {
	if next == "" {
		next = used
	}
	if next != s.grant.seen {
		s.save(next)
	}
}

// request proves who we are in the body, as vendors document, or in the way
// that RFC 6749 §2.3.1 prefers, where the endpoint knows only that.
func (s *Source) request(ctx context.Context, form url.Values, secret string) (answer, error) {
	if len(s.cfg.Scopes) > 0 {
		form.Set("scope", strings.Join(s.cfg.Scopes, " "))
	}
	a, err := s.post(ctx, form, secret, s.basic)
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != "invalid_client" || secret == "" {
		return a, err
	}
	if other, second := s.post(ctx, form, secret, !s.basic); second == nil {
		s.basic = !s.basic
		return other, nil
	}
	return a, err
}

func (s *Source) post(ctx context.Context, form url.Values, secret string, basic bool) (answer, error) {
	secrets := []string{base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(s.cfg.ClientID) + ":" + url.QueryEscape(secret))), secret, form.Get("refresh_token")}
	form = url.Values{"grant_type": form["grant_type"], "refresh_token": form["refresh_token"], "scope": form["scope"]}
	if !basic {
		form.Set("client_id", s.cfg.ClientID)
		if secret != "" {
			form.Set("client_secret", secret)
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cfg.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	if basic {
		r.SetBasicAuth(url.QueryEscape(s.cfg.ClientID), url.QueryEscape(secret))
	}
	response, err := s.client.Do(r)
	if err != nil {
		return answer{}, s.unreachable(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return answer{}, s.unreachable(err)
	}
	return s.read(response, body, secrets)
}

// unreachable is a request that got no answer. The error of net/http repeats
// the URL; what it wraps is enough.
func (s *Source) unreachable(err error) *Error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return &Error{What: "the token endpoint cannot be reached at " + s.cfg.TokenURL, Err: wire.ExplainTLS(err)}
}

// read makes a token or an error of an answer.
func (s *Source) read(response *http.Response, body []byte, secrets []string) (answer, error) {
	status := response.StatusCode
	if status == http.StatusOK {
		a, err := parseAnswer(body)
		if err != nil {
			return answer{}, &Error{Status: status, What: "what " + s.cfg.TokenURL + " answers cannot be used; check `token_url`", Err: err}
		}
		return a, nil
	}
	code, words := parseError(body)
	e := &Error{Code: oneLine(mask(code, secrets)), Status: status, words: oneLine(mask(words, secrets)), retryAfter: pause(response.Header.Get("Retry-After"))}
	if passes(status, code) {
		e.What = fmt.Sprintf("the token endpoint has trouble (HTTP %d); it is asked again", status)
		return answer{}, e
	}
	e.Refused, e.What = true, s.advice(status, code)
	return answer{}, e
}

// passes reports trouble that is not ours (RFC 6749 §4.1.2.1, RFC 6585 §4).
func passes(status int, code string) bool {
	switch code {
	case "temporarily_unavailable", "server_error", "slow_down":
		return true
	}
	return status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout
}

// pause reads the seconds of a Retry-After; 0 where it has none.
func pause(text string) time.Duration {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}
