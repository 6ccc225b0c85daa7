package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"github.com/id8labs/escalated/cmd/escalated/config"
	"github.com/id8labs/escalated/mailbox/imap"
	"github.com/id8labs/escalated/outbound/smtp"
)

// accounts are the servers of a configuration as the service would use them.
type accounts struct {
	mailbox imap.Config
	relays  []smtp.Server // in the order of relayKeys
}

// newAccounts has every secret that is used masked.
func newAccounts(cfg *config.Config, hidden *masks, log *slog.Logger) (a accounts, err error) {
	tokens, err := tokenSources(cfg, log)
	if err != nil {
		return a, err
	}
	if a.mailbox, err = inboxConfig(cfg, tokens); err != nil {
		return a, err
	}
	if a.relays, err = servers(cfg, tokens); err != nil {
		return a, err
	}
	a.mailbox.Log = slog.New(slog.DiscardHandler)
	a.mailbox.Token = guarded(a.mailbox.Token, cfg.Mailbox.Credentials, hidden)
	hide(cfg.Mailbox.Credentials, hidden)
	for i, relay := range relaysOf(cfg) {
		a.relays[i].Token = guarded(a.relays[i].Token, relay.Credentials, hidden)
		hide(relay.Credentials, hidden)
	}
	return a, nil
}

func relaysOf(cfg *config.Config) []config.Relay {
	return append([]config.Relay{cfg.SMTP.Relay}, cfg.SMTP.Fallback...)
}

// hide masks what a login is made of. A secret that cannot be read was told by
// the configuration's own check.
func hide(c config.Credentials, hidden *masks) {
	if secret, err := c.Secret(); err == nil {
		hidden.add(c.Username, secret)
	}
	if c.OAuth2 == nil {
		return
	}
	for _, read := range []func() (string, error){c.OAuth2.ClientSecret, c.OAuth2.RefreshToken} {
		if secret, err := read(); err == nil {
			hidden.add("", secret)
		}
	}
}

type tokenFunc = func(context.Context) (string, error)

// guarded masks the access token, and asks for none where that could replace a
// refresh token in a file of another user, who could not read it then.
func guarded(token tokenFunc, c config.Credentials, hidden *masks) tokenFunc {
	if token == nil {
		return nil
	}
	return func(ctx context.Context) (string, error) {
		if owner, other := otherOwner(c.OAuth2.RefreshTokenFile); other {
			return "", fmt.Errorf("%s belongs to %s, who could not read a new refresh token that this wrote; run check as %s", c.OAuth2.RefreshTokenFile, owner, owner)
		}
		value, err := token(ctx)
		hidden.add("", value)
		return value, err
	}
}

// otherOwner names the user to whom a file belongs, if that is not who runs this.
func otherOwner(path string) (owner string, other bool) {
	info, err := os.Stat(path)
	if err != nil {
		return "", false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) == os.Geteuid() {
		return "", false
	}
	id := strconv.Itoa(int(stat.Uid))
	if known, err := user.LookupId(id); err == nil {
		return known.Username, true
	}
	return "the user with id " + id, true
}
