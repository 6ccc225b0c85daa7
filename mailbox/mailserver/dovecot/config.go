package dovecot

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"
	"text/template"
	"time"
)

// All processes run as the user who runs the tests, without chroot, so that it
// need not be root. If it is, the processes that refuse to be root, those of
// logins and of mailboxes, are nobody's.
var configuration = template.Must(template.New("dovecot.conf").Parse(`
base_dir = {{.Dir}}/run
state_dir = {{.Dir}}/state
log_path = {{.Dir}}/log
mail_location = maildir:{{.Dir}}/mail
protocols = imap
listen = 127.0.0.1
{{with .Capabilities}}imap_capability = {{.}}{{end}}

default_internal_user = {{.User}}
default_internal_group = {{.Group}}
default_login_user = {{.Login}}
first_valid_uid = 0
first_valid_gid = 0
service anvil {
  chroot =
}
service stats {
  chroot =
}
service imap-login {
  chroot =
  service_count = 0
  inet_listener imap {
    port = {{.PlainPort}}
  }
  inet_listener imaps {
    port = {{.TLSPort}}
    ssl = yes
  }
}

ssl = yes
ssl_cert = <{{.Dir}}/cert.pem
ssl_key = <{{.Dir}}/key.pem
disable_plaintext_auth = no
auth_failure_delay = 0
passdb {
  driver = passwd-file
  args = scheme=PLAIN {{.Dir}}/passwd
}
userdb {
  driver = static
  args = uid={{.UID}} gid={{.GID}} home={{.Dir}}/home
}

namespace inbox {
  inbox = yes
  separator = {{.Separator}}
  prefix = {{.Prefix}}
}
mail_fsync = {{.Fsync}}
mail_max_userip_connections = 100
!include_try {{.Dir}}/quota.conf
`))

func writeConfig(tb testing.TB, s *Server, set settings) {
	tb.Helper()
	me, group := current(tb)
	s.owner = me
	if me.Uid == "0" {
		s.owner = nobody(tb)
	}
	for _, dir := range []string{"run", "state", "home", "mail", "mail/new", "mail/cur", "mail/tmp"} {
		makeDir(tb, filepath.Join(s.dir, dir), s.owner)
	}
	write(tb, filepath.Join(s.dir, "passwd"), []byte(Username+":"+Password+"\n"))
	file, err := os.Create(filepath.Join(s.dir, "dovecot.conf"))
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	err = configuration.Execute(file, map[string]string{
		"Dir": s.dir, "User": me.Username, "Group": group, "Login": s.owner.Username, "UID": s.owner.Uid, "GID": s.owner.Gid,
		"PlainPort": port(s.Plain), "TLSPort": port(s.TLS),
		"Separator": set.separator, "Prefix": set.prefix, "Capabilities": set.capabilities, "Fsync": set.fsync,
	})
	if err != nil {
		tb.Fatal(err)
	}
}

func current(tb testing.TB) (me *user.User, group string) {
	tb.Helper()
	me, err := user.Current()
	if err != nil {
		tb.Fatal(err)
	}
	g, err := user.LookupGroupId(me.Gid)
	if err != nil {
		tb.Fatal(err)
	}
	return me, g.Name
}

func nobody(tb testing.TB) *user.User {
	tb.Helper()
	u, err := user.Lookup("nobody")
	if err != nil {
		tb.Fatal(err)
	}
	return u
}

// makeDir makes a directory that belongs to owner, whom root may choose.
func makeDir(tb testing.TB, path string, owner *user.User) {
	tb.Helper()
	if err := os.Mkdir(path, 0o755); err != nil {
		tb.Fatal(err)
	}
	give(tb, path, owner)
}

func give(tb testing.TB, path string, owner *user.User) {
	tb.Helper()
	uid, err1 := strconv.Atoi(owner.Uid)
	gid, err2 := strconv.Atoi(owner.Gid)
	if err := errors.Join(err1, err2, os.Chown(path, uid, gid)); err != nil {
		tb.Fatal(err)
	}
}

// writeCertificate makes a key and a certificate that vouches for itself.
func writeCertificate(tb testing.TB, dir string) *x509.CertPool {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	asked := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 1, 0),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, asked, asked, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	write(tb, filepath.Join(dir, "cert.pem"), cert)
	write(tb, filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	return roots
}

// write writes a file for whichever user Dovecot runs as to read.
func write(tb testing.TB, path string, data []byte) {
	tb.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		tb.Fatal(err)
	}
}
