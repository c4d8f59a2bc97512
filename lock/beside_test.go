package lock_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// wished is an order of some kind that somebody makes, with a PIN of their own or none.
type wished struct {
	kind lock.Kind
	by   lock.Actor
	pin  string
}

func (a wished) request(t *testing.T) lock.Request {
	t.Helper()
	r := lock.Request{Device: mac(), Kind: a.kind}
	if a.pin != "" {
		r.PIN = parsed(t, a.pin)
	}
	return r
}

func (a wished) order(t *testing.T, f *locktest.Fixture) (lock.Action, error) {
	t.Helper()
	order := map[lock.Kind]func(*lock.Service, context.Context, lock.Actor, lock.Request) (lock.Action, error){
		lock.KindLock: (*lock.Service).Lock, lock.KindLostMode: (*lock.Service).LostMode,
		lock.KindResetPasscode: (*lock.Service).ResetPasscode, lock.KindClearPasscode: (*lock.Service).ClearPasscode,
	}[a.kind]
	return order(f.Service, t.Context(), a.by, a.request(t))
}

// TestPreflightBesideALiveOrder: what it says of the live order is what the order then meets.
func TestPreflightBesideALiveOrder(t *testing.T) {
	const lane, foreign = "A lock is under way or holds", ", with a PIN that you did not choose: an order with a PIN of your own would be refused."
	me, other := locktest.Admin(), locktest.Second()
	drawn, own := wished{lock.KindLock, me, ""}, wished{lock.KindLock, me, "739184"}
	reset := wished{lock.KindResetPasscode, me, ""}
	for name, c := range map[string]struct {
		live, order wished
		want        lock.Finding
	}{
		"a new PIN": {drawn, drawn, lock.Finding{Code: "live_lock", Text: lane + ": the order would join it."}},
		"a new PIN, another's before": {wished{lock.KindLock, other, "739184"}, drawn,
			lock.Finding{Code: "live_lock", Text: lane + ": the order would join it."}},
		"an own PIN":                   {drawn, own, lock.Finding{Code: "busy", Field: "pin", Text: lane + foreign}},
		"an own PIN, another's before": {wished{lock.KindLock, other, "739184"}, own, lock.Finding{Code: "busy", Field: "pin", Text: lane + foreign}},
		"an own PIN once more": {own, own, lock.Finding{Code: "live_lock", Field: "pin",
			Text: lane + ": the order would join it if it has this PIN, and be refused if it has another one."}},
		"another kind": {wished{lock.KindLostMode, me, ""}, drawn,
			lock.Finding{Code: "busy", Text: "Lost mode is under way or holds: this order would be refused."}},
		"a reset": {reset, reset, lock.Finding{Code: "live_order", Text: "A passcode reset is under way: the order would join it."}},
		"a removal during a reset": {reset, wished{lock.KindClearPasscode, me, ""},
			lock.Finding{Code: "busy", Text: "A passcode reset is under way: this order would be refused."}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			_, err := c.live.order(t, f)
			require.NoError(t, err)
			found, err := f.Service.Preflight(t.Context(), me, c.order.request(t))
			require.NoError(t, err)
			refused := c.want.Code == "busy"
			c.want.Level = map[bool]lock.Level{true: lock.LevelBlock, false: lock.LevelInfo}[refused]
			assert.Equal(t, []lock.Finding{c.want}, found)
			a, err := c.order.order(t, f)
			assert.Equal(t, refused, errors.As(err, new(*lock.BusyError)))
			assert.Equal(t, !refused, a.Joined)
		})
	}
}

func TestPreflightBesideNothingOfItsLane(t *testing.T) {
	for name, live := range map[string]func(*testing.T, *locktest.Fixture){
		"another lane": func(t *testing.T, f *locktest.Fixture) {
			_, err := wished{lock.KindResetPasscode, locktest.Admin(), ""}.order(t, f)
			require.NoError(t, err)
		},
		"one that is held": func(t *testing.T, f *locktest.Fixture) {
			guarded := locktest.New(t, f.Store, locktest.TwoPersons(lock.VerbLock))
			require.Equal(t, lock.StateHeld, guarded.Lock(mac()).State)
		},
		"one that is over": func(t *testing.T, f *locktest.Fixture) { ended(t, f) },
		"another device":   func(_ *testing.T, f *locktest.Fixture) { f.Lock(locktest.Device("mac-2")) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			live(t, f)
			found, err := f.Service.Preflight(t.Context(), locktest.Admin(), lock.Request{Device: mac()})
			require.NoError(t, err)
			assert.Empty(t, found)
		})
	}
}

// TestPreflightOfAnotherRevocation: one order ends one action.
func TestPreflightOfAnotherRevocation(t *testing.T) {
	f := newFixture(t)
	first, _, _ := provisioned(t, f)
	second, _, _ := provisioned(t, f)
	_, err := f.Service.RevokeToken(t.Context(), locktest.Admin(), first.ID, lock.Request{Device: mac()})
	require.NoError(t, err)
	for of, code := range map[lock.ID]string{first.ID: "live_order", second.ID: "busy"} {
		found, err := f.Service.Preflight(t.Context(), locktest.Admin(), lock.Request{Device: mac(), Kind: lock.KindRevokeToken, Of: of})
		require.NoError(t, err)
		assert.Equal(t, []string{code}, codes(found))
	}
}
