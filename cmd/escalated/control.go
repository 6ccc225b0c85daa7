package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/id8labs/escalated/threads"
	"github.com/id8labs/escalated/threads/store"
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
	return serveUntil(ctx, listener, controlHandler(d.db, d.desk.Kick))
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

// controlHandler answers queries, each as JSON lines, and sets the brake.
// changed is called after each change, and may be nil.
func controlHandler(db store.DB, changed func()) http.Handler {
	mux := http.NewServeMux()
	brake := func(w http.ResponseWriter, r *http.Request, b *threads.Brake) {
		err := threads.SetBrake(r.Context(), db, b)
		if err == nil && changed != nil {
			changed()
		}
		answer[threads.Brake](w, nil, err)
	}
	mux.HandleFunc("POST /pause", func(w http.ResponseWriter, r *http.Request) {
		brake(w, r, &threads.Brake{Since: time.Now().UTC(), ExceptAcks: r.URL.Query().Get("except") == "acks"})
	})
	mux.HandleFunc("POST /resume", func(w http.ResponseWriter, r *http.Request) { brake(w, r, nil) })
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
