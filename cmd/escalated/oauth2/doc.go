// Package oauth2 gets the access tokens that IMAP and SMTP log in with, from
// the provider's token endpoint, by a refresh token (RFC 6749 §6) or, where
// none is configured, by the client's own credentials (§4.4).
//
// Invariants:
//
//   - A token is kept in memory only, and renewed before it lapses or after a
//     server refused it. One request at a time goes to an endpoint for an
//     account, whoever waits for its token.
//   - A refresh token that the provider replaced is in its file, and on the
//     disk, before the access token that came with it is used. Where the file
//     cannot be written the new one is kept in memory, the trouble told, and
//     the writing tried again at the next renewal.
//   - Secret and refresh token are read anew for each request, so that a new
//     consent needs no restart. They go to token_url alone: over https, or to
//     this machine, and never along a redirect.
//   - No error holds a secret or a token, even where the endpoint quotes them.
//
// Trouble on the way to the provider passes, and is told apart from its no
// ([Error.Refused]), which lasts until somebody acts. Either is remembered for
// a while, so that many logins are not as many requests.
//
// A refresh token file holds the token and nothing else, and one line end; it
// is replaced atomically by one with mode 0600.
package oauth2
