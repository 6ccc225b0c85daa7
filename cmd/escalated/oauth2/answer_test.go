package oauth2

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseAnswer(t *testing.T) {
	for body, want := range map[string]answer{
		`{"access_token":"a.b-c_d~e+f/g==","token_type":"bearer","expires_in":3599,"refresh_token":"r"}`: {"a.b-c_d~e+f/g==", 3599 * time.Second, "r", 0},
		`{"access_token":"a","expires_in":"3599","ext_expires_in":3599}`:                                 {"a", 3599 * time.Second, "", 0},
		`{"access_token":"a","expires_in":1.5,"refresh_token_expires_in":604799}`:                        {"a", 1500 * time.Millisecond, "", 604799 * time.Second},
		`{"access_token":"a"}`:                       {"a", shortLife, "", 0},
		`{"access_token":"a","expires_in":null}`:     {"a", shortLife, "", 0},
		`{"access_token":"a","expires_in":-5}`:       {"a", shortLife, "", 0},
		`{"access_token":"a","expires_in":"NaN"}`:    {"a", shortLife, "", 0},
		`{"access_token":"a","expires_in":"soon"}`:   {"a", shortLife, "", 0},
		`{"access_token":"a","expires_in":1e300}`:    {"a", longLife, "", 0},
		`{"access_token":"a","expires_in":[3600]}`:   {"a", shortLife, "", 0},
		`{"access_token":""}`:                        {},
		`{"access_token":7}`:                         {},
		`{"access_token":"a b"}`:                     {},
		`{"access_token":"ä"}`:                       {},
		`{"access_token":"a","token_type":"pop"}`:    {},
		`{"access_token":"a","refresh_token":"r\t"}`: {},
		`["a"]`: {},
		``:      {},
	} {
		got, err := parseAnswer([]byte(body))
		if (err != nil) != (want == answer{}) {
			t.Errorf("%s: error %v", body, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte(`{"access_token":"a","token_type":"Bearer","expires_in":3600,"refresh_token":"r","refresh_token_expires_in":1}`))
	f.Add([]byte(`{"access_token":"a\u0001","expires_in":"1e999"}`))
	f.Add([]byte(`{"error":"invalid_grant","error_description":"AADSTS700082: lapsed\r\nTrace: secret"}`))
	f.Add([]byte(`{"access_token":"a","expires_in":0.0000000001}`))
	f.Add([]byte("<html>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := parseAnswer(body)
		if err == nil && (a.Token == "" || a.Lifetime <= 0 || a.Lifetime > longLife || a.RefreshLifetime < 0) {
			t.Errorf("unusable: %+v", a)
		}
		if strings.ContainsAny(a.Token+a.Refresh, "\x00\x01\r\n \x7f") {
			t.Errorf("breaks what it is put into: %+v", a)
		}
		code, words := parseError(body)
		for _, text := range []string{code, words} {
			text = oneLine(mask(text, []string{"secret"}))
			if strings.Contains(text, "secret") || strings.ContainsAny(text, "\r\n\x1b") {
				t.Errorf("not fit for a log: %q", text)
			}
		}
	})
}
