package lock_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

func TestBreakGlass(t *testing.T) {
	for name, ask := range map[string]func(*testing.T, *locktest.Fixture) lock.ID{
		"an order": func(_ *testing.T, f *locktest.Fixture) lock.ID { return f.Lock(mac()).ID },
		"a reveal": func(t *testing.T, f *locktest.Fixture) lock.ID {
			a := f.Lock(mac())
			approve(t, f, a.ID)
			require.Empty(t, revealAs(t, f, "ada", a.ID))
			return a.ID
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, locktest.TwoPersons(lock.VerbLock, lock.VerbReveal))
			id := ask(t, f)
			asked := requests(t, f, locktest.Second())[0]
			before := len(noticesOf(t, f))
			_, err := f.Service.BreakGlass(t.Context(), locktest.Admin(), id, asked.ID, "nobody answers, the ward is locked out")
			require.NoError(t, err)
			assert.Empty(t, requests(t, f, locktest.Second()))
			notices := noticesOf(t, f)[before:]
			require.Equal(t, []lock.EventType{lock.EventAlarm, lock.EventBreakGlass}, typesOf(notices))
			task := notices[1]
			assert.Equal(t, locktest.Admin(), task.Actor)
			assert.Equal(t, "nobody answers, the ward is locked out", task.Reason)
			assert.Equal(t, id, task.Other)
			assert.Equal(t, asked.ID, task.Request)
			assert.Equal(t, map[string]string{"requester": "ada", "approved": string(asked.Type)}, task.Facts)
			reviewed(t, f, task)
			requireReplay(t, f.Store, id)
		})
	}
}

// reviewed has somebody else look into it: neither who broke the glass nor who had asked.
func reviewed(t *testing.T, f *locktest.Fixture, task lock.Event) {
	t.Helper()
	tasks, err := f.Service.Reviews(t.Context(), locktest.Second(), "acme")
	require.NoError(t, err)
	require.Equal(t, []lock.Event{task}, tasks)
	alias := lock.Actor{ID: task.Actor.ID, Address: "198.51.100.1"}
	require.ErrorIs(t, f.Service.Review(t.Context(), alias, "acme", task.ID, "all in order"), lock.ErrDenied)
	require.NoError(t, f.Service.Review(t.Context(), locktest.Second(), "acme", task.ID, "called the ward: all in order"))
	tasks, err = f.Service.Reviews(t.Context(), locktest.Second(), "acme")
	require.NoError(t, err)
	require.Empty(t, tasks)
	err = f.Service.Review(t.Context(), locktest.Second(), "acme", task.ID, "once more")
	require.ErrorIs(t, err, lock.ErrNotFound)
}

// TestBreakGlassForSomebodyElse: then the requester is no reviewer either.
func TestBreakGlassForSomebodyElse(t *testing.T) {
	f := newFixture(t, locktest.TwoPersons(lock.VerbLock))
	a := f.Lock(mac())
	_, err := f.Service.BreakGlass(t.Context(), locktest.Second(), a.ID, "", "ada is alone and cannot be reached")
	require.NoError(t, err)
	tasks, err := f.Service.Reviews(t.Context(), lock.Actor{ID: "carol"}, "acme")
	require.NoError(t, err)
	require.Len(t, tasks, 1)
	for _, actor := range []lock.Actor{locktest.Admin(), locktest.Second()} {
		require.ErrorIs(t, f.Service.Review(t.Context(), actor, "acme", tasks[0].ID, "fine"), lock.ErrDenied)
	}
	require.NoError(t, f.Service.Review(t.Context(), lock.Actor{ID: "carol"}, "acme", tasks[0].ID, "fine"))
}

func TestBreakGlassNeedsARightAndAReason(t *testing.T) {
	f := newFixture(t, locktest.TwoPersons(lock.VerbLock))
	a := f.Lock(mac())
	_, err := f.Service.BreakGlass(t.Context(), locktest.Admin(), a.ID, "", "")
	require.Equal(t, "reason", inputField(err))
	f.Rights.DenyTo("ada", lock.VerbBreakGlass)
	_, err = f.Service.BreakGlass(t.Context(), locktest.Admin(), a.ID, "", "in a hurry")
	require.ErrorIs(t, err, lock.ErrDenied)
	assert.Equal(t, lock.StateHeld, f.Get(a.ID).State)
	tasks, err := f.Service.Reviews(t.Context(), locktest.Second(), "acme")
	require.NoError(t, err)
	assert.Empty(t, tasks)
}
