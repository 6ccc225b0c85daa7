package imap

import (
	"context"
	"errors"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// hierarchy is how the server builds folder names.
type hierarchy struct {
	delim  string   // "" when folders cannot nest
	prefix string   // of our own folders, such as "INBOX."
	others []string // prefixes of other people's and shared folders
}

// name translates a configured folder name, whose levels are separated by "/".
func (h hierarchy) name(folder string) string {
	if strings.EqualFold(folder, "INBOX") {
		return "INBOX"
	}
	if h.delim != "" {
		folder = strings.ReplaceAll(folder, "/", h.delim)
	}
	for _, prefix := range append(h.others, h.prefix) {
		if prefix != "" && strings.HasPrefix(folder, prefix) {
			return folder
		}
	}
	return h.prefix + folder
}

// hierarchy asks for the namespaces (RFC 2342) or, failing that, for the separator.
func (s *session) hierarchy() (hierarchy, error) {
	if s.caps.Has(imap.CapNamespace) {
		h, err := s.namespace()
		if err != nil && !refused(err) || err == nil && h.delim != "" {
			return h, err
		}
	}
	var h hierarchy
	err := s.do("list", func() error {
		list, err := s.c.List("", "", nil).Collect()
		if len(list) > 0 && list[0].Delim != 0 {
			h.delim = string(list[0].Delim)
		}
		return err
	})
	return h, err
}

func (s *session) namespace() (h hierarchy, err error) {
	err = s.do("namespace", func() error {
		data, err := s.c.Namespace().Wait()
		if err != nil {
			return err
		}
		if len(data.Personal) > 0 && data.Personal[0].Delim != 0 {
			h.prefix, h.delim = data.Personal[0].Prefix, string(data.Personal[0].Delim)
		}
		for _, ns := range append(data.Other, data.Shared...) {
			h.others = append(h.others, ns.Prefix)
		}
		return nil
	})
	return h, err
}

// findFolders learns the folders' names on the server and creates those that
// mails are moved to. One that cannot be created is no reason not to take
// mails in: they stay until it can.
func (s *session) findFolders(context.Context) error {
	h, err := s.hierarchy()
	if err != nil {
		return err
	}
	s.folder = h.name(s.in.cfg.Folder)
	for folder, name := range map[string]*string{s.in.cfg.Archive: &s.archive, s.in.cfg.Quarantine: &s.quarantine} {
		*name, err = s.ensure(h, folder)
		if refused(err) {
			s.in.cfg.Log.Warn("imap folder is missing and cannot be created: mails will stay in the watched folder", "folder", *name, "error", err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// ensure returns the server's name of a folder that now exists. Where the
// server does not tell its namespaces, the folder may be wanted below INBOX.
func (s *session) ensure(h hierarchy, folder string) (string, error) {
	names := []string{h.name(folder)}
	if !s.caps.Has(imap.CapNamespace) && h.delim != "" {
		names = append(names, hierarchy{delim: h.delim, prefix: "INBOX" + h.delim}.name(folder))
	}
	var errs []error
	for _, try := range []func(string) error{s.exists, s.create} {
		for _, name := range names {
			err := try(name)
			if err == nil || !refused(err) {
				return name, err
			}
			errs = append(errs, err)
		}
	}
	return names[0], errors.Join(errs...)
}

func (s *session) exists(name string) error {
	return s.do("status of "+name, func() error {
		_, err := s.c.Status(name, &imap.StatusOptions{UIDNext: true}).Wait()
		return err
	})
}

func (s *session) create(name string) error {
	return s.do("create "+name, func() error {
		if err := s.c.Create(name, nil).Wait(); err != nil {
			return err
		}
		if err := s.c.Subscribe(name).Wait(); !refused(err) { // only so that mail clients show it
			return err
		}
		return nil
	})
}

// selectFolder opens the watched folder.
func (s *session) selectFolder(context.Context) error {
	return s.do("select "+s.folder, func() error {
		data, err := s.c.Select(s.folder, nil).Wait()
		if err != nil {
			return err
		}
		if data.UIDValidity == 0 {
			return errors.New("the server gives no UIDVALIDITY, so mails cannot be told apart")
		}
		s.keyword = false
		for _, flag := range data.PermanentFlags {
			s.keyword = s.keyword || flag == imap.FlagWildcard || strings.EqualFold(string(flag), string(filedFlag))
		}
		s.next = max(data.UIDNext, 1)
		s.remember(data.UIDValidity)
		return nil
	})
}

// remember forgets what was known of UIDs that no longer mean the same mails.
func (s *session) remember(validity uint32) {
	m := &s.in.memory
	if m.validity == validity {
		return
	}
	if m.validity != 0 {
		s.in.cfg.Log.Warn("imap UIDVALIDITY changed: every mail in the folder is looked at anew", "folder", s.folder)
	}
	*m = memory{validity: validity, suspects: make(map[imap.UID]suspicion), failed: make(map[imap.UID]bool)}
}
