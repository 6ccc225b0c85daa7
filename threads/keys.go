package threads

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/id8labs/escalated/mailbox"
)

// The key layout is in the package doc. Every function here makes one row of it.

func escalationKey(id string) []byte     { return []byte("e/" + id) }
func openKey(id string) []byte           { return []byte("o/" + id) }
func eventsKey(id string, n int) []byte  { return fmt.Appendf(nil, "v/%s/%08d", id, n) }
func eventsPrefix(id string) []byte      { return []byte("v/" + id + "/") }
func messageKey(id string, n int) []byte { return fmt.Appendf(nil, "m/%s/%08d", id, n) }
func asideKey(at time.Time, hash string) []byte {
	return append(append([]byte("s/"), stamp(at)...), "/"+hash...)
}
func asideFrom(at time.Time) []byte { return append([]byte("s/"), stamp(at)...) }

func locationKey(l mailbox.Location) []byte {
	return fmt.Appendf(nil, "l/%08x/%08x/%s", l.UIDValidity, l.UID, short(l.Account+"\n"+l.Folder))
}
func rawKey(hash [32]byte) []byte     { return append([]byte("dr/"), hash[:]...) }
func contentKey(hash [32]byte) []byte { return append([]byte("dc/"), hash[:]...) }

func messageIDKey(messageID string) []byte { return []byte("im/" + short(messageID)) }
func subjectKey(organisation, subject string) []byte {
	return []byte("is/" + short(organisation+"\n"+subject))
}
func dueKey(at time.Time, id string) []byte {
	return append(append([]byte("id/"), stamp(at)...), "/"+id...)
}

func noticeKey(key string) []byte   { return []byte("n/" + key) }
func renderedKey(key string) []byte { return []byte("y/" + key) }
func inFlightKey(key string) []byte { return []byte("f/" + key) }
func attemptKey(run string) []byte  { return []byte("a/" + run) }
func queueKey(u Urgency, at time.Time, key string) []byte {
	return append(append(queuePrefix(u), stamp(at)...), "/"+key...)
}
func queuePrefix(u Urgency) []byte { return fmt.Appendf(nil, "q/%d/", u) }

func budgetKey(scope, of string) []byte { return []byte("b/" + scope + "/" + short(of)) }
func metaKey(name string) []byte        { return []byte("k/" + name) }

// stamp is an instant as eight bytes that sort by time, to the nanosecond;
// instants before 1970 sort as 1970.
func stamp(t time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(max(0, t.UnixNano())))
}

// stamped splits a key made of a prefix, a stamp, a slash and a name.
func stamped(key []byte, prefix int) (at time.Time, name string) {
	if len(key) < prefix+9 {
		return time.Time{}, ""
	}
	return instant(key[prefix:]), string(key[prefix+9:])
}

// instant reads what stamp wrote.
func instant(stamp []byte) time.Time {
	if len(stamp) < 8 {
		return time.Time{}
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(stamp))).UTC()
}

// last is the part of a key behind its last slash.
func last(key []byte) string {
	s := string(key)
	return s[strings.LastIndexByte(s, '/')+1:]
}

// short is 128 bits of a hash in hex: strangers' strings of any length and
// content become keys that they can't make collide.
func short(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}
