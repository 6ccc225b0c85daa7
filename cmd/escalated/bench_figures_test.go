package main

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/id8labs/escalated/mailbox/mailserver"
)

type mailserverMail = mailserver.Mail

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// reportPercentiles reports the median and the 99th percentile.
func reportPercentiles(b *testing.B, latencies []time.Duration) {
	slices.Sort(latencies)
	at := func(p float64) float64 {
		return float64(latencies[int(p*float64(len(latencies)-1))].Microseconds()) / 1000
	}
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
	b.ReportMetric(0, "ns/op")
}
