package smtp

import (
	"bytes"
	"crypto/tls"
	"io"
	"log"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"github.com/id8labs/escalated/mailbox/wire/wiretest"
)

// A sink is a real server, go-smtp's, that keeps what it gets.
type sink struct {
	password   string // empty: no AUTH
	mechanisms []string
	onSASL     func(mechanism string) sasl.Server // nil: PLAIN and LOGIN

	mu       sync.Mutex
	from, to string
	options  gosmtp.MailOptions
	mail     []byte
	logins   int
}

// serve starts the server and returns its address.
func (s *sink) serve(t testing.TB, implicit bool, secured *tls.Config, adjust func(*gosmtp.Server)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	server := gosmtp.NewServer(gosmtp.BackendFunc(func(*gosmtp.Conn) (gosmtp.Session, error) { return &visit{sink: s}, nil }))
	server.Domain = "mx.example"
	server.TLSConfig = secured
	server.ErrorLog = log.New(io.Discard, "", 0)
	if adjust != nil {
		adjust(server)
	}
	if implicit {
		listener = tls.NewListener(listener, secured)
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() {
		server.Close()
		wg.Wait()
	})
	return addr
}

type visit struct{ *sink }

func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }

func (v *visit) Mail(from string, options *gosmtp.MailOptions) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.from, v.options = from, *options
	return nil
}

func (v *visit) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.to = to
	return nil
}

func (v *visit) Data(r io.Reader) error {
	mail, err := io.ReadAll(r)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.mail = mail
	return err
}

func (v *visit) AuthMechanisms() []string { return v.mechanisms }

func (v *visit) Auth(mechanism string) (sasl.Server, error) {
	check := func(username, password string) error {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.logins++
		if username != "us" || password != v.password {
			return gosmtp.ErrAuthFailed
		}
		return nil
	}
	if v.onSASL != nil {
		return v.onSASL(mechanism), nil
	}
	if mechanism == sasl.Plain {
		return sasl.NewPlainServer(func(_, username, password string) error { return check(username, password) }), nil
	}
	return &loginServer{check: check}, nil
}

// loginServer is AUTH LOGIN, which go-sasl no longer serves.
type loginServer struct {
	check    func(username, password string) error
	username *string
	asked    bool
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	words := string(response)
	switch {
	case !l.asked:
		l.asked = true
		return []byte("Username:"), false, nil
	case l.username == nil:
		l.username = &words
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(*l.username, words)
}

func secret(password string) func() (string, error) {
	return func() (string, error) { return password, nil }
}

func TestMailArrivesByteForByte(t *testing.T) {
	s := &sink{}
	c := start(t, Config{Servers: []Server{{URL: "smtp+insecure://" + s.serve(t, false, nil, nil)}}})
	line := strings.Repeat("x", 62) + "\r\n"
	tests := map[string][2]string{
		"plain":            {"a: b\r\n\r\nc\r\n", ""},
		"dots":             {".\r\n..\r\n...\r\n.a\r\na.\r\n.\r\n", ""},
		"ends in dot line": {"a\r\n.\r\n", ""},
		"blank lines":      {"a\r\n\r\n\r\n\r\n", ""},
		"LF":               {"a\n.b\n\nc\n", "a\r\n.b\r\n\r\nc\r\n"},
		"bare CR":          {"a\rb\r\r\nc\r", "a\r\nb\r\n\r\nc\r\n"},
		"smuggling":        {"a\n.\nMAIL FROM:<x@y.example>\r.\rb\r\n", "a\r\n.\r\nMAIL FROM:<x@y.example>\r\n.\r\nb\r\n"},
		"no last line end": {"a\r\nb", "a\r\nb\r\n"},
		"long":             {strings.Repeat(".all work and no play\r\n", 9999), ""},
		"NUL":              {"a\x00b\r\n", ""},
		"across blocks":    {strings.Repeat(line, block/64-1) + line[:62] + "x\r\n.\r\n" + line, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			sent, want := []byte(test[0]), test[1]
			if want == "" {
				want = test[0]
			}
			e := letter
			e.Mail = bytes.Clone(sent)
			mustSend(t, c, e)
			if !bytes.Equal(s.mail, []byte(want)) {
				t.Errorf("got  %.200q\nwant %.200q", s.mail, want)
			}
			if !bytes.Equal(e.Mail, sent) {
				t.Error("the caller's bytes were changed")
			}
			if s.options.Size != int64(len(want)) {
				t.Errorf("announced SIZE=%d, sent %d", s.options.Size, len(want))
			}
		})
	}
	if s.from != letter.From || s.to != letter.To || s.options.Body != "" || s.options.UTF8 {
		t.Errorf("envelope: %q to %q with %+v", s.from, s.to, s.options)
	}
}

func TestNullSender(t *testing.T) {
	s := &sink{from: "unset"}
	c := start(t, Config{Servers: []Server{{URL: "smtp+insecure://" + s.serve(t, false, nil, nil)}}})
	e := letter
	e.From = ""
	mustSend(t, c, e)
	if s.from != "" {
		t.Errorf("sender %q, want none", s.from)
	}
}

func TestTooBigIsRefused(t *testing.T) {
	s := &sink{}
	addr := s.serve(t, false, nil, func(server *gosmtp.Server) { server.MaxMessageBytes = 10 })
	failed := mustFail(t, start(t, Config{Servers: []Server{{URL: "smtp+insecure://" + addr}}}), letter)
	if failed.Verdict != Refused || failed.Code != 552 || failed.Phase != phaseMail {
		t.Errorf("got %v", failed)
	}
}

func TestTLSAndLogin(t *testing.T) {
	secured, pool := wiretest.Certificate(t, nil)
	for _, scheme := range []string{"smtps", "smtp+starttls"} {
		for _, mechanisms := range [][]string{{"PLAIN"}, {"LOGIN"}, {"CRAM-MD5", "LOGIN", "PLAIN"}} {
			s := &sink{password: "right", mechanisms: mechanisms}
			addr := s.serve(t, scheme == "smtps", secured, nil)
			c := start(t, Config{Servers: []Server{{URL: scheme + "://" + addr, Username: "us", Password: secret("right"), RootCAs: pool}}})
			mustSend(t, c, letter)
			mustSend(t, c, letter)
			if s.logins != 1 || !bytes.Equal(s.mail, letter.Mail) {
				t.Errorf("%s %v: %d logins, mail %q", scheme, mechanisms, s.logins, s.mail)
			}
		}
	}
}

func TestLoginToLoopback(t *testing.T) {
	s := &sink{password: "right", mechanisms: []string{"PLAIN"}}
	addr := s.serve(t, false, nil, func(server *gosmtp.Server) { server.AllowInsecureAuth = true })
	mustSend(t, start(t, Config{Servers: []Server{{URL: "smtp+insecure://" + addr, Username: "us", Password: secret("right")}}}), letter)
	if s.logins != 1 {
		t.Errorf("%d logins, want 1", s.logins)
	}
}

func TestLoginRefused(t *testing.T) {
	secured, pool := wiretest.Certificate(t, nil)
	for _, mechanism := range []string{"PLAIN", "LOGIN"} {
		s := &sink{password: "right", mechanisms: []string{mechanism}}
		addr := s.serve(t, true, secured, nil)
		c := start(t, Config{Servers: []Server{{URL: "smtps://" + addr, Username: "us", Password: secret("wrong"), RootCAs: pool}}})
		failed := mustFail(t, c, letter)
		want := &Error{Verdict: Down, Phase: phaseAuth, Code: 535, Status: "5.7.8", Text: "Authentication failed", Server: addr, LoginRefused: true, RetryAt: failed.RetryAt}
		if diff := cmp.Diff(want, failed); diff != "" {
			t.Error(diff)
		}
		mustFail(t, c, letter)
		if s.logins != 1 || !c.Health()[0].LoginRefused {
			t.Errorf("%s: %d logins within a minute, want 1; %+v", mechanism, s.logins, c.Health())
		}
	}
}

// 8 KB mails over four connections to a go-smtp server; the target is 5,000/s.
func BenchmarkSend(b *testing.B) {
	s := &sink{}
	c, err := New(Config{Servers: []Server{{URL: "smtp+insecure://" + s.serve(b, false, nil, nil)}}})
	if err != nil {
		b.Fatal(err)
	}
	e := letter
	e.Mail = bytes.Repeat([]byte(strings.Repeat("x", 62)+"\r\n"), 128)
	b.SetBytes(int64(len(e.Mail)))
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Send(b.Context(), e); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
	c.Close()
}
