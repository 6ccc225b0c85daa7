package imap

import (
	"sync"
	"time"
)

// A Status is how the watch goes, for health checks.
type Status struct {
	Connected       bool      // logged in and the folder selected
	LastPass        time.Time // end of the last look at the whole folder that went well
	Err             string    // what is wrong now, "" when all is well
	CertificateEnds time.Time // of the server, as seen at the last connection; zero without TLS
	Backlog         int       // mails in the folder not yet filed, as last seen
}

// Status returns how the watch goes. It never blocks.
func (in *Inbox) Status() Status {
	in.state.mu.Lock()
	defer in.state.mu.Unlock()
	return in.state.Status
}

type state struct {
	mu sync.Mutex
	Status
}

// set changes the status and reports whether its error is another one now.
func (st *state) set(change func(*Status)) (news bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	before := st.Err
	change(&st.Status)
	return st.Err != before
}

func (st *state) addBacklog(n int) {
	st.set(func(s *Status) { s.Backlog = max(0, s.Backlog+n) })
}
