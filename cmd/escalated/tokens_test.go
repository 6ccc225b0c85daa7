package main

import (
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/id8labs/escalated/cmd/escalated/config"
)

// Mailbox, relay and a fallback without a login of its own share one account's
// token, which the mailbox's CA is trusted for; a password stays a password.
func TestTokensReachWhoLogsIn(t *testing.T) {
	var asked atomic.Int32
	endpoint := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_, _ = fmt.Fprintf(w, `{"access_token":"token-for-%s"}`, r.FormValue("refresh_token"))
	}))
	defer endpoint.Close()
	folder := t.TempDir()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: endpoint.Certificate().Raw})
	for file, content := range map[string]string{"ca.pem": string(certificate), "refresh": "R1\n", "password": "p\n"} {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	oauth2 := fmt.Sprintf("oauth2: {token_url: %q, client_id: desk, refresh_token_file: refresh}", endpoint.URL)
	cfg, err := config.Parse(filepath.Join(folder, "escalated.yaml"), fmt.Appendf(nil, `address: escalations@acme.example
mailbox: {server: imaps://imap.acme.example, ca_file: ca.pem, username: shared@acme.example, %s}
smtp:
  server: smtps://smtp.acme.example
  username: shared@acme.example
  %s
  fallback: [smtps://other.acme.example, {server: smtps://third.acme.example, username: u, password_file: password}]
people: [{name: D, email: d@acme.example, roles: [agent]}]
`, oauth2, oauth2))
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := tokenSources(cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	in, err := inboxConfig(cfg, tokens)
	if err != nil {
		t.Fatal(err)
	}
	out, err := servers(cfg, tokens)
	if err != nil {
		t.Fatal(err)
	}
	if len(out) != 3 || out[2].Token != nil || out[2].TokenRefused != nil {
		t.Fatalf("servers %+v", out)
	}
	if out[1].Username != "shared@acme.example" || out[1].TokenRefused == nil || in.TokenRefused == nil {
		t.Errorf("servers %+v", out)
	}
	for _, token := range []func() (string, error){
		func() (string, error) { return in.Token(t.Context()) },
		func() (string, error) { return out[0].Token(t.Context()) },
		func() (string, error) { return out[1].Token(t.Context()) },
	} {
		if got, err := token(); got != "token-for-R1" || err != nil {
			t.Errorf("token %q, %v", got, err)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("%d requests for one account, want 1", n)
	}
	if status := tokens.Status(); len(status) != 1 || status[0].Expires.IsZero() || status[0].Err != "" {
		t.Errorf("status %+v", status)
	}
}
