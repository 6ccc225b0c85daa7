package smtp

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"github.com/id8labs/escalated/mailbox/wire/wiretest"
)

func TestProbeOffers(t *testing.T) {
	for features, want := range map[string]Offer{
		"SIZE 1000,8BITMIME,SMTPUTF8,PIPELINING": {Size: 1000, Extensions: []string{"SIZE", "8BITMIME", "SMTPUTF8", "PIPELINING"}},
		"SIZE":                                   {Extensions: []string{"SIZE"}},
		"SIZE large":                             {Extensions: []string{"SIZE"}},
		"DSN":                                    {},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{features: append(strings.Split(features, ","), "AUTH PLAIN")}
			config := pipe(f, "smtp+insecure")
			got, err := Probe(t.Context(), config.Servers[0], config)
			want.Server = "127.0.0.1:25"
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s: %v\n%s", features, err, diff)
			}
			synctest.Wait()
			if _, open := f.dialed(); open != 0 || f.verbs() != "EHLO AUTH QUIT" {
				t.Errorf("%d connections are left open", open)
			}
		})
	}
}

func TestProbeEncrypted(t *testing.T) {
	secured, pool := wiretest.Certificate(t, nil)
	for _, scheme := range []string{"smtps", "smtp+starttls"} {
		s := &sink{password: "right", mechanisms: []string{"PLAIN"}}
		at := Server{URL: scheme + "://" + s.serve(t, scheme == "smtps", secured, func(s *gosmtp.Server) { s.MaxMessageBytes = 99 }),
			Username: "us", Password: secret("right"), RootCAs: pool}
		offer, err := Probe(t.Context(), at, Config{})
		if err != nil || offer.TLS == nil || len(offer.TLS.PeerCertificates) != 1 || offer.Size != 99 {
			t.Errorf("%s: %+v, %v", scheme, offer, err)
		}
		at.Password = secret("wrong")
		offer, err = Probe(t.Context(), at, Config{})
		if failed, ok := errors.AsType[*Error](err); !ok || failed.Phase != phaseAuth || !failed.LoginRefused || offer.TLS == nil {
			t.Errorf("%s, wrong password: %+v, %v", scheme, offer, err)
		}
		at.RootCAs = nil
		offer, err = Probe(t.Context(), at, Config{})
		if failed, ok := errors.AsType[*Error](err); !ok || failed.Phase != phaseTLS || offer.TLS != nil {
			t.Errorf("%s, unknown: %+v, %v", scheme, offer, err)
		}
	}
}

// A probe ends with its context, whatever the server does.
func TestProbeIsBounded(t *testing.T) {
	for _, phase := range []string{phaseGreeting, phaseHello, phaseAuth} {
		for _, answer := range []string{"hang", "drip"} {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{features: []string{"AUTH PLAIN"}, answers: map[string]string{phase: answer}}
				config := pipe(f, "smtp+insecure")
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				began := time.Now()
				_, err := Probe(ctx, config.Servers[0], config)
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 20*time.Second {
					t.Errorf("%s %ss: %v after %v", phase, answer, err, time.Since(began))
				}
			})
		}
	}
}

func TestProbeMistakes(t *testing.T) {
	if _, err := Probe(t.Context(), Server{URL: "smtp://x"}, Config{}); err == nil || !strings.Contains(err.Error(), "scheme") {
		t.Errorf("a wrong URL: %v", err)
	}
	if _, err := Probe(t.Context(), Server{URL: "smtps://x"}, Config{HELO: "two words"}); err == nil || !strings.Contains(err.Error(), "EHLO") {
		t.Errorf("a wrong name: %v", err)
	}
}
