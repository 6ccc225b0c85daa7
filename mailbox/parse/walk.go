package parse

import (
	"bytes"
	"mime"
	"path"
	"strings"

	"github.com/id8labs/escalated/mailbox"
)

const (
	maxDepth    = 32
	maxParts    = 1000
	maxText     = 256 << 10 // runes of a message's texts
	maxDefects  = 50
	maxAttached = 20 // mails read that are attached to a mail
)

// A walker goes through the parts of one mail.
type walker struct {
	msg      *mailbox.Message // the one being read
	parts    int
	attached bool // inside a message/rfc822 part
	defects  []string
}

// A body is one readable section of a mail in one or both of its forms.
type body struct{ text, html string }

// part reads one part and returns the bodies in it. report says that it lies
// in a multipart/report.
func (w *walker) part(h mailbox.Header, raw []byte, depth int, report bool) []body {
	w.parts++
	kind, params := contentType(h)
	switch {
	case depth > maxDepth:
		w.defect("nested deeper than %d", maxDepth)
		return []body{{text: w.text(flatten(raw), "")}}
	case strings.HasPrefix(kind, "multipart/"):
		return w.multipart(kind, params, raw, depth)
	case isMail(kind):
		w.attach(h, raw, depth, report)
		return nil
	case isStatus(kind):
		w.status(kind, w.transfer(raw, h.Get("Content-Transfer-Encoding")))
		return nil
	case kind == "text/rfc822-headers" && report:
		w.origin(w.transfer(raw, h.Get("Content-Transfer-Encoding")))
		return nil
	case isBody(h, kind, params, depth):
		return []body{w.body(h, kind, params, raw)}
	}
	w.attachment(h, kind, params, raw)
	return nil
}

func isMail(kind string) bool { return kind == "message/rfc822" || kind == "message/global" }

// isBody reports whether a part is text to read, not a file.
func isBody(h mailbox.Header, kind string, params map[string]string, depth int) bool {
	if depth == 0 && strings.HasPrefix(kind, "text/") {
		return true
	}
	disposition, more := mediaType(h.Get("Content-Disposition"))
	named := params["name"] != "" || more["filename"] != ""
	return (kind == "text/plain" || kind == "text/html") && disposition != "attachment" && !(named && disposition != "inline")
}

func (w *walker) body(h mailbox.Header, kind string, params map[string]string, raw []byte) body {
	text := w.text(w.transfer(raw, h.Get("Content-Transfer-Encoding")), params["charset"])
	switch {
	case kind == "text/html":
		return body{html: text}
	case strings.EqualFold(params["format"], "flowed"):
		text = unflow(text, strings.EqualFold(params["delsp"], "yes"))
	}
	return body{text: text}
}

// multipart reads the parts of a multipart.
func (w *walker) multipart(kind string, params map[string]string, raw []byte, depth int) []body {
	boundary := params["boundary"]
	if boundary == "" {
		if boundary = findBoundary(raw); boundary == "" {
			w.defect("multipart without boundary")
			return []body{{text: w.text(raw, "")}}
		}
		w.defect("boundary not named")
	}
	if kind == "multipart/report" && w.msg.Report.Type == "" {
		w.msg.Report.Type = strings.ToLower(params["report-type"])
	}
	var bodies []body
	found := false
	for raw := range w.split(raw, boundary) {
		if found = true; w.parts >= maxParts {
			w.defect("more than %d parts", maxParts)
			break
		}
		h, content := w.partHeader(raw)
		bodies = append(bodies, w.part(h, content, depth+1, kind == "multipart/report")...)
	}
	if !found {
		w.defect("multipart without parts")
		return []body{{text: w.text(raw, "")}}
	}
	if kind == "multipart/alternative" {
		return choose(bodies)
	}
	return bodies
}

// partHeader reads the header of a part; one that begins with a blank line has none.
func (w *walker) partHeader(raw []byte) (mailbox.Header, []byte) {
	if line, rest := cutLine(raw); len(bytes.TrimRight(line, "\r\n")) == 0 {
		return nil, rest
	}
	return w.header(raw)
}

// split yields the parts between the boundary's lines (RFC 2046 §5.1.1). A
// missing end is where the bytes end.
func (w *walker) split(raw []byte, boundary string) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		mark := []byte("--" + boundary)
		start := -1
		for at := 0; ; {
			i := bytes.Index(raw[at:], mark)
			if i < 0 {
				break
			}
			i += at
			line, rest := cutLine(raw[i:])
			tail := bytes.TrimRight(line[len(mark):], " \t\r\n")
			at = i + len(mark)
			if i > 0 && raw[i-1] != '\n' || len(tail) > 0 && string(tail) != "--" {
				continue
			}
			if start >= 0 && !yield(trimEnd(raw[start:i])) {
				return
			}
			if start = len(raw) - len(rest); len(tail) > 0 {
				return
			}
			at = start
		}
		if start >= 0 {
			w.defect("end boundary missing")
			yield(raw[start:])
		}
	}
}

// trimEnd drops the line end before a boundary, which belongs to it.
func trimEnd(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte{'\n'}), []byte{'\r'})
}

// findBoundary takes the first line that could be one, where none is named.
func findBoundary(raw []byte) string {
	for n := 0; n < 100 && len(raw) > 0; n++ {
		var line []byte
		line, raw = cutLine(raw)
		if name, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("--")); ok && len(name) > 2 && len(name) <= 70 {
			if next, _ := cutLine(raw); isField(next) && isKnown(fieldName(next)) {
				return string(name)
			}
		}
	}
	return ""
}

// attachment notes a part that stays in the original.
func (w *walker) attachment(h mailbox.Header, kind string, params map[string]string, raw []byte) {
	if w.msg == nil {
		return
	}
	_, disposition := mediaType(h.Get("Content-Disposition"))
	name := disposition["filename"]
	if name == "" {
		name = params["name"]
	}
	name = single(decodeWords(name))
	name = path.Base("/" + strings.ReplaceAll(name, `\`, "/"))
	if name == "/" {
		name = ""
	}
	size := len(w.transfer(raw, h.Get("Content-Transfer-Encoding")))
	w.msg.Attachments = append(w.msg.Attachments, mailbox.Attachment{Name: cut(name, maxName), Type: kind, Size: size})
}

// contentType returns a part's type and parameters, text/plain by default (RFC 2045 §5.2).
func contentType(h mailbox.Header) (string, map[string]string) {
	kind, params := mediaType(h.Get("Content-Type"))
	if main, sub, found := strings.Cut(kind, "/"); !found || main == "" || sub == "" {
		if kind != "" && kind != "text" {
			return "application/octet-stream", params
		}
		kind = "text/plain"
	}
	return kind, params
}

// mediaType reads "type; name=value; ..." by the standard, else loosely.
func mediaType(value string) (string, map[string]string) {
	kind, params, err := mime.ParseMediaType(value)
	if err == nil {
		return kind, params
	}
	kind, rest, _ := strings.Cut(value, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	kind, _, _ = strings.Cut(kind, " ")
	params = map[string]string{}
	for part := range strings.SplitSeq(rest, ";") {
		name, v, found := strings.Cut(part, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := params[name]; found && !twice {
			params[name] = strings.Trim(v, " \t\"'")
		}
	}
	return kind, params
}
