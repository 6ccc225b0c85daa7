// Package wire is what logging in to a mail server has in common for IMAP and
// SMTP: what a failed TLS handshake means to the person who must mend it, and
// the SASL exchange with an OAuth2 access token.
//
// It says and decides; it opens no connection.
package wire
