package oauth2

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/id8labs/escalated/cmd/escalated/config"
)

// Each failure says what to do, and none tells a secret, even where the
// endpoint quotes all that it was sent.
func TestFailures(t *testing.T) {
	oauth := func(status int, code string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			form, _ := url.ParseQuery(string(body))
			says(status, fmt.Sprintf(`{"error":%q,"error_description":"%s\r\nsent %s %v %s"}`, code,
				strings.Repeat("AADSTS1 ", 36), body, form["client_secret"], r.Header.Get("Authorization")))(w, r)
		}
	}
	for name, test := range map[string]struct {
		answer  func(http.ResponseWriter, *http.Request)
		change  func(*config.OAuth2)
		refused bool
		want    string
	}{
		"consent lapsed":        {oauth(400, "invalid_grant"), nil, true, "the consent has lapsed"},
		"consent not given":     {oauth(400, "consent_required"), nil, true, "write the new refresh token into"},
		"application consent":   {oauth(400, "invalid_grant"), func(c *config.OAuth2) { c.RefreshTokenFile = "" }, true, "have an administrator consent"},
		"wrong secret":          {oauth(401, "invalid_client"), nil, true, "write its value, not its id, into that file"},
		"no secret":             {oauth(401, "invalid_client"), func(c *config.OAuth2) { c.ClientSecretFile = "" }, true, "name a `client_secret_file`"},
		"unknown client":        {oauth(400, "unauthorized_client"), nil, true, "the tenant in `token_url`"},
		"scope":                 {oauth(400, "invalid_scope"), nil, true, `["mail.read" "mail.send"]; correct ` + "`scopes`"},
		"invalid request":       {oauth(400, "invalid_request"), nil, true, "(HTTP 400); check `token_url`"},
		"not found":             {says(404, "<html>"), nil, true, "(HTTP 404); check `token_url`"},
		"error as an object":    {says(400, `{"error":{"code":400}}`), nil, true, "(HTTP 400)"},
		"sent elsewhere":        {says(307, ""), nil, true, "sends us elsewhere"},
		"trouble":               {oauth(503, "temporarily_unavailable"), nil, false, "is asked again"},
		"trouble told with 400": {oauth(400, "temporarily_unavailable"), nil, false, "is asked again"},
		"too many":              {says(429, ""), nil, false, "(HTTP 429)"},
		"a web page":            {says(200, "<html>"), nil, false, "check `token_url`: it is not the JSON"},
		"no token":              {says(200, "{}"), nil, false, "no access_token"},
		"endless":               {says(200, `{"access_token":"`+strings.Repeat("x", maxAnswer)+`"}`), nil, false, "not the JSON"},
		"another type":          {says(200, `{"access_token":"secret","token_type":"mac"}`), nil, false, `type "mac"`},
		"a broken token":        {says(200, `{"access_token":"secret\u0001auth="}`), nil, false, "no token has"},
		"a broken refresh":      {says(200, `{"access_token":"secret","refresh_token":"secret\nx"}`), nil, false, "no token has"},
		"secret unreadable":     {nil, func(c *config.OAuth2) { _ = os.Remove(c.ClientSecretFile) }, false, "client secret cannot be read: "},
		"refresh unreadable":    {nil, func(c *config.OAuth2) { _ = os.Remove(c.RefreshTokenFile) }, false, "refresh token cannot be read: "},
	} {
		t.Run(name, func(t *testing.T) {
			c := account(t)
			write(t, c.RefreshTokenFile, "1//0secret-refresh\n")
			if test.change != nil {
				test.change(c)
			}
			failure := mustFail(t, from(t, &provider{answer: test.answer}, c))
			text := failure.Error()
			if failure.Refused != test.refused || !strings.Contains(text, test.want) {
				t.Errorf("refused: %v; %s\nwant: %s", failure.Refused, text, test.want)
			}
			for _, leak := range []string{"hunter2", "0secret", "aHVudGVy", "ZGVzazpo"} {
				if strings.Contains(text, leak) {
					t.Errorf("tells a secret: %s", text)
				}
			}
			if strings.ContainsAny(text, "\r\n") || len(text) > 900 {
				t.Errorf("%d octets, not one short line: %q", len(text), text)
			}
		})
	}
}

func TestBasicWhereWanted(t *testing.T) {
	p := &provider{}
	p.set(func(w http.ResponseWriter, r *http.Request) {
		if id, secret, ok := r.BasicAuth(); !ok || id != "desk" || secret != "hunter2%2F%2B" {
			says(http.StatusUnauthorized, `{"error":"invalid_client"}`)(w, r)
			return
		}
		says(http.StatusOK, `{"access_token":"A"}`)(w, r)
	})
	s := from(t, p, account(t))
	mustToken(t, s, "A")
	forms := p.asked()
	if len(forms) != 2 || forms[1].Has("client_secret") || forms[1].Get("refresh_token") != "R1" {
		t.Errorf("asked %v", forms)
	}
	s.Refused("A")
	mustToken(t, s, "A")
	if n := p.requests(); n != 1 {
		t.Errorf("%d requests once it is known, want 1", n)
	}
}

// served starts a real endpoint and names it in the account.
func served(t *testing.T, p *provider, c *config.OAuth2) *x509.Certificate {
	t.Helper()
	server := httptest.NewUnstartedServer(p)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	c.TokenURL = server.URL + "/token"
	return server.Certificate()
}

// trusting returns the sources of a program that trusts these certificates only.
func trusting(certificates ...*x509.Certificate) *Sources {
	pool := x509.NewCertPool()
	for _, c := range certificates {
		pool.AddCert(c)
	}
	return &Sources{RootCAs: pool}
}

func TestOverTLS(t *testing.T) {
	p, c := &provider{}, account(t)
	mustToken(t, must(trusting(served(t, p, c)).For(c)), "A1")
	p.asked()
	failure := mustFail(t, must(trusting().For(c)))
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](failure); !unknown || failure.Refused || !strings.Contains(failure.Error(), "`ca_file`") {
		t.Errorf("unknown certificate: %v", failure)
	}
	if n := p.requests(); n != 0 {
		t.Errorf("%d requests were sent to a stranger", n)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	elsewhere, p, c := &provider{}, &provider{}, account(t)
	other := *c
	all := trusting(served(t, elsewhere, &other), served(t, p, c))
	p.set(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.TokenURL, http.StatusTemporaryRedirect)
	})
	if failure := mustFail(t, must(all.For(c))); !failure.Refused {
		t.Errorf("got %v", failure)
	}
	if n := elsewhere.requests(); n != 0 {
		t.Error("the secrets were sent along")
	}
}

func TestUnreachable(t *testing.T) {
	c := account(t)
	server := httptest.NewServer(nil)
	c.TokenURL = server.URL + "/token"
	server.Close()
	failure := mustFail(t, must(new(Sources).For(c)))
	if failure.Refused || failure.Status != 0 || !strings.Contains(failure.Error(), "cannot be reached at "+c.TokenURL) {
		t.Errorf("got %v", failure)
	}
}

func TestEndpointsInTheClear(t *testing.T) {
	for address, ok := range map[string]bool{
		"https://login.acme.example/token": true, "http://localhost:1/t": true, "http://127.0.0.1/t": true, "http://[::1]:8/t": true,
		"http://login.acme.example/token": false, "http://127.0.0.1.evil.example/": false, "ftp://localhost/": false,
		"https://u:hunter2@h.example/": false, "https://": false, "::": false, "": false,
	} {
		_, err := new(Sources).For(&config.OAuth2{TokenURL: address})
		if (err == nil) != ok || err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
