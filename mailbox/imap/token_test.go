package imap

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"
	"github.com/google/go-cmp/cmp"
)

// tokens are a mailbox's access tokens: the server takes only the good one,
// the client gives out what it has.
type tokens struct {
	mu         sync.Mutex
	good, ours string
	renewed    string // replaces ours when a token is refused; "": nothing better
	err        error
	refused    []string
	responses  []string // SASL responses the server got, decoded
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
	k.ours, k.renewed = max(k.renewed, k.ours), ""
	return another
}

// heard returns the responses since the last call.
func (k *tokens) heard() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	heard := k.responses
	k.responses = nil
	return heard
}

func (k *tokens) note(response []byte) (good string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.responses = append(k.responses, string(response))
	return k.good
}

// use makes an office take these tokens, and a config give them out.
func (k *tokens) use(o *office, mechanisms ...string) Config {
	o.mechanisms = mechanisms
	o.onSASL = func(mechanism string) sasl.Server { return &tokenServer{k: k, mechanism: mechanism} }
	cfg := o.config()
	cfg.Username, cfg.Password, cfg.Token, cfg.TokenRefused = "shared@acme.example", nil, k.token, k.refuse
	return cfg
}

// tokenServer is the server's side of XOAUTH2 and OAUTHBEARER, to the letter.
type tokenServer struct {
	k         *tokens
	mechanism string
	failed    bool
}

// expected is what the client has to say first.
func expected(mechanism, token string) string {
	if mechanism == "XOAUTH2" {
		return "user=shared@acme.example\x01auth=Bearer " + token + "\x01\x01"
	}
	return "n,a=shared@acme.example,\x01host=localhost\x01port=143\x01auth=Bearer " + token + "\x01\x01"
}

func (s *tokenServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if response == nil {
		return nil, false, nil // without SASL-IR the response comes later
	}
	good := s.k.note(response)
	switch {
	case s.failed:
		return nil, false, no(imap.ResponseCodeAuthenticationFailed)
	case string(response) == expected(s.mechanism, good):
		return nil, true, nil
	}
	s.failed = true
	return []byte(`{"status":"400","schemes":"Bearer","scope":"https://mail.acme.example/"}`), false, nil
}

func TestLoginByToken(t *testing.T) {
	for _, test := range []struct {
		offered []string
		hear    func([]byte) []byte
		want    string // mechanism
	}{
		{[]string{"PLAIN", "XOAUTH2"}, nil, "XOAUTH2"},
		{[]string{"PLAIN", "OAUTHBEARER"}, nil, "OAUTHBEARER"},
		{[]string{"PLAIN", "OAUTHBEARER", "XOAUTH2"}, nil, "XOAUTH2"},
		{[]string{"XOAUTH2"}, replace("SASL-IR", "SASL-XX"), "XOAUTH2"},
		{[]string{"OAUTHBEARER"}, replace("SASL-IR", "SASL-XX"), "OAUTHBEARER"},
	} {
		synctest.Test(t, func(t *testing.T) {
			o, k := open(t), &tokens{good: "T1", ours: "T1"}
			o.hear = test.hear
			in, _ := o.watch(k.use(o, test.offered...), newDesk())
			if !in.Status().Connected {
				t.Errorf("%v: %+v", test.offered, in.Status())
			}
			if diff := cmp.Diff([]string{expected(test.want, "T1")}, k.heard()); diff != "" {
				t.Errorf("%v (-want +got):\n%s", test.offered, diff)
			}
			if strings.Contains(strings.Join(o.written(), ""), "PLAIN") {
				t.Error("a password was tried")
			}
		})
	}
}

// A refused token is explained, replaced and tried again at once.
func TestTokenIsRenewedOnce(t *testing.T) {
	for _, mechanism := range []string{"XOAUTH2", "OAUTHBEARER"} {
		synctest.Test(t, func(t *testing.T) {
			o, k := open(t), &tokens{good: "T2", ours: "T1", renewed: "T2"}
			in, _ := o.watch(k.use(o, mechanism), newDesk())
			if st := in.Status(); !st.Connected || st.Err != "" || len(o.dialled()) != 2 {
				t.Errorf("%d connections, status %+v", len(o.dialled()), st)
			}
			want := []string{expected(mechanism, "T1"), "\x01", expected(mechanism, "T2")}
			if diff := cmp.Diff(want, k.heard()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", mechanism, diff)
			}
			initial := base64.StdEncoding.EncodeToString([]byte(expected(mechanism, "T1")))
			lines := o.written()
			if i := slices.IndexFunc(lines, func(l string) bool { return strings.HasSuffix(l, " AUTHENTICATE "+mechanism+" "+initial+"\r\n") }); i < 0 || lines[i+1] != "AQ==\r\n" {
				t.Errorf("on the wire: %q", lines)
			}
		})
	}
}

// Where no token does, the server is left alone for a minute, and told why.
func TestTokenStaysRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, k := open(t), &tokens{good: "T9", ours: "T1", renewed: "T2"}
		in, _ := o.watch(k.use(o, "XOAUTH2"), newDesk())
		if st := in.Status(); st.Connected || !strings.Contains(st.Err, "status 400, it wants the scope https://mail.acme.example/; check that `username`") || strings.Contains(st.Err, "T2") {
			t.Errorf("status %+v", st)
		}
		pass(59 * time.Second)
		if n := len(o.dialled()); n != 2 {
			t.Errorf("%d connections in the first minute, want 2", n)
		}
		k.mu.Lock()
		k.ours = "T9"
		if diff := cmp.Diff([]string{"T1", "T2"}, k.refused); diff != "" {
			t.Errorf("refused tokens (-want +got):\n%s", diff)
		}
		k.mu.Unlock()
		pass(20 * time.Second)
		if st := in.Status(); !st.Connected || st.Err != "" {
			t.Errorf("status afterwards %+v", st)
		}
	})
}

// What is no refusal costs no token.
func TestNoTokenSpent(t *testing.T) {
	lapsed := errors.New("the consent has lapsed")
	for name, test := range map[string]struct {
		offered []string
		err     error
		want    string
	}{
		"none offered": {[]string{"PLAIN", "LOGIN"}, nil, `offers neither AUTH XOAUTH2 nor OAUTHBEARER (offered: "`},
		"no token":     {[]string{"XOAUTH2"}, lapsed, "token: the consent has lapsed"},
	} {
		synctest.Test(t, func(t *testing.T) {
			o, k := open(t), &tokens{good: "T1", ours: "T1", err: test.err}
			in, _ := o.watch(k.use(o, test.offered...), newDesk())
			if st := in.Status(); st.Connected || !strings.Contains(st.Err, test.want) {
				t.Errorf("%s: %+v", name, st)
			}
			if len(k.heard()) > 0 || len(k.refused) > 0 || strings.Contains(strings.Join(o.written(), ""), "AUTHENTICATE") {
				t.Errorf("%s: on the wire: %q", name, o.written())
			}
		})
	}
}

// Trouble at the server is not the token's fault; nor does a server that asks
// on and on hold us.
func TestTokenAndTrouble(t *testing.T) {
	for name, server := range map[string]sasl.Server{
		"unavailable": saslFunc(func([]byte) ([]byte, error) { return nil, no(imap.ResponseCodeUnavailable) }),
		"asks on":     saslFunc(func(r []byte) ([]byte, error) { return []byte("{}"), nil }),
	} {
		synctest.Test(t, func(t *testing.T) {
			o, k := open(t), &tokens{ours: "T1"}
			cfg := k.use(o, "OAUTHBEARER")
			o.onSASL = func(string) sasl.Server { return server }
			in, _ := o.watch(cfg, newDesk())
			pass(10 * time.Second)
			if st := in.Status(); st.Connected || st.Err == "" || len(k.refused) > 0 || len(o.dialled()) < 3 {
				t.Errorf("%s: %d connections, refused %q, status %+v", name, len(o.dialled()), k.refused, st)
			}
		})
	}
}

type saslFunc func([]byte) ([]byte, error)

func (f saslFunc) Next(response []byte) (challenge []byte, done bool, err error) {
	challenge, err = f(response)
	return challenge, false, err
}

// A token that lapses while the connection stands is of no matter; the next
// login takes a new one.
func TestTokenOfTheNextLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, k := open(t), &tokens{good: "T1", ours: "T1"}
		in, _ := o.watch(k.use(o, "XOAUTH2"), newDesk())
		for i := range 3 {
			next := fmt.Sprintf("T%d", i+2)
			k.mu.Lock()
			k.good, k.ours = next, next
			k.mu.Unlock()
			pass(time.Hour)
			_ = o.last().Conn.Close()
			pass(5 * time.Second)
			if heard := k.heard(); heard[len(heard)-1] != expected("XOAUTH2", next) || !in.Status().Connected {
				t.Errorf("heard %q; status %+v", heard, in.Status())
			}
		}
	})
}
