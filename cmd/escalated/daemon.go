package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/id8labs/escalated/classify"
	"github.com/id8labs/escalated/cmd/escalated/config"
	"github.com/id8labs/escalated/cmd/escalated/oauth2"
	"github.com/id8labs/escalated/mailbox"
	"github.com/id8labs/escalated/mailbox/imap"
	"github.com/id8labs/escalated/outbound"
	"github.com/id8labs/escalated/outbound/smtp"
	"github.com/id8labs/escalated/templates"
	"github.com/id8labs/escalated/threads"
	"github.com/id8labs/escalated/threads/store"
	"github.com/id8labs/escalated/threads/store/badger"
)

// stopWithin bounds how long a stopping service finishes what is in flight.
const stopWithin = 10 * time.Second

// A daemon is the running service, wired up.
type daemon struct {
	cfg     *config.Config
	log     *slog.Logger
	key     threads.Key
	db      *badger.DB
	desk    *threads.Desk
	client  *smtp.Client
	outbox  *outbound.Outbox
	inbox   *imap.Inbox
	tokens  *oauth2.Sources
	watch   *metrics
	started time.Time

	noControl bool
}

// daemonOptions are what the sandbox and tests do differently.
type daemonOptions struct {
	acceptLoss   bool
	dialIMAP     func(ctx context.Context) (net.Conn, error)
	dialSMTP     func(ctx context.Context, network, address string) (net.Conn, error)
	sent         func(n *threads.Notice, mail []byte)
	classify     func(*mailbox.Message, *classify.Directory) classify.Verdict
	noCompaction bool
	noControl    bool // no control socket: waiting on one stops a synctest bubble's time
}

// newDaemon opens the store and wires the parts; it contacts nobody.
func newDaemon(ctx context.Context, cfg *config.Config, log *slog.Logger, o daemonOptions) (_ *daemon, err error) {
	d := &daemon{cfg: cfg, log: log, started: time.Now(), noControl: o.noControl}
	set, err := loadTemplates(cfg.Templates)
	if err != nil {
		return nil, err
	}
	d.db, err = openStore(ctx, badger.Config{
		Dir: cfg.Data, Log: log, FreeSpace: int64(cfg.Limits.FreeSpace), AcceptLoss: o.acceptLoss, NoCompaction: o.noCompaction,
		Damaged: func(_ []byte, err error) { log.Error("a record is damaged, restore a backup", "error", err) },
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.db.Close())
		}
	}()
	if d.key, err = threads.LoadKey(cmp.Or(cfg.Trust.KeyFile, filepath.Join(cfg.Data, "token.key"))); err != nil {
		return nil, err
	}
	if d.desk, err = threads.NewDesk(ctx, threads.Config{DB: d.db, Settings: settings(cfg, d.key), Classify: o.classify, Log: log}); err != nil {
		return nil, err
	}
	if d.tokens, err = tokenSources(cfg, log); err != nil {
		return nil, err
	}
	if err = d.newOutbox(set, o); err != nil {
		return nil, err
	}
	return d, d.newInbox(o)
}

// openStore opens the store. Another process that has it open may be a query
// made while no service ran; it lets go soon.
func openStore(ctx context.Context, c badger.Config) (db *badger.DB, err error) {
	for range 30 {
		if db, err = badger.Open(c); !errors.Is(err, store.ErrLocked) {
			return db, err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return nil, err
		}
	}
	return nil, err
}

func loadTemplates(dir string) (*templates.Set, error) {
	if dir == "" {
		return templates.Builtin(), nil
	}
	set, err := templates.Load(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	return set, nil
}

func (d *daemon) newOutbox(set *templates.Set, o daemonOptions) error {
	relays, err := servers(d.cfg, d.tokens)
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	d.client, err = smtp.New(smtp.Config{Servers: relays, Dial: o.dialSMTP, HELO: host, Log: d.log})
	if err != nil {
		return err
	}
	d.watch = newMetrics(d)
	d.outbox = outbound.NewOutbox(outbound.Config{
		Desk: d.desk, Client: d.client, Redirect: d.cfg.SMTP.RedirectTo, Log: d.log,
		Sent: func(n *threads.Notice, mail []byte) {
			d.watch.sent.WithLabelValues(n.Kind).Inc()
			if o.sent != nil {
				o.sent(n, mail)
			}
		},
		Composer: &outbound.Composer{
			Desk: d.desk, Templates: set, Company: cmp.Or(d.cfg.Company, d.cfg.Address),
			Stable: d.cfg.Subjects == "stable", Redirect: d.cfg.SMTP.RedirectTo, Fallback: d.templateFailed,
		},
	})
	return nil
}

func (d *daemon) newInbox(o daemonOptions) error {
	c, err := inboxConfig(d.cfg, d.tokens)
	if err != nil {
		return err
	}
	c.Dial, c.Log = o.dialIMAP, d.log
	d.inbox, err = imap.New(c, d.desk)
	return err
}

// templateFailed tells the operators that a template of theirs could not be used.
func (d *daemon) templateFailed(name string, err error) {
	d.log.Error("a template failed, the built-in one was used", "template", name, "error", err)
	tell := d.desk.Tell(context.Background(), "template/"+name, "The template "+name+" could not be used", err.Error(),
		"The built-in one was used, and the mail went out. Correct the file and send SIGHUP.")
	if tell != nil {
		d.log.Error("operators could not be told", "error", tell)
	}
}

// run works until ctx ends, then stops in the order inbox, clock, outbox,
// store, so that what was taken in is recorded and what is being sent settles.
func (d *daemon) run(ctx context.Context, hangup <-chan os.Signal, reload func()) error {
	defer d.close()
	group, working := errgroup.WithContext(ctx)
	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSending()
	sent := make(chan error, 1)
	group.Go(func() error { return d.inbox.Run(working) })
	group.Go(func() error { return d.desk.Run(working) })
	group.Go(func() error { return d.db.Run(working) })
	if !d.noControl {
		group.Go(func() error { return d.serveControl(working) })
	}
	group.Go(func() error { return d.serveHTTP(working) })
	group.Go(func() error { return d.watchdog(working) })
	group.Go(func() error {
		for {
			select {
			case <-working.Done():
				return nil
			case <-hangup:
				reload()
			}
		}
	})
	go func() { sent <- d.outbox.Run(sending) }()
	d.log.Info("watching", "address", d.cfg.Address, "folder", d.cfg.Mailbox.Folder, "version", version())
	// A hanging mailbox and a hanging relay together must not take longer than
	// stopWithin: what is on the wire settles while the inbox finishes.
	defer context.AfterFunc(working, func() { time.AfterFunc(stopWithin/5, stopSending) })()
	err := group.Wait()
	stopSending()
	return errors.Join(err, <-sent)
}

func (d *daemon) close() {
	if err := errors.Join(d.client.Close(), d.db.Close()); err != nil {
		d.log.Error("closing", "error", err)
	}
	d.log.Info("stopped")
}

// reload puts into force what of a configuration can change without a restart:
// people, customers, routing, policy, budgets, templates. It is refused whole
// when anything else differs, so that nobody takes a change for made.
func (d *daemon) reload(cfg *config.Config) error {
	if !reflect.DeepEqual(fixed(cfg), fixed(d.cfg)) {
		return errors.New("company, address, data, mailbox, smtp, trust.key_file, subjects, limits.message, limits.free_space, http and log need a restart to change")
	}
	set, err := loadTemplates(cfg.Templates)
	if err != nil {
		return err
	}
	d.outbox.Composer.Reload(set)
	d.desk.Reload(settings(cfg, d.key))
	return nil
}

// fixed is what only a restart changes.
func fixed(c *config.Config) []any {
	return []any{c.Company, c.Address, c.Data, c.Mailbox, c.SMTP, c.Trust.KeyFile, c.Subjects, c.Limits.Message, c.Limits.FreeSpace, c.HTTP, c.Log}
}
