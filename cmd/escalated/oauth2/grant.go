package oauth2

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// A grant is a refresh token and its file. It is used by who has the turn.
type grant struct {
	path string        // "": there is none, the client asks for itself
	turn chan struct{} // one slot

	seen    string // what the file held when last read or written
	unsaved string // replaces it, and could not be written
}

// current returns the refresh token to use: the file's, unless a newer one
// could not be written there and nobody wrote another.
func (g *grant) current(read func() (string, error)) (string, error) {
	inFile, err := read()
	if g.unsaved != "" && (err != nil || inFile == g.seen) {
		return g.unsaved, nil
	}
	if err != nil {
		return "", err
	}
	g.seen, g.unsaved = inFile, ""
	return inFile, nil
}

// keep writes a refresh token that replaces the current one.
func (g *grant) keep(refresh string) error {
	g.unsaved = refresh
	if err := writeFile(g.path, refresh+"\n"); err != nil {
		return err
	}
	g.seen, g.unsaved = refresh, ""
	return nil
}

// writeFile replaces a file, or what a link by its name points to, in one step
// that a crash cannot halve.
func writeFile(path, content string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.WriteString(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("replacing %s: %w", path, err), os.Remove(file.Name()))
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a rename last. Not every system can; then it lasts soon.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return nil
	}
	_ = folder.Sync()
	return folder.Close()
}
