package pin

import "bytes"

const (
	magic      = "LKP\x01" // three letters and the version of the header
	maxKeyID   = 64
	maxPayload = 128 << 10
)

// Box is a sealed secret: safe to store, and of no use without its key. Its bytes are the letters LKP, the version 1, the length
// of the key ID in one byte, the key ID, and the payload, whose form is the Sealer's own.
type Box []byte

// NewBox puts the common header before the payload of a Sealer of your own. The key ID has 1 to 64 characters of A-Z, a-z, 0-9,
// dot, underscore and hyphen, and the payload 1 byte to 128 KiB; else the error is an *Error with ReasonKey or ReasonLength.
func NewBox(keyID string, payload []byte) (Box, error) {
	if !validKeyID(keyID) {
		return nil, errKeyID
	}
	if len(payload) < 1 || len(payload) > maxPayload {
		return nil, &Error{ReasonLength, "the payload of a box must have 1 to 131072 bytes"}
	}
	return append(header(keyID, len(payload)), payload...), nil
}

// KeyID returns the ID of the key that sealed the box, and "" when the box is malformed.
func (b Box) KeyID() string {
	id, _ := b.split()
	return id
}

// Payload returns what follows the header, without copying it, and nil when the box is malformed.
func (b Box) Payload() []byte {
	_, payload := b.split()
	return payload
}

func header(keyID string, room int) Box {
	box := make(Box, 0, len(magic)+1+len(keyID)+room)
	box = append(box, magic...)
	box = append(box, byte(len(keyID)))
	return append(box, keyID...)
}

func (b Box) split() (keyID string, payload []byte) {
	rest, ok := bytes.CutPrefix(b, []byte(magic))
	if !ok || len(rest) < 1 {
		return "", nil
	}
	n, rest := int(rest[0]), rest[1:]
	if n > maxKeyID || len(rest) <= n || len(rest)-n > maxPayload || !validKeyID(string(rest[:n])) {
		return "", nil
	}
	return string(rest[:n]), rest[n:]
}

var errKeyID = &Error{ReasonKey, "a key ID must have 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore and hyphen"}

func validKeyID(id string) bool {
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return 1 <= len(id) && len(id) <= maxKeyID
}
