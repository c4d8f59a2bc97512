package lock_test

import (
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// purge takes what is old, and nothing that may be in force. That nobody is locked out is what check finds.
func (w *fleet) purge(t *rapid.T) {
	if !w.inner {
		w.wait(t)
	}
	r := w.at(t)
	age := rapid.SampledFrom([]time.Duration{24 * time.Hour, 24 * time.Hour, 40 * 24 * time.Hour}).Draw(t, "age")
	before, taken := w.ledger.of(""), 0
	how, err := w.call(t, r, func(s *lock.Service) error {
		counts, err := s.Purge(t.Context(), locktest.Admin(), lock.Purge{
			Scope: "acme", Before: r.now().Add(-age), Reason: "old", Apply: true,
		})
		taken = counts["purged"]
		return err
	})
	require.True(t, expected(err), "%v", err)
	w.says("somebody purges what is older than %s%s: %d", age, how, taken)
	for _, a := range before {
		if now := w.ledger.action(a.ID); how == " at "+r.name && (len(now.Secrets) == 0 || !now.Secrets[0].Purged()) {
			require.True(t, equalActions(a, now), "what is kept is left alone")
		}
	}
	for _, m := range w.macs {
		for _, c := range w.candidates(t, m) {
			require.False(t, c.Action.Secrets[0].Purged(), "what is gone opens nothing")
		}
		w.forget(m)
	}
}

// purged says what is wrong with a purge of an action: I2.
func (w *fleet) purged(m *machine, a lock.Action) string {
	m.gone = m.gone || m.misled && m.locked == a.ID
	switch {
	case w.held[a.Device.ID]:
		return "I2: a purge passes over a legal hold"
	case a.Lane != "", a.MayBeOnDevice():
		return "I2: a purge takes what may be on the device"
	case m.locked == a.ID && !m.gone:
		return "I2: a purge takes the PIN that locks the device"
	}
	return ""
}

// forget drops what nobody can know any more: that somebody saw a PIN of which the ledger keeps nothing.
func (w *fleet) forget(m *machine) {
	for code := range m.shown {
		if !slices.ContainsFunc(w.ledger.of(m.device.ID), func(a lock.Action) bool { return w.ledger.code(a.ID) == code }) {
			delete(m.shown, code)
		}
	}
}

// hold places a legal hold or lifts it, by one name of the device or the other.
func (w *fleet) hold(t *rapid.T) {
	m, r := w.any(t), w.at(t)
	id := m.device.ID
	byID, bySerial := lock.Device{Scope: "acme", ID: id}, lock.Device{Scope: "acme", Serial: m.device.Serial}
	d := rapid.SampledFrom([]lock.Device{m.device, byID, bySerial}).Draw(t, "name")
	if rapid.Bool().Draw(t, "place") {
		how, err := w.call(t, r, func(s *lock.Service) error { return s.Hold(t.Context(), locktest.Admin(), d, "case") })
		w.says("a legal hold is placed on %s%s", m, how)
		require.True(t, expected(err), "%v", err)
		w.held[id] = w.held[id] || err == nil
		return
	}
	w.held[id] = false
	for _, d := range []lock.Device{byID, bySerial} { // whichever names were given
		how, err := w.call(t, r, func(s *lock.Service) error { return s.LiftHold(t.Context(), locktest.Admin(), d, "closed") })
		w.says("the legal hold on %s is lifted%s", m, how)
		require.True(t, expected(err, lock.ErrNotFound), "%v", err)
	}
}

// reseal gives a process another key that seals, and seals anew what another one sealed.
func (w *fleet) reseal(t *rapid.T) {
	r := w.at(t)
	keys := rapid.SampledFrom([][]string{{"k0", "k1"}, {"k1", "k0"}, {"k2", "k1"}}).Draw(t, "keys")
	r.ring = locktest.Keyring(keys[0], slices.DeleteFunc([]string{"k0", "k1", "k2"}, func(k string) bool { return k == keys[0] })...)
	how, err := w.call(t, r, func(s *lock.Service) error {
		_, err := s.Reseal(t.Context(), locktest.Admin(), keys[1])
		return err
	})
	w.says("what %s sealed is sealed with %s anew%s", keys[1], keys[0], how)
	require.True(t, expected(err), "%v", err)
}
