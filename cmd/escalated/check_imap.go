package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/id8labs/escalated/cmd/escalated/config"
	"github.com/id8labs/escalated/mailbox/imap"
)

// mailbox checks the IMAP server. It returns the connection while that is of
// use, to be closed.
func (k *checkup) mailbox(ctx context.Context) *imap.Visit {
	bounded, cancel := context.WithTimeout(ctx, serverLimit)
	defer cancel()
	visit, err := imap.Probe(bounded, k.accounts.mailbox, k.cfg.Mailbox.Sent)
	failed, _ := errors.AsType[*imap.ProbeError](err)
	if failed == nil || failed.Step != imap.StepConnect {
		k.ok("imap.connect", k.cfg.Mailbox.Server.Address()+" answers")
	}
	if visit.TLS != nil || failed == nil {
		k.encryption("imap.tls", visit.TLS)
	}
	if failed != nil {
		k.mailboxFailed(failed)
		return nil
	}
	k.ok("imap.login", "as "+k.cfg.Mailbox.Username)
	k.capabilities(visit)
	if !k.folders(visit) {
		visit.Close()
		return nil
	}
	return visit
}

// mailboxFailed says at which step, and what to do.
func (k *checkup) mailboxFailed(failed *imap.ProbeError) {
	address := k.cfg.Mailbox.Server.Address()
	if errors.Is(failed.Err, context.DeadlineExceeded) || failed.Step == imap.StepConnect {
		says, do := unreachable(failed.Err, "mailbox.server", address)
		k.problem("imap."+failed.Step, says, do)
		return
	}
	switch failed.Step {
	case imap.StepTLS:
		says, do := advised(failed.Err, "have the server's TLS mended, or correct `mailbox.server`")
		k.problem("imap.tls", says, do)
	case imap.StepGreeting:
		k.problem("imap.greeting", address+" does not greet as an IMAP server: "+strings.TrimPrefix(failed.Err.Error(), "greeting: "), "correct host and port in `mailbox.server`, or ask whoever runs the server")
	case imap.StepLogin:
		k.problem("imap.login", "as "+k.cfg.Mailbox.Username+": "+strings.TrimPrefix(failed.Err.Error(), "login: "), loginAdvice("mailbox", k.cfg.Mailbox.Credentials, failed.Refused))
	default:
		k.problem("imap."+failed.Step, failed.Err.Error(), "ask whoever runs the server what its log says of this")
	}
}

// loginAdvice says what to do about a login that failed.
func loginAdvice(key string, c config.Credentials, refused bool) string {
	switch {
	case c.OAuth2 != nil:
		return "correct `" + key + ".oauth2` or the consent, as this says"
	case !refused:
		return "ask whoever runs the server which logins it takes"
	case c.PasswordEnv != "":
		return fmt.Sprintf("correct `%s.username` or the password in the variable %s; some providers want an app password, or OAuth2", key, c.PasswordEnv)
	}
	return fmt.Sprintf("correct `%s.username` or the password in %s; some providers want an app password, or OAuth2", key, c.PasswordFile)
}

// capabilities says what the server lacks and what that costs.
func (k *checkup) capabilities(visit *imap.Visit) {
	var present []string
	has := map[string]bool{}
	for _, c := range []string{"IDLE", "MOVE", "UIDPLUS", "NAMESPACE"} {
		if has[c] = slices.Contains(visit.Caps, c); has[c] {
			present = append(present, c)
		}
	}
	says := "has " + strings.Join(present, ", ")
	if len(present) == 0 {
		says = "has none of IDLE, MOVE, UIDPLUS, NAMESPACE"
	}
	k.ok("imap.capabilities", says+"; "+naming(visit))
	watched := visit.Watched.Name
	if !has["IDLE"] {
		k.note("imap.capabilities", fmt.Sprintf("no IDLE: the server does not announce mail, so new mail is noticed only every %v", k.cfg.Mailbox.Poll),
			"nothing, unless that is too late: then shorten `mailbox.poll`")
	}
	switch {
	case has["MOVE"] && !has["UIDPLUS"]:
		k.note("imap.capabilities", "no UIDPLUS: the server does not tell where a moved mail lies, so records name the place it was taken from", "nothing; to find an original, search the archive folder")
	case has["UIDPLUS"] && !has["MOVE"]:
		k.note("imap.capabilities", "no MOVE: mail is copied to the archive folder and then removed from "+watched+", and a connection that breaks in between leaves it in both", "nothing; no mail is handled twice")
	case !has["MOVE"] && !has["UIDPLUS"]:
		k.note("imap.capabilities", `neither MOVE nor UIDPLUS: mail is copied to the archive folder, and its original stays in `+watched+` marked \Deleted, since nothing is expunged; where copies lie is unknown`,
			"purge deleted mail from "+watched+" with a mail client now and then")
		k.keywords(visit)
	}
}

// keywords are needed only where originals stay in the folder.
func (k *checkup) keywords(visit *imap.Visit) {
	if !visit.Watched.Keywords {
		k.note("imap.capabilities", "no keywords in "+visit.Watched.Name+": mail that was copied cannot be marked as such, so after each restart it is copied to the archive folder once more",
			"purge deleted mail from "+visit.Watched.Name+" before a restart")
	}
}

// naming says how the server builds folder names.
func naming(visit *imap.Visit) string {
	says := "folders do not nest"
	if visit.Separator != "" {
		says = fmt.Sprintf("%q separates levels of folders", visit.Separator)
	}
	if visit.Prefix != "" {
		says += fmt.Sprintf(", ours begin with %q", visit.Prefix)
	}
	return says
}

// folders lists those of the configuration. It reports whether the watched one
// is there.
func (k *checkup) folders(visit *imap.Visit) bool {
	k.watched(&visit.Watched)
	for _, f := range []struct {
		check  string
		folder *imap.Folder
	}{{"imap.archive", &visit.Archive}, {"imap.quarantine", &visit.Quarantine}} {
		if f.folder.Exists {
			k.ok(f.check, content(f.folder))
		} else {
			k.ok(f.check, f.folder.Name+" does not exist yet; the first start makes it")
		}
	}
	switch sent := &visit.Sent; {
	case sent.Exists:
		k.ok("imap.sent", content(sent))
	case sent.Name != "":
		k.note("imap.sent", sent.Name+" does not exist: copies of what is sent have no place", "make it with a mail client, or correct `mailbox.sent`")
	}
	return visit.Watched.Exists
}

func (k *checkup) watched(f *imap.Folder) {
	switch {
	case !f.Exists:
		k.problem("imap.folder", f.Name+" cannot be opened: it does not exist, or this login may not read it", "correct `mailbox.folder`, or make the folder")
	case !f.UIDValidity:
		k.problem("imap.folder", f.Name+" has no UIDVALIDITY, so mails cannot be told apart and none is taken in", "watch another folder, or have the server mended")
	case !f.Writable:
		k.problem("imap.folder", content(f)+", and is read-only for this login: mail is taken in but stays there, never moved to the archive",
			fmt.Sprintf("let %s move and delete mail there (IMAP rights lrswte)", k.cfg.Mailbox.Username))
	default:
		k.ok("imap.folder", content(f)+", and can be written")
	}
}

func content(f *imap.Folder) string {
	if f.Mails == 1 {
		return f.Name + " holds 1 mail"
	}
	return fmt.Sprintf("%s holds %d mails", f.Name, f.Mails)
}
