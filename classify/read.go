package classify

import (
	"slices"
	"strings"

	"github.com/id8labs/escalated/mailbox"
)

// Read says what a mail means. Only its subject and its new text count, never
// what it quotes. When in doubt a mail is an escalation, and of severity 2.
func Read(m *mailbox.Message, d *Directory) Verdict {
	from, _ := m.Sole()
	language := detect(m.Subject + "\n" + bounded(m.Text, detectMost))
	r := read(cleanSubject(m.Subject), m.Text, lexiconOf(language))
	v := Verdict{
		Language: language,
		Summary:  summarize(r),
		Customer: customer(from, m.FullText, d),
	}
	if original, ok := forwarded(m, d); ok {
		return forward(&original, r, d)
	}
	v.kind(m, r, d)
	if v.Kind == KindEscalation {
		v.Impact = r.impact()
		v.triage(r)
	}
	return v
}

// forward reads the mail inside a colleague's forward. What the colleague says
// of it is not the customer's state of affairs; only money is taken from there
// where the customer names none.
func forward(original *Original, comment *reading, d *Directory) Verdict {
	language := detect(original.Subject + "\n" + bounded(original.Text, detectMost))
	r := read(cleanSubject(original.Subject), original.Text, lexiconOf(language))
	v := Verdict{
		Kind:     KindForward,
		Language: language,
		Summary:  summarize(r),
		Customer: customer(original.From, original.Text, d),
		Original: original,
		Evidence: []Evidence{{For: "kind forward", Because: "one of ours forwards a mail of somebody outside", Text: original.From.Address}},
	}
	v.Impact = r.impact()
	if v.Impact.Revenue == (Money{}) {
		v.Impact.Revenue = comment.revenue()
	}
	v.triage(r)
	return v
}

// kind decides what the mail is, by its origin first.
func (v *Verdict) kind(m *mailbox.Message, r *reading, d *Directory) {
	switch m.Origin.Kind {
	case mailbox.KindBounce:
		v.is(KindBounce, "it is a report of a delivery", m.Origin.Because)
	case mailbox.KindRobot, mailbox.KindOwn:
		v.is(KindAutoReply, "no person wrote it", m.Origin.Because)
	case mailbox.KindBulk:
		v.is(KindBulk, "it went to many", m.Origin.Because)
	default:
		v.kindOfHuman(m, r, d)
	}
}

func (v *Verdict) kindOfHuman(m *mailbox.Message, r *reading, d *Directory) {
	v.Kind = KindEscalation
	if line, ok := commandLine(m, d); ok {
		v.is(KindCommand, "one of ours wrote a command", line)
	} else if text, ok := r.offer(m.Origin.NoReply); ok {
		v.is(KindBulk, "it reads like an offer or a newsletter", text)
	} else if text, ok := r.thanks(); ok {
		v.is(KindThanks, "it says thanks and reports no trouble", text)
	}
}

func (v *Verdict) is(k Kind, because, text string) {
	v.Kind = k
	v.note("kind "+string(k), because, text)
}

// note adds evidence.
func (v *Verdict) note(about, because, text string) {
	ground := Evidence{For: about, Because: because, Text: shorten(text, 120)}
	if !slices.Contains(v.Evidence, ground) { // two phrases in the same words are one reason
		v.Evidence = append(v.Evidence, ground)
	}
}

// triage answers the rest of Workflow 1, the impact being known.
func (v *Verdict) triage(r *reading) {
	v.Severity = v.rate(r)
	v.Type, v.Also = v.types(r)
	v.Answers = r.answers(v.Impact)
}

// commandLine finds a line of one of ours that begins with # and a word.
func commandLine(m *mailbox.Message, d *Directory) (string, bool) {
	from, ok := m.Sole()
	if _, ours := d.Person(from.Address); !ok || !ours {
		return "", false
	}
	for line := range strings.Lines(m.Text) {
		word, isCommand := strings.CutPrefix(strings.TrimSpace(line), "#")
		word = strings.TrimLeft(word, " ")
		if isCommand && word != "" && ('a' <= word[0]|0x20 && word[0]|0x20 <= 'z') {
			return strings.TrimSpace(line), true
		}
	}
	return "", false
}

// A short mail is one that can hold nothing but thanks.
const shortMail = 70 // words

// thanks reports a short mail of thanks without trouble or wishes. Trouble may
// be named as past where the mail says that nothing is left to do.
func (r *reading) thanks() (string, bool) {
	if len(r.tokens) > shortMail || !r.said("thanks") {
		return "", false
	}
	trouble := r.real("stopped") + r.real("lost") + r.real("breach") + r.real("broken") + r.real("degraded") + r.real("exposure")
	asks := r.said("request") || r.said("commercial") || r.said("unworkable") || strings.Contains(r.text, "?")
	closing := r.real("closing") > 0
	if asks || trouble > 0 && !closing || !closing && len(r.tokens) > shortMail/2 {
		return "", false
	}
	for f := range r.places("thanks") {
		return r.quote(f), true
	}
	return "", false
}

// offer reports a mail that sells: several phrases that only offers have, or
// one where the header says that it went to many.
func (r *reading) offer(suppressed bool) (string, bool) {
	texts := map[string]bool{}
	text := ""
	for f := range r.places("sales") {
		text = r.quote(f)
		texts[r.text[r.tokens[f.from].start:r.tokens[f.from].end]] = true
	}
	return text, len(texts) >= 3 || len(texts) >= 1 && suppressed
}
