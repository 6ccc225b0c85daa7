package smtp

import (
	"bufio"
	"bytes"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// Parameters are sent only where the mail needs them and the server knows them.
func TestMailParameters(t *testing.T) {
	all := []string{"SIZE 1000000", "8BITMIME", "SMTPUTF8", "DSN"}
	foreign, eight, bare := letter, letter, letter
	foreign.To = "münchen@north.example"
	eight.Mail = []byte("Subject: hi\r\n\r\nGrüße\r\n")
	bare.From, bare.To = "ümlaut@acme.example", "a b@north.example"
	tests := []struct {
		features []string
		e        Envelope
		want     string // the MAIL command, or the failure
	}{
		{nil, letter, "MAIL FROM:<us@acme.example>"},
		{all, letter, "MAIL FROM:<us@acme.example> SIZE=22"},
		{all, eight, "MAIL FROM:<us@acme.example> SIZE=24 BODY=8BITMIME"},
		{all, foreign, "MAIL FROM:<us@acme.example> SIZE=22 SMTPUTF8"},
		{all, bare, "MAIL FROM:<ümlaut@acme.example> SIZE=22 SMTPUTF8"},
		{nil, eight, "refused at mail: no 8BITMIME"},
		{nil, foreign, "refused at rcpt: no SMTPUTF8"},
		{nil, bare, "refused at rcpt: no SMTPUTF8"},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{features: test.features}
			c := client(t, f)
			if refusal, ok := strings.CutPrefix(test.want, "refused at "); ok {
				phase, why, _ := strings.Cut(refusal, ": ")
				failed := mustFail(t, c, test.e)
				if failed.Verdict != Refused || failed.Phase != phase || failed.Server == "" || !strings.Contains(failed.Error(), why) {
					t.Errorf("got %v, want %s", failed, test.want)
				}
				mustSend(t, c, letter)
				return
			}
			mustSend(t, c, test.e)
			if said := f.said(); !slices.Contains(said, test.want) {
				t.Errorf("no %q in %q", test.want, said)
			}
		})
	}
}

// An address can never become a command.
func TestUnsendableAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		c := client(t, f)
		for _, e := range []Envelope{
			{From: "a@b.example>\r\nRCPT TO:<x@y.example", To: "a@b.example"},
			{From: "a@b.example", To: "a@b.example\nDATA"},
			{From: "a@b.example", To: "a@b.example> NOTIFY=NEVER"},
			{From: "a@b.example", To: "<a@b.example"},
			{From: "a@b.example", To: "a\x00@b.example"},
			{From: "a@b.example", To: ""},
		} {
			if failed := mustFail(t, c, e); failed.Verdict != Refused {
				t.Errorf("%q: %v", e, failed)
			}
		}
		if dials, _ := f.dialed(); dials != 0 {
			t.Error("a server was asked")
		}
	})
}

// A server that hangs up amid a mail may have said why.
func TestRefusalAmidTheMail(t *testing.T) {
	for answer, want := range map[string]Error{
		"552 5.3.4 too big": {Verdict: Refused, Code: 552},
		"421 4.3.0 bye":     {Verdict: Deferred, Code: 421},
		"250 what":          {Verdict: Deferred},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{answers: map[string]string{"content": answer}}
			long := letter
			long.Mail = bytes.Repeat([]byte("all work and no play\r\n"), 9999)
			got := mustFail(t, client(t, f), long)
			if got.Verdict != want.Verdict || got.Code != want.Code || got.Phase != phaseData {
				t.Errorf("%s amid the mail: %v", answer, got)
			}
		})
	}
}

// Whatever the bytes, a server that follows RFC 5321 §4.5.2 gets the lines
// that were meant, and nothing behind the final dot.
func FuzzContent(f *testing.F) {
	for _, seed := range []string{"", ".", "\r", "\n", "\r\n", "\r\r\n", "a\r.\rb", "a\n.\n", ".\r\n.\r\n", "\n\r", "a\r\n.\r\r\nQUIT"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, mail []byte) {
		before := bytes.Clone(mail)
		body := crlf(mail)
		if !bytes.Equal(mail, before) {
			t.Fatalf("changed its argument %q to %q", before, mail)
		}
		if again := crlf(body); !bytes.Equal(again, body) {
			t.Fatalf("%q is not final: %q", body, again)
		}
		if bare := bytes.ReplaceAll(body, []byte("\r\n"), nil); bytes.ContainsAny(bare, "\r\n") || !bytes.HasSuffix(body, []byte("\r\n")) {
			t.Fatalf("%q has stray line ends", body)
		}
		var wire bytes.Buffer
		w := textproto.NewWriter(bufio.NewWriter(&wire)).DotWriter()
		if _, err := w.Write(body); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		lines, after, ok := bytes.Cut(append([]byte("\r\n"), wire.Bytes()...), []byte("\r\n.\r\n"))
		got := bytes.ReplaceAll(append(lines, "\r\n"...), []byte("\r\n."), []byte("\r\n"))[2:]
		if !ok || len(after) > 0 || !bytes.Equal(got, body) {
			t.Fatalf("%q arrives as %q with %q behind", body, got, after)
		}
	})
}

func FuzzParseReply(f *testing.F) {
	for _, seed := range []string{"5.1.1 nobody", "5.1.1", "5.1.1 a\n5.1.1 b", "4.2.2 wrong class", "5..1 x", "5.1.1.1 x", "5.1234.1 x", "5.7.509 ok", "\x1b[2J", "\xff\xfe", "…", ""} {
		f.Add(550, seed)
	}
	f.Add(99, "0.0.0 x")
	f.Fuzz(func(t *testing.T, code int, lines string) {
		status, text := parseReply(code, lines)
		if len(text) > maxText || text != strings.ToValidUTF8(text, "") || strings.ContainsFunc(text, func(r rune) bool { return visible(r) != r }) {
			t.Errorf("text %q", text)
		}
		if status != "" && (int(status[0]-'0') != code/100 || strings.Count(status, ".") != 2 || !strings.HasPrefix(lines, status)) {
			t.Errorf("status %q of %d %q", status, code, lines)
		}
	})
}

func TestParseReply(t *testing.T) {
	for _, test := range []struct {
		code                int
		lines, status, text string
	}{
		{550, "5.1.1 nobody here", "5.1.1", "nobody here"},
		{550, "5.1.1", "5.1.1", ""},
		{550, "nobody", "", "nobody"},
		{550, "4.1.1 not the class", "", "4.1.1 not the class"},
		{550, "5.1.1.1 no status", "", "5.1.1.1 no status"},
		{452, "4.2.2 full\n4.2.2 try later", "4.2.2", "full try later"},
		{550, "5.7.509 a\x1b[31mb\tc\xffd", "5.7.509", "a [31mb c d"},
		{250, strings.Repeat("a", 9999), "", strings.Repeat("a", maxText-3) + "…"},
		{250, strings.Repeat("ü", 9999), "", strings.Repeat("ü", 248) + "…"},
	} {
		if status, text := parseReply(test.code, test.lines); status != test.status || text != test.text {
			t.Errorf("parseReply(%d, %.40q) = %q, %.600q", test.code, test.lines, status, text)
		}
	}
}
