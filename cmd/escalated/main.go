// Command escalated watches an escalations@ mailbox, keeps escalation records,
// acknowledges customers and tells people what is owed. See the README.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/id8labs/escalated/cmd/escalated/config"
)

// Exit codes (design.md, "Stable surface").
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2 // usage or configuration; nothing was contacted
)

// commands is the command line: one struct per subcommand, each in its file.
type commands struct {
	Serve   serveCommand   `cmd:"" help:"Watch the mailbox and do the work, until SIGTERM. SIGHUP reads the configuration again."`
	Sandbox sandboxCommand `cmd:"" help:"Try it: the same service on an embedded mail server, without any configuration."`
	Init    initCommand    `cmd:"" help:"Write a commented configuration file to fill in."`
	List    listCommand    `cmd:"" help:"List escalations that are not closed."`
	Show    showCommand    `cmd:"" help:"Show one escalation with its events."`
	Check   checkCommand   `cmd:"" help:"Check the configuration and all it names: folders, mailbox, SMTP servers; send a test mail."`
	Inspect inspectCommand `cmd:"" help:"Show how the service reads mails, without any server."`
	Pause   pauseCommand   `cmd:"" name:"pause-sending" help:"Emergency brake: nothing is sent until resume-sending. Mail is still taken in."`
	Resume  resumeCommand  `cmd:"" name:"resume-sending" help:"Release the brake."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// A world is what a command sees of its surroundings.
type world struct {
	stdout, stderr io.Writer
}

// errUsage marks errors that exit with exitUsage.
var errUsage = errors.New("usage")

func main() {
	syscall.Umask(0o077) // records and sockets are for us alone
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], world{os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, w world) int {
	var c commands
	exit := -1
	parser, err := kong.New(&c, kong.Name("escalated"), kong.Writers(w.stdout, w.stderr),
		kong.Description("Acknowledges escalation mails, keeps their records, and tells people what is owed."),
		kong.Exit(func(code int) { exit = code }), kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(w), kong.UsageOnError())
	if err != nil {
		fmt.Fprintln(w.stderr, "escalated:", err)
		return exitFailed
	}
	parsed, err := parser.Parse(args)
	if exit == 0 { // --help was printed
		return exitDone
	}
	if err != nil {
		fmt.Fprintln(w.stderr, "escalated:", err)
		return exitUsage
	}
	return report(parsed.Run(), w.stderr)
}

// report prints an error as people should see it and gives its exit code.
func report(err error, stderr io.Writer) int {
	if err == nil {
		return exitDone
	}
	if mistakes, ok := errors.AsType[config.Mistakes](err); ok {
		fmt.Fprintln(stderr, mistakes)
		return exitUsage
	}
	fmt.Fprintln(stderr, "escalated:", err)
	if errors.Is(err, errUsage) {
		return exitUsage
	}
	return exitFailed
}
