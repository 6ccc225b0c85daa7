package main

import (
	"fmt"
	"runtime/debug"
)

// version is what Go recorded at build time: the module's version, or the
// commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	commit, modified := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			commit = s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = " with changes"
		}
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version + " " + info.GoVersion
	}
	return fmt.Sprintf("development %s%s %s", commit, modified, info.GoVersion)
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(w world) error {
	_, err := fmt.Fprintln(w.stdout, "escalated", version())
	return err
}
