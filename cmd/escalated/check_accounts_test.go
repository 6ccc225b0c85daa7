package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/id8labs/escalated/cmd/escalated/config"
)

// Tokens are masked, and none is asked for where a new refresh token would be
// written for the wrong user.
func TestGuardedToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "refresh")
	if err := os.WriteFile(file, []byte("refresh-me"), 0o600); err != nil {
		t.Fatal(err)
	}
	var hidden masks
	account := config.Credentials{OAuth2: &config.OAuth2{RefreshTokenFile: file}}
	hide(account, &hidden)
	asked := 0
	token := guarded(func(context.Context) (string, error) { asked++; return "access-me", nil }, account, &hidden)
	if value, err := token(t.Context()); value != "access-me" || err != nil {
		t.Errorf("token %q, %v", value, err)
	}
	if got := hidden.hide("access-me, refresh-me, other"); got != "***, ***, other" {
		t.Errorf("shown: %s", got)
	}
	if guarded(nil, account, &hidden) != nil {
		t.Error("a password became a token")
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	if err := os.Chown(file, 4242, 4242); err != nil {
		t.Fatal(err)
	}
	want := file + " belongs to the user with id 4242, who could not read a new refresh token that this wrote; run check as the user with id 4242"
	if _, err := token(t.Context()); err == nil || err.Error() != want || asked != 1 {
		t.Errorf("of another user's: %v, asked %d times", err, asked)
	}
}

func TestAdvised(t *testing.T) {
	for _, test := range []struct {
		err      error
		says, do string
	}{
		{errors.New("all is lost"), "all is lost", "pray"},
		{errors.New("no STARTTLS: use imaps://"), "no STARTTLS", "use imaps://"},
		{wrapped{"step: base: mend it", wrapped{"base: mend it", errors.New("base")}}, "step: base", "mend it"},
	} {
		if says, do := advised(test.err, "pray"); says != test.says || do != test.do {
			t.Errorf("%v: says %q, do %q", test.err, says, do)
		}
	}
}

type wrapped struct {
	text string
	error
}

func (w wrapped) Error() string { return w.text }
func (w wrapped) Unwrap() error { return w.error }

func TestCheckDataOutOfReach(t *testing.T) {
	p := newPatient(t, nil)
	p.data = "imap.password/data"
	p.finds(nil, "data", "problem data: DIR/imap.password/data cannot be looked at: stat DIR/imap.password/data: not a directory → correct the permissions of the folders above it, or `data`")
	if os.Geteuid() == 0 {
		t.Skip("root may write anywhere")
	}
	p.mkdir("locked")
	if err := os.Chmod(p.path("locked"), 0o500); err != nil {
		t.Fatal(err)
	}
	p.data = "locked/data"
	p.finds(nil, "data", "problem data: DIR/locked/data does not exist and cannot be made in DIR/locked: permission denied → make it, for the user who runs the service, or correct `data`")
	p.data = "locked"
	p.finds(nil, "data", "problem data: DIR/locked cannot be written: permission denied → let the user this runs as write there, or correct `data`")
	if _, stdout, _ := p.run(); !strings.Contains(stdout, "token_key") {
		t.Error("the rest was not checked")
	}
}
