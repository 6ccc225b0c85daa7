package main

import (
	"context"
	"fmt"
)

type pauseCommand struct {
	Config string `default:"./escalated.yaml" type:"path" help:"Configuration file."`
	Except string `enum:",acks" default:"" help:"What still goes out: acks, the acknowledgments."`
}

// Run pulls the emergency brake: nothing is sent until resume-sending, but
// everything is still recorded and owed. It is kept across restarts.
func (c *pauseCommand) Run(ctx context.Context, w world) error {
	if err := tell(ctx, c.Config, "/pause?except="+c.Except); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w.stdout, "Sending is paused. Mail is still taken in, and what is owed goes out after: escalated resume-sending")
	return err
}

type resumeCommand struct {
	Config string `default:"./escalated.yaml" type:"path" help:"Configuration file."`
}

// Run releases the brake.
func (c *resumeCommand) Run(ctx context.Context, w world) error {
	if err := tell(ctx, c.Config, "/resume"); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w.stdout, "Sending goes on.")
	return err
}
