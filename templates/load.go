package templates

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// maxFile is the largest template file in octets.
const maxFile = 256 << 10

// Load returns the built-in templates with those of a folder in their place;
// without a folder (""), the built-in ones. Files that are neither .txt nor
// .html, folders and dot-files are passed over, and links that lead out of the
// folder are refused.
//
// Every template is tried on a full and on a sparse sample. The error joins all
// mistakes found, each with file and line and what to do about it.
func Load(dir string) (*Set, error) {
	s := Builtin()
	if dir == "" {
		return s, nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("templates: open folder: %w", err)
	}
	defer root.Close()
	sources, err := read(root.FS())
	mistakes := []error{err}
	s.custom = make(map[id]*wording)
	for _, key := range slices.SortedFunc(maps.Keys(sources), byName) {
		w, err := s.admit(sources[key])
		mistakes = append(mistakes, err)
		s.custom[key] = w
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	return s, nil
}

func byName(a, b id) int {
	return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.lang, b.lang))
}

// admit compiles a user's wording and tries it.
func (s *Set) admit(src source) (*wording, error) {
	w, err := src.parse()
	if err != nil {
		return nil, err
	}
	if src.textFile == "" && s.builtin[src.id] == nil {
		return nil, fmt.Errorf("%s: a mail needs a subject and a text: put them into %s.txt beside it", src.htmlFile, strings.TrimSuffix(src.htmlFile, ".html"))
	}
	if err := w.misnamed(); err != nil {
		return nil, err
	}
	if src.textFile == "" {
		w.subject, w.text = s.builtin[src.id].subject, s.builtin[src.id].text
	}
	return w, w.try(src)
}

// read collects the template files of a folder by what they word.
func read(dir fs.FS) (map[id]source, error) {
	entries, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil, fmt.Errorf("templates: read folder: %w", err)
	}
	sources := make(map[id]source)
	var mistakes []error
	for _, entry := range entries {
		base, isText := strings.CutSuffix(entry.Name(), ".txt")
		base, isHTML := strings.CutSuffix(base, ".html")
		if entry.IsDir() || strings.HasPrefix(base, ".") || isText == isHTML {
			continue
		}
		key, content, err := readOne(dir, base, entry.Name())
		if err != nil {
			mistakes = append(mistakes, err)
			continue
		}
		src := sources[key]
		src.id = key
		if isText {
			src.textFile, src.text = entry.Name(), content
		} else {
			src.htmlFile, src.html = entry.Name(), content
		}
		sources[key] = src
	}
	return sources, errors.Join(mistakes...)
}

func readOne(dir fs.FS, base, file string) (id, string, error) {
	name, lang, _ := strings.Cut(base, ".")
	key := id{name, cmp.Or(strings.ReplaceAll(strings.ToLower(lang), "_", "-"), "en")}
	if _, ok := NoticeOf(name); !ok {
		return key, "", fmt.Errorf("%s: there is no template %q; there are %s", file, name, english.join(names()))
	}
	f, err := dir.Open(file)
	if err != nil {
		return key, "", fmt.Errorf("%s: open: %w", file, err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return key, "", fmt.Errorf("%s: read: %w", file, err)
	}
	if len(content) > maxFile {
		return key, "", fmt.Errorf("%s: larger than %d KB: a template this large is no mail", file, maxFile>>10)
	}
	return key, string(content), nil
}

// names lists the templates there are.
func names() []string {
	var all []string
	for _, n := range notices {
		all = append(all, n.Templates...)
	}
	return all
}

// try renders a wording of every severity, in full and with next to nothing.
func (w *wording) try(src source) error {
	var trials []Data
	for severity := range 5 {
		full, id := Sample(), Sample().Case.ID
		full.Case.Severity = severity
		trials = append(trials, full, sparse(&Case{ID: id, Severity: severity}))
	}
	unusual := Sample()
	unusual.Late, unusual.Case.Portal, unusual.Cases = time.Hour, "https://portal.example/", []*Case{unusual.Case, unusual.Case}
	trials = append(trials, unusual)
	if n, _ := NoticeOf(src.name); n.Kind == "operator" || n.Kind == "security" {
		trials = append(trials, sparse(nil))
	}
	var mistakes []error
	for _, d := range trials {
		mistakes = append(mistakes, w.attempt(src, d))
	}
	return distinct(mistakes)
}

func (w *wording) attempt(src source, d Data) error {
	m, err := w.render(prepare(src.name, d))
	switch {
	case err != nil:
		return err
	case strings.TrimSpace(m.Text) == "":
		return fmt.Errorf("%s: the text is empty for some mails: say something outside {{if}} and {{with}}", src.textFile)
	}
	return nil
}
