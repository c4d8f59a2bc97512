package lock_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// twoDevices has a lock for mac-1 and one for mac-2, and rights to see mac-2 alone.
func twoDevices(t *testing.T) (f *locktest.Fixture, hidden, shown lock.Action) {
	t.Helper()
	f = newFixture(t)
	hidden, shown = f.Lock(mac()), f.Lock(locktest.Device("mac-2"))
	f.Rights.Narrow(func(asked lock.Filter) lock.Filter {
		asked.Devices = []string{"mac-2"}
		return asked
	})
	return f, hidden, shown
}

func TestVisibleNarrowsLists(t *testing.T) {
	f, _, shown := twoDevices(t)
	found, err := f.Service.List(t.Context(), locktest.Admin(), lock.Filter{})
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, shown.ID, found[0].ID)
	assert.Nil(t, found[0].Secrets[0].Box)
}

func TestVisibleNarrowsEvents(t *testing.T) {
	f, _, shown := twoDevices(t)
	events, err := f.Service.Events(t.Context(), locktest.Admin(), lock.EventFilter{})
	require.NoError(t, err)
	require.Len(t, events, 1)
	assert.Equal(t, shown.ID, events[0].Action)
}

func TestVisibleNarrowsCandidates(t *testing.T) {
	f, hidden, _ := twoDevices(t)
	for _, c := range candidates(t, f, mac()) {
		assert.NotEqual(t, hidden.ID, c.Action.ID)
	}
}

// TestVisibleThatEventsCannotFollow: a listing of events has fewer fields to narrow by. What it cannot narrow by, it must not show.
func TestVisibleThatEventsCannotFollow(t *testing.T) {
	for name, narrow := range map[string]func(*lock.Filter){
		"by who ordered": func(f *lock.Filter) { f.Actor = "grace" },
		"by batch":       func(f *lock.Filter) { f.Batch = "b1" },
		"by kind":        func(f *lock.Filter) { f.Kinds = []lock.Kind{lock.KindUnlock} },
		"by serial":      func(f *lock.Filter) { f.Serial = "S-1" },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.Lock(mac())
			f.Rights.Narrow(func(asked lock.Filter) lock.Filter { narrow(&asked); return asked })
			events, err := f.Service.Events(t.Context(), locktest.Admin(), lock.EventFilter{})
			require.ErrorIs(t, err, lock.ErrDenied)
			assert.Empty(t, events)
		})
	}
}

func TestEventsOfOneActionNeedTheRightToViewIt(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	f.Rights.Deny(lock.VerbAudit)
	events, err := f.Service.Events(t.Context(), locktest.Admin(), lock.EventFilter{Action: a.ID})
	require.NoError(t, err)
	assert.Len(t, events, 1)
	f.Rights.Deny(lock.VerbView)
	_, err = f.Service.Events(t.Context(), locktest.Admin(), lock.EventFilter{Action: a.ID})
	require.ErrorIs(t, err, lock.ErrDenied)
}

func TestGet(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	got := f.Get(a.ID)
	assert.Equal(t, a.ID, got.ID)
	assert.Nil(t, got.Secrets[0].Box)
	_, err := f.Service.Get(t.Context(), locktest.Admin(), "0190-none")
	require.ErrorIs(t, err, lock.ErrNotFound)
	f.Rights.Deny(lock.VerbView)
	_, err = f.Service.Get(t.Context(), locktest.Admin(), a.ID)
	require.ErrorIs(t, err, lock.ErrDenied)
	assert.Equal(t, string(a.ID), noticesOf(t, f)[0].Facts["action"])
}

func TestLive(t *testing.T) {
	f := newFixture(t)
	cancel(t, f, f.Lock(mac()).ID)
	a := f.Lock(mac())
	f.Lock(locktest.Device("mac-2"))
	live, err := f.Service.Live(t.Context(), locktest.Admin(), "acme", "mac-1")
	require.NoError(t, err)
	require.Len(t, live, 1)
	assert.Equal(t, a.ID, live[0].ID)
}

func TestNote(t *testing.T) {
	f := newFixture(t)
	note := func(typ lock.EventType, scope string) error {
		return f.Service.Note(t.Context(), locktest.Admin(), typ, scope, map[string]string{"from": "192.0.2.7\n"})
	}
	notices := []lock.EventType{
		lock.EventSignedIn, lock.EventAuditRead, lock.EventAuditVerified, lock.EventAlarm,
	}
	for _, typ := range notices {
		require.NoError(t, note(typ, "acme"))
	}
	got := noticesOf(t, f)
	assert.Equal(t, notices, typesOf(got))
	assert.Equal(t, map[string]string{"from": "192.0.2.7 "}, got[0].Facts)
	assert.Equal(t, locktest.Admin(), got[0].Actor)
	for _, typ := range []lock.EventType{lock.EventOrdered, lock.EventRevealed, lock.EventDenied, "", "unheard-of"} {
		assert.Equal(t, "type", inputField(note(typ, "acme")), "%q", typ)
	}
	assert.Equal(t, "scope", inputField(note(lock.EventSignedIn, "")))
	f.Store.FailBefore(locktest.Forever)
	require.ErrorIs(t, note(lock.EventSignedIn, "acme"), locktest.ErrFault)
}

func TestIDs(t *testing.T) {
	f := newFixture(t)
	var ids []lock.ID
	seen := map[lock.ID]bool{}
	for range 1000 {
		id := lock.NewID(f.Clock.Now())
		require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, string(id))
		require.False(t, seen[id])
		seen[id] = true
	}
	for range 100 {
		ids = append(ids, lock.NewID(f.Clock.Now()))
		f.Clock.Advance(1_000_000) // a millisecond
	}
	assert.True(t, slices.IsSorted(ids), "IDs sort by the millisecond of their creation")
	assert.Equal(t, "019cebab", string(ids[0][:8]), "RFC 9562, 5.7: the Unix time in milliseconds comes first")
}
