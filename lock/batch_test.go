package lock_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// openBatch opens the batch "b" as Admin.
func openBatch(t testing.TB, f *locktest.Fixture, size int, edits ...func(*lock.Request)) error {
	t.Helper()
	r := lock.Request{Reason: "stolen lorry", Ticket: "4711"}
	for _, edit := range edits {
		edit(&r)
	}
	return f.Service.OpenBatch(t.Context(), locktest.Admin(), "acme", "b", size, r)
}

// macs are requests for n devices.
func macs(n int, edits ...func(*lock.Request)) []lock.Request {
	requests := make([]lock.Request, n)
	for i := range requests {
		requests[i] = lock.Request{Device: locktest.Device(fmt.Sprintf("mac-%d", i+1)), Reason: "stolen lorry"}
		for _, edit := range edits {
			edit(&requests[i])
		}
	}
	return requests
}

// lockBatch orders in the batch "b" as Admin.
func lockBatch(t testing.TB, f *locktest.Fixture, requests []lock.Request) ([]lock.Action, []error, error) {
	t.Helper()
	return f.Service.LockBatch(t.Context(), locktest.Admin(), "acme", "b", requests)
}

// lockAll is lockBatch where nothing is in the way.
func lockAll(t testing.TB, f *locktest.Fixture, requests []lock.Request) []lock.Action {
	t.Helper()
	actions, errs, err := lockBatch(t, f, requests)
	require.NoError(t, err)
	for i, err := range errs {
		require.NoError(t, err, "request %d", i)
	}
	return actions
}

func batchState(t testing.TB, f *locktest.Fixture) lock.State {
	t.Helper()
	_, state, err := f.Service.Batch(t.Context(), locktest.Admin(), "acme", "b")
	require.NoError(t, err)
	return state
}

func bulkOver(n int) func(*lock.Config) {
	return func(c *lock.Config) {
		c.SecondPerson = func(_ lock.Actor, v lock.Verb, t lock.Target) bool {
			return v == lock.VerbLock || v == lock.VerbBulk && t.Size > n
		}
	}
}

func TestOpenBatchIsOnRecordWithoutItsPIN(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, openBatch(t, f, 3, supplied(t, "739184")))
	opened, state, err := f.Service.Batch(t.Context(), locktest.Admin(), "acme", "b")
	require.NoError(t, err)
	assert.Equal(t, lock.StateQueued, state)
	assert.Equal(t, map[string]string{"batch": "b", "devices": "3", "kind": "lock", "pin": "shared"}, opened.Facts)
	assert.Equal(t, []string{"stolen lorry", "4711"}, []string{opened.Reason, opened.Ticket})
	assert.NotContains(t, ledgerText(t, f), "739184")
	assert.Equal(t, "reason", inputField(openBatch(t, f, 3, supplied(t, "739184"), func(r *lock.Request) { r.Reason = "it is 739184" })))
}

func TestOpenBatchIsIdempotent(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, openBatch(t, f, 3))
	require.NoError(t, openBatch(t, f, 3))
	assert.Len(t, noticesOf(t, f), 1)
	require.ErrorIs(t, openBatch(t, f, 4), lock.ErrKeyReused)
	err := f.Service.OpenBatch(t.Context(), locktest.Second(), "acme", "b", 3, lock.Request{})
	require.ErrorIs(t, err, lock.ErrKeyReused)
	require.NoError(t, f.Service.OpenBatch(t.Context(), locktest.Second(), "other", "b", 3, lock.Request{}), "a name is unique in its scope")
}

func TestOpenBatchInput(t *testing.T) {
	f := newFixture(t)
	for field, err := range map[string]error{
		"size":   openBatch(t, f, 0),
		"batch":  f.Service.OpenBatch(t.Context(), locktest.Admin(), "acme", "a/b", 1, lock.Request{}),
		"scope":  f.Service.OpenBatch(t.Context(), locktest.Admin(), "", "b", 1, lock.Request{}),
		"ticket": openBatch(t, f, 1, func(r *lock.Request) { r.Ticket = "\n" }),
	} {
		assert.Equal(t, field, inputField(err))
	}
	requireEmpty(t, f)
}

func TestBatchVerbs(t *testing.T) {
	for verb, act := range map[lock.Verb]func(context.Context, *lock.Service) error{
		lock.VerbBulk: func(ctx context.Context, s *lock.Service) error {
			return s.OpenBatch(ctx, locktest.Second(), "acme", "c", 2, lock.Request{})
		},
		lock.VerbApprove: func(ctx context.Context, s *lock.Service) error {
			return s.ApproveBatch(ctx, locktest.Second(), "acme", "b", "")
		},
		lock.VerbCancel: func(ctx context.Context, s *lock.Service) error {
			return s.CancelBatch(ctx, locktest.Second(), "acme", "b", "")
		},
		lock.VerbView: func(ctx context.Context, s *lock.Service) error {
			_, _, err := s.Batch(ctx, locktest.Second(), "acme", "b")
			return err
		},
	} {
		t.Run(string(verb), func(t *testing.T) {
			f := newFixture(t, bulkOver(1))
			require.ErrorIs(t, openBatch(t, f, 2), lock.ErrPending)
			f.Rights.Deny(verb)
			require.ErrorIs(t, act(t.Context(), f.Service), lock.ErrDenied)
			assert.Equal(t, []lock.EventType{lock.EventBatchOpened, lock.EventDenied}, typesOf(noticesOf(t, f)))
			f.Rights.Allow(verb)
			err := act(t.Context(), f.Service)
			require.NotErrorIs(t, err, lock.ErrDenied)
		})
	}
}

func TestBatchAboveNWaitsForASecondPerson(t *testing.T) {
	told := []lock.Event{}
	f := newFixture(t, bulkOver(2), func(c *lock.Config) { c.Notify = func(_ context.Context, e lock.Event) { told = append(told, e) } })
	require.ErrorIs(t, openBatch(t, f, 3), lock.ErrPending)
	require.ErrorIs(t, openBatch(t, f, 3), lock.ErrPending, "to ask again changes nothing")
	require.Len(t, told, 1)
	assert.Equal(t, "3", told[0].Facts["devices"])
	assert.Equal(t, lock.StateHeld, batchState(t, f))
	_, _, err := lockBatch(t, f, macs(3))
	require.ErrorIs(t, err, lock.ErrPending)

	err = f.Service.ApproveBatch(t.Context(), locktest.Admin(), "acme", "b", "I am sure")
	require.ErrorIs(t, err, lock.ErrDenied, "nobody is their own second person")
	assert.Equal(t, lock.StateHeld, batchState(t, f))
	require.NoError(t, f.Service.ApproveBatch(t.Context(), locktest.Second(), "acme", "b", "seen it"))
	require.NoError(t, f.Service.ApproveBatch(t.Context(), locktest.Second(), "acme", "b", "seen it"), "an answer was lost")
	require.ErrorIs(t, f.Service.RejectBatch(t.Context(), locktest.Second(), "acme", "b", ""), lock.ErrConflict)
	assert.Equal(t, []lock.EventType{lock.EventBatchOpened, lock.EventDenied, lock.EventBatchApproved}, typesOf(noticesOf(t, f)))
	for _, a := range lockAll(t, f, macs(3)) {
		assert.Equal(t, lock.StateQueued, a.State, "the orders of an approved batch need no second person each")
	}
}

func TestRejectedBatch(t *testing.T) {
	f := newFixture(t, bulkOver(2))
	require.ErrorIs(t, openBatch(t, f, 3), lock.ErrPending)
	require.ErrorIs(t, f.Service.RejectBatch(t.Context(), locktest.Admin(), "acme", "b", ""), lock.ErrDenied)
	require.NoError(t, f.Service.RejectBatch(t.Context(), locktest.Second(), "acme", "b", "which lorry?"))
	require.ErrorIs(t, f.Service.ApproveBatch(t.Context(), locktest.Second(), "acme", "b", ""), lock.ErrCancelled)
	require.ErrorIs(t, openBatch(t, f, 3), lock.ErrCancelled)
	_, errs, err := lockBatch(t, f, macs(1))
	require.ErrorIs(t, err, lock.ErrCancelled)
	require.ErrorIs(t, errs[0], lock.ErrCancelled)
	assert.Empty(t, listAll(t, f))
}

func TestBatchNobodyApproved(t *testing.T) {
	f := newFixture(t, bulkOver(2), func(c *lock.Config) { c.Patience = time.Hour })
	require.ErrorIs(t, openBatch(t, f, 3), lock.ErrPending)
	f.Clock.Advance(time.Hour)
	assert.Equal(t, lock.StateExpired, batchState(t, f))
	require.ErrorIs(t, f.Service.ApproveBatch(t.Context(), locktest.Second(), "acme", "b", ""), lock.ErrCancelled)
	_, _, err := lockBatch(t, f, macs(3))
	require.ErrorIs(t, err, lock.ErrCancelled)
	assert.Equal(t, []lock.EventType{lock.EventBatchOpened}, typesOf(noticesOf(t, f)))
}

func TestApprovalOfABatchIsUsedInTime(t *testing.T) {
	for name, begun := range map[string]bool{"begun": true, "not begun": false} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, bulkOver(2), func(c *lock.Config) { c.Patience = time.Hour })
			require.ErrorIs(t, openBatch(t, f, 3), lock.ErrPending)
			require.NoError(t, f.Service.ApproveBatch(t.Context(), locktest.Second(), "acme", "b", ""))
			if begun {
				lockAll(t, f, macs(1))
			}
			f.Clock.Advance(time.Hour)
			_, _, err := lockBatch(t, f, macs(3))
			if begun {
				require.NoError(t, err, "what began is resumed at any time")
				assert.Len(t, listAll(t, f), 3)
			} else {
				require.ErrorIs(t, err, lock.ErrCancelled)
				assert.Empty(t, listAll(t, f))
			}
		})
	}
}

func listAll(t testing.TB, f *locktest.Fixture) []lock.Action {
	t.Helper()
	all, err := f.Store.List(t.Context(), lock.Filter{Limit: 1000})
	require.NoError(t, err)
	return all
}
