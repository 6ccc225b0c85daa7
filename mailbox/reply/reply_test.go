package reply_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/id8labs/escalated/mailbox/reply"
)

const quote = "\n\nOn Thu, Mar 5, 2026 at 9:58 AM Acme <escalations@acme.example>\nwrote:\n\n> Hi Leah,\n>\n> better now?\n"

func TestNew(t *testing.T) {
	for name, test := range map[string]struct {
		mail reply.Mail
		want string
	}{
		"no quote at all": {reply.Mail{Text: "It is down.\n\nLeah"}, "It is down.\n\nLeah"},
		"nothing":         {reply.Mail{Subject: "Re: kiln"}, ""},
		"only a quote":    {reply.Mail{Subject: "Re: kiln", Text: quote}, ""},
		"typed below a divider at the top": {
			reply.Mail{Subject: "RE: kiln", Text: "-----Original Message-----\nFrom: Acme\nSent: Monday\nSubject: kiln\n\nBetter?\n\n#close"},
			"> -----Original Message-----\n> From: Acme\n> Sent: Monday\n> Subject: kiln\n>\n> Better?\n>\n> #close",
		},
		"typed below an unquoted original": {
			reply.Mail{Subject: "Re: kiln", Text: "On 5 Mar 2026, at 9:58, Acme <escalations@acme.example> wrote:\n\nbetter now?\n\nNo."},
			"> On 5 Mar 2026, at 9:58, Acme <escalations@acme.example> wrote:\n>\n> better now?\n>\n> No.",
		},
		"a statement that reads like an attribution": {
			reply.Mail{Text: "On 20 May 2026 your colleague wrote:\nit will be fixed by Monday.\n\nIt is not."},
			"On 20 May 2026 your colleague wrote:\nit will be fixed by Monday.\n\nIt is not.",
		},
		"a last line that begins like a footer": {
			reply.Mail{Text: "Nichts geht.\nVon meinem Rechner aus auch nicht."},
			"Nichts geht.\nVon meinem Rechner aus auch nicht.",
		},
		"a leak described in a disclaimer's words": {
			reply.Mail{Text: "It went to a person who is not the intended recipient.\n\nIt held confidential information of 300 patients."},
			"It went to a person who is not the intended recipient.\n\nIt held confidential information of 300 patients.",
		},
		"a request below the name": {
			reply.Mail{Sender: "Peter Vance", Text: "Toledo is blank.\n\nPeter Vance\nPlease call me."},
			"Toledo is blank.\n\nPeter Vance\nPlease call me.",
		},
		"a telephone number to call": {
			reply.Mail{Sender: "Peter Vance", Text: "Toledo is blank.\n\nThanks,\nCall me at +1 219 555 0144."},
			"Toledo is blank.\n\nThanks,\nCall me at +1 219 555 0144.",
		},
		"a hyphenated name above its office": {
			reply.Mail{Sender: "Hye-jin Park", Text: "Two issues.\n\nBest regards,\nHye-jin Park\nFab Systems"},
			"Two issues.",
		},
		"all typed into the signature": {
			reply.Mail{HTML: `<div class="gmail_signature">The kiln is down.</div>`},
			"The kiln is down.",
		},
		"a log pasted last": {
			reply.Mail{Text: "$ status\n> stalled" + quote},
			"$ status\n> stalled",
		},
		"text below two dashes": {
			reply.Mail{Text: "Part one.\n--\n" + strings.Repeat("A line of the second part.\n", 20)},
			strings.TrimSpace("Part one.\n--\n" + strings.Repeat("A line of the second part.\n", 20)),
		},
		"the HTML knows where the original begins": {
			reply.Mail{
				Subject: "Re: kiln",
				Text:    "It is down.\n\nAcme Escalations, fifth of March\n\nbetter now?",
				HTML:    `<p>It is down.</p><div id="divRplyFwdMsg">Acme Escalations, fifth of March</div><p>better now?</p>`,
			},
			"It is down.",
		},
		"the HTML says something else": {
			reply.Mail{Text: "It is down.", HTML: `<p>Buy our shoes.</p><div class="yahoo_quoted">x</div>`},
			"It is down.",
		},
		"indented, not quoted": {
			reply.Mail{HTML: `<div>Steps:</div><blockquote style="margin: 0 0 0 40px; border: none; padding: 0px">press start</blockquote>`},
			"Steps:\n\npress start",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, reply.New(test.mail)); diff != "" {
				t.Errorf("new text (-want +got):\n%s", diff)
			}
		})
	}
}

const (
	comment  = "Please take it.\n\nBo"
	original = "From: Annika <annika@vastkusten.example>\nSubject: kiln\nDate: 11 May 2026 at 10:49\n\nIt is down."
)

func TestForwardKeepsItsBody(t *testing.T) {
	for name, mail := range map[string]reply.Mail{
		"divider":           {Subject: "kiln", Text: comment + "\n\n---------- Forwarded message ---------\n" + original},
		"Apple's divider":   {Subject: "Fwd: kiln", Text: comment + "\n\nBegin forwarded message:\n\n" + original},
		"subject and block": {Subject: "WG: kiln", Text: comment + "\n\n" + original},
		"quoted by Apple":   {Subject: "Fwd: kiln", Text: comment + "\n\nBegin forwarded message:\n\n> " + strings.ReplaceAll(original, "\n", "\n> ")},
		"phone's footer":    {Subject: "Fwd: kiln", Text: comment + "\n\nSent from my iPhone\n\nBegin forwarded message:\n\n" + original},
	} {
		t.Run(name, func(t *testing.T) {
			got := reply.New(mail)
			if !strings.HasPrefix(got, comment) || !strings.HasSuffix(got, original) || strings.Contains(got, "iPhone") {
				t.Errorf("new text\n%s", got)
			}
			above, below, ok := reply.Forwarded(mail.Subject, got)
			if diff := cmp.Diff([]string{comment, original}, []string{above, below}); diff != "" || !ok {
				t.Errorf("%v, split (-want +got):\n%s", ok, diff)
			}
		})
	}
	if _, _, ok := reply.Forwarded("Re: kiln", "It is down."+quote); ok {
		t.Error("a reply is no forward")
	}
}

func TestAnswersInLine(t *testing.T) {
	text := "On 2026-10-17 02:10, Acme wrote:\n>> it stops\n> Does it stop?\n\nYes.\n\n> Thanks,\n> Mira\n"
	want := ">> it stops\n> Does it stop?\n\nYes."
	if diff := cmp.Diff(want, reply.New(reply.Mail{Subject: "Re: dome", Text: text})); diff != "" {
		t.Errorf("new text (-want +got):\n%s", diff)
	}
}

func TestText(t *testing.T) {
	for html, want := range map[string]string{
		"<p>a  b<br>c</p><p>d</p>":                                      "a b\nc\n\nd",
		"#severity 1<br>[FB] *no*":                                      "#severity 1\n[FB] *no*",
		"<ol><li>a<li>b<ul><li>c</ul></ol>":                             "1. a\n2. b\n\n* c",
		"<table><tr><th>Site<th>Users</tr><tr><td>Gary<td>40</table>":   "Site | Users\nGary | 40",
		"<pre>$ x\n  y</pre>":                                           "$ x\n  y",
		"a<blockquote>b<blockquote>c</blockquote></blockquote>d":        "a\n\n> b\n>\n>> c\n\nd",
		"<div style='display: none'>x</div><p hidden>y</p>z":            "z",
		"<div style='font-size:0.9em'>small</div>":                      "small",
		"<div style='display:none'>all of it</div>":                     "all of it",
		"<head><title>t</title></head><body><script>s</script>b</body>": "b",
		"<p class=MsoNormal>a</p><p class=MsoNormal>&nbsp;</p><p>b</p>": "a\n\nb",
		"&lt;eve@x.example&gt; &amp; &#8364;":                           "<eve@x.example> & €",
		"<title>never closed, and then the text":                        "never closed, and then the text",
		strings.Repeat("<blockquote>", 1000) + "x":                      ">>>>>>>> x",
	} {
		if diff := cmp.Diff(want, reply.Text(html)); diff != "" {
			t.Errorf("%.80s (-want +got):\n%s", html, diff)
		}
	}
}
