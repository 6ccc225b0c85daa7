package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/id8labs/escalated/cmd/escalated/config"
)

type serveCommand struct {
	Config     string `default:"./escalated.yaml" type:"path" help:"Configuration file."`
	AcceptLoss bool   `help:"Start although the store lost records; restore a backup instead if there is one."`
}

// Run serves until ctx ends. SIGHUP reads the configuration again.
func (c *serveCommand) Run(ctx context.Context, w world) error {
	cfg, err := config.LoadChecked(c.Config)
	if err != nil {
		return err
	}
	log := newLog(cfg.Log, w)
	boundMemory()
	for _, warning := range cfg.Warnings() {
		log.Warn(warning)
	}
	d, err := newDaemon(ctx, cfg, log, daemonOptions{acceptLoss: c.AcceptLoss})
	if err != nil {
		return err
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	reload := func() { c.reload(d, log) }
	return d.run(ctx, hangup, reload)
}

// reload puts a changed configuration in force, or refuses it whole.
func (c *serveCommand) reload(d *daemon, log *slog.Logger) {
	cfg, err := config.LoadChecked(c.Config)
	if err == nil {
		err = d.reload(cfg)
	}
	if err != nil {
		log.Error("the configuration was not reloaded, the old one stays in force", "error", err)
		return
	}
	log.Info("the configuration was reloaded")
}

// memoryLimit is the soft bound of what Go keeps for itself, so that a flood of
// mail does not let the garbage of one second grow with the machine.
const memoryLimit = 128 << 20

// boundMemory sets the bound unless the environment has one of its own.
func boundMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}

func newLog(c config.Log, w world) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w.stderr, options))
	}
	return slog.New(slog.NewTextHandler(w.stderr, options))
}
