package classify

import "github.com/id8labs/escalated/mailbox"

// Read says what a mail means.
func Read(m *mailbox.Message, d *Directory) Verdict { return Verdict{Kind: KindEscalation, Severity: 2, Type: Technical, Summary: m.Subject, Language: "en"} }
