package imap

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/id8labs/escalated/mailbox/mailserver/dovecot"
)

// visit probes an office, and leaves with the test.
func (o *office) visit(sent string) *Visit {
	o.t.Helper()
	v, err := Probe(o.t.Context(), o.config(), sent)
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(v.Close)
	return v
}

// A probe sees what is there and changes nothing of it.
func TestProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t)
		o.put("one", "two")
		v := o.visit("Gesendet")
		got := []Folder{v.Watched, v.Archive, v.Quarantine, v.Sent}
		want := []Folder{
			{Name: "INBOX", Exists: true, Mails: 2, Writable: true, Keywords: true, UIDValidity: true},
			{Name: "Escalations/Archive"}, {Name: "Escalations/Quarantine"}, {Name: "Gesendet"},
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Folder{})); diff != "" {
			t.Error(diff)
		}
		if v.Separator != "/" || v.TLS != nil || !slices.Contains(v.Caps, "MOVE") || !slices.IsSorted(v.Caps) {
			t.Errorf("visit %+v", v)
		}
		for _, command := range o.said() {
			if !slices.Contains([]string{"CAPABILITY", "AUTHENTICATE", "LOGIN", "NAMESPACE", "STATUS", "SELECT"}, command) {
				t.Errorf("a probe said %s", command)
			}
		}
	})
}

// Mails that were there before are passed over, and looking marks nothing.
func TestFind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t)
		o.put("Subject: check abc\r\n\r\nold")
		v := o.visit("")
		find := func(folder, end string) {
			t.Helper()
			mail, at, err := v.Find(t.Context(), "abc")
			if err != nil || at != folder || !strings.HasSuffix(string(mail), end) || mail == nil != (folder == "") {
				t.Errorf("found %q in %q: %v", mail, at, err)
			}
		}
		find("", "")
		o.put("Subject: other\r\n\r\nabc")
		find("", "")
		o.put("Subject: [EXT] check abc\r\n\r\nnew")
		find("INBOX", "new")
		find("INBOX", "new")
		if data, err := o.user.Status("INBOX", &imap.StatusOptions{NumUnseen: true}); err != nil || *data.NumUnseen != 3 {
			t.Errorf("%d mails are unseen: %v", *data.NumUnseen, err)
		}
		if said := o.said(); slices.ContainsFunc(said, func(c string) bool { return c == "STORE" || c == "UID STORE" || c == "EXPUNGE" }) {
			t.Errorf("looking said %v", said)
		}
	})
}

// A folder that a service makes later is looked into as well.
func TestFindInNewArchive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t)
		v := o.visit("")
		if err := o.user.Create("Escalations/Archive", nil); err != nil {
			t.Fatal(err)
		}
		if _, err := o.user.Append("Escalations/Archive", strings.NewReader("Subject: abc\r\n\r\nfiled"), &imap.AppendOptions{}); err != nil {
			t.Fatal(err)
		}
		mail, at, err := v.Find(t.Context(), "abc")
		if err != nil || at != "Escalations/Archive" || !strings.HasSuffix(string(mail), "filed") {
			t.Errorf("found %q in %q: %v", mail, at, err)
		}
	})
}

func TestFindEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t)
		v := o.visit("")
		o.last().blacken()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		if _, _, err := v.Find(ctx, "abc"); err == nil || time.Since(began) != 5*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

func TestProbeFails(t *testing.T) {
	for _, test := range []struct {
		name, step string
		fault      func(o *office, cfg *Config)
		refused    bool
	}{
		{"no URL", StepConnect, func(_ *office, cfg *Config) { cfg.Server = "imap://x" }, false},
		{"down", StepConnect, func(o *office, _ *Config) { o.down = true }, false},
		{"silent", StepGreeting, func(o *office, cfg *Config) { cfg.Dial = o.dialSilent }, false},
		{"silent under TLS", StepTLS, func(o *office, cfg *Config) { cfg.Server, cfg.Dial = "imaps://localhost", o.dialSilent }, false},
		{"login", StepLogin, func(_ *office, cfg *Config) { cfg.Password = secret("wrong") }, true},
		{"no password", StepLogin, func(_ *office, cfg *Config) {
			cfg.Password = func() (string, error) { return "", errors.New("no such file") }
		}, false},
		{"nonsense", StepFolders, func(o *office, _ *Config) { o.hear = replace("* NAMESPACE", "* NAMESPACE )") }, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := open(t)
			cfg := o.config()
			synctest.Wait()
			test.fault(o, &cfg)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			began := time.Now()
			v, err := Probe(ctx, cfg, "")
			failed, ok := errors.AsType[*ProbeError](err)
			if !ok || failed.Step != test.step || failed.Refused != test.refused || v == nil {
				t.Errorf("%s: %v", test.name, err)
			}
			if took := time.Since(began); took > 31*time.Second {
				t.Errorf("%s: took %v", test.name, took)
			}
			if late := time.Since(began) >= 30*time.Second; late != errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s after %v: %v", test.name, time.Since(began), err)
			}
		})
	}
}

// A token that another may replace is replaced once.
func TestProbeReplacesToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t)
		refusals := 0
		o.onLogin = func() error { refusals++; return imapserver.ErrAuthFailed }
		cfg := o.config()
		o.hear = replace(" AUTH=PLAIN", " AUTH=XOAUTH2")
		asked := 0
		cfg.Token = func(context.Context) (string, error) { asked++; return "token", nil }
		cfg.TokenRefused = func(string) bool { return true }
		if _, err := Probe(t.Context(), cfg, ""); err == nil || asked != 2 {
			t.Errorf("%d tokens were asked for: %v", asked, err)
		}
	})
}

func TestEars(t *testing.T) {
	const answer = "* OK [PermanentFlags ()] x\r\nA1 OK [READ-ONLY] done\r\n"
	for cut := range len(answer) {
		var e ears
		e.listen()
		_, _ = e.Write([]byte(answer[:cut]))
		_, _ = e.Write([]byte(answer[cut:]))
		if !e.heardFlags() || !e.heardReadOnly() {
			t.Errorf("cut at %d: not heard", cut)
		}
		_, _ = e.Write([]byte("A2 LOGIN u secret\r\n"))
		if strings.Contains(string(e.tail), "secret") || strings.Contains(string(e.tail), "SECRET") {
			t.Error("kept what was said later")
		}
	}
}

func TestProbeDovecot(t *testing.T) {
	t.Parallel()
	s := dovecot.Start(t, dovecot.Separator("."), dovecot.Prefix("INBOX."))
	for _, scheme := range []string{"imaps", "imap+starttls", "imap+insecure"} {
		cfg := realConfig(t, s)
		cfg.Server = s.URL(scheme)
		v, err := Probe(t.Context(), cfg, "Sent")
		if err != nil {
			t.Fatalf("%s: %v", scheme, err)
		}
		if (v.TLS == nil) != (scheme == "imap+insecure") || v.Separator != "." || v.Prefix != "INBOX." || !v.Watched.Writable || v.Archive.Name != "INBOX.Escalations.Archive" || v.Archive.Exists {
			t.Errorf("%s: %+v", scheme, v)
		}
		if v.TLS != nil && v.TLS.PeerCertificates[0].Subject.CommonName != "localhost" {
			t.Errorf("%s: certificate for %v", scheme, v.TLS.PeerCertificates[0].Subject)
		}
		s.Deliver([]byte("Subject: find " + strings.ReplaceAll(scheme, "+", "") + "\r\n\r\nhere\r\n"))
		mail, folder, err := v.Find(t.Context(), strings.ReplaceAll(scheme, "+", ""))
		if err != nil || folder != "INBOX" || !strings.HasSuffix(string(mail), "here\r\n") {
			t.Errorf("%s: found %q in %s: %v", scheme, mail, folder, err)
		}
		v.Close()
	}
	cfg := realConfig(t, s)
	cfg.Folder = "Support"
	v, err := Probe(t.Context(), cfg, "")
	if err != nil || v.Watched.Exists || v.Watched.Name != "INBOX.Support" {
		t.Errorf("no such folder: %v, %+v", err, v.Watched)
	}
	v.Close()
	cfg = realConfig(t, s)
	cfg.RootCAs = nil
	if v, err = Probe(t.Context(), cfg, ""); err == nil || !strings.HasPrefix(err.Error(), "tls: ") || v.TLS != nil {
		t.Errorf("an unknown certificate: %v", err)
	}
}
