package delivery

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/windows"
)

// ofOne is a ledger and a service of one action.
type ofOne struct {
	Ledger
	Service
	platform string
}

// Get is Ledger's.
func (o ofOne) Get(context.Context, lock.ID) (lock.Action, error) {
	return lock.Action{Device: lock.Device{Platform: o.platform}}, nil
}

// Reveal is Service's.
func (o ofOne) Reveal(context.Context, lock.Actor, lock.ID, string, string) (pin.PIN, error) {
	return pin.Parse("048213")
}

// TestLetterSaysWhatItIs: Windows has no passcode.
func TestLetterSaysWhatItIs(t *testing.T) {
	for platform, words := range map[string]struct{ has, hasNot string }{windows.PlatformName: {"pin", "passcode"}, "android": {"passcode", "pin"}} {
		for _, to := range []Recipient{ToUser, ToAdmin} {
			for _, token := range []string{"", "token"} {
				one := ofOne{platform: platform}
				d := &Deliveries{Config: Config{Ledger: one, Service: one, Life: time.Hour}}
				l, err := d.write(t.Context(), row{Delivery: Delivery{To: to}}, token)
				require.NoError(t, err)
				text := strings.ToLower(l.subject + "\n" + l.body)
				assert.Contains(t, l.subject, map[string]string{"pin": "PIN", "passcode": "passcode"}[words.has])
				assert.NotContains(t, text, words.hasNot)
			}
		}
	}
}
