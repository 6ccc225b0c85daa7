package mailserver

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-message/textproto"
)

func (s *imapSession) Fetch(w *imapserver.FetchWriter, set imap.NumSet, options *imap.FetchOptions) error {
	asked := *options
	var fetched []sight
	if s.reads(options) {
		fetched = s.store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagSeen}})
		asked.Flags = true
	} else {
		fetched = s.look(set)
	}
	for _, m := range fetched {
		if err := m.write(w.CreateMessage(m.shown), &asked); err != nil {
			return err
		}
	}
	return nil
}

func (s *imapSession) look(set imap.NumSet) []sight {
	defer s.account.lock()()
	return s.view.sights(set)
}

// reads reports whether a FETCH sets \Seen (RFC 3501 §6.4.5).
func (s *imapSession) reads(options *imap.FetchOptions) bool {
	return !s.view.readOnly && slices.ContainsFunc(options.BodySection, func(item *imap.FetchItemBodySection) bool { return !item.Peek })
}

// write answers for one message. The response must be closed whatever happens:
// until then the library's connection is locked, and would never end.
func (m sight) write(w *imapserver.FetchResponseWriter, options *imap.FetchOptions) (err error) {
	defer func() { err = errors.Join(err, w.Close()) }()
	w.WriteUID(m.uid)
	if options.Flags {
		w.WriteFlags(m.flags)
	}
	if options.InternalDate {
		w.WriteInternalDate(m.received)
	}
	if options.RFC822Size {
		w.WriteRFC822Size(int64(len(m.bytes)))
	}
	if options.Envelope {
		header, _ := textproto.ReadHeader(bufio.NewReader(bytes.NewReader(readable(m.bytes))))
		w.WriteEnvelope(imapserver.ExtractEnvelope(header))
	}
	if options.BodyStructure != nil {
		w.WriteBodyStructure(imapserver.ExtractBodyStructure(bytes.NewReader(readable(m.bytes))))
	}
	for _, item := range options.BodySection {
		if err := writeSection(w, item, section(m.bytes, item)); err != nil {
			return err
		}
	}
	return nil
}

func writeSection(w *imapserver.FetchResponseWriter, item *imap.FetchItemBodySection, text []byte) error {
	literal := w.WriteBodySection(item, int64(len(text)))
	_, err := literal.Write(text)
	return errors.Join(err, literal.Close())
}

// section returns what a BODY[…] item asks for. The library's own extraction
// rewrites line ends, and gives nothing at all of a mail whose header go-message
// refuses: it serves only where parts or single fields are asked for.
func section(mail []byte, item *imap.FetchItemBodySection) []byte {
	if len(item.Part)+len(item.HeaderFields)+len(item.HeaderFieldsNot) > 0 {
		return imapserver.ExtractBodySection(bytes.NewReader(readable(mail)), item)
	}
	header, body := cutHeader(mail)
	blank := firstLine(body)
	switch item.Specifier {
	case imap.PartSpecifierHeader:
		return partial(mail[:len(header)+len(blank)], item.Partial)
	case imap.PartSpecifierText:
		return partial(body[len(blank):], item.Partial)
	}
	return partial(mail, item.Partial)
}

// partial cuts what <offset.size> asks for (RFC 3501 §6.4.5).
func partial(text []byte, p *imap.SectionPartial) []byte {
	if p == nil {
		return text
	}
	start := min(max(p.Offset, 0), int64(len(text)))
	return text[start:min(start+max(p.Size, 0), int64(len(text)))]
}

// readable returns a mail with a header go-message can read: the lines that are
// no fields are left out.
func readable(mail []byte) []byte {
	var b bytes.Buffer
	header, body := cutHeader(mail)
	for name, field := range fields(header) {
		if name != "" {
			b.Write(bytes.TrimRight(field, "\r\n"))
			io.WriteString(&b, "\r\n")
		}
	}
	io.WriteString(&b, "\r\n")
	b.Write(body[len(firstLine(body)):])
	return b.Bytes()
}
