package templates

import "slices"

// A Side is whose mail a notice is; the two are separate conversations.
type Side string

const (
	Customer Side = "customer"
	Internal Side = "internal"
)

// A Notice is one kind of mail the service sends.
type Notice struct {
	Kind          string // what X-Escalated-Notice says
	Side          Side
	AutoSubmitted string   // RFC 3834 §5; "" on what a person wrote
	Templates     []string // the templates that word it; none: not built yet
}

const (
	replied   = "auto-replied"
	generated = "auto-generated"
	byPerson  = ""
)

// notices is every kind there is. A row's Templates and their files under
// builtin/ are all that a new wording needs.
var notices = [...]Notice{
	{"ack", Customer, replied, []string{"ack", bareAck}},
	{"update", Customer, byPerson, nil},
	{"holding", Customer, generated, nil},
	{"workaround", Customer, byPerson, nil},
	{"resolved", Customer, byPerson, nil},
	{"reopened", Customer, generated, nil},
	{"survey", Customer, generated, nil},
	{"checkin", Customer, generated, nil},
	{"closing", Customer, generated, nil},
	{"apology", Customer, byPerson, nil},
	{"alert", Internal, generated, []string{"alert", "wrote"}},
	{"reminder", Internal, generated, nil},
	{"missed", Internal, generated, []string{"missed", "late-ack"}},
	{"recovered", Internal, generated, nil},
	{"status", Internal, generated, nil},
	{"receipt", Internal, generated, nil},
	{"confirm", Internal, generated, nil},
	{"draft", Internal, generated, nil},
	{"warroom", Internal, generated, nil},
	{"report", Internal, generated, nil},
	{"digest", Internal, generated, nil},
	{"security", Internal, generated, []string{"security"}},
	{"operator", Internal, generated, []string{"operator", "undeliverable"}},
}

// Notices lists every kind of notice, customers' first.
func Notices() []Notice {
	all := slices.Clone(notices[:])
	for i := range all {
		all[i].Templates = slices.Clone(all[i].Templates)
	}
	return all
}

// NoticeOf returns the notice that a template words.
func NoticeOf(template string) (Notice, bool) {
	for _, n := range Notices() {
		if slices.Contains(n.Templates, template) {
			return n, true
		}
	}
	return Notice{}, false
}
