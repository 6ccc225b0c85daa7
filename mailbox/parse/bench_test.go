package parse

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/auth"
)

// BenchmarkMail parses the sample replies, and the mails in the folder that
// ESCALATED_CORPUS names. It reports mails and octets a second.
func BenchmarkMail(b *testing.B) {
	raws := samples(b)
	octets := 0
	for _, raw := range raws {
		octets += len(raw)
	}
	b.SetBytes(int64(octets / len(raws)))
	for i := 0; b.Loop(); i++ {
		if _, err := Mail(mailbox.Raw{Bytes: raws[i%len(raws)]}, auth.Trust{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}

// samples reads mails that are well-formed: those of ESCALATED_CORPUS, else the
// replies beside.
func samples(tb testing.TB) [][]byte {
	pattern := filepath.Join("..", "reply", "testdata", "replies", "*.eml")
	if folder := os.Getenv("ESCALATED_CORPUS"); folder != "" {
		pattern = filepath.Join(folder, "*.eml")
	}
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		tb.Fatalf("no mails at %s: %v", pattern, err)
	}
	var raws [][]byte
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		raws = append(raws, raw)
	}
	return raws
}
