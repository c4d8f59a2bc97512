package pin_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

// policiesToTime are those that the package comment has figures of.
func policiesToTime() map[string]pin.Policy {
	avoiding := pin.SixDigits()
	avoiding.Avoid = android().Avoid
	return map[string]pin.Policy{"SixDigits": pin.SixDigits(), "SixDigitsAvoid": avoiding, "FourDigits": fourDigits(), "Classes12": android()}
}

func BenchmarkGenerate(b *testing.B) {
	for name, policy := range policiesToTime() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := policy.Generate(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	for name, policy := range policiesToTime() {
		b.Run(name, func(b *testing.B) {
			p, err := policy.Generate()
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if err := policy.Check(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEntropy(b *testing.B) {
	for name, policy := range policiesToTime() {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if bits, _ := policy.Entropy(); bits == 0 {
					b.Fatal("the policy cannot be drawn from")
				}
			}
		})
	}
}
