package pin_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

// secrets are what is sealed: a PIN, and a token of 4 KiB.
func secrets(b *testing.B) map[string]pin.PIN {
	b.Helper()
	token, err := pin.Bytes(make([]byte, 4<<10))
	require.NoError(b, err)
	return map[string]pin.PIN{"PIN": parse(b, digits), "token": token}
}

func BenchmarkSeal(b *testing.B) {
	k := ring(b, key(b, "k1", 1))
	for name, p := range secrets(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.Seal(context.Background(), p, binding); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	k := ring(b, key(b, "k1", 1))
	for name, p := range secrets(b) {
		box := seal(b, k, p)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.Open(context.Background(), box, binding); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
