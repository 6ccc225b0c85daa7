package config

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file, or writes it.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run with -update)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// parseFile parses under a path without the test's folders.
func parseFile(t *testing.T, folder, file string) (*Config, error) {
	t.Helper()
	t.Chdir(folder)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return Parse(file, data)
}

func TestBroken(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d broken configurations, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			folder, err := filepath.Abs(filepath.Dir(file))
			if err != nil {
				t.Fatal(err)
			}
			c, err := parseFile(t, folder, filepath.Base(file))
			if err == nil || c != nil {
				t.Fatalf("got %v and error %v, want an error only", c, err)
			}
			if _, ok := errors.AsType[Mistakes](err); !ok {
				t.Errorf("error is a %T, want Mistakes", err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a message repeats the secret: %v", err)
			}
			golden(t, strings.TrimSuffix(filepath.Base(file), ".yaml")+".txt", []byte(err.Error()+"\n"))
		})
	}
}

// lines writes every key below a value as the file names it, with its value.
func lines(path string, v reflect.Value) []string {
	if zone, ok := v.Interface().(*time.Location); ok && zone == nil {
		return []string{path + " = <nil>"}
	}
	var out []string
	switch {
	case v.Kind() == reflect.Pointer && !v.IsNil() && v.Type() != reflect.TypeFor[*time.Location]():
		return lines(path, v.Elem())
	case isSection(v.Type()):
		for _, f := range fieldsOf(v.Type()) {
			out = append(out, lines(join(path, f.key), v.FieldByIndex(f.index))...)
		}
		return out
	case v.Kind() == reflect.Map && v.Len() > 0:
		for _, key := range v.MapKeys() {
			out = append(out, lines(join(path, fmt.Sprint(key)), v.MapIndex(key))...)
		}
		slices.Sort(out)
		return out
	case v.Kind() == reflect.Slice && v.Len() > 0 && isSection(v.Type().Elem()):
		for i := range v.Len() {
			out = append(out, lines(fmt.Sprintf("%s[%d]", path, i), v.Index(i))...)
		}
		return out
	}
	return []string{fmt.Sprintf("%s = %v", path, v.Interface())}
}

func linesOf(c *Config) []string { return lines("", reflect.ValueOf(c).Elem()) }

// TestGood shows all of the minimal configuration, which is the defaults, and
// of the others what differs from it.
func TestGood(t *testing.T) {
	t.Chdir("testdata/good")
	minimal := loadLines(t, "minimal.yaml")
	golden(t, "minimal.txt", []byte(strings.Join(minimal, "\n")+"\n"))
	for _, file := range []string{"partial.yaml", "relays.yaml", "full.yaml"} {
		t.Run(file, func(t *testing.T) {
			differs := slices.DeleteFunc(loadLines(t, file), func(line string) bool { return slices.Contains(minimal, line) })
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", []byte(strings.Join(differs, "\n")+"\n"))
		})
	}
}

func loadLines(t *testing.T, file string) []string {
	t.Helper()
	c, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return linesOf(c)
}

// TestDepth: a key that is given changes itself and nothing else, at any depth.
func TestDepth(t *testing.T) {
	const required = "address: a@acme.example\nmailbox: {server: imaps://h, username: u, password_env: P}\nsmtp: {server: smtps://h}\npeople: [{name: D, email: d@acme.example, roles: [agent]}]\n"
	plain, err := Parse("x.yaml", []byte(required))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ yaml, want string }{
		{"policy: {severities: {1: {update: 2s}}}", "policy.severities.1.update = 2s"},
		{"policy:\n  severities:\n    3:\n      audience: []", "policy.severities.3.audience = []"},
		{"policy: {nag: {climb: [agent]}}", "policy.nag.climb = [agent]"},
		{"limits: {free_space: 1.5GiB}", "limits.free_space = 1610612736"},
		{"log: {level: debug}", "log.level = DEBUG"},
		{"digest: {weekly: \"\"}", "digest.weekly = <nil>"},
		{"trust: {insecure_from_only: true}", "trust.insecure_from_only = true"},
		{"company: |\n  Acme", "company = Acme"},
		{"company: 4711", "company = 4711"},
		{"policy:", ""},
		{"policy: {severities: {2: }}", ""},
	} {
		c, err := Parse("x.yaml", []byte(required+test.yaml+"\n"))
		if err != nil {
			t.Errorf("%s: %v", test.yaml, err)
			continue
		}
		differs := slices.DeleteFunc(linesOf(c), func(line string) bool { return slices.Contains(linesOf(plain), line) })
		if got := strings.Join(differs, "\n"); got != test.want {
			t.Errorf("%s changes %q, want %q", test.yaml, got, test.want)
		}
	}
}

// TestRelativePaths: they start at the folder of the file.
func TestRelativePaths(t *testing.T) {
	c, err := Parse("/etc/escalated/escalated.yaml", Example())
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.Mailbox.PasswordFile, c.Data, c.Trust.KeyFile}
	want := []string{"/etc/escalated/imap.password", "/etc/escalated/escalated-data", "/etc/escalated/escalated-data/token.key"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOwn(t *testing.T) {
	c := &Config{Address: "escalations@acme.example", Aliases: []string{"urgent@acme.example"}}
	for address, want := range map[string]bool{
		"Escalations@ACME.example":       true,
		"escalations+b-x7@acme.example":  true,
		"urgent@acme.example":            true,
		"dana@acme.example":              false,
		"escalations@other.acme.example": false,
		"":                               false,
	} {
		if got := c.Own(address); got != want {
			t.Errorf("Own(%q) = %v", address, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/broken/*.yaml", "testdata/good/*.yaml"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Contains(data, []byte("customers_file")) {
			t.Skip("would read files of this machine")
		}
		c, err := Parse("fuzz.yaml", data)
		if (c == nil) == (err == nil) {
			t.Fatalf("got %v and error %v", c, err)
		}
		if err == nil {
			_, _ = c.Directory(), c.Warnings()
			return
		}
		for _, m := range err.(Mistakes) {
			if m.What == "" || strings.Contains(m.What, "\n") || strings.Contains(m.What, "%!") {
				t.Errorf("unreadable: %+v", m)
			}
		}
	})
}
