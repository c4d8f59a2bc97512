package pin_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

func BenchmarkGenerate(b *testing.B) {
	policy := pin.SixDigits()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := policy.Generate(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	policy, p := pin.SixDigits(), parse(b, digits)
	b.ReportAllocs()
	for b.Loop() {
		if err := policy.Check(p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	k, p := ring(b, key(b, "k1", 1)), parse(b, digits)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Seal(context.Background(), p, binding); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	k := ring(b, key(b, "k1", 1))
	box, err := k.Seal(context.Background(), parse(b, digits), binding)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Open(context.Background(), box, binding); err != nil {
			b.Fatal(err)
		}
	}
}
