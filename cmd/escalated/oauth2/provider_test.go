package oauth2

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/id8labs/escalated/cmd/escalated/config"
)

// A provider is a token endpoint that answers as told and keeps what it was sent.
type provider struct {
	answer func(w http.ResponseWriter, r *http.Request) // nil: a token, numbered, for an hour

	mu    sync.Mutex
	count int
	forms []url.Values
	heads []http.Header
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	form, _ := url.ParseQuery(string(body))
	p.mu.Lock()
	p.forms, p.heads = append(p.forms, form), append(p.heads, r.Header)
	p.count++
	n, answer := p.count, p.answer
	p.mu.Unlock()
	if answer == nil {
		answer = says(http.StatusOK, fmt.Sprintf(`{"access_token":"A%d","token_type":"Bearer","expires_in":3600}`, n))
	}
	answer(w, r)
}

// RoundTrip reaches the provider without a network, as synctest wants it.
func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

func (p *provider) set(answer func(http.ResponseWriter, *http.Request)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

// asked returns the forms since the last call.
func (p *provider) asked() []url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	forms := p.forms
	p.forms = nil
	return forms
}

// requests counts those since the last call.
func (p *provider) requests() int { return len(p.asked()) }

func says(status int, body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// down is an endpoint in trouble.
var down = says(http.StatusServiceUnavailable, "<html>busy</html>")

// account configures one with files of its own, for the refresh token flow.
func account(t *testing.T) *config.OAuth2 {
	t.Helper()
	folder := t.TempDir()
	c := &config.OAuth2{
		TokenURL: "https://login.acme.example/token", ClientID: "desk",
		ClientSecretFile: filepath.Join(folder, "secret"), RefreshTokenFile: filepath.Join(folder, "refresh"),
		Scopes: []string{"mail.read", "mail.send"},
	}
	write(t, c.ClientSecretFile, "hunter2/+\n")
	write(t, c.RefreshTokenFile, "R1\n")
	return c
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// from returns the account's source, as a program that starts now has it.
func from(t *testing.T, p *provider, c *config.OAuth2) *Source {
	t.Helper()
	s, err := (&Sources{Log: slog.New(slog.DiscardHandler)}).For(c)
	if err != nil {
		t.Fatal(err)
	}
	s.client.Transport = p
	return s
}

func mustToken(t *testing.T, s *Source, want string) {
	t.Helper()
	if got, err := s.Token(t.Context()); got != want || err != nil {
		t.Fatalf("token %q, %v; want %q", got, err, want)
	}
}

func mustFail(t *testing.T, s *Source) *Error {
	t.Helper()
	got, err := s.Token(t.Context())
	failure, ok := err.(*Error)
	if !ok || got != "" {
		t.Fatalf("token %q, %v; want an *Error", got, err)
	}
	return failure
}
