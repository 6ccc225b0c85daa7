package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/id8labs/escalated/threads"
	"github.com/id8labs/escalated/threads/store"
	"github.com/id8labs/escalated/threads/store/badger"
)

// here checks what is on this machine.
func (k *checkup) here(ctx context.Context) {
	for _, warning := range k.cfg.Warnings() {
		says, do, _ := strings.Cut(warning, "; ")
		k.note("config", says, do)
	}
	if k.cfg.Templates != "" {
		k.ok("templates", "all in "+k.cfg.Templates+" can be used")
	}
	if k.folder() && k.space() {
		k.store(ctx)
	}
	k.tokenKey()
}

// folder checks that the service, run as who runs this, may write to the data
// folder. It reports whether there is one to look into.
func (k *checkup) folder() bool {
	data := k.cfg.Data
	info, err := os.Stat(data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		k.newFolder(data)
		return false
	case err != nil:
		k.problem("data", fmt.Sprintf("%s cannot be looked at: %v", data, err), "correct the permissions of the folders above it, or `data`")
		return false
	case !info.IsDir():
		k.problem("data", data+" is a file", "name a folder in `data`")
		return false
	}
	if owner, other := otherOwner(data); other {
		k.problem("data", fmt.Sprintf("%s belongs to %s", data, owner), "run check and serve as "+owner)
		return false
	}
	if err := writable(data); err != nil {
		k.problem("data", fmt.Sprintf("%s cannot be written: %v", data, err), "let the user this runs as write there, or correct `data`")
		return false
	}
	return true
}

// newFolder looks whether a folder that is not there can be made.
func (k *checkup) newFolder(data string) {
	above := existing(data)
	if err := writable(above); err != nil {
		k.problem("data", fmt.Sprintf("%s does not exist and cannot be made in %s: %v", data, above, err), "make it, for the user who runs the service, or correct `data`")
		return
	}
	k.ok("data", data+" does not exist yet; the first start makes it")
}

// existing is the nearest folder above that is there.
func existing(path string) string {
	for {
		if _, err := os.Stat(path); err == nil || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}

func writable(folder string) error {
	return unix.Faccessat(unix.AT_FDCWD, folder, unix.W_OK|unix.X_OK, unix.AT_EACCESS)
}

// space reports whether there is enough of it.
func (k *checkup) space() bool {
	var s unix.Statfs_t
	if err := unix.Statfs(k.cfg.Data, &s); err != nil {
		k.problem("data", fmt.Sprintf("the free space of %s cannot be told: %v", k.cfg.Data, err), "put `data` on a disk of this machine")
		return false
	}
	free, least := int64(s.Bavail)*int64(s.Bsize), int64(k.cfg.Limits.FreeSpace)
	if free < least {
		k.problem("data", fmt.Sprintf("%s free on the disk of %s, less than limits.free_space, %s: no mail is taken in", mebibytes(free), k.cfg.Data, mebibytes(least)),
			"free some space, or put `data` on a larger disk")
		return false
	}
	k.ok("data", fmt.Sprintf("%s can be written, %s free", k.cfg.Data, mebibytes(free)))
	return true
}

func mebibytes(octets int64) string { return fmt.Sprintf("%d MiB", octets>>20) }

// store opens the records, unless a service has them open or none has begun.
func (k *checkup) store(ctx context.Context) {
	if conn, err := new(net.Dialer).DialContext(ctx, "unix", socketPath(k.cfg.Data)); err == nil {
		_ = conn.Close()
		k.ok("data.records", "a service runs and has them open")
		return
	}
	if _, err := os.Stat(filepath.Join(k.cfg.Data, "MANIFEST")); err != nil {
		k.ok("data.records", "there are none yet")
		return
	}
	db, err := openStore(ctx, badger.Config{Dir: k.cfg.Data})
	if err == nil {
		err = db.Close()
	}
	switch {
	case errors.Is(err, store.ErrLocked):
		k.note("data.records", "another process has them open and does not answer on "+socketPath(k.cfg.Data), "look which: a service that hangs, or one that starts just now")
	case errors.Is(err, store.ErrLoss):
		k.problem("data.records", err.Error(), "restore a backup; without one, `escalated serve --accept-loss` starts with what is left")
	case err != nil:
		k.problem("data.records", err.Error(), "restore a backup, or have the disk looked at")
	default:
		k.ok("data.records", "can be opened")
	}
}

// tokenKey reads the key of reply tokens. It makes none: the service must own it.
func (k *checkup) tokenKey() {
	path := cmp.Or(k.cfg.Trust.KeyFile, filepath.Join(k.cfg.Data, "token.key"))
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		k.newKey(path)
		return
	}
	if err == nil {
		k.key, err = threads.LoadKey(path)
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		k.problem("token_key", err.Error(), "let the user this runs as read it, and only that user")
	case err != nil:
		says, do, _ := strings.Cut(err.Error(), "; ")
		k.problem("token_key", says, do)
	case info.Mode().Perm()&0o077 != 0:
		k.note("token_key", path+" can be read by others, who could then answer in an agent's name", "chmod 0600 "+path)
	default:
		k.ok("token_key", path+" can be read by its owner only")
	}
}

func (k *checkup) newKey(path string) {
	above := existing(filepath.Dir(path))
	if err := writable(above); err != nil {
		k.problem("token_key", fmt.Sprintf("%s does not exist and cannot be made in %s: %v", path, above, err), "let the user who runs the service write there, or correct `trust.key_file`")
		return
	}
	k.ok("token_key", path+" does not exist yet; the first start makes it")
}
