package lock_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// slowDesk takes its time to answer whether somebody may approve.
type slowDesk struct {
	lock.Authorizer
	clock *locktest.Clock
	takes time.Duration
}

func (d slowDesk) Authorize(ctx context.Context, a lock.Actor, v lock.Verb, t lock.Target) error {
	if v == lock.VerbApprove {
		d.clock.Advance(d.takes)
	}
	return d.Authorizer.Authorize(ctx, a, v, t)
}

// TestAnApprovalThatCameTooLate: it was looked at in time, and committed after the batch had expired.
func TestAnApprovalThatCameTooLate(t *testing.T) {
	f := newFixture(t, bulkOver(2), func(c *lock.Config) { c.Patience = time.Hour })
	require.ErrorIs(t, openBatch(t, f, 3), lock.ErrPending)
	late := locktest.New(t, f.Store, bulkOver(2), func(c *lock.Config) {
		c.Patience, c.Now = time.Hour, f.Clock.Now
		c.Authorize = slowDesk{c.Authorize, f.Clock, time.Hour}
	})
	require.ErrorIs(t, late.Service.ApproveBatch(t.Context(), locktest.Second(), "acme", "b", "seen it"), lock.ErrCancelled)
	_, _, err := lockBatch(t, f, macs(3))
	require.ErrorIs(t, err, lock.ErrCancelled, "nothing of it is ordered")
}

// TestTwoProcessesJudgeOneOrder at the same time: it is held once, with one alarm.
func TestTwoProcessesJudgeOneOrder(t *testing.T) {
	f := newFixture(t, lockLimit(1))
	lockAs(t, f, "ada", 1)
	hers := lock.Request{Device: numbered(2), Key: "k"}
	other := locktest.New(t, &between{Store: f.Store, by: func() {
		joined, err := f.Service.Lock(t.Context(), locktest.Admin(), hers)
		require.NoError(t, err)
		require.Equal(t, "limit", joined.HeldBy, "judged by another process meanwhile")
	}}, lockLimit(1))
	a, err := other.Service.Lock(t.Context(), locktest.Admin(), hers)
	require.NoError(t, err)
	assert.Equal(t, lock.StateHeld, a.State)
	events, err := f.Store.Events(t.Context(), lock.EventFilter{Action: a.ID})
	require.NoError(t, err)
	var held []lock.EventType
	for _, e := range events {
		if e.Type == lock.EventHeld {
			held = append(held, e.Type)
		}
	}
	assert.Len(t, held, 1)
	assert.Len(t, alarmsOf(t, f, a.ID), 1)
}
