package main

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"time"

	"github.com/id8labs/escalated/cmd/escalated/config"
	"github.com/id8labs/escalated/threads"
)

type checkCommand struct {
	Config string        `default:"./escalated.yaml" type:"path" help:"Configuration file."`
	SendTo string        `placeholder:"ADDRESS" help:"Send a test mail; to our own address, it is read back."`
	Wait   time.Duration `default:"2m" help:"How long to wait for a test mail to our own address."`
	JSON   bool          `name:"json" help:"One JSON object per line."`
}

// serverLimit is how long one server may take for all that is asked of it.
const serverLimit = 30 * time.Second

// Run checks the configuration and then everything it names, each finding on a
// line as soon as it is known. Nothing is contacted when the configuration has
// a mistake. Nothing is changed anywhere, except that the test mail arrives.
func (c *checkCommand) Run(ctx context.Context, w world) error {
	to := ""
	if c.SendTo != "" {
		address, err := netmail.ParseAddress(c.SendTo)
		if err != nil {
			return fmt.Errorf("%w: --send-to %q is no mail address; write it as name@acme.example", errUsage, c.SendTo)
		}
		to = address.Address
	}
	if c.Wait <= 0 {
		return fmt.Errorf("%w: --wait %v is no time to wait; write --wait 2m", errUsage, c.Wait)
	}
	cfg, err := config.LoadChecked(c.Config)
	if err != nil {
		return err
	}
	if _, err := loadTemplates(cfg.Templates); err != nil {
		return err
	}
	f := newFindings(w.stdout, c.JSON)
	if len(cfg.SMTP.Fallback) > 0 {
		f.width = len("smtp.fallback[0].extensions")
	}
	k, err := newCheckup(cfg, f, w)
	if err != nil {
		return err
	}
	k.ok("config", c.Config+" is valid")
	k.here(ctx)
	k.servers(ctx, to, c.Wait)
	return k.verdict(ctx)
}

// A checkup is one run of the command.
type checkup struct {
	*findings
	cfg      *config.Config
	accounts accounts
	key      threads.Key // nil: there is none yet
}

func newCheckup(cfg *config.Config, f *findings, w world) (*checkup, error) {
	a, err := newAccounts(cfg, f.masks, newLog(cfg.Log, w))
	return &checkup{findings: f, cfg: cfg, accounts: a}, err
}

// servers looks at the mailbox and at each relay, and sends the test mail
// through those that are well.
func (k *checkup) servers(ctx context.Context, to string, wait time.Duration) {
	visit := k.mailbox(ctx)
	if visit != nil {
		defer visit.Close()
	}
	well := k.relays(ctx)
	if to != "" && ctx.Err() == nil {
		k.testMail(ctx, to, well, visit, wait)
	}
}

// verdict is the command's result.
func (k *checkup) verdict(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted; what is missing above was not checked")
	case k.failed != nil:
		return fmt.Errorf("writing the findings: %w", k.failed)
	case k.problems == 1:
		return errors.New("there is a problem, see above")
	case k.problems > 0:
		return fmt.Errorf("there are %d problems, see above", k.problems)
	}
	return nil
}
