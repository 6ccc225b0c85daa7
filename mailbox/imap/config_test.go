package imap

import (
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
)

func TestParseServer(t *testing.T) {
	for address, want := range map[string]server{
		"imaps://imap.acme.example":              {implicitTLS, "imap.acme.example", "993"},
		"imaps://imap.acme.example:1993/":        {implicitTLS, "imap.acme.example", "1993"},
		"imap+starttls://imap.acme.example":      {startTLS, "imap.acme.example", "143"},
		"imap+insecure://localhost":              {insecure, "localhost", "143"},
		"imap+insecure://127.0.0.2:7":            {insecure, "127.0.0.2", "7"},
		"imap+insecure://[::1]:7":                {insecure, "::1", "7"},
		"imap+insecure://imap.acme.example":      {},
		"imap+insecure://127.0.0.1.evil.example": {},
		"imap://imap.acme.example":               {},
		"imaps://":                               {},
		"imaps://user@imap.acme.example":         {},
		"imaps://imap.acme.example/INBOX":        {},
		"imaps://imap.acme.example?x=1":          {},
		"imaps://imap.acme.example:port":         {},
		"imap.acme.example":                      {},
	} {
		got, err := parseServer(address)
		if err != nil {
			got = server{}
		}
		if got != want {
			t.Errorf("%s: %+v, %v; want %+v", address, got, err, want)
		}
	}
}

func FuzzParseServer(f *testing.F) {
	f.Add("imaps://imap.acme.example:993")
	f.Add("imap+starttls://imap.acme.example")
	f.Add("imap+insecure://[::1]:143")
	f.Add("imap+insecure://u:p@localhost/%2f?#")
	f.Add("imaps://%41\x00:99999")
	f.Fuzz(func(t *testing.T, address string) {
		s, err := parseServer(address)
		if err != nil {
			return
		}
		if s.host == "" || s.port == "" {
			t.Errorf("%q: no host or port", address)
		}
		if s.security == insecure && s.host != "localhost" && !net.ParseIP(s.host).IsLoopback() {
			t.Errorf("%q: a password in clear to %s", address, s.host)
		}
	})
}

func TestNewTellsAllMistakes(t *testing.T) {
	_, err := New(Config{Server: "http://x", Folder: "Support", Quarantine: "support"}, nil)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"scheme", "no desk", "no username", `"support"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not tell of %s", err, want)
		}
	}
	if _, err := New(Config{Server: "imaps://u:secret@%zz"}, nil); strings.Contains(err.Error(), "secret") {
		t.Errorf("%q tells a password", err)
	}
}

func TestFolderNames(t *testing.T) {
	dotted := hierarchy{delim: ".", prefix: "INBOX.", others: []string{"shared."}}
	for _, test := range []struct {
		h            hierarchy
		folder, want string
	}{
		{hierarchy{delim: "/"}, "Escalations/Archive", "Escalations/Archive"},
		{hierarchy{delim: "."}, "Escalations/Archive", "Escalations.Archive"},
		{hierarchy{}, "Escalations/Archive", "Escalations/Archive"},
		{dotted, "Escalations/Archive", "INBOX.Escalations.Archive"},
		{dotted, "INBOX/Escalations", "INBOX.Escalations"},
		{dotted, "INBOX.Escalations", "INBOX.Escalations"},
		{dotted, "shared/Support", "shared.Support"},
		{dotted, "inbox", "INBOX"},
	} {
		if got := test.h.name(test.folder); got != test.want {
			t.Errorf("%+v: %s is %s, want %s", test.h, test.folder, got, test.want)
		}
	}
}

func TestNumbersIsBounded(t *testing.T) {
	if uids, err := numbers(imap.UIDSet{{Start: 1<<32 - 2, Stop: 1<<32 - 1}}); err != nil || len(uids) != 2 {
		t.Errorf("the highest UIDs: %v, %v", uids, err)
	}
	for _, set := range []imap.UIDSet{{{Start: 1, Stop: 1<<32 - 1}}, {{Start: 5, Stop: 0}}, {{}}} {
		if uids, err := numbers(set); err == nil {
			t.Errorf("%v gives %d UIDs", set, len(uids))
		}
	}
}
