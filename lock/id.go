package lock

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// ID names an action: a UUIDv7 (RFC 9562, section 5.7) in its canonical, lower-case text form of 36 characters. It is the command ID
// on the wire. IDs sort by the quarter of a microsecond of their creation.
type ID string

// NewID makes an ID for the time t. Its 62 random bits come from crypto/rand; the twelve before them divide the millisecond (RFC 9562,
// section 6.2, method 3), so that orders of one burst list in their order.
func NewID(t time.Time) ID {
	var tail [8]byte
	_, _ = rand.Read(tail[:]) // never fails: crypto/rand ends the process instead
	return makeID(t, tail)
}

// makeID is NewID with the bits that make it differ from others of its time.
func makeID(t time.Time, tail [8]byte) ID {
	var u [16]byte
	copy(u[8:], tail[:])
	part := uint64(t.Nanosecond()%int(time.Millisecond)) << 12 / uint64(time.Millisecond)
	binary.BigEndian.PutUint64(u[:8], uint64(t.UnixMilli())<<16|part)
	u[6] = u[6]&0x0f | 0x70
	u[8] = u[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[:8], u[:4])
	hex.Encode(text[9:13], u[4:6])
	hex.Encode(text[14:18], u[6:8])
	hex.Encode(text[19:23], u[8:10])
	hex.Encode(text[24:], u[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return ID(text[:])
}
