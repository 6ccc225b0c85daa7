package oauth2

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFlows(t *testing.T) {
	c := account(t)
	p := &provider{}
	mustToken(t, from(t, p, c), "A1")
	common := url.Values{"client_id": {"desk"}, "client_secret": {"hunter2/+"}, "scope": {"mail.read mail.send"}}
	common["grant_type"], common["refresh_token"] = []string{"refresh_token"}, []string{"R1"}
	if diff := cmp.Diff([]url.Values{common}, p.asked()); diff != "" {
		t.Errorf("refresh token (-want +got):\n%s", diff)
	}

	c.RefreshTokenFile = ""
	mustToken(t, from(t, p, c), "A2")
	common["grant_type"] = []string{"client_credentials"}
	delete(common, "refresh_token")
	if diff := cmp.Diff([]url.Values{common}, p.asked()); diff != "" {
		t.Errorf("client credentials (-want +got):\n%s", diff)
	}

	c = account(t)
	c.ClientSecretFile, c.Scopes = "", nil
	mustToken(t, from(t, p, c), "A3")
	want := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"R1"}, "client_id": {"desk"}}
	if diff := cmp.Diff([]url.Values{want}, p.asked()); diff != "" {
		t.Errorf("public client (-want +got):\n%s", diff)
	}
	if got := p.heads[0].Get("Content-Type"); got != "application/x-www-form-urlencoded" {
		t.Errorf("content type %q", got)
	}
}

func TestRenewedBeforeItLapses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		s := from(t, p, account(t))
		mustToken(t, s, "A1")
		if left := time.Until(s.Status().Expires); left != time.Hour {
			t.Errorf("lapses in %v, want an hour", left)
		}
		time.Sleep(55*time.Minute - time.Nanosecond)
		mustToken(t, s, "A1")
		time.Sleep(time.Nanosecond)
		mustToken(t, s, "A2")
		if n := p.requests(); n != 2 {
			t.Errorf("%d requests, want 2", n)
		}
	})
}

// A token that cannot be renewed early serves to its end, and not longer.
func TestTroubleAtRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		s := from(t, p, account(t))
		mustToken(t, s, "A1")
		p.set(down)
		time.Sleep(56 * time.Minute)
		mustToken(t, s, "A1")
		mustToken(t, s, "A1")
		if st := s.Status(); p.requests() != 2 || st.Err == "" || st.Refused || time.Until(st.Expires) != 4*time.Minute {
			t.Errorf("status %+v", st)
		}
		time.Sleep(4 * time.Minute)
		if failure := mustFail(t, s); failure.Refused {
			t.Errorf("trouble is no refusal: %v", failure)
		}
		p.set(nil)
		time.Sleep(lastPause)
		mustToken(t, s, "A4")
		if st := s.Status(); st.Err != "" || !st.RetryAt.IsZero() {
			t.Errorf("status afterwards %+v", st)
		}
	})
}

func TestRefusedTokenIsReplacedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := from(t, &provider{}, account(t))
		mustToken(t, s, "A1")
		time.Sleep(young)
		if !s.Refused("A1") {
			t.Error("an old token was refused, and a new one is thought no better")
		}
		mustToken(t, s, "A2")
		if !s.Refused("A1") {
			t.Error("who still has the old token is not told of the new one")
		}
		mustToken(t, s, "A2")
		if s.Refused("A2") {
			t.Error("a new token was refused, and a newer one is thought better")
		}
		mustToken(t, s, "A3")
	})
}

func TestBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{answer: down}
		s := from(t, p, account(t))
		for _, want := range []time.Duration{1, 2, 4, 8, 15, 15} {
			failure := mustFail(t, s)
			if again := mustFail(t, s); again != failure || p.requests() != 1 {
				t.Errorf("asked again too early; %v", again)
			}
			wait := time.Until(s.Status().RetryAt)
			if wait != want*time.Second {
				t.Errorf("pauses %v, want %v s", wait, want)
			}
			time.Sleep(wait)
		}
		p.set(says(http.StatusBadRequest, `{"error":"invalid_grant"}`))
		if failure := mustFail(t, s); !failure.Refused || time.Until(s.Status().RetryAt) != noPause || !s.Status().Refused {
			t.Errorf("%v; status %+v", failure, s.Status())
		}
		p.set(nil)
		time.Sleep(noPause)
		mustToken(t, s, "A8")
	})
}

func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{"40": 40 * time.Second, "9999": mostPause, "-1": firstPause, "soon": firstPause} {
		synctest.Test(t, func(t *testing.T) {
			s := from(t, &provider{answer: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", header)
				w.WriteHeader(http.StatusTooManyRequests)
			}}, account(t))
			if failure := mustFail(t, s); failure.Refused || time.Until(s.Status().RetryAt) != want {
				t.Errorf("%s: to be asked again in %v, want %v", header, time.Until(s.Status().RetryAt), want)
			}
		})
	}
}

func TestOneRequestForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{answer: func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			says(http.StatusOK, `{"access_token":"A"}`)(w, r)
		}}
		s := from(t, p, account(t))
		impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { mustToken(t, s, "A") })
		}
		synctest.Wait()
		if _, err := s.Token(impatient); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who cannot wait gets %v", err)
		}
		all.Wait()
		if n := p.requests(); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

// The end of a context loses no refresh token that is on its way.
func TestEndOfContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, c := &provider{}, account(t)
		p.set(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(2 * time.Second)
			says(http.StatusOK, `{"access_token":"A","refresh_token":"R2"}`)(w, r)
		})
		s := from(t, p, c)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if got, err := s.Token(ctx); got != "A" || err != nil {
			t.Errorf("token %q, %v", got, err)
		}
		if got := read(t, c.RefreshTokenFile); got != "R2\n" {
			t.Errorf("the file holds %q", got)
		}
		s = from(t, p, c)
		p.set(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		began := time.Now()
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Token(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second+grace {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if st := s.Status(); st.Err != "" {
			t.Errorf("our own end counts as the endpoint's: %+v", st)
		}
		began = time.Now()
		if failure := mustFail(t, s); failure.Refused || time.Since(began) != requestLimit {
			t.Errorf("%v after %v", failure, time.Since(began))
		}
	})
}

func TestRotationSurvivesRestart(t *testing.T) {
	p, c := &provider{}, account(t)
	p.set(says(http.StatusOK, `{"access_token":"A","expires_in":"3600","refresh_token":"R2","refresh_token_expires_in":86400}`))
	s := from(t, p, c)
	mustToken(t, s, "A")
	if got := read(t, c.RefreshTokenFile); got != "R2\n" {
		t.Errorf("the file holds %q", got)
	}
	if info, err := os.Stat(c.RefreshTokenFile); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if left := time.Until(s.Status().ConsentExpires); left < 23*time.Hour || left > 24*time.Hour {
		t.Errorf("the consent ends in %v", left)
	}
	p.asked()
	mustToken(t, from(t, p, c), "A")
	if got := p.asked()[0].Get("refresh_token"); got != "R2" {
		t.Errorf("after a restart %q is used", got)
	}
	if files, err := os.ReadDir(filepath.Dir(c.RefreshTokenFile)); len(files) != 2 || err != nil {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

func TestRotationThroughLink(t *testing.T) {
	p, c := &provider{}, account(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(c.RefreshTokenFile, link); err != nil {
		t.Skip("no links here: ", err)
	}
	file := c.RefreshTokenFile
	c.RefreshTokenFile = link
	p.set(says(http.StatusOK, `{"access_token":"A","refresh_token":"R2"}`))
	mustToken(t, from(t, p, c), "A")
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 || read(t, file) != "R2\n" {
		t.Errorf("the link is %v, %v, and the file holds %q", info.Mode(), err, read(t, file))
	}
}

// A refresh token that cannot be saved is used from memory, told of, and saved
// later; one that a person writes meanwhile goes before it.
func TestRotationUnsaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, c := &provider{}, account(t)
		folder := filepath.Join(t.TempDir(), "gone")
		c.RefreshTokenFile = filepath.Join(folder, "refresh")
		make := func(refresh string) {
			if err := os.MkdirAll(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, c.RefreshTokenFile, refresh+"\n")
		}
		make("R1")
		p.set(func(w http.ResponseWriter, r *http.Request) {
			if err := os.RemoveAll(folder); err != nil {
				t.Error(err)
			}
			says(http.StatusOK, `{"access_token":"A","refresh_token":"R2"}`)(w, r)
		})
		s := from(t, p, c)
		renew := func(refresh string) {
			t.Helper()
			p.asked()
			mustToken(t, s, "A")
			if got := p.asked()[0].Get("refresh_token"); got != refresh {
				t.Errorf("used %q, want %q", got, refresh)
			}
			time.Sleep(shortLife)
		}
		renew("R1")
		if st := s.Status(); st.Err == "" || st.Refused {
			t.Errorf("status %+v", st)
		}
		renew("R2")
		p.set(says(http.StatusOK, `{"access_token":"A"}`))
		make("R1")
		renew("R2")
		if st := s.Status(); st.Err != "" || read(t, c.RefreshTokenFile) != "R2\n" {
			t.Errorf("status %+v, and the file holds %q", st, read(t, c.RefreshTokenFile))
		}
		make("R7")
		renew("R7")
	})
}

// A new consent counts at once, also one given while the old is being refused.
func TestNewConsent(t *testing.T) {
	p, c := &provider{}, account(t)
	p.set(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("refresh_token") == "R1" {
			write(t, c.RefreshTokenFile, "R2\n")
			says(http.StatusBadRequest, `{"error":"invalid_grant"}`)(w, r)
			return
		}
		says(http.StatusOK, `{"access_token":"A"}`)(w, r)
	})
	mustToken(t, from(t, p, c), "A")
}

func TestSourcesAreShared(t *testing.T) {
	imap, smtp := account(t), account(t)
	same := *imap
	var all Sources
	for i, test := range []struct{ first, second *Source }{
		{must(all.For(imap)), must(all.For(&same))},
		{must(all.For(imap)), must(all.For(smtp))},
	} {
		if shared := test.first == test.second; shared != (i == 0) {
			t.Errorf("case %d: one source: %v", i, shared)
		}
	}
	other := *imap
	other.Scopes = []string{"mail.send"}
	if must(all.For(imap)).grant != must(all.For(&other)).grant {
		t.Error("two use one refresh token file, and not in turn")
	}
	imap.RefreshTokenFile, smtp.RefreshTokenFile = "", ""
	if must(all.For(imap)).grant == must(all.For(smtp)).grant {
		t.Error("two without a refresh token wait for each other")
	}
	if n := len(all.Status()); n != 5 {
		t.Errorf("%d sources, want 5", n)
	}
}

func must(s *Source, err error) *Source {
	if err != nil {
		panic(err)
	}
	return s
}
