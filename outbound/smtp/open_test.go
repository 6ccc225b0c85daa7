package smtp

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestNewListsAllMistakes(t *testing.T) {
	_, err := New(Config{HELO: "two words", Servers: []Server{
		{URL: "smtps://mx.example:465", Username: "us"},
		{URL: "smtps://mx.example", Token: new(tokens).token},
		{URL: "smtp+insecure://mx.example"},
		{URL: "smtp+insecure://10.0.0.1:25"},
		{URL: "smtp://mx.example"},
		{URL: "smtps://"},
		{URL: "smtps://mx.example/path"},
		{URL: "smtps://us:hunter2@mx.example"},
		{URL: "::"},
	}})
	if err == nil {
		t.Fatal("all mistakes were taken")
	}
	for _, want := range []string{
		"cannot be a name in EHLO", "needs a password or a token", "a token needs a username", "smtp+insecure://mx.example: smtp+insecure is for loopback only",
		"10.0.0.1:25: smtp+insecure is for loopback", "smtp://mx.example: the scheme must be", "smtps://: want",
		"/path: want", "must not hold the login", "missing protocol scheme",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %q in:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("the error tells a password")
	}
	if _, err := New(Config{}); err == nil || !strings.Contains(err.Error(), "no server") {
		t.Errorf("without servers: %v", err)
	}
}

func TestPorts(t *testing.T) {
	for url, want := range map[string]string{
		"smtps://mx.example": "mx.example:465", "smtp+starttls://mx.example": "mx.example:587",
		"smtp+insecure://localhost": "localhost:25", "smtp+insecure://[::1]:2525/": "[::1]:2525",
	} {
		c := start(t, Config{Servers: []Server{{URL: url}}})
		if got := c.Health()[0].Server; got != want {
			t.Errorf("%s is %s, want %s", url, got, want)
		}
	}
}

// pipe is a config for one fake under any scheme.
func pipe(f *fake, scheme string) Config {
	return Config{HELO: "us.example", Dial: f.dial, Servers: []Server{{
		URL: scheme + "://127.0.0.1:25", Username: "us", Password: secret("hunter2"),
	}}}
}

// Whoever strips STARTTLS gets nothing: no login and no mail.
func TestStrippedSTARTTLS(t *testing.T) {
	for name, f := range map[string]*fake{
		"not offered": {features: []string{"AUTH PLAIN"}},
		"refused":     {features: []string{"STARTTLS", "AUTH PLAIN"}, answers: map[string]string{"starttls": "454 4.7.0 not now"}},
		"hangs":       {features: []string{"STARTTLS", "AUTH PLAIN"}, answers: map[string]string{"starttls": "hang"}},
		"no TLS":      {features: []string{"STARTTLS", "AUTH PLAIN"}, answers: map[string]string{"starttls": "220 go on\n250 this is no TLS"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			failed := mustFail(t, start(t, pipe(f, "smtp+starttls")), letter)
			if failed.Verdict != Down || failed.Phase != phaseTLS || failed.LoginRefused {
				t.Errorf("%s: %v", name, failed)
			}
			if got := f.verbs(); strings.Contains(got, "AUTH") || strings.Contains(got, "MAIL") {
				t.Errorf("%s: commands %s", name, got)
			}
			if name == "not offered" && !strings.Contains(failed.Error(), "use smtps://") {
				t.Errorf("%v does not say what to do", failed)
			}
		})
	}
}

func TestTLSHandshakeIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answers: map[string]string{phaseGreeting: "hang"}}
		failed := mustFail(t, start(t, pipe(f, "smtps")), letter)
		if failed.Verdict != Down || failed.Phase != phaseTLS || !errors.Is(failed, os.ErrDeadlineExceeded) {
			t.Errorf("got %v", failed)
		}
	})
}

func TestLoginVerdicts(t *testing.T) {
	for _, test := range []struct {
		answer, offer string
		code          int
		refused       bool
	}{
		{"535 5.7.8 no", "AUTH PLAIN", 535, true},
		{"534 5.7.9 use an app password", "AUTH LOGIN", 534, true},
		{"554 5.7.0 too many attempts", "AUTH PLAIN", 554, true},
		{"454 4.7.0 directory is away", "AUTH PLAIN", 454, false},
		{"421 bye|cut", "AUTH PLAIN", 421, false},
		{"cut", "AUTH PLAIN", 0, false},
		{"hang", "AUTH PLAIN", 0, false},
		{"", "AUTH CRAM-MD5", 0, false},
		{"", "SIZE", 0, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{features: []string{test.offer}, answers: map[string]string{phaseAuth: test.answer}}
			failed := mustFail(t, start(t, pipe(f, "smtp+insecure")), letter)
			if failed.Verdict != Down || failed.Phase != phaseAuth || failed.Code != test.code || failed.LoginRefused != test.refused {
				t.Errorf("%s after %s: %+v", test.answer, test.offer, failed)
			}
			if wait := time.Until(failed.RetryAt); (wait == loginProbe) != test.refused {
				t.Errorf("%s: to be tried in %v", test.answer, wait)
			}
		})
	}
}

// The password is read for each login, so that a new one needs no restart.
func TestPasswordIsReadAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{features: []string{"AUTH PLAIN"}}
		config := pipe(f, "smtp+insecure")
		password, unreadable := "old", errors.New("no such file")
		var err error
		config.Servers[0].Password = func() (string, error) { return password, err }
		c := start(t, config)
		f.set(phaseAuth, "535 5.7.8 no")
		next(mustFail(t, c, letter))
		f.set(phaseAuth, "")
		password = "new"
		mustSend(t, c, letter)
		want := "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00us\x00new"))
		if all := strings.Join(f.said(), "\n"); !strings.Contains(all, want) {
			t.Errorf("no %q in:\n%s", want, all)
		}
		time.Sleep(maxIdle)
		synctest.Wait()
		err = unreadable
		if failed := mustFail(t, c, letter); failed.Verdict != Down || failed.Phase != phaseAuth || !errors.Is(failed, unreadable) {
			t.Errorf("unreadable: %v", failed)
		}
	})
}

func TestHELOAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answers: map[string]string{phaseHello: "502 5.5.1 what"}}
		mustSend(t, client(t, f), letter)
		if got, want := f.verbs(), "EHLO HELO MAIL RCPT DATA"; got != want {
			t.Errorf("commands: %s\nwant:     %s", got, want)
		}
	})
}

func TestDefaultDialer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	c := start(t, Config{Servers: []Server{{URL: "smtp+insecure://" + listener.Addr().String()}}})
	_, err = c.Send(context.Background(), letter)
	if failed, _ := errors.AsType[*Error](err); failed == nil || failed.Verdict != Down || failed.Phase != phaseConnect {
		t.Errorf("nobody listens: %v", err)
	}
}
