package auditlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/latchkey-mdm/latchkey/lock"
)

// maxChains is how many actions a pass follows at most: about 70 MiB.
const maxChains = 1 << 19

// actionKey stands for an action's ID: half of its SHA-256.
type actionKey [16]byte

func keyOf(id lock.ID) actionKey {
	sum := sha256.Sum256([]byte(id))
	return actionKey(sum[:16])
}

// chainEnd is the last event of an action so far.
type chainEnd struct {
	position int64
	seq      int64
	hash     [sha256.Size]byte
}

// part is a share of the actions: those whose key begins with these bits, from the low end of its first bytes.
type part struct {
	bits  uint32
	count int
}

func (p part) has(k actionKey) bool {
	low := uint32(k[0]) | uint32(k[1])<<8 | uint32(k[2])<<16 | uint32(k[3])<<24
	return low&(1<<p.count-1) == p.bits
}

// chains follows the hash chains of a part of the actions. When they are too many, it keeps one half and leaves the other to another pass.
type chains struct {
	part
	limit int
	ends  map[actionKey]chainEnd
	rest  []part // for other passes
}

func newChains(p part, limit int) *chains {
	return &chains{part: p, limit: limit, ends: map[actionKey]chainEnd{}}
}

// follow checks that an event goes on where its action's last event ended, or is a notice that stands alone.
func (c *chains) follow(e entry) *TamperError {
	action, seq, err := identify(e.body)
	found := &TamperError{What: Changed, Position: e.position, Upto: e.position + 1, Action: action, Seq: seq}
	if err != nil {
		found.Detail, found.Err = "its bytes are no event", err
		return found
	}
	if action == "" {
		if seq != 0 || !bytes.Equal(e.prev, make([]byte, sha256.Size)) {
			found.Detail = "a notice names an event before it"
			return found
		}
		return nil
	}
	key := keyOf(action)
	if !c.has(key) {
		return nil
	}
	last := c.ends[key]
	switch {
	case int64(seq) > last.seq+1:
		found.What, found.Detail = Removed, fmt.Sprintf("event %d of the action, which was recorded before it, does not come before it", last.seq+1)
	case int64(seq) <= last.seq:
		found.What, found.Detail = Inserted, fmt.Sprintf("event %d of the action stands before it, at position %d", last.seq, last.position)
	case !bytes.Equal(e.prev, last.hash[:]):
		found.Detail = "it does not name the hash of the action's event before it"
	case len(e.hash) != sha256.Size:
		found.Detail = "it has no hash"
	default:
		c.set(key, chainEnd{e.position, int64(seq), [sha256.Size]byte(e.hash)})
		return nil
	}
	return found
}

func (c *chains) set(key actionKey, end chainEnd) {
	c.ends[key] = end
	for len(c.ends) > c.limit && c.count < 32 {
		c.rest = append(c.rest, part{c.bits | 1<<c.count, c.count + 1})
		c.count++
		for k := range c.ends {
			if !c.has(k) {
				delete(c.ends, k)
			}
		}
	}
}

// identify returns the action and the number of an event, which its body has in the first place when the service wrote it. Any other body
// is decoded as a whole.
func identify(body []byte) (lock.ID, int, error) {
	rest := body
	if _, after, ok := plain(rest, `{"id":"`); ok {
		rest = after
		if bytes.HasPrefix(rest, []byte(`,"type":"`)) {
			return "", 0, nil
		}
		if action, after, ok := plain(rest, `,"action":"`); ok && bytes.HasPrefix(after, []byte(`,"seq":`)) {
			digits, after, ok := bytes.Cut(after[len(`,"seq":`):], []byte(","))
			seq, err := strconv.Atoi(string(digits))
			if ok && err == nil && seq > 0 && bytes.HasPrefix(after, []byte(`"type":"`)) {
				return lock.ID(action), seq, nil
			}
		}
	}
	var e struct {
		Action lock.ID `json:"action"`
		Seq    int     `json:"seq"`
	}
	err := json.Unmarshal(body, &e)
	return e.Action, e.Seq, err
}

// plain cuts off a name and a string without escapes.
func plain(data []byte, name string) (value, rest []byte, ok bool) {
	if !bytes.HasPrefix(data, []byte(name)) {
		return nil, data, false
	}
	value, rest, ok = bytes.Cut(data[len(name):], []byte(`"`))
	return value, rest, ok && !bytes.ContainsRune(value, '\\')
}
