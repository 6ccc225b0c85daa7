package main

import (
	"bufio"
	"encoding/json"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/id8labs/escalated/mailbox/mailserver"
)

// TestCorpusRobots: no robot of the corpus is answered, and no bounce.
func TestCorpusRobots(t *testing.T) {
	inProgram(t, func(t *testing.T, p *program) {
		n := 0
		for file, kind := range corpusKinds(t) {
			if kind != "auto-reply" && kind != "bounce" && kind != "newsletter" {
				continue
			}
			raw, err := os.ReadFile(filepath.Join(corpus, file))
			if err != nil {
				t.Fatal(err)
			}
			n++
			p.send(mailserver.Envelope{From: sender(t, raw), To: []string{ourAddress}, Bytes: raw}, "dmarc=none")
			for _, e := range p.mails() {
				if kindOf(e) == "ack" {
					t.Errorf("%s, which is %s, was acknowledged to %s", file, kind, e.To)
				}
			}
		}
		if n < 9 || len(p.mail.Mailbox(ourAddress, archive)) != n {
			t.Errorf("%d mails, of which %d were archived", n, len(p.mail.Mailbox(ourAddress, archive)))
		}
	})
}

const corpus = "../../classify/testdata/corpus"

// corpusKinds are the labels of the corpus by file.
func corpusKinds(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join(corpus, "labels.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	kinds := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		var label struct{ File, Kind string }
		if err := json.Unmarshal(s.Bytes(), &label); err != nil {
			t.Fatal(err)
		}
		kinds[label.File] = label.Kind
	}
	return kinds
}

func sender(t *testing.T, raw []byte) string {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	if from, err := m.Header.AddressList("From"); err == nil && len(from) == 1 {
		return from[0].Address
	}
	return ""
}
