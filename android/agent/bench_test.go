package agent_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/lock"
)

// BenchmarkEncode makes the most expensive command: a reset with a passcode and a token, encrypted to the device.
func BenchmarkEncode(b *testing.B) {
	o := ordered(&phone{agreement: newKey(b)}, lock.KindResetPasscode, withPIN(b), withToken(b))
	codec := agent.Platform(nil).Codec
	for b.Loop() {
		if _, err := codec.Encode(o); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPoll answers a poll: without a command, which is a verified request; and with one, which is also signed.
func BenchmarkPoll(b *testing.B) {
	for name, brings := range map[string]bool{"empty": false, "command": true} {
		b.Run(name, func(b *testing.B) {
			s := newSite(b)
			cmd, want := lockCommand(b), http.StatusNoContent
			if brings {
				want = http.StatusOK
			}
			for b.Loop() {
				b.StopTimer()
				r := s.phone.request(b, "GET", "commands", nil)
				if brings {
					s.ledger.add(cmd)
				}
				b.StartTimer()
				require.Equal(b, want, s.do(r).Code)
			}
		})
	}
}
