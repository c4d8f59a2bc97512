package pin_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

var binding = pin.Binding{Scope: "acme", Platform: "apple", Action: "019a9c5e-7c1f-7000-8000-0123456789ab"}

// key makes a key whose 32 bytes are all fill.
func key(t testing.TB, id string, fill byte) pin.Key {
	t.Helper()
	secret, err := pin.Bytes(bytes.Repeat([]byte{fill}, 32))
	require.NoError(t, err)
	return pin.Key{ID: id, Secret: secret}
}

func ring(t testing.TB, active pin.Key, retired ...pin.Key) *pin.Keyring {
	t.Helper()
	k, err := pin.NewKeyring(active, retired...)
	require.NoError(t, err)
	return k
}

func seal(t testing.TB, k pin.Sealer, p pin.PIN) pin.Box {
	t.Helper()
	box, err := k.Seal(context.Background(), p, binding)
	require.NoError(t, err)
	return box
}

func TestSealAndOpen(t *testing.T) {
	k := ring(t, key(t, "k1", 1))
	for _, size := range []int{1, 6, 31, 32, 33, 255, 256, 257, 4096, 64<<10 - 1, 64 << 10} {
		t.Run(fmt.Sprint(size, " bytes"), func(t *testing.T) {
			p, err := pin.Bytes(bytes.Repeat([]byte{7}, size))
			require.NoError(t, err)
			box := seal(t, k, p)
			assert.Equal(t, "k1", box.KeyID())
			got, err := k.Open(t.Context(), box, binding)
			require.NoError(t, err)
			assert.True(t, got.Equal(p))
		})
	}
}

func TestBoxesOfShortSecretsHaveOneSize(t *testing.T) {
	k := ring(t, key(t, "k1", 1))
	size := len(seal(t, k, parse(t, "1")))
	assert.Equal(t, 100+len("k1"), size, "as documented")
	for n := 2; n <= 32; n++ {
		assert.Len(t, seal(t, k, parse(t, strings.Repeat("1", n))), size)
	}
	assert.Len(t, seal(t, k, parse(t, strings.Repeat("1", 33))), size+32)
	assert.Len(t, seal(t, k, parse(t, strings.Repeat("1", 64))), size+32)
}

func TestTwoBoxesOfOnePINDiffer(t *testing.T) {
	k := ring(t, key(t, "k1", 1))
	a, b := seal(t, k, parse(t, digits)).Payload(), seal(t, k, parse(t, digits)).Payload()
	for name, part := range map[string][2]int{"salt": {1, 33}, "nonce": {33, 45}, "ciphertext": {45, 79}, "tag": {79, 95}} {
		assert.NotEqual(t, a[part[0]:part[1]], b[part[0]:part[1]], name)
	}
}

func TestBoxHidesThePIN(t *testing.T) {
	box := seal(t, ring(t, key(t, "k1", 1)), parse(t, digits))
	assert.NotContains(t, string(box), digits)
}

func TestSealRefuses(t *testing.T) {
	k := ring(t, key(t, "k1", 1))
	p := parse(t, digits)
	cases := map[string]struct {
		p      pin.PIN
		b      pin.Binding
		reason pin.Reason
	}{
		"no PIN":          {pin.PIN{}, binding, pin.ReasonLength},
		"no scope":        {p, pin.Binding{Platform: "apple", Action: "a"}, pin.ReasonBinding},
		"no action":       {p, pin.Binding{Scope: "acme", Platform: "apple"}, pin.ReasonBinding},
		"negative secret": {p, pin.Binding{Scope: "acme", Action: "a", Secret: -1}, pin.ReasonBinding},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			box, err := k.Seal(t.Context(), c.p, c.b)
			requireReason(t, err, c.reason)
			assert.Nil(t, box)
		})
	}
	_, err := new(pin.Keyring).Seal(t.Context(), p, binding)
	requireReason(t, err, pin.ReasonKeyring)
	_, err = k.Seal(t.Context(), p, pin.Binding{Scope: "acme", Action: "a"})
	require.NoError(t, err, "a platform is not asked for")
}

func TestKeys(t *testing.T) {
	box := seal(t, ring(t, key(t, "k1", 1)), parse(t, digits))

	got, err := ring(t, key(t, "k2", 2), key(t, "k0", 0), key(t, "k1", 1)).Open(t.Context(), box, binding)
	require.NoError(t, err, "a retired key opens")
	assert.Equal(t, digits, got.Expose())

	_, err = ring(t, key(t, "k2", 1)).Open(t.Context(), box, binding)
	var missing *pin.MissingKeyError
	require.ErrorAs(t, err, &missing)
	assert.Equal(t, "k1", missing.KeyID)
	require.NotErrorIs(t, err, pin.ErrOpen)
	assert.Contains(t, err.Error(), "k1")

	changed := ring(t, key(t, "k2", 2), key(t, "k1", 1))
	assert.Equal(t, "k2", seal(t, changed, parse(t, digits)).KeyID(), "the active key seals")
	assert.Equal(t, []string{"k2", "k1"}, changed.KeyIDs())
}

func TestNewKeyringRefuses(t *testing.T) {
	short, err := pin.Bytes(make([]byte, 31))
	require.NoError(t, err)
	good := key(t, "k1", 1)
	cases := map[string][]pin.Key{
		"no ID":               {key(t, "", 1)},
		"space in the ID":     {key(t, "k 1", 1)},
		"not ASCII":           {key(t, "schlüssel", 1)},
		"ID of 65":            {key(t, strings.Repeat("k", 65), 1)},
		"no secret":           {{ID: "k1"}},
		"short secret":        {{ID: "k1", Secret: short}},
		"twice":               {good, good},
		"a retired one":       {good, {ID: "k2", Secret: short}},
		"twice among retired": {good, key(t, "k2", 2), key(t, "k2", 3)},
	}
	for name, keys := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := pin.NewKeyring(keys[0], keys[1:]...)
			requireReason(t, err, pin.ReasonKey)
		})
	}
}

func TestNewBox(t *testing.T) {
	box, err := pin.NewBox("kms.eu_1-a", []byte("payload"))
	require.NoError(t, err)
	assert.Equal(t, pin.Box("LKP\x01\x0akms.eu_1-apayload"), box)
	assert.Equal(t, "kms.eu_1-a", box.KeyID())
	assert.Equal(t, []byte("payload"), box.Payload())

	_, err = pin.NewBox("", []byte("payload"))
	requireReason(t, err, pin.ReasonKey)
	_, err = pin.NewBox("k", nil)
	requireReason(t, err, pin.ReasonLength)
	_, err = pin.NewBox("k", make([]byte, 128<<10+1))
	requireReason(t, err, pin.ReasonLength)
}

func TestMalformedBox(t *testing.T) {
	cases := map[string]string{
		"nil": "", "text": "hello", "other letters": "LKQ\x01\x01kp", "other version": "LKP\x02\x01kp", "header alone": "LKP\x01",
		"ID cut": "LKP\x01\x05key", "no payload": "LKP\x01\x03key", "no ID": "LKP\x01\x00p", "ID of 65": "LKP\x01\x41" + strings.Repeat("k", 66),
		"line feed in the ID": "LKP\x01\x02k\np", "payload too large": "LKP\x01\x01k" + strings.Repeat("p", 128<<10+1),
	}
	for name, bytes := range cases {
		t.Run(name, func(t *testing.T) {
			box := pin.Box(bytes)
			assert.Empty(t, box.KeyID())
			assert.Nil(t, box.Payload())
			_, err := ring(t, key(t, "k", 1)).Open(t.Context(), box, binding)
			require.ErrorIs(t, err, pin.ErrOpen)
		})
	}
}

// The vectors were made by another implementation of the format that the package comment describes.
func TestVectors(t *testing.T) {
	files, err := filepath.Glob("testdata/box/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			v := readVector(t, file)
			id, secret, _ := strings.Cut(v["key"], " ")
			held, err := pin.Bytes(unhex(t, secret))
			require.NoError(t, err)
			number, err := strconv.Atoi(v["secret"])
			require.NoError(t, err)
			k := ring(t, pin.Key{ID: id, Secret: held})
			p, err := k.Open(t.Context(), unhex(t, v["box"]), pin.Binding{
				Scope: v["scope"], Platform: v["platform"], Action: v["action"], Secret: number,
			})
			switch v["expect"] {
			case "opens":
				require.NoError(t, err)
				assert.Equal(t, string(unhex(t, v["pin"])), p.Expose())
			case "refused":
				require.ErrorIs(t, err, pin.ErrOpen)
			case "missing":
				require.ErrorAs(t, err, new(*pin.MissingKeyError))
			default:
				t.Fatalf("unknown expectation %q", v["expect"])
			}
		})
	}
}

func readVector(t *testing.T, file string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	v := make(map[string]string)
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok && line[0] != '#' {
			v[name] = strings.TrimSpace(value)
		}
	}
	return v
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}
