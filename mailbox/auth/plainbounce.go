package auth

import (
	"regexp"
	"strings"

	"github.com/id8labs/escalated/mailbox"
)

var (
	undelivered = regexp.MustCompile(`(?i)^\W*(?:` + strings.Join([]string{
		`undeliver(?:able|ed)\b`, `mail (?:delivery|system) (?:failed|failure|error|problem|report)`, `mail delivery subsystem`,
		`delivery (?:status notification|notification|failure|failed|has failed|error|report)`, `returned (?:mail|to sender)`, `failure notice`,
		`(?:message|mail) (?:undeliverable|not delivered|delivery failed|could not be delivered|rejected)`, `non[- ]?deliver`, `could not (?:be delivered|deliver)`, `rejected:`,
		`unzustellbar`, `nicht zu(?:stellbar|gestellt)`, `zustellung fehlgeschlagen`, `zustellungsfehler`, `fehler bei der zustellung`,
		`non (?:remis|distribu|d[ée]livr)`, `[ée]chec de (?:la |l')?(?:remise|distribution|livraison|envoi)`, `no (?:se puede|se pudo|se ha podido) entregar`, `no entreg`, `error de entrega`,
		`onbestelbaar`, `niet (?:bezorg|afgeleverd)`, `n[ãa]o (?:entreg|[ée] poss[íi]vel entregar)`, `falha na entrega`,
		`non recapit`, `mancat[ao] (?:recapito|consegna)`, `recapito non riuscito`, `impossibile recapitare`,
	}, "|") + `)`)
	delay = regexp.MustCompile(`(?i)^\W*(?:delayed mail|warning: .*(?:delayed|could not send|still being)|delivery (?:status notification|report) ?\(delay|(?:delivery|message|mail) (?:is |has been )?delayed|delivery delay|verz[öo]ger|remise (?:diff|retard)|retras|vertraag|(?:mensagem )?atrasad|ritard)`)

	successful = regexp.MustCompile(`(?i)^\W*(?:successful mail delivery|delivery (?:status notification|report) ?\(success|(?:delivered|relayed|zugestellt|remis|entregado|bezorgd|entregue|recapitato): )`)

	// notDelivered are the opening words of qmail, Postfix, Exim, Exchange,
	// Gmail, Sendmail and of servers that only speak German.
	notDelivered = regexp.MustCompile(`(?i)this is the qmail-send program|this is the mail system at host|message that you sent could not be delivered|delivery has failed to these recipients|` +
		`(?:wasn't|was not|could not be|couldn't be) delivered|following addresses? (?:had permanent|failed)|permanent fatal errors|` +
		`nicht\s+zugestellt\s+werden|n'a pas pu [êe]tre (?:remis|distribu)|no se pudo entregar`)
	refusal = regexp.MustCompile(`(?:^|[\s'"(:])[45]\d\d[ -]`)
)

// plainBounce judges a bounce that is no multipart/report, as qmail, old Exim
// and Exchange, and many gateways write. Two things must meet: a sender that
// only machines have, and words of failed delivery. A postmaster can be a
// person, and a web form can have a null Return-Path: with only one of them,
// both the subject and a server's answer must say it.
func (t Trust) plainBounce(m *mailbox.Message) (origin mailbox.Origin, ok bool) {
	machine := byMachine(m)
	if machine == "" && !postmaster(m) && !nullSender(m.Header) {
		return mailbox.Origin{}, false // nearly all mail: its text need not be searched
	}
	said := undelivered.MatchString(m.Subject) || delay.MatchString(m.Subject)
	text := excerpt(m)
	answer := refusal.MatchString(text) || status(text) != ""
	switch {
	case (machine != "" || postmaster(m)) && successful.MatchString(m.Subject):
		return mailbox.Origin{Kind: mailbox.KindRobot, Because: "a server's sender and a subject of success"}, true
	case machine != "" && (said || notDelivered.MatchString(text)):
	case postmaster(m) && nullSender(m.Header) && (said || notDelivered.MatchString(text)):
		machine = "a postmaster with a null Return-Path"
	case said && answer && (postmaster(m) || nullSender(m.Header)):
		machine = "a postmaster or null Return-Path, a server's answer"
	default:
		return mailbox.Origin{}, false
	}
	return t.bounced(m, nil, !late(m), machine+" and words of failed delivery"), true
}

// byMachine names what shows that a mail server wrote.
func byMachine(m *mailbox.Message) string {
	switch {
	case m.Header.Has("X-Failed-Recipients"):
		return "X-Failed-Recipients"
	case m.Header.Has("X-MS-Exchange-Message-Is-Ndr"):
		return "X-MS-Exchange-Message-Is-Ndr"
	}
	from, _ := m.Sole()
	if local, _, _ := cutLast(from.Address, "@"); strings.EqualFold(local, "mailer-daemon") {
		return "From is " + from.Address
	}
	return ""
}

func postmaster(m *mailbox.Message) bool {
	from, _ := m.Sole()
	local, _, _ := cutLast(from.Address, "@")
	return strings.EqualFold(local, "postmaster")
}

// late reports whether the server will try again.
func late(m *mailbox.Message) bool { return delay.MatchString(m.Subject) }

// excerpt returns the part of the text in which a server says what happened;
// a copy of the original mail often follows.
func excerpt(m *mailbox.Message) string {
	text := m.FullText
	if text == "" {
		text = m.Text
	}
	return text[:min(len(text), 4096)]
}
