package pin

import (
	"context"
	"encoding/binary"
)

// Sealer turns a PIN into a Box and back. Both methods may be called concurrently. Keyring is one; for a key management service
// write your own with NewBox and Box.Payload.
type Sealer interface {
	// Seal returns a box that opens with the same binding only. The key must be durable before it is used.
	Seal(ctx context.Context, p PIN, b Binding) (Box, error)
	// Open returns the PIN, ErrOpen when the box does not fit the binding or is damaged, and *MissingKeyError when the key that
	// the box names is not there.
	Open(ctx context.Context, box Box, b Binding) (PIN, error)
}

// Binding says what a sealed PIN belongs to. It is authenticated with the box and not stored in it, so that a box which was
// copied to another row does not open there.
type Binding struct {
	Scope    string // the tenant; not empty
	Platform string // as the action recorded it; may be empty
	Action   string // the action's ID; not empty
	Secret   int    // the number of the secret within its action, 0 or more
}

// append writes the canonical bytes: each string after its length in four bytes, then the number in eight, all big-endian.
func (b Binding) append(to []byte) []byte {
	for _, field := range [...]string{b.Scope, b.Platform, b.Action} {
		to = binary.BigEndian.AppendUint32(to, uint32(len(field)))
		to = append(to, field...)
	}
	return binary.BigEndian.AppendUint64(to, uint64(b.Secret))
}

func (b Binding) check() error {
	switch {
	case b.Scope == "":
		return &Error{ReasonBinding, "the binding's Scope must not be empty"}
	case b.Action == "":
		return &Error{ReasonBinding, "the binding's Action must not be empty"}
	case b.Secret < 0:
		return &Error{ReasonBinding, "the binding's Secret must not be negative"}
	}
	return nil
}
