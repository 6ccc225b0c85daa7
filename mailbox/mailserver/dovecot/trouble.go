package dovecot

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Kick ends the user's connections as an administrator does.
func (s *Server) Kick() {
	s.tb.Helper()
	program, err := find("doveadm")
	if err != nil {
		s.tb.Fatal(err)
	}
	out, err := exec.Command(program, "-c", filepath.Join(s.dir, "dovecot.conf"), "kick", Username).CombinedOutput()
	if err != nil {
		s.tb.Fatalf("doveadm kick: %v\n%s", err, out)
	}
}

// SetReadOnly keeps Dovecot from changing a folder, or lets it change it again.
func (s *Server) SetReadOnly(folder string, on bool) {
	s.tb.Helper()
	mode := os.FileMode(0o755)
	if on {
		mode = 0o555
	}
	for _, dir := range []string{"cur", "new", "tmp", "."} {
		if err := os.Chmod(filepath.Join(s.maildir(folder), dir), mode); err != nil {
			s.tb.Fatal(err)
		}
	}
}

// SetQuota restarts the server with a limit on what all folders hold. What
// Deliver delivers is counted, but never refused.
func (s *Server) SetQuota(octets int) {
	s.tb.Helper()
	s.Stop()
	write(s.tb, filepath.Join(s.dir, "quota.conf"), fmt.Appendf(nil, `
mail_plugins = quota
plugin {
  quota = count:all
  quota_vsizes = yes
  quota_rule = *:storage=%dB
}
`, octets))
	s.Start()
}
