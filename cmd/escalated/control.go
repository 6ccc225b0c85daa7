package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/id8labs/escalated/cmd/escalated/config"
	"github.com/id8labs/escalated/threads"
	"github.com/id8labs/escalated/threads/store"
	"github.com/id8labs/escalated/threads/store/badger"
)

// maxSocketPath is what sockaddr_un takes on the narrowest system.
const maxSocketPath = 100

// socketPath is where a service's control socket lies: in its data folder, or,
// where that path is too long for a socket, under a hashed name in the runtime
// directory. The CLI and the service compute the same.
func socketPath(data string) string {
	if absolute, err := filepath.Abs(data); err == nil {
		data = absolute
	}
	path := filepath.Join(data, "control.sock")
	if len(path) <= maxSocketPath {
		return path
	}
	sum := sha256.Sum256([]byte(data))
	return filepath.Join(cmp.Or(os.Getenv("XDG_RUNTIME_DIR"), os.TempDir()), "escalated-"+hex.EncodeToString(sum[:8])+".sock")
}

// serveControl answers the CLI on the control socket, which only our user can open.
func (d *daemon) serveControl(ctx context.Context) error {
	path := socketPath(d.cfg.Data)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing the old control socket: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return errors.Join(fmt.Errorf("control socket: %w", err), listener.Close())
	}
	return serveUntil(ctx, listener, controlHandler(d.db))
}

// serveUntil serves HTTP until ctx ends and requests under way are answered.
func serveUntil(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin/2)
	defer cancel()
	err := server.Shutdown(stopping)
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// controlHandler answers queries, each as JSON lines.
func controlHandler(db store.DB) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /list", func(w http.ResponseWriter, r *http.Request) {
		records, err := threads.List(r.Context(), db, r.URL.Query().Has("all"))
		answer(w, records, err)
	})
	mux.HandleFunc("GET /aside", func(w http.ResponseWriter, r *http.Request) {
		list, err := threads.SetAside(r.Context(), db)
		answer(w, list, err)
	})
	mux.HandleFunc("GET /show", func(w http.ResponseWriter, r *http.Request) {
		record, err := threads.Show(r.Context(), db, r.URL.Query().Get("id"))
		answer(w, []threads.Record{record}, err)
	})
	return mux
}

func answer[T any](w http.ResponseWriter, list []T, err error) {
	if errors.Is(err, store.ErrNotFound) {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for _, record := range list {
		if encoder.Encode(record) != nil {
			return // the client went away
		}
	}
}

// ask puts a query to the running service, or to the data folder when none
// runs, and calls each with one JSON line after the other.
func ask(ctx context.Context, file, query string, each func(line []byte) error) error {
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	path := socketPath(cfg.Data)
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://escalated"+query, nil)
	if err != nil {
		return err
	}
	for tries := 0; ; tries++ {
		response, err := client.Do(request)
		if err == nil {
			defer response.Body.Close()
			return lines(response.StatusCode, response.Body, each)
		}
		err = askFolder(ctx, cfg, query, each)
		if !errors.Is(err, store.ErrLocked) || tries == 30 {
			return err
		}
		select { // a service starts or stops just now, or another query runs
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// askFolder answers a query from the data folder of a service that does not run.
func askFolder(ctx context.Context, cfg *config.Config, query string, each func(line []byte) error) error {
	if _, err := os.Stat(cfg.Data); err != nil {
		return fmt.Errorf("no service runs, and its data folder is not there: %w", err)
	}
	db, err := badger.Open(badger.Config{Dir: cfg.Data})
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("a service uses %s but does not answer on %s: %w", cfg.Data, socketPath(cfg.Data), err)
	}
	if err != nil {
		return err
	}
	recorder := &memoryResponse{header: http.Header{}, status: http.StatusOK}
	target, err := url.Parse(query)
	if err == nil {
		controlHandler(db).ServeHTTP(recorder, (&http.Request{Method: http.MethodGet, URL: target}).WithContext(ctx))
		err = lines(recorder.status, strings.NewReader(recorder.body.String()), each)
	}
	return errors.Join(err, db.Close())
}

// memoryResponse lets the same handler answer without a connection.
type memoryResponse struct {
	header http.Header
	status int
	body   strings.Builder
}

func (m *memoryResponse) Header() http.Header         { return m.header }
func (m *memoryResponse) WriteHeader(status int)      { m.status = status }
func (m *memoryResponse) Write(b []byte) (int, error) { return m.body.Write(b) }

func lines(status int, body io.Reader, each func(line []byte) error) error {
	reader := bufio.NewReader(body)
	if status != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(reader, 4096))
		return errors.Join(errors.New(strings.TrimSpace(string(text))), err)
	}
	for {
		line, err := reader.ReadBytes('\n')
		if len(line) > 0 {
			if err := each(line); err != nil {
				return err
			}
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("reading the service's answer: %w", err)
		}
	}
}
