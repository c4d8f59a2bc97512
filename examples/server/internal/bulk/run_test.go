package bulk

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory/inventorytest"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/secret"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// A server dies when it has ordered, and has written down nothing of it, or some; another one goes on with what is left.
func TestAnotherServerGoesOn(t *testing.T) {
	b := newBench(t, 60)
	made := b.create(first(60))
	ctx, die := context.WithCancel(t.Context())
	defer die()
	dying := make(chan struct{})
	go func() {
		defer close(dying)
		_, _ = b.next(ctx)
	}()
	require.Eventually(t, func() bool { return len(b.actions(made.ID)) > 0 }, 5*time.Minute, 5*time.Millisecond)
	die()
	<-dying
	b.exec(`UPDATE server_batches SET lease_until = 0`) // its time runs out
	before := b.counted(made.ID)
	other := b.another(b.Sealer)
	_, err := other.next(t.Context())
	require.NoError(t, err)
	assert.Equal(t, Done, b.now(made.ID).State)
	assert.Equal(t, map[Outcome]int{Ordered: 60}, b.counted(made.ID).By)
	assert.LessOrEqual(t, before.Ordered, 60)
	devices := map[string]int{}
	for before := lock.ID(""); ; {
		page, err := b.svc.List(t.Context(), admin, lock.Filter{Scope: b.Scope, Batch: made.ID, Before: before, Limit: 1000})
		require.NoError(t, err)
		for _, a := range page {
			devices[a.Device.ID]++
			before = a.ID
		}
		if len(page) < 1000 {
			break
		}
	}
	assert.Len(t, devices, 60)
	for id, n := range devices {
		assert.Equal(t, 1, n, id)
	}
}

func TestLeaseKeepsOthersOut(t *testing.T) {
	b := newBench(t, 1)
	made := b.create(of(0))
	b.exec(`UPDATE server_batches SET lease_by = 'another', lease_until = $1`, b.until(lease))
	b.turn()
	assert.Empty(t, b.actions(made.ID))
	lost := false
	ctx, stop := context.WithCancel(t.Context())
	b.keepLease(ctx, func() { lost = true; stop() }, made.ID)
	assert.True(t, lost, "who has no lease stops")
}

func TestSharedPINIsForgotten(t *testing.T) {
	b := newBench(t, 3)
	o := first(3)
	o.PIN, _ = pin.Parse("739184")
	b.second.Store(true)
	made := b.create(o)
	b.turn()
	sealed, err := b.db.SealedBy(t.Context())
	require.NoError(t, err)
	total := 0
	for _, n := range sealed {
		total += n
	}
	assert.Equal(t, 1, total, "it waits, sealed, and keyring commands count it")
	require.NoError(t, b.Approve(t.Context(), b.account("second", "approve view", ""), made.ID, "seen"))
	b.turn()
	assert.Equal(t, Done, b.now(made.ID).State)
	_, err = secret.Read(t.Context(), b.db, b.Sealer, pinOf(made.ID))
	require.ErrorIs(t, err, secret.ErrNone)
	for _, a := range b.actions(made.ID) {
		code, err := b.svc.Reveal(t.Context(), admin, a.ID, "test", "")
		require.NoError(t, err)
		assert.True(t, code.Equal(o.PIN))
	}
}

// A keyring that lost its key keeps one order from going on, and no other.
func TestUnreadableSharedPINStopsNothing(t *testing.T) {
	b := newBench(t, 2)
	o := of(0)
	o.PIN, _ = pin.Parse("739184")
	stuck := b.create(o)
	other := b.create(of(1))
	sealer := b.Sealer
	lost, err := pin.CreateKeyring(filepath.Join(t.TempDir(), rand.Text()))
	require.NoError(t, err)
	b.Sealer = lost
	b.turn()
	assert.Equal(t, Running, b.now(stuck.ID).State)
	assert.Equal(t, Done, b.now(other.ID).State)
	b.Sealer = sealer
	b.exec(`UPDATE server_batches SET lease_until = 0`)
	b.turn()
	assert.Equal(t, Done, b.now(stuck.ID).State)
}

func TestCancelBeforeAnythingIsOrdered(t *testing.T) {
	b := newBench(t, 2)
	made := b.create(first(2))
	require.NoError(t, b.Cancel(t.Context(), admin, made.ID, "false alarm"))
	b.turn()
	found := b.now(made.ID)
	assert.Equal(t, []any{Cancelled, "Cancelled by admin: false alarm"}, []any{found.State, found.Cause})
	assert.Equal(t, map[Outcome]int{Unordered: 2}, b.counted(made.ID).By)
	assert.Empty(t, b.actions(made.ID))
}

func TestCancelWithdraws(t *testing.T) {
	b := newBench(t, 3)
	made := b.create(first(3))
	b.turn()
	_, err := b.svc.Next(t.Context(), b.device(1))
	require.NoError(t, err)
	require.NoError(t, b.Cancel(t.Context(), admin, made.ID, "false alarm"))
	assert.Equal(t, map[Outcome]int{Withdrawn: 2, Sent: 1}, b.counted(made.ID).By)
	assert.Equal(t, Done, b.now(made.ID).State)
	require.ErrorIs(t, b.Cancel(t.Context(), b.account("eve", "view lock", ""), made.ID, ""), lock.ErrDenied)
}

func TestSecondPersonApproves(t *testing.T) {
	b := newBench(t, 2)
	b.second.Store(true)
	made := b.create(first(2))
	b.turn()
	assert.Equal(t, Waiting, b.now(made.ID).State)
	assert.Empty(t, b.actions(made.ID))
	require.ErrorIs(t, b.Approve(t.Context(), admin, made.ID, ""), lock.ErrDenied, "nobody approves what is theirs")
	require.NoError(t, b.Approve(t.Context(), b.account("second", "approve view", ""), made.ID, "seen"))
	b.turn()
	assert.Equal(t, Done, b.now(made.ID).State)
	assert.Len(t, b.actions(made.ID), 2)
}

func TestSecondPersonRejects(t *testing.T) {
	b := newBench(t, 2)
	b.second.Store(true)
	made := b.create(first(2))
	b.turn()
	require.NoError(t, b.Reject(t.Context(), b.account("second", "approve view", ""), made.ID, "no"))
	b.turn()
	found := b.now(made.ID)
	assert.Equal(t, []any{Cancelled, "Rejected by second: no"}, []any{found.State, found.Cause})
	assert.Equal(t, map[Outcome]int{Unordered: 2}, b.counted(made.ID).By)
}

// Nobody is left who heard of it.
func TestHalfWrittenBatchIsForgotten(t *testing.T) {
	b := newBench(t, 2)
	made := b.create(first(2))
	b.exec(`UPDATE server_batches SET state = 'preparing', lease_by = 'another', lease_until = 0`)
	b.turn()
	_, err := b.Get(t.Context(), admin, made.ID)
	require.ErrorIs(t, err, lock.ErrNotFound)
}

func TestDeviceThatLeftGetsNoOrder(t *testing.T) {
	b := newBench(t, 2)
	made := b.create(first(2))
	b.exec(`UPDATE server_devices SET removed = 1, enrolled = 0 WHERE id = $1`, inventorytest.ID(0))
	b.turn()
	assert.Equal(t, map[Outcome]int{Ordered: 1, Unknown: 1}, b.counted(made.ID).By)
	assert.Equal(t, Done, b.now(made.ID).State)
}

func TestOrderOfWhoMayNotAnyMore(t *testing.T) {
	b := newBench(t, 2)
	eve := b.account("eve", "lock bulk view", "")
	made, _, err := b.Create(t.Context(), eve, first(2), "")
	require.NoError(t, err)
	b.exec(`UPDATE server_accounts SET rights = 'view lock' WHERE name = 'eve'`)
	b.turn()
	assert.Equal(t, Cancelled, b.now(made.ID).State)
	assert.Equal(t, map[Outcome]int{Denied: 2}, b.counted(made.ID).By)
	assert.Empty(t, b.actions(made.ID))
}
