package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/id8labs/escalated/cmd/escalated/config"
	"github.com/id8labs/escalated/outbound/smtp"
)

// plenty is more than any mail of ours has.
const plenty = 1 << 20

// relays checks every SMTP server and returns those that would take mail.
func (k *checkup) relays(ctx context.Context) (well []smtp.Server) {
	for i, relay := range relaysOf(k.cfg) {
		if ctx.Err() != nil {
			return nil
		}
		key := "smtp"
		if i > 0 {
			key = fmt.Sprintf("smtp.fallback[%d]", i-1)
		}
		if k.relay(ctx, key, relay, k.accounts.relays[i]) {
			well = append(well, k.accounts.relays[i])
		}
	}
	return well
}

func (k *checkup) relay(ctx context.Context, key string, relay config.Relay, server smtp.Server) bool {
	bounded, cancel := context.WithTimeout(ctx, serverLimit)
	defer cancel()
	offer, err := smtp.Probe(bounded, server, smtp.Config{Timeouts: briefly()})
	failed, _ := errors.AsType[*smtp.Error](err)
	if err != nil && failed == nil { // this machine has no name
		k.problem(key, err.Error(), "correct `"+key+"`")
		return false
	}
	if failed == nil || failed.Phase != "connect" {
		k.ok(key+".connect", relay.Server.Address()+" answers")
	}
	if offer.TLS != nil || failed == nil {
		k.encryption(key+".tls", offer.TLS)
	}
	if failed != nil {
		k.relayFailed(key, relay, failed)
		return false
	}
	if relay.Username == "" {
		k.ok(key+".login", "none is configured")
	} else {
		k.ok(key+".login", "as "+relay.Username)
	}
	k.extensions(key+".extensions", offer)
	return true
}

// briefly bounds each step of a conversation, so that one is over within
// serverLimit even where the mail itself is taken slowly.
func briefly() smtp.Timeouts {
	return smtp.Timeouts{Connect: serverLimit, Greet: serverLimit, Command: serverLimit, Block: serverLimit, Final: serverLimit}
}

// relayFailed says at which step, and what to do.
func (k *checkup) relayFailed(key string, relay config.Relay, failed *smtp.Error) {
	address, check := relay.Server.Address(), key+"."+failed.Phase
	if errors.Is(failed, context.DeadlineExceeded) || failed.Phase == "connect" {
		says, do := unreachable(failed.Err, key+".server", address)
		k.problem(check, says, do)
		return
	}
	switch failed.Phase {
	case "tls":
		if failed.Err == nil {
			failed.Err = errors.New("the server refuses STARTTLS: " + answerOf(failed))
		}
		says, do := advised(failed.Err, "have the server's TLS mended, or correct `"+key+".server`")
		k.problem(check, says, do)
	case "auth":
		k.problem(key+".login", "as "+relay.Username+": "+answerOf(failed), loginAdvice(key, relay.Credentials, failed.LoginRefused))
	default:
		k.problem(check, address+" does not take us: "+answerOf(failed), "correct host and port in `"+key+".server`, or ask whoever runs the server")
	}
}

// answerOf is the server's answer, or what went wrong without one.
func answerOf(failed *smtp.Error) string {
	var words []string
	if failed.Code != 0 {
		words = append(words, fmt.Sprint(failed.Code), failed.Status, failed.Text)
	}
	if failed.Err != nil {
		words = append(words, failed.Err.Error())
	}
	return strings.Join(words, " ")
}

// extensions says what the server lacks and what that costs.
func (k *checkup) extensions(check string, offer smtp.Offer) {
	says := "takes mail of any size"
	if offer.Size > 0 {
		says = fmt.Sprintf("takes mail up to %s", mebibytes(offer.Size))
	}
	if len(offer.Extensions) > 0 {
		says += "; has " + strings.Join(offer.Extensions, ", ")
	}
	lacks := func(name string) bool { return !slices.Contains(offer.Extensions, name) }
	if lacks("SIZE") {
		says = strings.Replace(says, "takes mail of any size", "does not say how large mail may be", 1)
	}
	var harmless []string
	for _, name := range []string{"8BITMIME", "PIPELINING"} {
		if lacks(name) {
			harmless = append(harmless, name)
		}
	}
	if len(harmless) > 0 {
		says += "; lacks " + strings.Join(harmless, " and ") + ", which costs nothing: mail is written in 7 bits, and each command waits for its answer"
	}
	k.ok(check, says)
	if lacks("SIZE") {
		k.note(check, "no SIZE: a mail that is too large is refused only after all of it was sent", "nothing; ours are small")
	}
	if 0 < offer.Size && offer.Size < plenty {
		k.note(check, fmt.Sprintf("mail above %d octets is refused, and a digest may have more", offer.Size), "have the limit raised to a mebibyte or more")
	}
	if lacks("SMTPUTF8") {
		k.note(check, "no SMTPUTF8: customers whose address is not plain ASCII, such as rené@…, get no mail from us, and their owner is told of each",
			"nothing, unless you have such customers: then have it switched on (Postfix: smtputf8_enable = yes)")
	}
}
