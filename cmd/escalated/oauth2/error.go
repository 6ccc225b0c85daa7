package oauth2

import (
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// An Error is why there is no token, and what to do. It holds no secret.
type Error struct {
	// Refused: the provider said no, and says so again until somebody acts.
	// Otherwise it is trouble that may pass by itself.
	Refused bool
	Code    string // the provider's error (RFC 6749 §5.2) such as invalid_grant, or ""
	Status  int    // HTTP's, 0 when there was no answer
	What    string // what is wrong; what to do
	Err     error  // what went wrong, when it was not an answer; may be nil

	words      string // the provider's, on one line
	retryAfter time.Duration
}

// Error is one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("oauth2: " + e.What)
	if said := strings.Trim(e.Code+": "+e.words, ": "); said != "" {
		fmt.Fprintf(&b, " (the provider says %s)", said)
	}
	if e.Err != nil {
		if e.What != "" {
			b.WriteString(": ")
		}
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// advice says what a refusal means and who can end it.
func (s *Source) advice(status int, code string) string {
	client := oneLine(s.cfg.ClientID)
	switch code {
	case "invalid_grant", "interaction_required", "consent_required", "login_required", "access_denied":
		if s.grant.path == "" {
			return fmt.Sprintf("the provider grants the client %s nothing; have an administrator consent to its permissions", client)
		}
		return fmt.Sprintf("the consent has lapsed or was withdrawn: log in once more with the browser, consent, and write the new refresh token into %s (no restart is needed)", s.cfg.RefreshTokenFile)
	case "invalid_client":
		if s.cfg.ClientSecretFile == "" {
			return fmt.Sprintf("the provider does not know the client %s, or wants a secret of it; correct `client_id`, or name a `client_secret_file`", client)
		}
		return fmt.Sprintf("the provider does not take the secret in %s for the client %s: it is wrong or has lapsed; make a new one and write its value, not its id, into that file", s.cfg.ClientSecretFile, client)
	case "unauthorized_client":
		return fmt.Sprintf("the provider does not know the client %s, or does not allow it this flow; correct `client_id` and the tenant in `token_url`, or allow it there", client)
	case "invalid_scope", "invalid_resource", "invalid_target":
		return fmt.Sprintf("the provider does not grant the client %s the scopes %q; correct `scopes`, or add these permissions to the client", client, s.cfg.Scopes)
	}
	if status/100 == 3 {
		return "the token endpoint " + s.cfg.TokenURL + " sends us elsewhere, and secrets are not sent along; write the address it names into `token_url`"
	}
	return fmt.Sprintf("the token endpoint %s refuses the request (HTTP %d); check `token_url`, `client_id` and `scopes`", s.cfg.TokenURL, status)
}

// mask takes secrets out of words that may quote what we sent.
func mask(words string, secrets []string) string {
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
			words = strings.ReplaceAll(words, form, "***")
		}
	}
	return words
}

// oneLine makes foreign words fit for a log: printable, on one line, short.
func oneLine(words string) string {
	const most = 300
	words = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, words)
	words = strings.Join(strings.Fields(words), " ")
	if runes := []rune(words); len(runes) > most {
		words = string(runes[:most]) + "…"
	}
	return words
}
