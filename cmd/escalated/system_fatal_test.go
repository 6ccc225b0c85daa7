package main

import (
	"bytes"
	"context"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/id8labs/escalated/classify"
	"github.com/id8labs/escalated/cmd/escalated/config"
	"github.com/id8labs/escalated/mailbox"
)

// Subjects of mails that end the doomed program, or panic in it.
const (
	fatalSubject     = "Checkout is down and takes the reader with it"
	panickingSubject = "Checkout is down and frightens the reader"
)

// doomed is `serve` with a reader that some mails kill.
func doomed() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	os.Exit(report(serveDoomed(ctx, os.Args[len(os.Args)-1]), os.Stderr))
}

func serveDoomed(ctx context.Context, file string) error {
	cfg, err := config.LoadChecked(file)
	if err != nil {
		return err
	}
	d, err := newDaemon(ctx, cfg, newLog(cfg.Log, world{os.Stdout, os.Stderr}), daemonOptions{classify: readAndDie})
	if err != nil {
		return err
	}
	return d.run(ctx, nil, func() {})
}

func readAndDie(m *mailbox.Message, d *classify.Directory) classify.Verdict {
	switch m.Subject {
	case fatalSubject:
		os.Exit(137)
	case panickingSubject:
		panic("frightened")
	}
	return classify.Read(m, d)
}

func TestMailThatKillsTheProgram(t *testing.T) {
	s := newSite(t)
	fatal := letter("eve@northwind.example", fatalSubject, "<fatal@northwind.example>")
	panicking := letter("eve@northwind.example", panickingSubject, "<panicking@northwind.example>")
	s.imap.Deliver(complaint(0), fatal, complaint(1), panicking, complaint(2))

	deaths := 0
	await(t, "the program lives with the mail", func() bool {
		p := s.start(asDoomed)
		await(t, "it ends, or all is done", func() bool {
			return !p.alive() || s.imap.Count("INBOX") == 0 && len(s.relay.acknowledged()) == 3 && s.relay.of("operator", "mia@acme.example") == 2
		})
		if p.alive() {
			p.stop()
			return true
		}
		if deaths++; deaths > 5 {
			t.Fatalf("it was killed %d times", deaths)
		}
		return false
	})
	if deaths == 0 {
		t.Error("the fatal mail killed nothing: the test is no test")
	}
	t.Logf("%d deaths", deaths)
	if got := s.imap.Mails(quarantine); len(got) != 2 || !(bytes.Equal(got[0], fatal) || bytes.Equal(got[1], fatal)) {
		t.Errorf("quarantine: %q", got)
	}
	s.checkRecords(3)
	s.checkOperatorMails("the program ended each time while it was reading this mail", "reading it ended in a panic: frightened")
	s.relay.checkRepeats(t, deaths*inFlight)
}

// checkOperatorMails wants one mail to the operator with each text, and no other.
func (s *site) checkOperatorMails(texts ...string) {
	s.tb.Helper()
	told := map[string]string{}
	for _, m := range s.relay.all("operator") {
		told[m.id()+m.to] = m.text(s.tb)
	}
	for _, want := range texts {
		found := slices.ContainsFunc(slices.Collect(maps.Values(told)), func(text string) bool { return strings.Contains(text, want) })
		if !found {
			s.tb.Errorf("no operator was told that %s", want)
		}
	}
	if len(told) != len(texts) {
		s.tb.Errorf("operators were told %d times, want %d: %q", len(told), len(texts), told)
	}
}
