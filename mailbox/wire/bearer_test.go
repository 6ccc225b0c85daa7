package wire

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestNewBearer(t *testing.T) {
	const token, address = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", "server.example.com:143"
	for _, test := range []struct {
		offered, username string
		want              Bearer
	}{
		// Google's example, and that of RFC 7628 §4.1.
		{"XOAUTH2", "someuser@example.com", Bearer{"XOAUTH2", []byte("user=someuser@example.com\x01auth=Bearer " + token + "\x01\x01"), []byte{}}},
		{"OAUTHBEARER", "user@example.com", Bearer{"OAUTHBEARER", []byte("n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer " + token + "\x01\x01"), []byte("\x01")}},
		{"OAUTHBEARER", "a=b,c", Bearer{"OAUTHBEARER", []byte("n,a=a=3Db=2Cc,\x01host=server.example.com\x01port=143\x01auth=Bearer " + token + "\x01\x01"), []byte("\x01")}},
		{"PLAIN OAUTHBEARER XOAUTH2", "u", Bearer{"XOAUTH2", []byte("user=u\x01auth=Bearer " + token + "\x01\x01"), []byte{}}},
		{"PLAIN LOGIN", "u", Bearer{}},
	} {
		offers := func(mechanism string) bool { return slices.Contains(strings.Fields(test.offered), mechanism) }
		got, ok := NewBearer(offers, test.username, token, address)
		if diff := cmp.Diff(test.want, got); diff != "" || ok != (got.Mechanism != "") {
			t.Errorf("%s, %s (-want +got):\n%s", test.offered, test.username, diff)
		}
	}
	if err := NoBearer("PLAIN\x1b"); !strings.Contains(err.Error(), `(offered: "PLAIN ")`) {
		t.Errorf("got %v", err)
	}
}

func TestRefusal(t *testing.T) {
	for challenge, want := range map[string]string{
		`{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}`: "refused the access token with status 400, it wants the scope https://mail.google.com/; check",
		`{"status":"invalid_token"}`: "with status invalid_token; check",
		`{"status":7}`:               "refused the access token; check",
		``:                           "refused the access token; check",
	} {
		if got := Refusal("IMAP", []byte(challenge)); !strings.Contains(got, want) || !strings.Contains(got, "that IMAP is allowed") {
			t.Errorf("%s: %s", challenge, got)
		}
	}
}

func FuzzRefusal(f *testing.F) {
	f.Add([]byte(`{"status":"401","scope":"mail\r\n\u001b[2J"}`))
	f.Add([]byte(`{"status":"` + strings.Repeat("ä", 500) + `"}`))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, challenge []byte) {
		got := Refusal("SMTP", challenge)
		if strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) || !utf8.ValidString(got) || utf8.RuneCountInString(got) > 450 {
			t.Errorf("not fit for a log: %q", got)
		}
	})
}
