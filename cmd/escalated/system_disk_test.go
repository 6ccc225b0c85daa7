package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	sys "golang.org/x/sys/unix"
)

// ballast is what the test fills the disk with, and twice the distance to the
// watermark.
const ballast = 256 << 20

// TestFullDisk fills the disk up to the watermark under a running service: mail
// stays in the mailbox, monitors are told, and all goes on by itself when there
// is space again.
func TestFullDisk(t *testing.T) {
	s := newSite(t)
	s.Data = filepath.Join(memoryDisk(t), "data")
	s.configure()
	p := s.serve()
	s.awaitReady()
	free := s.freeSpace()
	p.stop()
	s.FreeSpace = strconv.FormatInt(free-ballast/2, 10) + "B"
	s.configure()
	p = s.serve()
	s.imap.Deliver(complaint(0))
	s.awaitFiled(1)
	s.awaitAcknowledged(1)

	filler := filepath.Join(filepath.Dir(s.Data), "ballast")
	if err := os.WriteFile(filler, make([]byte, ballast), 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, "/healthz tells of the disk", func() bool {
		status, body := s.health("/healthz")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "disk: ") && strings.Contains(body, "free_space")
	})
	s.imap.Deliver(complaints(1, 4)...)
	await(t, "the log tells that mail stays", func() bool { return p.log.has("mails are left in the mailbox for now") })
	if inbox, records := s.imap.Count("INBOX"), len(s.list()); inbox != 3 || records != 1 {
		t.Errorf("on a full disk %d mails wait and %d are recorded, want 3 and 1", inbox, records)
	}

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s.awaitAcknowledged(4)
	s.awaitFiled(4)
	s.checkRecords(4)
	await(t, "/healthz is ok", func() bool { status, _ := s.health("/healthz"); return status == http.StatusOK })
	p.stop()
}

// memoryDisk is a folder on a disk that nobody else fills meanwhile, if there is
// one that is large enough.
func memoryDisk(t *testing.T) string {
	t.Helper()
	const shared = "/dev/shm"
	var disk sys.Statfs_t
	if err := sys.Statfs(shared, &disk); err != nil || uint64(disk.Bavail)*uint64(disk.Bsize) < 4*ballast {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(shared, "escalated")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// freeSpace asks the service for it, as its metrics tell.
func (s *site) freeSpace() int64 {
	s.tb.Helper()
	_, metrics := s.health("/metrics")
	for lines := bufio.NewScanner(strings.NewReader(metrics)); lines.Scan(); {
		var free float64
		if n, _ := fmt.Sscanf(lines.Text(), "escalated_disk_free_bytes %g", &free); n == 1 {
			return int64(free)
		}
	}
	s.tb.Fatalf("no free space in the metrics:\n%s", metrics)
	return 0
}
