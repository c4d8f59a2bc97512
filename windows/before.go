package windows

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"
)

// policy is one that a sign-in lock-out changes.
type policy struct{ name, uri string }

// policies are in the order in which they are read and restored: first what lets people in again.
func policies() []policy {
	return []policy{{"deny", uriDeny}, {"title", uriTitle}, {"text", uriText}}
}

// value is what a policy has; one that is not set is absent.
type value struct {
	set  bool
	text string
}

// The names of an action's facts, beside those of the values: see value.pack.
const (
	factCode     = "code"           // of SyncML
	factOriginal = "original_error" // msft:originalerror
	factReason   = "reason"
	factStep     = "step"      // what is done, of a command in several parts
	factPolicy   = "policy"    // which ones
	factVerified = "verified_" // and the name of a policy: it has its value again
	factOurs     = "ours_"     // and the name of a policy: it showed what the lock-out writes

	doneReset    = "reset" // and the new PIN not read yet
	doneRead     = "read"
	doneReread   = "reread" // since a delivery that may have got through
	doneDenied   = "denied"
	doneLooked   = "looked"
	doneRestored = "restored"
)

const (
	absent    = "absent"
	maxPiece  = 900 // bytes: a fact has at most 1,024
	maxPieces = 8
)

// pack writes the value as facts of an action, which hold one line of a thousand bytes each: before_NAME is "absent", "=" and the text, or "#"
// and the number of pieces, which are in before_NAME.1 and so on. The text is escaped as in a Go string, so that it comes back exactly. The
// result is nil when it is too long to be kept, and so to be restored.
func (v value) pack(name string) map[string]string {
	name = "before_" + name
	if !v.set {
		return map[string]string{name: absent}
	}
	quoted := strconv.Quote(v.text)
	text := quoted[1 : len(quoted)-1]
	if len(text) <= maxPiece {
		return map[string]string{name: "=" + text}
	}
	facts := map[string]string{}
	n := 0
	for ; text != ""; n++ {
		if n == maxPieces {
			return nil
		}
		cut := min(len(text), maxPiece)
		for cut < len(text) && !utf8.RuneStart(text[cut]) {
			cut--
		}
		facts[name+"."+strconv.Itoa(n+1)] = text[:cut]
		text = text[cut:]
	}
	facts[name] = "#" + strconv.Itoa(n)
	return facts
}

// unpack reads what pack wrote.
func unpack(facts map[string]string, name string) (v value, known bool) {
	name = "before_" + name
	head := facts[name]
	var text string
	switch {
	case head == absent:
		return value{}, true
	case strings.HasPrefix(head, "="):
		text = head[1:]
	case strings.HasPrefix(head, "#"):
		n, err := strconv.Atoi(head[1:])
		if err != nil || n < 1 || n > maxPieces {
			return value{}, false
		}
		for i := range n {
			text += facts[name+"."+strconv.Itoa(i+1)]
		}
	default:
		return value{}, false
	}
	text, err := strconv.Unquote(`"` + text + `"`)
	return value{set: true, text: text}, err == nil
}

// before reads the values of all policies; known is false unless all are there.
func before(facts map[string]string) (values map[string]value, known bool) {
	values = map[string]value{}
	for _, p := range policies() {
		v, known := unpack(facts, p.name)
		if !known {
			return nil, false
		}
		values[p.name] = v
	}
	return values, true
}

// digest stands for the value where it need not be read, only compared.
func (v value) digest() string {
	if !v.set {
		return absent
	}
	sum := sha256.Sum256([]byte(v.text))
	return hex.EncodeToString(sum[:])
}

// deniesEverybody reports whether a list of accounts has everybody in it, by its SID or its English name.
func (v value) deniesEverybody() bool {
	for entry := range strings.FieldsFuncSeq(v.text, func(r rune) bool { return r == '\uf000' || r == ',' || r == '\n' }) {
		entry = strings.TrimPrefix(strings.TrimSpace(entry), "*")
		if strings.EqualFold(entry, everybody[1:]) || strings.EqualFold(entry, "Everyone") {
			return true
		}
	}
	return false
}
