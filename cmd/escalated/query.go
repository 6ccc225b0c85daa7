package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/id8labs/escalated/cmd/escalated/config"
	"github.com/id8labs/escalated/threads/store"
	"github.com/id8labs/escalated/threads/store/badger"
)

// ask puts a query to the running service, or to the data folder when none
// runs, and calls each with one JSON line after the other.
func ask(ctx context.Context, file, query string, each func(line []byte) error) error {
	return request(ctx, file, http.MethodGet, query, each)
}

// tell asks the running service, or the data folder, to change something.
func tell(ctx context.Context, file, change string) error {
	return request(ctx, file, http.MethodPost, change, func([]byte) error { return nil })
}

func request(ctx context.Context, file, method, query string, each func(line []byte) error) error {
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	path := socketPath(cfg.Data)
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	asked, err := http.NewRequestWithContext(ctx, method, "http://escalated"+query, nil)
	if err != nil {
		return err
	}
	for tries := 0; ; tries++ {
		response, err := client.Do(asked)
		if err == nil {
			defer response.Body.Close()
			return lines(response.StatusCode, response.Body, each)
		}
		err = askFolder(cfg, asked, each)
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
func askFolder(cfg *config.Config, asked *http.Request, each func(line []byte) error) error {
	if err := mayOpen(cfg.Data); err != nil {
		return fmt.Errorf("no service runs, and its data folder can't be asked: %w", err)
	}
	db, err := badger.Open(badger.Config{Dir: cfg.Data, FreeSpace: int64(cfg.Limits.FreeSpace)})
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("a service uses %s but does not answer on %s: %w", cfg.Data, socketPath(cfg.Data), err)
	}
	if err != nil {
		return err
	}
	recorder := &memoryResponse{header: http.Header{}, status: http.StatusOK}
	controlHandler(db, nil).ServeHTTP(recorder, asked)
	err = lines(recorder.status, strings.NewReader(recorder.body.String()), each)
	return errors.Join(err, db.Close())
}

// mayOpen reports why a data folder must not be opened: no service has written
// there yet, or another user's has, which could not read what we would leave.
func mayOpen(dir string) error {
	info, err := os.Stat(filepath.Join(dir, "MANIFEST"))
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to the user with id %d; run this as that user", dir, owner.Uid)
	}
	return nil
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
