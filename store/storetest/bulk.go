package storetest

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// maxBatch is how many changes the service sends at most in one call of Commit.
const maxBatch = 1000

// Order returns a change that inserts a queued lock of the device, ordered now, with one sealed box: for a store's own tests and
// benchmarks.
func Order(tb testing.TB, device string) lock.Change {
	tb.Helper()
	l := &ledger{TB: tb}
	return l.order(device, now)
}

// Next returns a change that takes the action, as it is in the change before, one event further. Which events an action's state allows is
// lock.Action.Apply's; an event that it refuses fails the test.
func Next(tb testing.TB, a lock.Action, t lock.EventType) lock.Change {
	tb.Helper()
	l := &ledger{TB: tb}
	return l.next(a, t)
}

// Notice returns a change that records an event of no action, about the device.
func Notice(tb testing.TB, device string) lock.Change {
	tb.Helper()
	l := &ledger{TB: tb}
	return l.notice(device)
}

// Bulk returns the orders of devices from to from+n-1 of a bulk lock, for benchmarks of stores: each with a PIN of its own, drawn by
// pin.SixDigits and sealed by a keyring, its first event, and the idempotency key "batch/<device>". Nothing of it touches a store, so a
// benchmark that times Bulk and Commit apart knows what preparing costs.
func Bulk(tb testing.TB, from, n int) []lock.Change {
	tb.Helper()
	ring := keyring(tb)
	l := &ledger{TB: tb}
	changes := make([]lock.Change, n)
	for i := range changes {
		name := fmt.Sprintf("mac-%07d", from+i)
		changes[i] = keyed(l.order(name, now, sealed(tb, ring), func(e *lock.Event) {
			e.Key, e.Order.Batch = "batch/"+name, "batch"
		}), "batch/"+name)
	}
	return changes
}

// Commit commits the changes as the service does, at most 1,000 in one call. All of them must be stored.
func Commit(tb testing.TB, s lock.Store, changes []lock.Change) {
	tb.Helper()
	for len(changes) > 0 {
		n := min(maxBatch, len(changes))
		errs, err := s.Commit(tb.Context(), changes[:n])
		require.NoError(tb, err)
		require.Len(tb, errs, n)
		for _, err := range errs {
			require.NoError(tb, err)
		}
		changes = changes[n:]
	}
}

func now(e *lock.Event) { e.Time = time.Now().UTC().Truncate(time.Microsecond) }

// keyring has one key that is the same every time.
func keyring(tb testing.TB) *pin.Keyring {
	tb.Helper()
	sum := sha256.Sum256([]byte("latchkey storetest"))
	key, err := pin.Bytes(sum[:])
	require.NoError(tb, err)
	ring, err := pin.NewKeyring(pin.Key{ID: "storetest", Secret: key})
	require.NoError(tb, err)
	return ring
}

// sealed draws a PIN for the order and seals it for its action, which gets its ID here.
func sealed(tb testing.TB, ring *pin.Keyring) func(*lock.Event) {
	tb.Helper()
	return func(e *lock.Event) {
		code, err := pin.SixDigits().Generate()
		require.NoError(tb, err)
		e.Action = lock.NewID(e.Time)
		d := e.Order.Device
		box, err := ring.Seal(tb.Context(), code, pin.Binding{Scope: d.Scope, Platform: d.Platform, Action: string(e.Action), Secret: 1})
		require.NoError(tb, err)
		sum := sha256.Sum256(box)
		e.Secrets = []lock.Secret{{N: 1, Name: lock.SecretPIN, KeyID: box.KeyID(), SHA256: sum[:], Box: box}}
	}
}
