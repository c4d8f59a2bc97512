package delivery

import (
	"crypto/rand"
	"crypto/sha256"
)

// tokenBytes is how much of a token is random.
const tokenBytes = 32

// newToken makes what is secret of a link. It has letters alone, so that the text of a mail has no digit of its own.
func newToken() string {
	var random [tokenBytes]byte
	_, _ = rand.Read(random[:]) // never fails
	return letters(random[:])
}

// letters writes each half of a byte as one of the letters from a to p.
func letters(bytes []byte) string {
	text := make([]byte, 0, 2*len(bytes))
	for _, b := range bytes {
		text = append(text, 'a'+b>>4, 'a'+b&15)
	}
	return string(text)
}

// hashOf is what is kept of a token. Rows are looked up by it, so that the time that takes says nothing of a token that is there.
func hashOf(token string) []byte {
	hash := sha256.Sum256([]byte(token))
	return hash[:]
}
