package windows

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"unicode/utf16"
)

// AccountUID is the name that Windows gives the management account of a PROVIDER-ID below ./SyncML/DMAcc, where its credentials are changed.
func AccountUID(providerID string) string {
	text, _ := binary.Append(nil, binary.LittleEndian, utf16.Encode([]rune(providerID))) // a slice of numbers always has a binary form
	return fmt.Sprintf("0x0000800c%X", sha256.Sum256(text))
}
