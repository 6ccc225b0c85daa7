package mailserver

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-smtp"
)

// newIMAP makes the protocol server; [imapSession] is its other half.
func (s *Server) newIMAP() *imapserver.Server {
	return imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return &imapSession{server: s}, nil, nil
		},
		Caps:         capabilities(),
		Logger:       libraryLog{s.config.Log.With("protocol", "imap")},
		TLSConfig:    s.config.TLS,
		InsecureAuth: s.config.TLS == nil,
	})
}

// newSMTP makes the protocol server; [smtpSession] is its other half.
func (s *Server) newSMTP(ctx context.Context) *smtp.Server {
	p := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &smtpSession{server: s, ctx: ctx, conn: c}, nil
	}))
	p.Domain = s.config.Domain
	p.TLSConfig = s.config.TLS
	p.AllowInsecureAuth = s.config.TLS == nil
	p.EnableSMTPUTF8 = true
	p.MaxMessageBytes = maxMail
	p.MaxLineLength = 1 << 20       // mails with long lines exist
	p.ReadTimeout = 5 * time.Minute // RFC 5321 §4.5.3.2.7
	p.WriteTimeout = p.ReadTimeout
	p.ErrorLog = libraryLog{s.config.Log.With("protocol", "smtp")}
	return p
}

// libraryLog is what both libraries call a logger.
type libraryLog struct{ *slog.Logger }

func (l libraryLog) Printf(format string, args ...any) { l.Debug(fmt.Sprintf(format, args...)) }
func (l libraryLog) Println(args ...any)               { l.Debug(fmt.Sprint(args...)) }
