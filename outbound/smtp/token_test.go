package smtp

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"github.com/id8labs/escalated/mailbox/wire/wiretest"
)

// tokens are what the client logs in with; see Server.Token.
type tokens struct {
	mu      sync.Mutex
	ours    string
	renewed string // replaces ours when that is refused; "": nothing better
	err     error
	refused []string
}

func (k *tokens) token(context.Context) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ours, k.err
}

func (k *tokens) refuse(token string) (another bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refused = append(k.refused, token)
	another = k.renewed != ""
	if another {
		k.ours, k.renewed = k.renewed, ""
	}
	return another
}

// withToken makes a server one that is logged in to with a token.
func withToken(k *tokens) func(*Server) {
	return func(s *Server) {
		s.Username, s.Password, s.Token, s.TokenRefused = "shared@acme.example", nil, k.token, k.refuse
	}
}

// tokenPipe is a client's config for one fake that offers the mechanisms.
func tokenPipe(k *tokens, f *fake, mechanisms string) Config {
	f.features = []string{"AUTH " + mechanisms}
	config := pipe(f, "smtp+insecure")
	withToken(k)(&config.Servers[0])
	return config
}

// expected is what the client has to say first.
func expected(mechanism, token, addr string) string {
	if mechanism == "XOAUTH2" {
		return "user=shared@acme.example\x01auth=Bearer " + token + "\x01\x01"
	}
	host, port, _ := net.SplitHostPort(addr)
	return "n,a=shared@acme.example,\x01host=" + host + "\x01port=" + port + "\x01auth=Bearer " + token + "\x01\x01"
}

func auth(mechanism, token string) string {
	return "AUTH " + mechanism + " " + base64.StdEncoding.EncodeToString([]byte(expected(mechanism, token, "127.0.0.1:25")))
}

// challenge is how Gmail explains a refusal.
const challenge = "334 eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ=="

// A real server that takes the exchange only to the letter.
func TestLoginByToken(t *testing.T) {
	secured, pool := wiretest.Certificate(t, nil)
	for offered, mechanism := range map[string]string{
		"PLAIN XOAUTH2": "XOAUTH2", "LOGIN OAUTHBEARER": "OAUTHBEARER", "OAUTHBEARER XOAUTH2": "XOAUTH2",
	} {
		s, k := &sink{mechanisms: strings.Fields(offered)}, &tokens{ours: "T1"}
		var addr string
		s.onSASL = func(asked string) sasl.Server {
			return saslFunc(func(response []byte) error {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.logins++
				if asked != mechanism || string(response) != expected(mechanism, "T1", addr) {
					return gosmtp.ErrAuthFailed
				}
				return nil
			})
		}
		addr = s.serve(t, true, secured, nil)
		server := Server{URL: "smtps://" + addr, RootCAs: pool}
		withToken(k)(&server)
		c := start(t, Config{Servers: []Server{server}})
		mustSend(t, c, letter)
		mustSend(t, c, letter)
		if s.logins != 1 {
			t.Errorf("%s: %d logins, want 1", offered, s.logins)
		}
	}
}

type saslFunc func(response []byte) error

func (f saslFunc) Next(response []byte) (challenge []byte, done bool, err error) {
	return nil, true, f(response)
}

// A refused token is explained, replaced, and the mail goes out in the same
// attempt. With each mechanism the explanation has its own answer.
func TestTokenIsRenewedOnce(t *testing.T) {
	for mechanism, farewell := range map[string]string{"XOAUTH2": "", "OAUTHBEARER": "AQ=="} {
		synctest.Test(t, func(t *testing.T) {
			f, k := &fake{}, &tokens{ours: "T1", renewed: "T2"}
			config := tokenPipe(k, f, mechanism)
			f.answers = map[string]string{phaseAuth: challenge, strings.ToLower(farewell): "535 5.7.8 not accepted"}
			config.Servers[0].TokenRefused = func(token string) bool {
				f.set(phaseAuth, "")
				return k.refuse(token)
			}
			c := start(t, config)
			mustSend(t, c, letter)
			want := []string{"EHLO us.example", auth(mechanism, "T1"), farewell, "EHLO us.example", auth(mechanism, "T2")}
			if diff := cmp.Diff(want, f.said()[:5]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", mechanism, diff)
			}
			if diff := cmp.Diff([]string{"T1"}, k.refused); diff != "" || !c.Health()[0].Up {
				t.Errorf("%+v; refused tokens (-want +got):\n%s", c.Health(), diff)
			}
		})
	}
}

// Where no token does, the server is left alone for a minute, and told why.
func TestTokenStaysRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, k := &fake{answers: map[string]string{phaseAuth: challenge, "": "535 5.7.8 not accepted"}}, &tokens{ours: "T1", renewed: "T2"}
		c := start(t, tokenPipe(k, f, "XOAUTH2"))
		failed := mustFail(t, c, letter)
		if failed.Verdict != Down || failed.Phase != phaseAuth || failed.Code != 535 || !failed.LoginRefused || time.Until(failed.RetryAt) != loginProbe {
			t.Errorf("got %+v", failed)
		}
		if text := failed.Error(); !strings.Contains(text, "with status 400, it wants the scope https://mail.google.com/; check that `username`") || strings.Contains(text, "T2") {
			t.Errorf("%s", text)
		}
		if diff := cmp.Diff([]string{"T1", "T2"}, k.refused); diff != "" {
			t.Errorf("refused tokens (-want +got):\n%s", diff)
		}
		synctest.Wait()
		if dials, open := f.dialed(); dials != 2 || open != 0 {
			t.Errorf("%d connections, %d open; want 2, 0", dials, open)
		}
		k.ours = "T9"
		f.set(phaseAuth, "")
		next(failed)
		mustSend(t, c, letter)
	})
}

// Trouble at the server is not the token's fault.
func TestTokenAndTrouble(t *testing.T) {
	for _, answers := range []map[string]string{
		{phaseAuth: "454 4.7.0 directory is away"}, {phaseAuth: "421 bye|cut"}, {phaseAuth: "cut"}, {phaseAuth: "hang"},
		{phaseAuth: challenge, "": "cut"}, {phaseAuth: challenge, "": "454 4.7.0 later"}, {phaseAuth: challenge, "": challenge},
		{phaseAuth: "334 no base64!", "": "cut"},
	} {
		synctest.Test(t, func(t *testing.T) {
			f, k := &fake{answers: answers}, &tokens{ours: "T1", renewed: "T2"}
			failed := mustFail(t, start(t, tokenPipe(k, f, "XOAUTH2")), letter)
			if failed.Verdict != Down || failed.Phase != phaseAuth || failed.LoginRefused || len(k.refused) > 0 {
				t.Errorf("%v: %v; refused %q", answers, failed, k.refused)
			}
			if dials, _ := f.dialed(); dials != 1 || strings.Contains(f.verbs(), "MAIL") {
				t.Errorf("%v: %d connections", answers, dials)
			}
		})
	}
}

// Without a token, or without a mechanism for it, nothing is told.
func TestNoTokenSpent(t *testing.T) {
	lapsed := errors.New("the consent has lapsed")
	for _, test := range []struct {
		offered string
		err     error
		want    string
	}{
		{"PLAIN LOGIN", nil, `offers neither AUTH XOAUTH2 nor OAUTHBEARER (offered: "PLAIN LOGIN"), so the token was not sent`},
		{"XOAUTH2", lapsed, "token: the consent has lapsed"},
	} {
		synctest.Test(t, func(t *testing.T) {
			f, k := &fake{}, &tokens{ours: "T1", err: test.err}
			failed := mustFail(t, start(t, tokenPipe(k, f, test.offered)), letter)
			if failed.Verdict != Down || failed.Phase != phaseAuth || failed.LoginRefused || !strings.Contains(failed.Error(), test.want) {
				t.Errorf("got %v", failed)
			}
			if said := f.verbs(); said != "EHLO" || len(k.refused) > 0 {
				t.Errorf("told %s", said)
			}
		})
	}
}

// A token that takes long does not use up the server's time for AUTH, and the
// end of the context is not the server's fault.
func TestSlowToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{wait: 50 * time.Second, answers: map[string]string{phaseAuth: "wait"}}
		config := tokenPipe(&tokens{}, f, "XOAUTH2")
		config.Servers[0].Token = func(ctx context.Context) (string, error) {
			select {
			case <-time.After(30 * time.Second):
				return "T1", nil
			case <-ctx.Done():
				return "", context.Cause(ctx)
			}
		}
		c := start(t, config)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Send(ctx, letter)
		if failed, ok := errors.AsType[*Error](err); !ok || failed.Verdict != Deferred || !c.Health()[0].Up {
			t.Errorf("%v; %+v", err, c.Health())
		}
		mustSend(t, c, letter)
	})
}
