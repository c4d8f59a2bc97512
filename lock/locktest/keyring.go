package locktest

import (
	"crypto/sha256"
	"fmt"

	"github.com/latchkey-mdm/latchkey/pin"
)

// Keyring returns a keyring whose keys follow from their IDs alone, the first of them active: whoever knows an ID has the key. The same
// IDs give the same keys, so that a box opens with any Keyring that has its ID. It panics on what pin.NewKeyring refuses.
func Keyring(active string, retired ...string) *pin.Keyring {
	keys := []pin.Key{key(active)}
	for _, id := range retired {
		keys = append(keys, key(id))
	}
	ring, err := pin.NewKeyring(keys[0], keys[1:]...)
	if err != nil {
		panic(fmt.Sprintf("locktest: %v", err))
	}
	return ring
}

func key(id string) pin.Key {
	sum := sha256.Sum256([]byte("latchkey test key " + id))
	secret, err := pin.Bytes(sum[:])
	if err != nil {
		panic(fmt.Sprintf("locktest: %v", err)) // cannot be: a sum has 32 bytes
	}
	return pin.Key{ID: id, Secret: secret}
}
