package pin

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "123456", " 1", "12\xff", "Grüße", "1\n", "\u0085", "密码"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Parse(s)
		if err != nil {
			require.ErrorAs(t, err, new(*Error))
			require.True(t, p.IsZero())
			return
		}
		require.Equal(t, s, p.Expose())
		require.True(t, utf8.ValidString(s))
		require.NoError(t, Policy{}.Check(p))
		_ = SixDigits().Check(p)
		_ = Policy{Rules: RuleAll}.Check(p)
	})
}

func FuzzKeyring(f *testing.F) {
	good := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0x5a}, keySize))
	for _, seed := range []string{
		"", "#", keyFileFormat, keyFileFormat + "\nactive k1 " + good, keyFileFormat + "\r\nretired k0 " + good + "\r\nactive k1 " + good,
		keyFileFormat + "\nactive k1 " + good + "\nactive k2 " + good, "active k1 " + good, keyFileFormat + "\nactive k1 " + good[:40],
		keyFileFormat + ";active k1 " + good + "; retired k0 " + good + "; # a;b\nretired k2 " + good,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := parseKeyring(string(data))
		if err != nil {
			require.ErrorAs(t, err, new(*Error))
			require.NotContains(t, err.Error(), good)
			return
		}
		ids := k.KeyIDs()
		require.NotEmpty(t, ids)
		slices.Sort(ids)
		require.Len(t, slices.Compact(ids), len(k.keys), "IDs are unique")
		for _, id := range ids {
			require.True(t, validKeyID(id))
		}
		again, err := parseKeyring(k.text())
		if len(k.text()) > maxKeyFile {
			return // the comments of Save make it longer
		}
		require.NoError(t, err)
		for i, key := range k.keys {
			require.Equal(t, key.ID, again.keys[i].ID)
			require.True(t, key.Secret.Equal(again.keys[i].Secret))
		}
	})
}

func FuzzOpen(f *testing.F) {
	secret, err := Bytes(bytes.Repeat([]byte{0x5a}, keySize))
	require.NoError(f, err)
	k, err := NewKeyring(Key{ID: "k1", Secret: secret})
	require.NoError(f, err)
	b := Binding{Scope: "acme", Action: "a"}
	code, err := Parse("739182")
	require.NoError(f, err)
	sealed, err := k.Seal(context.Background(), code, b)
	require.NoError(f, err)
	for _, seed := range [][]byte{nil, sealed, sealed[:50], []byte(magic), []byte(magic + "\x02k1\x01"), []byte(magic + "\x02k2\x01")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		box := Box(data)
		if id := box.KeyID(); id != "" {
			again, err := NewBox(id, box.Payload())
			require.NoError(t, err)
			require.Equal(t, box, again, "a header has one form")
		}
		p, err := k.Open(t.Context(), box, b)
		if err != nil {
			require.True(t, errors.Is(err, ErrOpen) || errors.As(err, new(*MissingKeyError)))
			return
		}
		// Whoever has no key makes no box: what opens is the one that was sealed above, or one of its siblings in another process.
		require.Equal(t, "739182", p.Expose())
	})
}

func FuzzUnpad(f *testing.F) {
	for _, seed := range [][]byte{nil, {0}, {0, 0}, {0, 0, 7}, {0xff, 0xff, 7}, pad("739182")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, plain []byte) {
		p, err := unpad(plain)
		if err != nil {
			require.ErrorIs(t, err, ErrOpen)
			return
		}
		require.True(t, bytes.HasPrefix(plain[2:], []byte(p.Expose())))
	})
}
