package escalated_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/id8labs/escalated/"

// mayImport is the map of the program: which of our folders each may import.
// Imports point only up the way of a mail. cmd may import all.
var mayImport = map[string][]string{
	"mailbox":   {},
	"classify":  {"mailbox"},
	"threads":   {"mailbox", "classify"},
	"templates": {},
	"outbound":  {"threads", "templates", "classify", "mailbox"},
	"cmd":       {"mailbox", "classify", "threads", "templates", "outbound"},
}

// beside are what may lie beside the folders; the last three, git-ignored, are
// left by building and running it here.
var beside = []string{"go.mod", "go.sum", "README.md", "LICENSE", "docs", "layout_test.go", "escalated", "escalated-data", "escalated.yaml"}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if _, folder := mayImport[name]; !folder && !slices.Contains(beside, name) && !strings.HasPrefix(name, ".") {
			t.Errorf("%s does not belong at the top level, which is fixed", name)
		}
	}
	for name := range mayImport {
		if _, err := os.Stat(name); err != nil {
			t.Errorf("the folder %s is missing: %v", name, err)
		}
	}
}

func TestImportsPointUpTheWayOfAMail(t *testing.T) {
	files := 0
	for folder, allowed := range mayImport {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
				return err
			}
			files++
			checkImports(t, folder, path, allowed)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 50 {
		t.Errorf("only %d files were looked at", files)
	}
}

func checkImports(t *testing.T, folder, path string, allowed []string) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		ours, isOurs := strings.CutPrefix(name, module)
		if isOurs {
			checkOurs(t, folder, path, ours, allowed)
		}
		if strings.HasPrefix(name, "github.com/emersion/go-imap/v2/imapclient") && folder != "cmd" && !strings.HasSuffix(path, "_test.go") &&
			filepath.Dir(path) != filepath.Join("mailbox", "imap") {
			t.Errorf("%s imports go-imap's client: only mailbox/imap does", path)
		}
	}
}

func checkOurs(t *testing.T, folder, path, ours string, allowed []string) {
	target, _, _ := strings.Cut(ours, "/")
	if target != folder && !slices.Contains(allowed, target) {
		t.Errorf("%s imports %s: %s may import only %v of ours", path, ours, folder, allowed)
	}
	if strings.Contains(ours, "mailserver") && !strings.HasSuffix(path, "_test.go") && folder != "cmd" && !strings.HasPrefix(path, filepath.Join("mailbox", "mailserver")) {
		t.Errorf("%s imports the embedded server outside tests and cmd", path)
	}
}
