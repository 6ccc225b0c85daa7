package smtp

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/id8labs/escalated/mailbox/wire/wiretest"
)

// A bad certificate gets neither login nor mail, and is explained.
func TestBadCertificates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, fault := range wiretest.Faults(t) {
			for _, scheme := range []string{"smtps", "smtp+starttls"} {
				for _, login := range []func(*Server){func(*Server) {}, withToken(&tokens{ours: "T1"})} {
					f := &fake{features: []string{"STARTTLS", "AUTH PLAIN XOAUTH2"}, secured: fault.Server, implicit: scheme == "smtps"}
					config := pipe(f, scheme)
					config.Servers[0].RootCAs = fault.Roots
					login(&config.Servers[0])
					failed := mustFail(t, start(t, config), letter)
					if failed.Verdict != Down || failed.Phase != phaseTLS || !strings.Contains(failed.Error(), fault.Remedy) {
						t.Errorf("%s, %s: %v", scheme, fault.Name, failed)
					}
					if said := f.verbs(); said != "" && said != "EHLO STARTTLS" {
						t.Errorf("%s, %s: told %s", scheme, fault.Name, said)
					}
				}
			}
		}
	})
}

// The same fake takes a mail where the certificate is good: else the test above
// could not fail.
func TestGoodCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secured, roots := wiretest.Certificate(t, nil)
		for scheme, want := range map[string]string{"smtps": "EHLO AUTH MAIL RCPT DATA", "smtp+starttls": "EHLO STARTTLS EHLO AUTH MAIL RCPT DATA"} {
			f := &fake{features: []string{"STARTTLS", "AUTH PLAIN"}, secured: secured, implicit: scheme == "smtps"}
			config := pipe(f, scheme)
			config.Servers[0].RootCAs = roots
			mustSend(t, start(t, config), letter)
			if said := f.verbs(); said != want {
				t.Errorf("%s: told %s, want %s", scheme, said, want)
			}
		}
	})
}
