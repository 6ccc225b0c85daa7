package templates

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
)

func TestNoticesAreThoseOfTheHeader(t *testing.T) {
	kinds := func(side Side) string {
		var all []string
		for _, n := range Notices() {
			if n.Side == side {
				all = append(all, n.Kind)
			}
		}
		return strings.Join(all, " ")
	}
	if got, want := kinds(Customer), "ack update holding workaround resolved reopened survey checkin closing apology"; got != want {
		t.Errorf("customer: %s", got)
	}
	if got, want := kinds(Internal), "alert reminder missed recovered status receipt confirm draft warroom report digest security operator"; got != want {
		t.Errorf("internal: %s", got)
	}
}

func TestAutoSubmitted(t *testing.T) {
	for _, n := range Notices() {
		want := "auto-generated"
		switch {
		case n.Kind == "ack":
			want = "auto-replied"
		case slices.Contains([]string{"update", "workaround", "resolved", "apology"}, n.Kind):
			want = ""
		}
		if n.AutoSubmitted != want {
			t.Errorf("%s: %q, want %q", n.Kind, n.AutoSubmitted, want)
		}
	}
}

// Every template has an English text, and every file belongs to a template.
func TestFilesAndNoticesAgree(t *testing.T) {
	set := Builtin()
	for _, name := range names() {
		if set.builtin[id{name, "en"}] == nil {
			t.Errorf("no %s.txt", name)
		}
	}
	paths, err := fs.Glob(files, "builtin/*")
	if err != nil || len(paths) == 0 {
		t.Fatal(err)
	}
	for _, path := range paths {
		name, _, _ := strings.Cut(strings.TrimPrefix(path, "builtin/"), ".")
		if _, ok := NoticeOf(name); !ok {
			t.Errorf("%s belongs to no notice", path)
		}
	}
	if n, ok := NoticeOf("late-ack"); !ok || n.Kind != "missed" {
		t.Errorf("late-ack is a %q", n.Kind)
	}
}

// Callers may keep and change what they get.
func TestNoticesAreCopies(t *testing.T) {
	Notices()[0].Templates[0] = "changed"
	if _, ok := NoticeOf("ack"); !ok {
		t.Error("the registry was changed from outside")
	}
}

// Built-in wordings pass the check that users' must pass.
func TestBuiltinsPassTheirOwnCheck(t *testing.T) {
	for key, w := range Builtin().builtin {
		if err := w.misnamed(); err != nil {
			t.Error(err)
		}
		if err := w.try(source{id: key}); err != nil {
			t.Error(err)
		}
	}
}
