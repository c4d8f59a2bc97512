// Package pin makes, checks and seals the secrets that open a locked device. It imports the standard library only.
//
// Most callers need four lines: a keyring at start, a PIN that follows a policy, a box to store, and later the PIN again.
//
//	keyring, err := pin.LoadKeyring("latchkey-data/keyring") // once: pin.CreateKeyring
//	code, err := pin.SixDigits().Generate()
//	box, err := keyring.Seal(ctx, code, binding)             // store the box before the code goes anywhere
//	code, err = keyring.Open(ctx, box, binding)              // code.Expose() is the text to show
//
// # Words
//
// A PIN is a secret in memory: digits for a Mac, a passcode for a phone (Parse), or the bytes of a token (Bytes). A Policy says
// which PINs are good ones, and makes them. A Sealer turns a PIN into a Box, which may be stored anywhere, and back. A Binding
// names the action that the PIN belongs to; a box opens under the binding it was sealed with and no other. A Keyring is the
// Sealer of this package: one active key that seals, and older keys that still open.
//
// # Promises
//
// A PIN leaves through Expose alone. Everything that prints one, in package fmt and log/slog, writes "[redacted]", also where it
// is an unexported field of another struct. Every encoder (text, JSON, XML, YAML, property list, binary, gob, SQL) fails with
// ErrSecret instead of storing a placeholder. No error of this package contains a secret, a part of a key, or a length of either.
//
// Generate gives each PIN that Check accepts the same probability, with randomness from crypto/rand.
//
// A box tells neither the secret nor its length: all secrets of 1 to 32 bytes give boxes of one size, larger ones are padded to
// the next power of two. Two boxes of one PIN have nothing in common. There is no hash of a PIN anywhere: six digits are found
// from their hash in a moment. A wrong key, another binding and a damaged box are the same error, ErrOpen; a key that is not
// there is *MissingKeyError, since that can be mended.
//
// # The keyring file
//
// It is text of at most 64 KiB: first the line "latchkey-keyring 1", then a line for each key, fields divided by blanks, exactly
// one of them active. A line that begins with # is a comment. The ID has 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore
// and hyphen, and is never given to a second key; the key is 32 random bytes in standard base64.
//
//	latchkey-keyring 1
//	active 2026-11 mGs8...=
//	older  2025-03 0uVx...=
//
// To change keys, call the active key older and add a new active one; a key is needed for as long as a box names it. On Unix the
// file must be closed to all but its owner. Back it up apart from the database: without it no sealed PIN opens.
//
// # The box
//
// All boxes begin with the letters LKP, the version 1, the length of the key ID in one byte, and the key ID. A Sealer of one's
// own puts its payload after that (NewBox). The payload of a Keyring is the suite 1, a random salt of 32 bytes, a random nonce of
// 12 bytes, and the ciphertext with a tag of 16 bytes. Its parts, with numbers big-endian, are:
//
//   - key: HKDF-SHA256 of the 32 bytes of the keyring's key, with the salt and the info "latchkey pin box 1", 32 bytes long
//   - plaintext: the length of the secret less one in two bytes, the secret, zeros until secret and zeros have 32 bytes or the
//     next power of two
//   - additional data: the box up to and with the salt; then Scope, Platform and Action of the binding, each after its length in
//     four bytes; then Secret in eight bytes
//   - ciphertext and tag: AES-256-GCM
//
// Boxes that were written by a released version open with all later ones; testdata holds boxes that keep this promise.
//
// # Not included
//
// Storing boxes, deciding who may see a PIN, and recording that somebody did, are the work of package lock. Go cannot wipe a
// string from memory: a PIN lives until the garbage collector has taken it, and a core dump or swap may hold it.
package pin
