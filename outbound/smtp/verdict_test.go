package smtp

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// Every pathology and its verdict. The phase is where the answer is given;
// want.Phase defaults to it.
func TestVerdicts(t *testing.T) {
	login := Error{Verdict: Down, LoginRefused: true}
	tests := []struct {
		at, answer string
		want       Error
	}{
		{phaseGreeting, "421 4.3.2 too busy", Error{Verdict: Down, Code: 421, Status: "4.3.2", Text: "too busy"}},
		{phaseGreeting, "554 5.7.1 go away", Error{Verdict: Down, Code: 554, Status: "5.7.1", Text: "go away"}},
		{phaseGreeting, "cut", Error{Verdict: Down}},
		{phaseGreeting, "hang", Error{Verdict: Down}},
		{phaseGreeting, "drip", Error{Verdict: Down}},
		{phaseGreeting, "flood", Error{Verdict: Down}},
		{phaseGreeting, "SSH-2.0-OpenSSH", Error{Verdict: Down}},
		{phaseHello, "421 bye|cut", Error{Verdict: Down, Code: 421, Text: "bye"}},
		{phaseHello, "hang", Error{Verdict: Down}},
		{phaseHello, "cut", Error{Verdict: Down}},
		{phaseMail, "421 4.7.0 slow down|cut", Error{Verdict: Down, Code: 421, Status: "4.7.0", Text: "slow down"}},
		{phaseMail, "451 4.7.1 greylisted", Error{Verdict: Deferred, Code: 451, Status: "4.7.1", Text: "greylisted"}},
		{phaseMail, "452 4.3.1 disk", Error{Verdict: Deferred, Code: 452, Status: "4.3.1", Text: "disk"}},
		{phaseMail, "550 5.7.1 sender rejected", Error{Verdict: Down, Code: 550, Status: "5.7.1", Text: "sender rejected"}},
		{phaseMail, "553 5.1.8 no such domain", Error{Verdict: Down, Code: 553, Status: "5.1.8", Text: "no such domain"}},
		{phaseMail, "552 5.3.4 too big", Error{Verdict: Refused, Code: 552, Status: "5.3.4", Text: "too big"}},
		{phaseMail, "530 5.7.0 log in first", with(login, 530, "5.7.0", "log in first")},
		{phaseMail, "535 5.7.8 no", with(login, 535, "5.7.8", "no")},
		{phaseMail, "538 5.7.11 encrypt", with(login, 538, "5.7.11", "encrypt")},
		{phaseMail, "503 5.5.1 sequence", Error{Verdict: Down, Code: 503, Status: "5.5.1", Text: "sequence"}},
		{phaseMail, "354 what", Error{Verdict: Down, Code: 354, Text: "what"}},
		{phaseMail, "cut", Error{Verdict: Down}},
		{phaseMail, "hang", Error{Verdict: Down}},
		{phaseRcpt, "550 5.1.1 nobody", Error{Verdict: Refused, Code: 550, Status: "5.1.1", Text: "nobody"}},
		{phaseRcpt, "550 nobody", Error{Verdict: Refused, Code: 550, Text: "nobody"}},
		{phaseRcpt, "550-5.1.1 nobody\n550 5.1.1 of that name", Error{Verdict: Refused, Code: 550, Status: "5.1.1", Text: "nobody of that name"}},
		{phaseRcpt, "450 4.2.0 greylisted", Error{Verdict: Deferred, Code: 450, Status: "4.2.0", Text: "greylisted"}},
		{phaseRcpt, "421 4.7.28 rate|cut", Error{Verdict: Deferred, Code: 421, Status: "4.7.28", Text: "rate"}},
		{phaseRcpt, "530 5.7.0 relaying needs a login", with(login, 530, "5.7.0", "relaying needs a login")},
		{phaseRcpt, "cut", Error{Verdict: Deferred}},
		{phaseRcpt, "250 ok|cut", Error{Verdict: Deferred, Phase: phaseData}},
		{phaseRcpt, "hang", Error{Verdict: Deferred}},
		{phaseData, "451 4.3.0 later", Error{Verdict: Deferred, Code: 451, Status: "4.3.0", Text: "later"}},
		{phaseData, "554 5.5.1 no valid recipients", Error{Verdict: Refused, Code: 554, Status: "5.5.1", Text: "no valid recipients"}},
		{phaseData, "250 what", Error{Verdict: Deferred, Code: 250, Text: "what"}},
		{phaseData, "cut", Error{Verdict: Deferred}},
		{phaseData, "hang", Error{Verdict: Deferred}},
		{"content", "cut", Error{Verdict: Deferred, Phase: phaseData}},
		{phaseFinal, "451 4.6.0 later", Error{Verdict: Deferred, Code: 451, Status: "4.6.0", Text: "later"}},
		{phaseFinal, "421 4.3.0 bye|cut", Error{Verdict: Deferred, Code: 421, Status: "4.3.0", Text: "bye"}},
		{phaseFinal, "552 5.3.4 too big", Error{Verdict: Refused, Code: 552, Status: "5.3.4", Text: "too big"}},
		{phaseFinal, "554 5.6.0 spam", Error{Verdict: Refused, Code: 554, Status: "5.6.0", Text: "spam"}},
		{phaseFinal, "530 5.7.0 odd", Error{Verdict: Refused, Code: 530, Status: "5.7.0", Text: "odd"}},
		{phaseFinal, "354 what", Error{Verdict: Unsure, Code: 354, Text: "what"}},
		{phaseFinal, "nonsense", Error{Verdict: Unsure}},
		{phaseFinal, "cut", Error{Verdict: Unsure}},
		{phaseFinal, "hang", Error{Verdict: Unsure}},
	}
	for _, test := range tests {
		if test.want.Phase == "" {
			test.want.Phase = test.at
		}
		for _, pipelining := range []bool{false, true} {
			name := test.at + " " + test.answer
			f := &fake{answers: map[string]string{test.at: test.answer}}
			if pipelining {
				name += " pipelined"
				f.features = []string{"PIPELINING"}
			}
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { checkVerdict(t, f, test.want) })
			})
		}
	}
}

func with(e Error, code int, status, text string) Error {
	e.Code, e.Status, e.Text = code, status, text
	return e
}

func checkVerdict(t *testing.T, f *fake, want Error) {
	long := letter // too long to vanish in buffers whole
	long.Mail = bytes.Repeat([]byte("all work and no play\r\n"), 9999)
	got := *mustFail(t, client(t, f), long)
	if hang := strings.Contains(t.Name(), "hang"); hang && !errors.Is(&got, os.ErrDeadlineExceeded) {
		t.Errorf("Err = %v, want a timeout", got.Err)
	}
	if (got.Code == 0) != (got.Err != nil) {
		t.Errorf("Code = %d and Err = %v, want one of them", got.Code, got.Err)
	}
	if (got.Verdict == Down) != !got.RetryAt.IsZero() {
		t.Errorf("%v has RetryAt = %v", got.Verdict, got.RetryAt)
	}
	if mails := len(f.received()); mails > 0 != (got.Phase == phaseFinal) {
		t.Errorf("the server has %d mails after a failure at %s", mails, got.Phase)
	}
	want.Server, want.Err, want.RetryAt = "127.0.0.1:25", got.Err, got.RetryAt
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b error) bool { return a == b })); diff != "" {
		t.Errorf("wrong verdict (-want +got):\n%s", diff)
	}
}

func TestConnectFailureIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("connection refused")
		failed := mustFail(t, client(t, &fake{refuse: refused}), letter)
		if failed.Verdict != Down || failed.Phase != phaseConnect || !errors.Is(failed, refused) {
			t.Errorf("got %v", failed)
		}
	})
}

// A connection cut after the 250 was read is no business of that mail.
func TestCutAfterAcceptance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answers: map[string]string{phaseFinal: "250 2.0.0 taken|cut"}}
		c := client(t, f)
		want := Reply{Code: 250, Text: "taken", Server: "127.0.0.1:25"}
		for range 2 {
			if diff := cmp.Diff(want, mustSend(t, c, letter)); diff != "" {
				t.Error(diff)
			}
		}
		if dials, _ := f.dialed(); len(f.received()) != 2 || dials != 2 {
			t.Errorf("%d mails over %d connections, want 2 over 2", len(f.received()), dials)
		}
	})
}

func TestErrorIsOneBoundedLine(t *testing.T) {
	e := &Error{Verdict: Down, Phase: phaseGreeting, Server: "mx.example:25", Err: errors.New("short response: \x1b[31m" + strings.Repeat("a\r\n", 9999))}
	if got := e.Error(); len(got) > maxText+100 || strings.ContainsAny(got, "\r\n\x1b") {
		t.Errorf("%d bytes: %.80q…", len(got), got)
	}
	e = &Error{Verdict: Refused, Phase: phaseRcpt, Server: "mx.example:25", Code: 550, Status: "5.1.1", Text: "nobody"}
	if got, want := e.Error(), "smtp: refused at rcpt by mx.example:25: 550 5.1.1 nobody"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := Verdict(9).String(); got != "Verdict(9)" {
		t.Error(got)
	}
}
