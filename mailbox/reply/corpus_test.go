package reply_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/auth"
	"github.com/id8labs/escalated/mailbox/parse"
)

// The floors of the score over the corpus; raise them, never lower them.
const (
	floorExact = 58
	floorNear  = 59
)

type sample struct {
	File   string `json:"file"`
	Inline bool   `json:"inline"`
	Tail   string `json:"optional_tail"`
	Note   string `json:"note"`
}

func TestCorpus(t *testing.T) {
	samples := readSamples(t)
	exact, near := 0, 0
	for _, s := range samples {
		got, want := newText(t, s.File), expected(t, s.File)
		switch score := s.score(got, want); {
		case score == 1:
			exact++
			near++
		case score >= 0.9:
			near++
			t.Logf("near %.2f %s (%s)\n--- got\n%s\n--- want\n%s", score, s.File, s.Note, got, want)
		default:
			t.Logf("MISS %.2f %s (%s)\n--- got\n%s\n--- want\n%s", score, s.File, s.Note, got, want)
		}
	}
	t.Logf("exact %d, near %d of %d", exact, near, len(samples))
	if exact < floorExact || near < floorNear {
		t.Errorf("exact %d, near %d; the floors are %d and %d", exact, near, floorExact, floorNear)
	}
}

func readSamples(t *testing.T) []sample {
	f, err := os.Open("testdata/replies/index.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var samples []sample
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var s sample
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		samples = append(samples, s)
	}
	return samples
}

func newText(t *testing.T, file string) string {
	raw, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	m, err := parse.Mail(mailbox.Raw{Bytes: raw}, auth.Trust{})
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return m.Text
}

func expected(t *testing.T, file string) string {
	text, err := os.ReadFile(filepath.Join("testdata", strings.TrimSuffix(file, ".eml")+".expected.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// score is 1 for the same words, the share of common words in order otherwise.
// Quote marks are not compared, and the optional tail may be missing.
func (s sample) score(got, want string) float64 {
	without := strings.TrimSuffix(strings.TrimSpace(want), s.Tail)
	return max(similar(words(got), words(want)), similar(words(got), words(without)))
}

func words(s string) []string { return strings.Fields(strings.ReplaceAll(s, ">", " ")) }

// similar is twice the longest common subsequence over the sum of the lengths.
func similar(a, b []string) float64 {
	if len(a)+len(b) == 0 {
		return 1
	}
	row := make([]int, len(b)+1)
	for _, x := range a {
		diagonal := 0
		for j, y := range b {
			above := row[j+1]
			if x == y {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(above, row[j])
			}
			diagonal = above
		}
	}
	return 2 * float64(row[len(b)]) / float64(len(a)+len(b))
}
