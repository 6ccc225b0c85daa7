package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/mail"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/auth"
	"github.com/id8labs/escalated/mailbox/mailserver"
	"github.com/id8labs/escalated/mailbox/parse"
	"github.com/id8labs/escalated/threads"
)

// TestStories plays every testdata/stories/*.txtar against the whole program,
// in time that costs nothing. A story is a txtar archive: the text on top says
// what it shows; each file is a step, its name a sentence of the table below,
// its content what the sentence needs. Each step but a look takes one second.
//
// {ID1} stands for the id of the escalation that opened first, {ID2} for the
// second, and so on.
//
// To add a story, write a file. See testdata/stories/README.txt.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/stories/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories (%v)", err)
	}
	t.Setenv("ESCALATED_TEST_PASSWORD", "secret")
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { play(t, file, archive) })
		})
	}
}

func play(t *testing.T, file string, story *txtar.Archive) {
	p := newProgram(t)
	for i, f := range story.Files {
		if i == 0 && f.Name != "config" {
			p.start()
		}
		step := fmt.Sprintf("%s, step %d (%s)", filepath.Base(file), i+1, f.Name)
		if !p.step(step, f.Name, string(f.Data)) {
			t.Fatalf("%s: no such step, see the table of steps", step)
		}
		if i == 0 && f.Name == "config" {
			p.start()
		}
	}
	if left := p.sent(); len(left) > 0 {
		t.Errorf("%s: at its end these mails had left that no step names:\n%s", filepath.Base(file), strings.Join(left, "\n"))
	}
}

// steps is the table of what a story can say.
var steps = []struct {
	sentence *regexp.Regexp
	play     func(p *program, step string, words []string, text string)
}{
	{sentence(`config`), func(p *program, _ string, _ []string, text string) { p.configure(text) }},
	{sentence(`(\S+@\S+) writes(?:, (unverified|forged))?`), func(p *program, _ string, w []string, text string) {
		p.deliver(w[1], ourAddress, vouching(w[2]), p.withIDs(text))
	}},
	{sentence(`(\S+@\S+) replies(?:, (unverified|forged))?`), func(p *program, _ string, w []string, text string) {
		p.reply(w[1], vouching(w[2]), p.withIDs(text))
	}},
	{sentence(`the last mail arrives again`), func(p *program, _ string, _ []string, _ string) { p.send(p.in, p.results) }},
	{sentence(`the last mail to (\S+) bounces`), func(p *program, _ string, w []string, _ string) { p.bounce(w[1], p.lastTo(w[1]), "") }},
	{sentence(`a bounce of (\S+) is forged`), func(p *program, _ string, w []string, _ string) { p.bounce(w[1], forgery(p.ids[0]), " ["+p.ids[0]+"]") }},
	{sentence(`(\S+) passe?s?`), func(p *program, _ string, w []string, _ string) { p.pass(p.duration(w[1])) }},

	{sentence(`the service (stops|starts|restarts)`), func(p *program, _ string, w []string, _ string) { p.run(w[1]) }},
	{sentence(`the configuration changes`), func(p *program, _ string, _ []string, text string) { p.reload(text) }},
	{sentence(`sending (is paused|goes on)(, except acks)?`), func(p *program, _ string, w []string, _ string) { p.brake(w[1] == "is paused", w[2] != "") }},
	{sentence(`SMTP is (up|down)`), func(p *program, _ string, w []string, _ string) { p.smtpIs(w[1]) }},
	{sentence(`SMTP (hangs|cuts|says (\d{3})) (once|always) at ([a-z]+)(?: (\S+@\S+))?`), func(p *program, _ string, w []string, _ string) { p.smtp.fails(faultOf(w)) }},
	{sentence(`IMAP is (up|down)`), func(p *program, _ string, w []string, _ string) { p.imap.cut(w[1] == "down"); p.settle() }},
	{sentence(`IMAP falls silent`), func(p *program, _ string, _ []string, _ string) { p.imap.set(func(w *imapWire) { w.silent = true }) }},
	{sentence(`IMAP cuts at ([A-Z]+)`), func(p *program, _ string, w []string, _ string) {
		p.imap.set(func(wire *imapWire) { wire.trap = []byte(w[1] + " ") })
	}},

	{sentence(`sent`), func(p *program, step string, _ []string, text string) { p.compareSent(step, text) }},
	{sentence(`records`), func(p *program, step string, _ []string, text string) { p.compareRecords(step, text) }},
	{sentence(`events of (\S+)`), func(p *program, step string, w []string, text string) { p.compareEvents(step, w[1], text) }},
	{sentence(`folders`), func(p *program, step string, _ []string, text string) { p.compareFolders(step, text) }},
	{sentence(`set aside`), func(p *program, step string, _ []string, text string) { p.compareAside(step, text) }},
}

func sentence(pattern string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + pattern + `)$`) }

func (p *program) step(step, name, text string) bool {
	p.Helper()
	for _, s := range steps {
		if words := s.sentence.FindStringSubmatch(name); words != nil {
			s.play(p, step, words, text)
			return true
		}
	}
	return false
}

// vouching is what our server says of a mail: nothing, or that it is forged.
func vouching(word string) string {
	return map[string]string{"": "", "unverified": "dmarc=none; spf=none; dkim=none", "forged": "dmarc=fail header.from=northwind.example"}[word]
}

func (p *program) duration(s string) time.Duration {
	p.Helper()
	d, err := time.ParseDuration(s)
	if err != nil {
		p.Fatal(err)
	}
	return d
}

// startsWithFields reports text that begins with header fields.
var startsWithFields = regexp.MustCompile(`^[A-Z][A-Za-z-]*: `)

// reply answers the last mail that an address got from us, as mail programs do.
func (p *program) reply(from, results, text string) {
	p.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(p.lastTo(from).Bytes))
	if err != nil {
		p.Fatal(err)
	}
	id := m.Header.Get("Message-ID")
	header := fmt.Sprintf("In-Reply-To: %s\nReferences: %s\n", id, strings.TrimSpace(m.Header.Get("References")+" "+id))
	to := strings.Trim(m.Header.Get("Reply-To"), "<>")
	if !startsWithFields.MatchString(text) {
		header += fmt.Sprintf("To: %s\nSubject: Re: %s\n\n", to, m.Header.Get("Subject"))
	}
	p.deliver(from, to, results, header+text)
}

// forgery is a mail that we never sent about an escalation.
func forgery(id string) mailserver.Envelope {
	token := strings.ToLower(strings.TrimPrefix(id, "ESC-")) + "-aaaaaaaaaaaaaaaaaaaa"
	return mailserver.Envelope{
		From:  "escalations+b-" + token + "@acme.example",
		Bytes: []byte("Message-ID: <" + token + ".0123456789abcdef@acme.example>\r\nSubject: We're on it [" + id + "]\r\n\r\n"),
	}
}

// bounce returns a mail to its envelope sender as a server does that knows no
// such recipient (RFC 3464).
func (p *program) bounce(recipient string, e mailserver.Envelope, tag string) {
	p.Helper()
	header, _, _ := bytes.Cut(e.Bytes, []byte("\r\n\r\n"))
	report := "From: Mail Delivery System <mailer-daemon@mx.example>\nTo: " + e.From + "\nSubject: Undelivered Mail Returned to Sender" + tag + "\n" +
		"Auto-Submitted: auto-replied\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n" +
		"--b\nContent-Type: text/plain\n\nYour mail could not be delivered.\n\n" +
		"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; " + recipient + "\nAction: failed\nStatus: 5.1.1\n\n" +
		"--b\nContent-Type: text/rfc822-headers\n\n" + strings.ReplaceAll(string(header), "\r\n", "\n") + "\n\n--b--\n"
	p.deliver("", e.From, "dmarc=none", "Message-ID: <"+strconv.Itoa(p.count)+"@mx.example>\n"+report)
}

func (p *program) run(what string) {
	p.Helper()
	if what != "starts" {
		p.stop()
	}
	if what != "stops" {
		p.start()
	}
}

// reload puts a changed configuration into force, as SIGHUP does.
func (p *program) reload(yaml string) {
	p.Helper()
	p.configure(yaml)
	if err := p.daemon.reload(p.settings()); err != nil {
		p.Error(err)
	}
}

// brake does what pause-sending and resume-sending ask of the service.
func (p *program) brake(on, exceptAcks bool) {
	p.Helper()
	var b *threads.Brake
	if on {
		b = &threads.Brake{Since: time.Now().UTC(), ExceptAcks: exceptAcks}
	}
	if err := threads.SetBrake(p.Context(), p.daemon.db, b); err != nil {
		p.Error(err)
	}
	p.daemon.desk.Kick()
}

func (p *program) smtpIs(how string) {
	if how == "up" {
		p.smtp.works()
	} else {
		p.smtp.breaks()
	}
}

func faultOf(w []string) smtpFault {
	f := smtpFault{at: mailserver.Stage(w[4]), whom: w[5], times: map[string]int{"once": 1, "always": -1}[w[3]]}
	switch {
	case w[1] == "cuts":
		f.reply = mailserver.ErrCut
	case w[2] != "":
		code, _ := strconv.Atoi(w[2]) // three digits, says the pattern
		f.reply = refusal(code)
	}
	return f
}

// A line of "sent" is KIND to ADDRESS, and may go on with texts that the mail
// must hold, or, after a !, must not hold: | text | !text.
func (p *program) compareSent(step, text string) {
	p.Helper()
	out := p.mails()
	p.refreshIDs()
	var want []string
	for line := range linesOf(p.withIDs(text)) {
		checks := strings.Split(line, " | ")
		want = append(want, checks[0])
		for _, check := range checks[1:] {
			p.checkText(step, checks[0], out, check)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, briefs(out)); diff != "" {
		p.Errorf("%s (-want +sent):\n%s", step, diff)
	}
}

func (p *program) sent() []string { return briefs(p.mails()) }

// briefs are mails as stories name them, in no order of time: what leaves at
// the same instant has none.
func briefs(list []mailserver.Envelope) []string {
	var all []string
	for _, e := range list {
		for _, to := range e.To {
			all = append(all, kindOf(e)+" to "+to)
		}
	}
	slices.Sort(all)
	return all
}

func kindOf(e mailserver.Envelope) string {
	m, err := mail.ReadMessage(bytes.NewReader(e.Bytes))
	if err != nil {
		return "unreadable mail"
	}
	return m.Header.Get("X-Escalated-Notice")
}

func (p *program) checkText(step, brief string, out []mailserver.Envelope, check string) {
	p.Helper()
	unwanted, not := strings.CutPrefix(check, "!")
	for _, e := range out {
		if slices.Contains(briefs([]mailserver.Envelope{e}), brief) {
			if text := readable(p, e); strings.Contains(text, unwanted) == not {
				p.Errorf("%s: the %s has the text %q: %v\n%s", step, brief, unwanted, not, text)
			}
		}
	}
}

// readable is the subject and all text of a mail, without line breaks.
func readable(p *program, e mailserver.Envelope) string {
	p.Helper()
	m, err := parse.Mail(mailbox.Raw{Bytes: e.Bytes}, auth.Trust{})
	if err != nil {
		p.Fatal(err)
	}
	return strings.Join(strings.Fields(m.Subject+"\n"+m.FullText), " ")
}

// A line of "records" is an id and fields of `list --json` that count, as
// key=value. acknowledged is how long after opening, in seconds, or "never";
// with key<value it may be any time below.
func (p *program) compareRecords(step, text string) {
	p.Helper()
	records := p.records()
	n := 0
	for line := range linesOf(p.withIDs(text)) {
		id, rest, _ := strings.Cut(line, " ")
		i := slices.IndexFunc(records, func(r threads.Record) bool { return r.ID == id })
		if n++; i < 0 {
			p.Errorf("%s: there is no %s", step, id)
			continue
		}
		fields := fieldsOf(p, records[i])
		for want := range strings.FieldsSeq(rest) {
			checkField(p, step, id, want, fields)
		}
	}
	if n != len(records) {
		p.Errorf("%s: there are %d records, want %d", step, len(records), n)
	}
}

func checkField(p *program, step, id, want string, fields map[string]string) {
	p.Helper()
	if key, limit, below := strings.Cut(want, "<"); below {
		got, err := time.ParseDuration(fields[key])
		if err != nil || got >= p.duration(limit) {
			p.Errorf("%s: %s has %s=%s, want less than %s", step, id, key, fields[key], limit)
		}
		return
	}
	key, value, _ := strings.Cut(want, "=")
	if got, known := fields[key]; !known || got != value {
		p.Errorf("%s: %s has %s=%s, want %s", step, id, key, got, value)
	}
}

// fieldsOf is a record as text.
func fieldsOf(p *program, r threads.Record) map[string]string {
	p.Helper()
	raw, err := json.Marshal(r)
	var values map[string]any
	if err == nil {
		err = json.Unmarshal(raw, &values)
	}
	if err != nil {
		p.Fatal(err)
	}
	fields := map[string]string{"acknowledged": "never"}
	for key, value := range values {
		fields[key] = plain(value)
	}
	fields["customer"] = plain(values["customer"].(map[string]any)["address"])
	if r.AcknowledgedAt != nil {
		fields["acknowledged"] = r.AcknowledgedAt.Sub(*r.OpenedAt).Round(time.Second).String()
	}
	return fields
}

func plain(value any) string {
	switch v := value.(type) {
	case nil:
		return "none"
	case []any:
		var list []string
		for _, x := range v {
			list = append(list, plain(x))
		}
		return strings.Join(list, ",")
	}
	return fmt.Sprint(value)
}

// "events of ID" lists their types in order; after a colon stands a text that
// the event, as JSON, must hold. Notices sent are left out: mails that leave at
// the same instant have no order.
func (p *program) compareEvents(step, id, text string) {
	p.Helper()
	p.refreshIDs()
	r, err := threads.Show(p.Context(), p.daemon.db, p.withIDs(id))
	if err != nil {
		p.Fatalf("%s: %v", step, err)
	}
	r.Events = slices.DeleteFunc(r.Events, func(e threads.Event) bool { return e.Type == threads.EventNoticeSent })
	var got, want []string
	for _, e := range r.Events {
		got = append(got, string(e.Type))
	}
	for line := range linesOf(p.withIDs(text)) {
		kind, holds, _ := strings.Cut(line, ": ")
		want = append(want, kind)
		if i := len(want) - 1; i < len(r.Events) && holds != "" {
			if raw, _ := json.Marshal(r.Events[i]); !strings.Contains(string(raw), holds) {
				p.Errorf("%s: event %d does not hold %q: %s", step, i, holds, raw)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		p.Errorf("%s (-want +got):\n%s", step, diff)
	}
}

// A line of "folders" is a folder of the watched mailbox and how many mails lie there.
func (p *program) compareFolders(step, text string) {
	p.Helper()
	synctest.Wait()
	for line := range linesOf(text) {
		folder, count, _ := strings.Cut(line, " ")
		if got := len(p.mail.Mailbox(ourAddress, folder)); strconv.Itoa(got) != count {
			p.Errorf("%s: %d mails in %s, want %s", step, got, folder, count)
		}
	}
}

// A line of "set aside" is the kind of one mail that opened nothing.
func (p *program) compareAside(step, text string) {
	p.Helper()
	list, err := threads.SetAside(p.Context(), p.daemon.db)
	if err != nil {
		p.Fatal(err)
	}
	var got []string
	for _, a := range list {
		got = append(got, a.Kind)
	}
	if diff := cmp.Diff(slices.Collect(linesOf(text)), got); diff != "" {
		p.Errorf("%s (-want +got):\n%s", step, diff)
	}
}

func (p *program) refreshIDs() {
	if p.daemon != nil {
		p.records()
	}
}

// linesOf yields what is not empty, without blanks around it.
func linesOf(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line != "" && !yield(line) {
				return
			}
		}
	}
}
