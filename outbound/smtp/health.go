package smtp

import (
	"log/slog"
	"sync"
	"time"
)

const (
	firstProbe = time.Second      // after the first failure, doubling
	lastProbe  = 30 * time.Second // up to this
	loginProbe = time.Minute      // after a refused login: more often locks accounts
)

// ServerHealth is how one server was at the last attempt.
type ServerHealth struct {
	Server       string    `json:"server"` // host:port
	Up           bool      `json:"up"`
	Since        time.Time `json:"since,omitzero"`    // down since
	RetryAt      time.Time `json:"retry_at,omitzero"` // when down: next probe
	LoginRefused bool      `json:"login_refused,omitzero"`
	Error        string    `json:"error,omitzero"`
	// CertificateEnds is as seen at the last connection; zero without TLS.
	CertificateEnds time.Time `json:"certificate_ends,omitzero"`
}

// health decides who may dial a server. While the server is down, one mail at
// a time may try, at the times of the probe schedule.
type health struct {
	log *slog.Logger

	mu      sync.Mutex
	failure *Error // nil while up
	since   time.Time
	delay   time.Duration
	probing bool
	ends    time.Time // of the certificate
}

// certificate notes when the server's certificate ends.
func (h *health) certificate(ends time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ends = ends
}

// admit returns nil when the caller may dial, and must then call up, down or
// unknown. Else it returns the failure that keeps the server down.
func (h *health) admit(now time.Time) *Error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failure == nil {
		return nil
	}
	if !h.probing && !now.Before(h.failure.RetryAt) {
		h.probing = true
		return nil
	}
	failure := *h.failure
	if h.probing && failure.RetryAt.Before(now.Add(firstProbe)) {
		failure.RetryAt = now.Add(firstProbe)
	}
	return &failure
}

// up notes that the server takes mail.
func (h *health) up(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failure == nil {
		return
	}
	h.log.Info("SMTP server is up again", "server", h.failure.Server, "down_for", now.Sub(h.since))
	h.failure, h.delay, h.probing = nil, 0, false
}

// unknown notes that an attempt ended without telling anything about the server.
func (h *health) unknown() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.probing = false
}

// down notes a failure and sets its RetryAt. Failures beside the one that
// took the server down, or beside a probe, do not lengthen the wait.
func (h *health) down(now time.Time, failure *Error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failure != nil && now.Before(h.failure.RetryAt) {
		failure.RetryAt = h.failure.RetryAt
		return
	}
	if h.failure == nil {
		h.since = now
		h.log.Warn("SMTP server is down", "server", failure.Server, "error", failure)
	}
	h.delay = min(max(2*h.delay, firstProbe), lastProbe)
	failure.RetryAt = now.Add(h.delay)
	if failure.LoginRefused {
		failure.RetryAt = now.Add(loginProbe)
	}
	kept := *failure
	h.failure, h.probing = &kept, false
}

func (h *health) snapshot(server string) ServerHealth {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failure == nil {
		return ServerHealth{Server: server, Up: true, CertificateEnds: h.ends}
	}
	return ServerHealth{
		Server: server, CertificateEnds: h.ends, Since: h.since, RetryAt: h.failure.RetryAt,
		LoginRefused: h.failure.LoginRefused, Error: h.failure.Error(),
	}
}
