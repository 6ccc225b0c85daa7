package imap

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/mailserver/dovecot"
)

// realConfig watches a Dovecot over TLS.
func realConfig(tb testing.TB, s *dovecot.Server) Config {
	return Config{
		Server: s.URL("imaps"), RootCAs: s.Roots, Username: dovecot.Username, Password: secret(dovecot.Password),
		Log: slog.New(slog.NewTextHandler(tb.Output(), nil)),
	}
}

// watchReal runs an inbox until the test ends or stop is called.
func watchReal(tb testing.TB, cfg Config, desk mailbox.Desk) (in *Inbox, stop func()) {
	tb.Helper()
	in, err := New(cfg, desk)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- in.Run(ctx) }()
	stop = func() {
		if cancel != nil {
			cancel()
			cancel = nil
			if err := <-done; err != nil {
				tb.Errorf("Run: %v", err)
			}
		}
	}
	tb.Cleanup(stop)
	return in, stop
}

func numbered(n int) [][]byte {
	mails := make([][]byte, n)
	for i := range mails {
		mails[i] = fmt.Appendf(nil, "From: c@customer.example\r\nSubject: mail %d\r\n\r\nHello.\r\n", i)
	}
	return mails
}

func TestDovecotHierarchies(t *testing.T) {
	for _, test := range []struct {
		scheme  string
		options []dovecot.Option
	}{
		{"imaps", nil},
		{"imap+starttls", []dovecot.Option{dovecot.Separator("."), dovecot.Prefix("INBOX.")}},
		{"imap+insecure", []dovecot.Option{dovecot.Separator("."), dovecot.Prefix("INBOX."),
			dovecot.Capabilities("IMAP4rev1 UIDPLUS AUTH=PLAIN")}},
	} {
		t.Run(test.scheme, func(t *testing.T) {
			t.Parallel()
			s := dovecot.Start(t, test.options...)
			mails := numbered(3)
			s.Deliver(mails...)
			desk := newDesk()
			desk.rule = func(raw mailbox.Raw) mailbox.Fate {
				if bytes.Contains(raw.Bytes, []byte("mail 1")) {
					return mailbox.Quarantine
				}
				return mailbox.Archive
			}
			cfg := realConfig(t, s)
			cfg.Server = s.URL(test.scheme)
			_, stop := watchReal(t, cfg, desk)
			desk.awaitFiled(t, 3)
			stop()
			if diff := cmp.Diff(mails, desk.bodies()); diff != "" {
				t.Errorf("received (-want +got):\n%s", diff)
			}
			got := [3]int{s.Count("INBOX"), s.Count("Escalations/Archive"), s.Count("Escalations/Quarantine")}
			if want := [3]int{0, 2, 1}; got != want {
				t.Errorf("INBOX, archive, quarantine hold %v, want %v", got, want)
			}
		})
	}
}

func TestDovecotPush(t *testing.T) {
	t.Parallel()
	s := dovecot.Start(t)
	desk := newDesk()
	cfg := realConfig(t, s)
	cfg.Poll = maxPoll // whatever comes before comes by IDLE
	in, _ := watchReal(t, cfg, desk)
	mails := numbered(3)
	for i, mail := range mails {
		s.Deliver(mail)
		desk.awaitFiled(t, i+1)
	}
	if diff := cmp.Diff(mails, desk.bodies()); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
	if st := in.Status(); !st.Connected || st.Err != "" || st.Backlog != 0 || time.Since(st.LastPass) > time.Hour {
		t.Errorf("status %+v", st)
	}
}

func TestDovecotBacklogAndRestart(t *testing.T) {
	t.Parallel()
	s := dovecot.Start(t)
	mails := numbered(1000)
	s.Deliver(mails...)
	desk := newDesk()
	_, stop := watchReal(t, realConfig(t, s), desk)
	desk.awaitFiled(t, len(mails))
	s.Stop()
	s.Deliver([]byte("Subject: while down\r\n\r\n"))
	s.Start()
	desk.awaitFiled(t, len(mails)+1)
	stop()
	if got := len(desk.bodies()); got != len(mails)+1 {
		t.Errorf("received %d mails, want %d", got, len(mails)+1)
	}
	if got := s.Count("Escalations/Archive"); got != len(mails)+1 {
		t.Errorf("archive holds %d mails, want %d", got, len(mails)+1)
	}
}

func TestDovecotUIDValidity(t *testing.T) {
	t.Parallel()
	s := dovecot.Start(t)
	s.Deliver(numbered(2)...)
	desk := newDesk()
	desk.rule = func(mailbox.Raw) mailbox.Fate { return mailbox.Leave }
	_, _ = watchReal(t, realConfig(t, s), desk)
	desk.awaitReceived(t, 2)
	s.ResetUIDValidity()
	desk.awaitReceived(t, 4)
	at := desk.locations()
	if at[0].UIDValidity == at[2].UIDValidity || at[0].UID != at[2].UID {
		t.Errorf("locations before and after: %v", at)
	}
}

func TestDovecotFolderVanishes(t *testing.T) {
	t.Parallel()
	s := dovecot.Start(t)
	desk := newDesk()
	_, _ = watchReal(t, realConfig(t, s), desk)
	s.Deliver(numbered(1)...)
	desk.awaitFiled(t, 1)
	s.RemoveFolder("Escalations/Archive")
	s.Deliver(numbered(1)...)
	desk.awaitFiled(t, 2)
	if got := s.Count("Escalations/Archive"); got != 1 {
		t.Errorf("new archive holds %d mails, want 1", got)
	}
}

func TestDovecotRefusesStrangers(t *testing.T) {
	t.Parallel()
	s := dovecot.Start(t)
	cfg := realConfig(t, s)
	cfg.RootCAs = nil
	in, err := New(cfg, newDesk())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.connect(t.Context(), t.Context()); err == nil {
		t.Error("an unknown certificate is trusted")
	}
}

// BenchmarkDovecot measures mails/s of 12 KB with a desk that does nothing.
func BenchmarkDovecot(b *testing.B) {
	s := dovecot.Start(b)
	mail := append([]byte("From: c@customer.example\r\nSubject: benchmark\r\n\r\n"), bytes.Repeat([]byte("A line of text in a mail of some length.\r\n"), 290)...)
	b.SetBytes(int64(len(mail)) * benchmarkMails)
	for b.Loop() {
		b.StopTimer()
		for range benchmarkMails {
			s.Deliver(mail)
		}
		desk := newDesk()
		desk.forgetful = true
		b.StartTimer()
		_, stop := watchReal(b, realConfig(b, s), desk)
		desk.awaitFiled(b, benchmarkMails)
		b.StopTimer()
		stop()
		b.StartTimer()
	}
	b.ReportMetric(float64(benchmarkMails*b.N)/b.Elapsed().Seconds(), "mails/s")
}

const benchmarkMails = 10_000
