package threads

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/id8labs/escalated/classify"
	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/auth"
	"github.com/id8labs/escalated/mailbox/parse"
	"github.com/id8labs/escalated/threads/cadence"
	"github.com/id8labs/escalated/threads/match"
	"github.com/id8labs/escalated/threads/store"
	"github.com/id8labs/escalated/threads/store/badger"
)

// testSettings is the roster of the corpus, whose agents are trusted on the
// word of From: their mails carry no authentication results.
func testSettings() Settings {
	person := func(name, email string, roles ...classify.Role) classify.Person {
		return classify.Person{Name: name, Email: email, Roles: roles, Zone: time.UTC}
	}
	return Settings{
		Address: "escalations@acme.example", SubAddress: true, Key: Key(strings.Repeat("k", 32)),
		Trust:            auth.Trust{Own: []string{"escalations@acme.example"}, Host: "acme.example"},
		InsecureFromOnly: true,
		Policy:           cadence.Default(),
		Directory: classify.Directory{People: []classify.Person{
			person("Mira Castellan", "mira.castellan@acme.example", classify.Agent),
			person("Tobias Engel", "tobias.engel@acme.example", classify.Agent),
			person("Jonas Weir", "jonas.weir@acme.example", classify.Agent),
			person("Lidia Moretti", "lidia.moretti@acme.example", classify.CSM),
			person("Mia Chen", "mia@acme.example", classify.Manager),
		}},
		PerAddress: Budget{3, 24 * time.Hour},
		PerDomain:  Budget{30, 24 * time.Hour},
		Backlog:    24 * time.Hour,
	}
}

// testDB opens a store on disk that works inside a synctest bubble.
func testDB(t *testing.T) store.DB {
	t.Helper()
	db, err := badger.Open(badger.Config{Dir: t.TempDir(), NoCompaction: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func testDesk(t *testing.T, change func(*Config)) *Desk {
	t.Helper()
	c := Config{Settings: testSettings(), Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&c)
	}
	if c.DB == nil {
		c.DB = testDB(t)
	}
	d, err := NewDesk(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// receive hands mails to a desk as a watched folder would, each with the next UID.
func receive(t *testing.T, d *Desk, mails ...[]byte) []mailbox.Fate {
	t.Helper()
	batch := make([]mailbox.Raw, len(mails))
	for i, m := range mails {
		batch[i] = mailbox.Raw{Location: nextLocation(), Received: time.Now(), Size: int64(len(m)), Bytes: m}
	}
	return receiveRaw(t, d, batch...)
}

func receiveRaw(t *testing.T, d *Desk, batch ...mailbox.Raw) []mailbox.Fate {
	t.Helper()
	var at []mailbox.Location
	for _, r := range batch {
		at = append(at, r.Location)
	}
	if _, err := d.Fates(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	fates, err := d.Receive(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	return fates
}

type labelled struct {
	File, Thread, Role string
}

func TestCorpusThreads(t *testing.T) {
	folders, err := filepath.Glob("testdata/threads/*")
	if err != nil || len(folders) != 12 {
		t.Fatalf("%d conversations, want 12 (%v)", len(folders), err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) { playConversation(t, folder) })
	}
}

// playConversation lets a conversation arrive at the times of its mails and
// compares where each went with its label.
func playConversation(t *testing.T, folder string) {
	var labels []labelled
	raw, err := os.ReadFile(filepath.Join(folder, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &labels); err != nil {
		t.Fatal(err)
	}
	p := player{ids: map[string]string{}}
	p.desk = testDesk(t, func(c *Config) { c.NewID = func() string { return p.next } })
	for i, label := range labels {
		p.play(t, folder, label, labels[i:])
	}
}

type player struct {
	desk *Desk
	ids  map[string]string // escalation by thread letter
	next string            // the id of the escalation opened next
}

func (p *player) play(t *testing.T, folder string, label labelled, rest []labelled) {
	raw, err := os.ReadFile(filepath.Join(folder, label.File))
	if err != nil {
		t.Fatal(err)
	}
	m := parsed(t, raw)
	if label.Role == "outbound" {
		p.remember(t, p.ids[label.Thread], m)
		return
	}
	p.next = p.idFor(t, folder, label.Thread, rest)
	before := snapshot(t, p.desk)
	receiveRaw(t, p.desk, mailbox.Raw{Location: nextLocation(), Received: m.Date, Size: int64(len(raw)), Bytes: raw})
	after := snapshot(t, p.desk)
	if _, known := p.ids[label.Thread]; !known {
		p.ids[label.Thread] = p.next
		if after[p.next] != 1 || len(after) != len(before)+1 {
			t.Fatalf("%s opened nothing new: %v, before %v", label.File, after, before)
		}
		return
	}
	duplicate := strings.Contains(folder, "12-messy") && label.File == "05.eml"
	want := before[p.ids[label.Thread]] + 1
	if duplicate {
		want--
	}
	if got := after[p.ids[label.Thread]]; got != want || len(after) != len(before) {
		t.Errorf("%s (%s) should be in thread %s: %v, before %v", label.File, label.Role, label.Thread, after, before)
	}
}

// idFor is the id the conversation's outbound mails give a thread, so that the
// tags its customers quote are true.
func (p *player) idFor(t *testing.T, folder, letter string, rest []labelled) string {
	if id, known := p.ids[letter]; known {
		return id
	}
	for _, label := range rest {
		if label.Thread != letter || label.Role != "outbound" {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(folder, label.File))
		if err != nil {
			t.Fatal(err)
		}
		if ids := match.IDs(parsed(t, raw).Subject); len(ids) > 0 && !slices.Contains(mapValues(p.ids), ids[0]) {
			return ids[0]
		}
	}
	return fmt.Sprintf("ESC-00000%s", letter)
}

func mapValues(m map[string]string) []string {
	var values []string
	for _, v := range m {
		values = append(values, v)
	}
	return values
}

// remember makes an outbound mail of the corpus known as sent by us.
func (p *player) remember(t *testing.T, id string, m mailbox.Message) {
	err := p.desk.db.Update(t.Context(), func(tx store.Txn) error {
		n := Notice{Escalation: id, Customer: true, To: []Delivery{{Address: m.To[0]}}}
		if err := point(tx, messageIDKey(m.MessageID), id); err != nil {
			return err
		}
		return p.desk.indexSent(tx, &n, m.Subject)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func parsed(t *testing.T, raw []byte) mailbox.Message {
	t.Helper()
	m, err := parse.Mail(mailbox.Raw{Bytes: raw}, testSettings().Trust)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// snapshot is the number of messages of each escalation.
func snapshot(t *testing.T, d *Desk) map[string]int {
	t.Helper()
	messages := map[string]int{}
	err := d.db.View(t.Context(), func(r store.Reader) error {
		for p, err := range r.Scan([]byte("e/"), store.PrefixEnd([]byte("e/"))) {
			if err != nil {
				return err
			}
			e, err := decode[Escalation](p.Key, p.Value)
			if err != nil {
				return err
			}
			messages[e.ID] = e.Messages
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return messages
}
