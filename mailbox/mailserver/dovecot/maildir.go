package dovecot

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Deliver puts mails into INBOX by writing them into its Maildir, in order.
// INTERNALDATE is the file's time, now.
func (s *Server) Deliver(mails ...[]byte) {
	s.tb.Helper()
	for _, mail := range mails {
		s.count++
		// The name carries both sizes, so that Dovecot need not read the file to
		// know them; names in order make UIDs in order.
		name := fmt.Sprintf("%d.M%08d.test,S=%d,W=%d", time.Now().Unix(), s.count, len(mail), virtualSize(mail))
		tmp := filepath.Join(s.maildir("INBOX"), "tmp", name)
		write(s.tb, tmp, mail)
		give(s.tb, tmp, s.owner) // Dovecot moves by hard links, which Linux allows only to owners
		if err := os.Rename(tmp, filepath.Join(s.maildir("INBOX"), "new", name)); err != nil {
			s.tb.Fatal(err)
		}
	}
}

// virtualSize is the size with every line ended by CRLF.
func virtualSize(mail []byte) int {
	return len(mail) + bytes.Count(mail, []byte("\n")) - bytes.Count(mail, []byte("\r\n"))
}

// Mails returns the mails of a folder, in no order. Levels of folder are
// separated by "/" whatever the server's separator, without its prefix.
func (s *Server) Mails(folder string) [][]byte {
	s.tb.Helper()
	var mails [][]byte
	for _, path := range s.files(folder) {
		mail, err := os.ReadFile(path)
		if err != nil {
			s.tb.Fatal(err)
		}
		mails = append(mails, mail)
	}
	return mails
}

// Count returns how many mails a folder holds.
func (s *Server) Count(folder string) int { return len(s.files(folder)) }

func (s *Server) files(folder string) []string {
	s.tb.Helper()
	var paths []string
	for _, dir := range []string{"cur", "new"} {
		some, err := filepath.Glob(filepath.Join(s.maildir(folder), dir, "*"))
		if err != nil {
			s.tb.Fatal(err)
		}
		paths = append(paths, some...)
	}
	return paths
}

func (s *Server) maildir(folder string) string {
	root := filepath.Join(s.dir, "mail")
	if folder == "INBOX" {
		return root
	}
	return filepath.Join(root, "."+strings.ReplaceAll(folder, "/", "."))
}

// RemoveFolder deletes a folder with its mails behind the server's back.
func (s *Server) RemoveFolder(folder string) {
	s.tb.Helper()
	if err := os.RemoveAll(s.maildir(folder)); err != nil {
		s.tb.Fatal(err)
	}
}

// ResetUIDValidity restarts the server without its knowledge of INBOX's UIDs:
// UIDVALIDITY rises and mails are numbered from 1.
func (s *Server) ResetUIDValidity() {
	s.tb.Helper()
	s.Stop()
	entries, err := os.ReadDir(s.maildir("INBOX"))
	if err != nil {
		s.tb.Fatal(err)
	}
	for _, entry := range entries {
		name := entry.Name()
		// dovecot-uidvalidity stays: it makes the next one higher.
		if name == "dovecot-uidlist" || slices.Contains([]string{"dovecot.index", "dovecot.index.log", "dovecot.index.cache", "dovecot.list.index.log"}, name) {
			if err := os.Remove(filepath.Join(s.maildir("INBOX"), name)); err != nil {
				s.tb.Fatal(err)
			}
		}
	}
	s.Start()
}
