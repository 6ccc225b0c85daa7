package main

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/id8labs/escalated/mailbox/mailserver/dovecot"
)

func TestWholeWay(t *testing.T) {
	for _, test := range []struct {
		name, scheme string
		mails        int
		options      []dovecot.Option
		stopped      bool // while UIDVALIDITY changes
	}{
		{"slash, STARTTLS", "imap+starttls", 1000, nil, true},
		{"dot and prefix, IMAP over TLS", "imaps", 30, []dovecot.Option{dovecot.Separator("."), dovecot.Prefix("INBOX.")}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, test.options...)
			s.IMAP = s.imap.URL(test.scheme)
			s.configure()
			p := s.serve()
			s.takesIn(test.mails)
			s.knowsRepeats(test.mails)
			before := s.list()
			p.stop()
			if diff := cmp.Diff(before, s.list()); diff != "" {
				t.Errorf("the data folder and the service (-service +folder) differ:\n%s", diff)
			}
			if !test.stopped {
				p = s.serve()
				s.awaitReady()
			}
			s.putBack()
			s.imap.Deliver(complaints(test.mails, test.mails+3)...)
			if test.stopped {
				p = s.serve()
			}
			s.awaitFiled(test.mails + 2 + 3)
			s.awaitAcknowledged(test.mails + 3)
			s.checkRecords(test.mails + 3)
			p.stop()
			s.relay.checkRepeats(t, 0)
		})
	}
}

// takesIn delivers mails and follows them to the archive, the records and the
// acknowledgments.
func (s *site) takesIn(mails int) {
	s.tb.Helper()
	s.awaitReady()
	began := time.Now()
	s.imap.Deliver(complaints(0, mails)...)
	s.awaitFiled(mails)
	s.awaitAcknowledged(mails)
	s.tb.Logf("%d mails acknowledged after %v", mails, time.Since(began).Round(time.Millisecond))
	s.checkRecords(mails)
	shown := query[record](s, "show", s.list()[0].ID)[0]
	if !shown.happened("opened") || !shown.happened("acknowledged") {
		s.tb.Errorf("show %s has the events %v", shown.ID, shown.Events)
	}
}

// knowsRepeats delivers a mail once more as it is, and once more rerouted.
func (s *site) knowsRepeats(mails int) {
	s.tb.Helper()
	s.imap.Deliver(complaint(1), rerouted(complaint(1)))
	s.awaitFiled(mails + 2)
	s.checkRecords(mails)
}

// putBack makes the server forget the UIDs of a folder that holds all mails of
// the archive again.
func (s *site) putBack() {
	s.tb.Helper()
	s.imap.Stop()
	old := s.imap.Mails(archive)
	s.imap.RemoveFolder(archive)
	s.imap.Deliver(old...)
	s.imap.ResetUIDValidity()
}

func (s *site) awaitFiled(mails int) {
	s.tb.Helper()
	await(s.tb, "every mail is in the archive", func() bool { return s.imap.Count("INBOX") == 0 && s.imap.Count(archive) == mails })
	if n := s.imap.Count(quarantine); n != 0 {
		s.tb.Errorf("%d mails in quarantine", n)
	}
}

func (s *site) awaitAcknowledged(mails int) {
	s.tb.Helper()
	await(s.tb, "every customer has an acknowledgment", func() bool { return len(s.relay.acknowledged()) == mails })
}

// checkRecords wants one record for each customer, with one message, acknowledged.
func (s *site) checkRecords(mails int) {
	s.tb.Helper()
	var records []record
	await(s.tb, "every acknowledgment is recorded", func() bool {
		records = s.list()
		return !slices.ContainsFunc(records, func(r record) bool { return r.AcknowledgedAt == nil })
	})
	of := map[string]int{}
	for _, r := range records {
		of[r.Customer.Address]++
		if r.Messages != 1 || r.Status != "open" || r.Owner == "" {
			s.tb.Errorf("record %+v", r)
		}
	}
	for n := range mails {
		if of[customerOf(n)] != 1 {
			s.tb.Errorf("%d records of %s", of[customerOf(n)], customerOf(n))
		}
	}
	if len(records) != mails {
		s.tb.Errorf("%d records, want %d", len(records), mails)
	}
}
