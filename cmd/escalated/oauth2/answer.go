package oauth2

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	shortLife = 5 * time.Minute // of a token whose end is not told
	longLife  = 24 * time.Hour  // at most, whatever is told
)

// An answer is a token (RFC 6749 §5.1) fit to be used.
type answer struct {
	Token           string
	Lifetime        time.Duration // above 0, at most a day
	Refresh         string        // replaces the one sent; "": that stays
	RefreshLifetime time.Duration // 0: not told
}

// parseAnswer reads a successful answer. Its errors quote nothing of it.
func parseAnswer(body []byte) (answer, error) {
	var a struct {
		AccessToken  string  `json:"access_token"`
		TokenType    string  `json:"token_type"`
		ExpiresIn    seconds `json:"expires_in"`
		RefreshToken string  `json:"refresh_token"`
		RefreshEnds  seconds `json:"refresh_token_expires_in"` // Google's and Microsoft's
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return answer{}, errors.New("it is not the JSON of a token answer")
	}
	switch {
	case a.AccessToken == "":
		return answer{}, errors.New("it holds no access_token")
	case !sendable(a.AccessToken) || !sendable(a.RefreshToken):
		return answer{}, errors.New("its token holds characters that no token has")
	case a.TokenType != "" && !strings.EqualFold(a.TokenType, "bearer"):
		return answer{}, fmt.Errorf("its token is of type %q, and only Bearer serves here", oneLine(a.TokenType))
	}
	lifetime := time.Duration(a.ExpiresIn)
	if lifetime == 0 {
		lifetime = shortLife
	}
	return answer{a.AccessToken, min(lifetime, longLife), a.RefreshToken, time.Duration(a.RefreshEnds)}, nil
}

// sendable reports text of visible ASCII: part of a line in a file, of a form,
// of a SASL response.
func sendable(token string) bool {
	return !strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })
}

// seconds is a duration that some endpoints write as a number, some as a
// string. What is neither counts as not told.
type seconds time.Duration

// UnmarshalJSON implements [json.Unmarshaler] and never fails.
func (s *seconds) UnmarshalJSON(text []byte) error {
	n, err := strconv.ParseFloat(strings.Trim(string(text), `"`), 64)
	if err != nil || !(n > 0) {
		return nil
	}
	const most = math.MaxInt64 / float64(time.Second) / 2
	*s = seconds(min(n, most) * float64(time.Second))
	return nil
}

// parseError reads the error of RFC 6749 §5.2; "" where there is none. The
// description is foreign text and may quote what was sent.
func parseError(body []byte) (code, description string) {
	var e struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &e) != nil {
		return "", ""
	}
	return e.Error, e.Description
}
