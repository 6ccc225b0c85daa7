// Package smtp answers "what did the server say?": it delivers one rendered
// mail to one recipient over a kept connection, and tells from the server's
// answer, or from when there was none, what is known of the mail.
//
// Invariants:
//
//   - A mail is called delivered only on a 2xx answer to its final dot, and
//     called undelivered only where that is certain. Between lies [Unsure]: the
//     final dot was wholly handed to the connection and no answer came.
//   - What is the server's fault ([Down]) is never counted against a mail. A
//     server that is down is probed by one mail at a time, after 1 s, doubling
//     to 30 s, or a minute after a refused login; the fallbacks are tried at
//     once, and the main server is preferred again as soon as a probe succeeds.
//   - Neither mail, password nor token crosses a connection without TLS, except to
//     loopback where the URL says smtp+insecure. Where it says smtp+starttls, a
//     server without STARTTLS is down.
//   - A connection idle for 30 s, or after 100 mails, is ended. One that proves
//     dead before the server took anything of the mail is replaced unseen, as
//     part of the same attempt.
//
// Mail is sent without parameters a plain server might not know: SIZE, 8BITMIME
// and SMTPUTF8 only where the server offers them, the last two only for mail
// that needs them. Mail that needs what the server lacks is [Refused]. Render
// 7-bit mail (quoted-printable, base64) and it never happens. Domains are sent
// as given: write international ones in their ASCII form.
//
// go-mail's client greets, starts TLS and logs in, step by step, because its
// DialToSMTPClientWithContext tells neither which step failed nor bounds each.
// The mail itself goes through that client's Text, because its Mail, Data and
// Close hide answers, force BODY=8BITMIME, and report a failed write after a
// missing answer as the same error.
package smtp
