package account_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/lock"
)

// exhaust uses up the tries of an address.
func (w *world) exhaust(t *testing.T, address string) {
	t.Helper()
	for range 10 {
		_, err := w.CheckPassword(t.Context(), "admin", "wrong", address)
		require.NotErrorIs(t, err, account.ErrTooOften)
	}
	_, err := w.CheckPassword(t.Context(), "admin", password, address)
	require.ErrorIs(t, err, account.ErrTooOften, "even with the right password")
	require.ErrorIs(t, err, lock.ErrDenied)
}

// glance is a try whose caller hangs up at once, so that it costs nothing.
func (w *world) glance(t *testing.T, name, address string) error {
	t.Helper()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.CheckPassword(gone, name, "wrong", address)
	return err
}

func TestTriesAreLimited(t *testing.T) {
	w := newWorld(t)
	w.exhaust(t, here)
	w.now = w.now.Add(5 * time.Second)
	_, err := w.CheckPassword(t.Context(), "admin", password, here)
	require.NoError(t, err, "a try comes back")
	for range 10 {
		_, err := w.CheckPassword(t.Context(), "admin", "wrong", here)
		require.NotErrorIs(t, err, account.ErrTooOften, "a sign-in gives all back")
	}
}

func TestNobodyKeepsTheAdministratorOut(t *testing.T) {
	w := newWorld(t)
	w.exhaust(t, "198.51.100.7")
	_, err := w.CheckPassword(t.Context(), "admin", password, here)
	assert.NoError(t, err)
}

func TestNamesDoNotCount(t *testing.T) {
	w := newWorld(t)
	w.exhaust(t, here)
	for i := range 100 {
		require.ErrorIs(t, w.glance(t, fmt.Sprint("made up ", i), here), account.ErrTooOften)
	}
	require.ErrorIs(t, w.glance(t, string(make([]byte, 10_000)), here), account.ErrTooOften, "an endless name is a try too")
}

func TestWhatCountsAsOneAddress(t *testing.T) {
	for name, c := range map[string]struct {
		other string
		same  bool
	}{
		"same network":    {"2001:db8::ffff:1", true},
		"another network": {"2001:db8:0:1::1", false},
		"IPv4":            {"192.0.2.1", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.exhaust(t, "2001:db8::1")
			if err := w.glance(t, "admin", c.other); c.same {
				assert.ErrorIs(t, err, account.ErrTooOften)
			} else {
				assert.NotErrorIs(t, err, account.ErrTooOften)
			}
		})
	}
	w := newWorld(t)
	w.exhaust(t, "::ffff:192.0.2.1")
	assert.ErrorIs(t, w.glance(t, "admin", "192.0.2.1"), account.ErrTooOften, "the same address in another form")
}

// Only an address that has all its tries back is forgotten.
func TestTheTableForgetsWhatCountsNoMore(t *testing.T) {
	w := newWorld(t)
	w.exhaust(t, "192.0.2.2")
	w.now = w.now.Add(40 * time.Second)
	w.exhaust(t, here)
	for i := range 20 {
		require.NotErrorIs(t, w.glance(t, "admin", fmt.Sprint("10.0.0.", i)), account.ErrTooOften)
	}
	w.now = w.now.Add(10 * time.Second)
	require.NotErrorIs(t, w.glance(t, "admin", "192.0.2.3"), account.ErrTooOften)
	var kept int
	require.NoError(t, w.db.Readers.QueryRow(`SELECT count(*) FROM server_tries`).Scan(&kept))
	assert.Equal(t, 2, kept, "the one that has eight left to get back, and the last")
	for range 2 {
		require.NotErrorIs(t, w.glance(t, "admin", here), account.ErrTooOften)
	}
	assert.ErrorIs(t, w.glance(t, "admin", here), account.ErrTooOften)
}
