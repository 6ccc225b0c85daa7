package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/id8labs/escalated/cmd/escalated/config"
)

type initCommand struct {
	Config string `default:"./escalated.yaml" type:"path" help:"File to write; one that is there stays."`
}

// Run writes a commented configuration.
func (c *initCommand) Run(w world) error {
	f, err := os.OpenFile(c.Config, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already and was not touched; name another file with --config", c.Config)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(config.Example())
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", c.Config, err)
	}
	_, err = fmt.Fprintf(w.stdout, "%s was written. Fill in the places marked FILL IN, then run: escalated serve --config %s\n", c.Config, c.Config)
	return err
}
