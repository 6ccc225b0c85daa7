package classify

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/auth"
	"github.com/id8labs/escalated/mailbox/parse"
)

// A label is what people said of one mail of the corpus.
type label struct {
	File       string
	Kind       Kind
	Severity   Severity
	Acceptable []Severity
	Type       Type
	Users      int        `json:"users_affected"`
	Revenue    Money      `json:"revenue_at_risk"`
	Public     bool       `json:"public_exposure"`
	Regulatory bool       `json:"regulatory"`
	Deadline   string     `json:"deadline"`
	Answers    []Question `json:"answers"`
	FirstName  string     `json:"customer_first_name"`
	Company    string     `json:"company"`
	Language   string     `json:"lang"`
	Note       string     `json:"note"`
}

// kinds are the labels' names for ours.
var kinds = map[Kind]Kind{"newsletter": KindBulk, "spam": KindBulk, "internal-forward": KindForward}

func testDirectory() *Directory {
	return &Directory{People: []Person{{Name: "Lidia Moretti", Email: "lidia.moretti@acme.example", Roles: []Role{CSM}}}}
}

func parsed(t testing.TB, file string) mailbox.Message {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := parse.Mail(mailbox.Raw{Bytes: raw, Size: int64(len(raw))}, auth.Trust{Own: []string{"escalations@acme.example"}, Host: "acme.example"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func readLabels(t *testing.T) (labels []label) {
	t.Helper()
	f, err := os.Open("testdata/corpus/labels.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var l label
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		if ours, ok := kinds[l.Kind]; ok {
			l.Kind = ours
		}
		labels = append(labels, l)
	}
	if err := lines.Err(); err != nil || len(labels) != 150 {
		t.Fatalf("%d labels, want 150 (%v)", len(labels), err)
	}
	return labels
}

// A score counts right answers.
type score struct{ right, of int }

func (s *score) add(right bool) {
	if s.of++; right {
		s.right++
	}
}

func (s score) share() float64 { return 100 * float64(s.right) / float64(max(s.of, 1)) }

// A table is the scores of all that is asked, and the answers of mails counted.
type table struct {
	t                     *testing.T
	scores                map[string]*score
	found, said, labelled int
}

func (b *table) add(l label, about string, right bool, got, want any) {
	if b.scores[about] == nil {
		b.scores[about] = &score{}
	}
	b.scores[about].add(right)
	if !right && testing.Verbose() {
		b.t.Logf("%s %s: %v, want %v", l.File, about, got, want)
	}
}

// rated compares what only escalations have.
func (b *table) rated(l label, v Verdict) {
	b.add(l, "severity acceptable", slices.Contains(l.Acceptable, v.Severity), fmt.Sprint(v.Severity, reasons(&v)), l.Acceptable)
	b.add(l, "severity exact", v.Severity == l.Severity, v.Severity, l.Severity)
	if l.Severity == 1 {
		b.add(l, "SEV-1 recall", v.Severity == 1, v.Severity, 1)
		b.add(l, "SEV-1 not called SEV-4", v.Severity < 4, v.Severity, 1)
	}
	b.add(l, "type", v.Type == l.Type, v.Type, l.Type)
	b.add(l, "users", v.Impact.Users == l.Users, v.Impact.Users, l.Users)
	b.add(l, "revenue", v.Impact.Revenue == l.Revenue, v.Impact.Revenue, l.Revenue)
	b.add(l, "public", v.Impact.Public == l.Public, v.Impact.Public, l.Public)
	b.add(l, "regulatory", v.Impact.Regulatory == l.Regulatory, v.Impact.Regulatory, l.Regulatory)
	b.add(l, "deadline", strings.EqualFold(v.Impact.Deadline, l.Deadline), v.Impact.Deadline, l.Deadline)
	b.add(l, "first name", v.Customer.FirstName == l.FirstName, v.Customer.FirstName, l.FirstName)
	b.add(l, "company", letters(v.Customer.Company) == letters(l.Company), v.Customer.Company, l.Company)
	for _, q := range Questions {
		wanted := slices.Contains(l.Answers, q)
		b.add(l, "answer "+string(q), v.Answered(q) == wanted, v.Answered(q), wanted)
		if wanted {
			b.labelled++
		}
		if v.Answered(q) {
			b.said++
		}
		if wanted && v.Answered(q) {
			b.found++
		}
	}
}

// TestCorpus prints how well the corpus is read, and fails under the floors.
// What is missed, and why, is printed under -v.
func TestCorpus(t *testing.T) {
	b := table{t: t, scores: map[string]*score{}}
	for _, l := range readLabels(t) {
		m := parsed(t, filepath.Join("testdata/corpus", l.File))
		v := Read(&m, testDirectory())
		b.add(l, "kind", v.Kind == l.Kind, v.Kind, l.Kind)
		b.add(l, "language", v.Language == l.Language, v.Language, l.Language)
		if l.Severity > 0 {
			b.rated(l, v)
		}
	}
	b.scores["answers F1"] = &score{2 * b.found, b.said + b.labelled}
	for _, about := range slices.Sorted(maps.Keys(b.scores)) {
		s, floor := b.scores[about], floors[about]
		t.Logf("%-24s %5.1f %%  (%d of %d), at least %.0f", about, s.share(), s.right, s.of, floor)
		if s.share() < floor {
			t.Errorf("%s: %.1f %%, want %.0f", about, s.share(), floor)
		}
	}
}

// floors are a little below what was reached, in per cent.
var floors = map[string]float64{
	"kind": 98, "language": 98, "severity acceptable": 93, "severity exact": 87, "SEV-1 recall": 94, "SEV-1 not called SEV-4": 100,
	"type": 85, "users": 85, "revenue": 95, "public": 92, "regulatory": 87, "deadline": 60, "first name": 98, "company": 70, "answers F1": 88,
	"answer what": 98, "answer when": 80, "answer who": 78, "answer impact": 80, "answer tried": 82, "answer workaround": 82,
}

func reasons(v *Verdict) string {
	var b strings.Builder
	for _, e := range v.Evidence {
		if strings.HasPrefix(e.For, "severity") {
			fmt.Fprintf(&b, " [%s: %q]", e.Because, e.Text)
		}
	}
	return b.String()
}
