package main

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"

	"github.com/id8labs/escalated/classify"
	"github.com/id8labs/escalated/cmd/escalated/config"
	"github.com/id8labs/escalated/cmd/escalated/oauth2"
	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/auth"
	"github.com/id8labs/escalated/mailbox/imap"
	"github.com/id8labs/escalated/outbound/smtp"
	"github.com/id8labs/escalated/threads"
	"github.com/id8labs/escalated/threads/cadence"
)

// settings turns the configuration into what threads works with.
func settings(cfg *config.Config, key threads.Key) threads.Settings {
	s := threads.Settings{
		Address: cfg.Address, SubAddress: cfg.Trust.SubAddress, Key: key,
		Trust:            trust(cfg),
		InsecureFromOnly: cfg.Trust.InsecureFromOnly,
		Directory:        *cfg.Directory(),
		Policy:           policy(cfg.Policy),
		Operators:        cfg.Operators,
		PerAddress:       threads.Budget(cfg.Limits.AcksPerAddress),
		PerDomain:        threads.Budget(cfg.Limits.AcksPerDomain),
		Backlog:          cfg.Mailbox.Backlog,
	}
	for _, r := range cfg.Routing {
		s.Routing = append(s.Routing, threads.Route{Match: func(v classify.Verdict) bool { return holds(r.When, v) }, Owner: r.Owner, Notify: r.Notify})
	}
	return s
}

func trust(cfg *config.Config) auth.Trust {
	return auth.Trust{
		AuthservID: cfg.Trust.AuthservID,
		Own:        append([]string{cfg.Address}, cfg.Aliases...),
		Host:       mailbox.Domain(cfg.Address),
	}
}

func policy(c config.Policy) cadence.Policy {
	p := cadence.Policy{Acknowledge: c.Acknowledge}
	for severity, s := range c.Severities {
		p.Levels[severity] = cadence.Level{
			Respond: s.Respond.Flat(), Update: s.Update.Flat(), Resolve: s.Resolve.Flat(), Audience: s.Audience,
		}
	}
	return p
}

// holds reports whether a verdict meets all that a condition names.
func holds(c config.Condition, v classify.Verdict) bool {
	return (c.Type == "" || c.Type == v.Type) &&
		(c.Tier == "" || c.Tier == v.Customer.Tier) &&
		(c.Severity == 0 || c.Severity == v.Severity) &&
		(c.PublicExposure == nil || *c.PublicExposure == v.Impact.Public) &&
		(c.Regulatory == nil || *c.Regulatory == v.Impact.Regulatory) &&
		(c.BusinessCriticality == "" || c.BusinessCriticality == v.Impact.Criticality) &&
		v.Impact.Users >= c.UsersAffected && v.Impact.Revenue.Amount >= c.RevenueAtRisk
}

// servers lists the SMTP servers, the main one first.
func servers(cfg *config.Config, tokens *oauth2.Sources) ([]smtp.Server, error) {
	var list []smtp.Server
	for _, relay := range append([]config.Relay{cfg.SMTP.Relay}, cfg.SMTP.Fallback...) {
		roots, err := rootCAs(cmp.Or(relay.CAFile, cfg.Mailbox.CAFile))
		if err != nil {
			return nil, err
		}
		server := smtp.Server{URL: relay.Server.String(), Username: relay.Username, Password: relay.Secret, RootCAs: roots}
		if relay.OAuth2 != nil {
			source, err := tokens.For(relay.OAuth2)
			if err != nil {
				return nil, err
			}
			server.Token, server.TokenRefused = source.Token, source.Refused
		}
		list = append(list, server)
	}
	return list, nil
}

func inboxConfig(cfg *config.Config, tokens *oauth2.Sources) (imap.Config, error) {
	roots, err := rootCAs(cfg.Mailbox.CAFile)
	m := cfg.Mailbox
	c := imap.Config{
		Server: m.Server.String(), Username: m.Username, Password: m.Secret, RootCAs: roots,
		Folder: m.Folder, Archive: m.Archive, Quarantine: m.Quarantine, Poll: m.Poll, Limit: int64(cfg.Limits.Message),
	}
	if err == nil && m.OAuth2 != nil {
		var source *oauth2.Source
		if source, err = tokens.For(m.OAuth2); err == nil {
			c.Token, c.TokenRefused = source.Token, source.Refused
		}
	}
	return c, err
}

// tokenSources gives out OAuth2 tokens; the mailbox's CA is trusted for them too.
func tokenSources(cfg *config.Config, log *slog.Logger) (*oauth2.Sources, error) {
	roots, err := rootCAs(cfg.Mailbox.CAFile)
	return &oauth2.Sources{RootCAs: roots, Log: log}, err
}

// rootCAs are the system's and those of a file; nil, the system's, without one.
func rootCAs(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading ca_file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca_file %s holds no certificate in PEM form", file)
	}
	return pool, nil
}
