package pin_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

// refuses wants a box not to open, with ErrOpen itself: nothing wrapped round it could tell a wrong key from a wrong binding.
func refuses(t *testing.T, k *pin.Keyring, box pin.Box, b pin.Binding, how string, at int) {
	t.Helper()
	p, err := k.Open(t.Context(), box, b)
	if err != pin.ErrOpen { //nolint:errorlint // no wrapping is what is asked for
		require.Failf(t, "not ErrOpen", "%s %d: %v", how, at, err)
	}
	require.True(t, p.IsZero(), "%s %d", how, at)
}

// tampered are a keyring of two keys, and boxes of both, of a PIN and of a token.
func tampered(t *testing.T) (*pin.Keyring, map[string]pin.Box) {
	t.Helper()
	k1, k0 := key(t, "k1", 1), key(t, "k0", 9)
	token, err := pin.Bytes([]byte(strings.Repeat("7", 300)))
	require.NoError(t, err)
	k := ring(t, k1, k0)
	return k, map[string]pin.Box{
		"PIN":         seal(t, k, parse(t, digits)),
		"token":       seal(t, k, token),
		"retired key": seal(t, ring(t, k0), parse(t, digits)),
	}
}

// Where the bytes are in a box whose key ID has two characters.
const (
	idStart = 5
	idEnd   = 7
)

func TestEveryFlippedBitIsRefused(t *testing.T) {
	k, boxes := tampered(t)
	for name, box := range boxes {
		t.Run(name, func(t *testing.T) {
			for i := range len(box) * 8 {
				damaged := slices.Clone(box)
				damaged[i/8] ^= 1 << (i % 8)
				id := string(damaged[idStart:idEnd])
				if i/8 >= idStart && i/8 < idEnd && wellFormed(id) && !slices.Contains(k.KeyIDs(), id) {
					requireMissing(t, k, damaged, id)
					continue
				}
				refuses(t, k, damaged, binding, "bit", i)
			}
		})
	}
}

// requireMissing wants the error that can be mended: a box that names a key which is not there looks like one that another keyring
// sealed, and nothing but that key could tell whether it is damaged.
func requireMissing(t *testing.T, k *pin.Keyring, box pin.Box, id string) {
	t.Helper()
	p, err := k.Open(t.Context(), box, binding)
	var missing *pin.MissingKeyError
	require.ErrorAs(t, err, &missing)
	require.Equal(t, id, missing.KeyID)
	require.NotErrorIs(t, err, pin.ErrOpen)
	require.True(t, p.IsZero())
}

func wellFormed(id string) bool {
	return strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == ""
}

func TestEveryOtherByteIsRefused(t *testing.T) {
	k, boxes := tampered(t)
	box := boxes["PIN"]
	for i := range box {
		if i >= idStart && i < idEnd {
			continue // other IDs: see above
		}
		for x := 1; x < 256; x++ {
			damaged := slices.Clone(box)
			damaged[i] ^= byte(x)
			refuses(t, k, damaged, binding, "byte", i)
		}
	}
}

func TestEveryCutIsRefused(t *testing.T) {
	k, boxes := tampered(t)
	for name, box := range boxes {
		t.Run(name, func(t *testing.T) {
			for n := range box {
				refuses(t, k, box[:n], binding, "the first bytes", n)
				refuses(t, k, box[n+1:], binding, "all bytes after", n)
			}
			refuses(t, k, append(slices.Clone(box), 0), binding, "bytes too many", 1)
		})
	}
}

func TestOtherBindingIsRefused(t *testing.T) {
	k, boxes := tampered(t)
	cases := map[string]func(*pin.Binding){
		"scope":           func(b *pin.Binding) { b.Scope = "other" },
		"case of a scope": func(b *pin.Binding) { b.Scope = "Acme" },
		"platform":        func(b *pin.Binding) { b.Platform = "android" },
		"no platform":     func(b *pin.Binding) { b.Platform = "" },
		"action":          func(b *pin.Binding) { b.Action = strings.Replace(b.Action, "019a", "019b", 1) },
		"longer action":   func(b *pin.Binding) { b.Action += "0" },
		"secret number":   func(b *pin.Binding) { b.Secret = 1 },
		"negative secret": func(b *pin.Binding) { b.Secret = -1 },
		"field moved":     func(b *pin.Binding) { b.Scope, b.Platform = "acmeapple", "" },
		"fields change":   func(b *pin.Binding) { b.Scope, b.Platform = b.Platform, b.Scope },
		"zero":            func(b *pin.Binding) { *b = pin.Binding{} },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			other := binding
			change(&other)
			for _, box := range boxes {
				refuses(t, k, box, other, name, 0)
			}
		})
	}
}

func TestOtherKeyIsRefused(t *testing.T) {
	_, boxes := tampered(t)
	for name, k := range map[string]*pin.Keyring{
		"another key of this ID": ring(t, key(t, "k1", 2), key(t, "k0", 2)),
		"the keys change IDs":    ring(t, key(t, "k1", 9), key(t, "k0", 1)),
	} {
		for what, box := range boxes {
			refuses(t, k, box, binding, name+": "+what, 0)
		}
	}
	renamed := bytes.Replace(boxes["PIN"], []byte("k1"), []byte("k2"), 1)
	refuses(t, ring(t, key(t, "k2", 1)), renamed, binding, "this key of another ID", 0)
}

// TestPartsOfOtherBoxesAreRefused puts the parts of one box into another of the same key and binding.
func TestPartsOfOtherBoxesAreRefused(t *testing.T) {
	k := ring(t, key(t, "k1", 1))
	a, b := seal(t, k, parse(t, digits)), seal(t, k, parse(t, "000000"))
	const salt, nonce, text, tag = 8, 40, 52, 86
	for name, part := range map[string][2]int{
		"salt": {salt, nonce}, "nonce": {nonce, text}, "ciphertext": {text, tag}, "tag": {tag, len(a)},
		"all but the salt": {nonce, len(a)}, "ciphertext and tag": {text, len(a)},
	} {
		mixed := slices.Clone(a)
		copy(mixed[part[0]:part[1]], b[part[0]:part[1]])
		refuses(t, k, mixed, binding, name, 0)
	}
}
