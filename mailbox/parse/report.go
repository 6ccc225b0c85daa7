package parse

import (
	"bytes"
	"strings"

	"github.com/id8labs/escalated/mailbox"
)

// isStatus reports the machine-readable parts of reports (RFC 3464, 8098, 5965).
func isStatus(kind string) bool {
	switch kind {
	case "message/delivery-status", "message/global-delivery-status", "message/disposition-notification",
		"message/global-disposition-notification", "message/feedback-report":
		return true
	}
	return false
}

// status reads the groups of fields of a report. Lines that are no field are
// skipped: these parts are written by many hands.
func (w *walker) status(kind string, raw []byte) {
	report := &w.msg.Report
	if report.Type == "" {
		report.Type = strings.TrimPrefix(strings.TrimPrefix(kind, "message/"), "global-")
	}
	var group mailbox.Header
	flush := func() {
		if len(group) > 0 && len(report.Status) < maxParts {
			report.Status = append(report.Status, group)
		}
		group = nil
	}
	for len(raw) > 0 {
		var line []byte
		line, raw = cutLine(raw)
		value := single(guess(bound(line)))
		switch {
		case value == "":
			flush()
		case isFolded(line) && len(group) > 0:
			if last := &group[len(group)-1]; len(last.Value) < maxValue {
				last.Value += " " + value
			}
		case isField(line) && len(group) < maxFields:
			name, text, _ := strings.Cut(value, ":")
			group = append(group, mailbox.Field{Name: strings.TrimSpace(name), Value: strings.TrimSpace(text)})
		}
	}
	flush()
}

// origin keeps the header of the mail that a report returns.
func (w *walker) origin(raw []byte) {
	if w.msg.Report.Origin == nil {
		w.msg.Report.Origin, _ = w.header(bytes.TrimLeft(raw, "\r\n"))
	}
}

// attach reads a mail attached to the mail: its header fields and texts. What is
// attached to that one again is only counted as its attachment.
func (w *walker) attach(h mailbox.Header, raw []byte, depth int, report bool) {
	raw = w.transfer(raw, h.Get("Content-Transfer-Encoding"))
	if report {
		w.origin(raw)
	}
	if w.attached || len(w.msg.Attached) >= maxAttached {
		kind, params := contentType(h)
		w.attachment(h, kind, params, raw)
		return
	}
	var m mailbox.Message
	w.attached = true
	w.read(&m, raw, depth+1)
	w.attached = false
	m.Size = int64(len(raw))
	w.msg.Attached = append(w.msg.Attached, m)
}
