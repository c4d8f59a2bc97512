package lock_test

import (
	"maps"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

// purge takes what is old, and nothing that may be in force. That nobody is locked out is what check finds.
func (w *world) purge(t *rapid.T) {
	w.wait(t)
	before, codes := w.all(t), w.codes(t)
	age := rapid.SampledFrom([]time.Duration{day, day, 40 * day}).Draw(t, "age")
	taken := map[lock.ID]bool{}
	_, err := w.f.Service.Purge(t.Context(), locktest.Admin(), lock.Purge{
		Scope: "acme", Before: w.f.Clock.Now().Add(-age), Reason: "old", Apply: true,
		Each: func(a lock.Action, v lock.Finding) { taken[a.ID] = v.Code == "purged" },
	})
	require.NoError(t, err)
	for _, a := range before {
		now := w.f.Get(a.ID)
		if !taken[a.ID] {
			require.Equal(t, a, now, "what is kept is left alone")
			continue
		}
		require.False(t, w.held, "a hold keeps everything")
		require.True(t, now.Secrets[0].Purged())
		require.False(t, a.MayBeOnDevice(), "what may be on the device stays")
		require.Empty(t, a.Lane)
		require.NotEqual(t, w.locked, a.ID)
		require.False(t, a.Changed.After(w.f.Clock.Now().Add(-age)))
	}
	for _, c := range w.candidates(t) {
		require.False(t, c.Action.Secrets[0].Purged(), "what is gone opens nothing")
	}
	left := slices.Collect(maps.Values(w.codes(t)))
	for _, code := range codes {
		if !slices.Contains(left, code) {
			delete(w.shown, code) // nobody can know any more that somebody saw it
		}
	}
}

// codes are the PINs that are left in the ledger, past the service.
func (w *world) codes(t *rapid.T) map[lock.ID]string {
	codes := map[lock.ID]string{}
	for _, listed := range w.all(t) {
		a, err := w.f.Store.Get(t.Context(), listed.ID)
		require.NoError(t, err)
		if a.Secrets[0].Purged() {
			continue
		}
		b := pin.Binding{Scope: a.Device.Scope, Platform: a.Device.Platform, Action: string(a.ID), Secret: 1}
		code, err := locktest.Keyring("test").Open(t.Context(), a.Secrets[0].Box, b)
		require.NoError(t, err)
		codes[a.ID] = code.Expose()
	}
	return codes
}

// hold places a legal hold or lifts it, by one name of the device or the other.
func (w *world) hold(t *rapid.T) {
	w.tick()
	d := rapid.SampledFrom([]lock.Device{mac(), named("mac-1", ""), named("", "S-mac-1")}).Draw(t, "name")
	if rapid.Bool().Draw(t, "place") {
		require.NoError(t, w.f.Service.Hold(t.Context(), locktest.Admin(), d, "case"))
		w.held = true
		return
	}
	for _, d := range []lock.Device{named("mac-1", ""), named("", "S-mac-1")} { // whichever names were given
		if err := w.f.Service.LiftHold(t.Context(), locktest.Admin(), d, "closed"); err != nil {
			require.ErrorIs(t, err, lock.ErrNotFound)
		}
	}
	w.held = false
}
