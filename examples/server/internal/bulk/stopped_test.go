package bulk

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	lockbulk "github.com/latchkey-mdm/latchkey/lock/bulk"
	"github.com/latchkey-mdm/latchkey/mdmproto"
)

// interrupted is rights that tell what they are asked.
type interrupted struct {
	lock.Authorizer
	asked func(lock.Verb, lock.Target)
}

func (i interrupted) Authorize(ctx context.Context, a lock.Actor, v lock.Verb, t lock.Target) error {
	i.asked(v, t)
	return i.Authorizer.Authorize(ctx, a, v, t)
}

// interrupt calls do the nth time that the server asks whether somebody may do something with a batch.
func (b *bench) interrupt(verb lock.Verb, nth int, do func()) {
	b.t.Helper()
	cfg := lock.Config{
		Store: b.db.Ledger, Sealer: b.Sealer, Platforms: []lock.Platform{mdmproto.Platform(nil)},
		SecondPerson: func(_ lock.Actor, v lock.Verb, _ lock.Target) bool { return v == lock.VerbBulk && b.second.Load() },
		Authorize: interrupted{account.New(account.Config{DB: b.db, Scope: inventory.Scope}), func(v lock.Verb, t lock.Target) {
			if v != verb || t.Size == 0 {
				return
			}
			if nth--; nth == 0 {
				do()
			}
		}},
	}
	svc, err := lock.New(cfg)
	require.NoError(b.t, err)
	b.Service = svc
}

// cancelHalf is a cancellation by a server that dies before it tells the ledger.
func (b *bench) cancelHalf(id string) {
	b.t.Helper()
	require.NoError(b.t, b.because(b.t.Context(), id, "Cancelled by ", admin, "false alarm", `{"ID":"admin"}`))
}

// requireStopped checks that a batch was cancelled, and that none of its actions is left for a device.
func (b *bench) requireStopped(id string) {
	b.t.Helper()
	found := b.now(id)
	assert.Equal(b.t, []any{Cancelled, "Cancelled by admin: false alarm"}, []any{found.State, found.Cause})
	for _, a := range b.actions(id) {
		assert.Equal(b.t, lock.StateCancelled, a.State)
	}
	assert.Zero(b.t, b.counted(id).Pending)
}

// The ledger does not know the batch yet, and preflight is over.
func TestCancelJustBeforeTheLedgerKnows(t *testing.T) {
	for name, second := range map[string]bool{"alone": false, "with a second person": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 2)
			b.second.Store(second)
			made := b.create(first(2))
			other := b.another(b.Sealer)
			b.interrupt(lock.VerbBulk, 1, func() { require.NoError(t, other.Cancel(t.Context(), admin, made.ID, "false alarm")) })
			b.turn()
			b.turn() // what waits stops the next time
			b.requireStopped(made.ID)
			assert.Empty(t, b.actions(made.ID), "nothing was ordered")
			assert.Equal(t, map[Outcome]int{Unordered: 2}, b.counted(made.ID).By)
		})
	}
}

func TestCancelOutlivesWhoCancelled(t *testing.T) {
	for name, cancel := range map[string]func(*bench, Batch){
		"before a server goes on": func(b *bench, made Batch) {
			b.dieOrdering(admin, made)
			b.cancelHalf(made.ID)
			b.turn()
		},
		"when the last chunk is ordered": func(b *bench, made Batch) {
			b.dieOrdering(admin, made)
			b.exec(`UPDATE server_batches SET lease_by = $1`, b.me)
			b.cancelHalf(made.ID)
			require.NoError(b.t, b.end(b.t.Context(), made.ID, Done, ""))
		},
		"while it is begun": func(b *bench, made Batch) {
			b.interrupt(lock.VerbBulk, 1, func() { b.cancelHalf(made.ID) })
			b.turn()
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 2)
			made := b.create(first(2))
			cancel(b, made)
			b.requireStopped(made.ID)
		})
	}
}

// A run looks before each chunk.
func TestRunSeesACancellation(t *testing.T) {
	b := newBench(t, 1)
	made := b.create(of(0))
	devices := unstopped{frozen{b.Batches, made.ID}}
	page, err := devices.Devices(t.Context(), b.Scope, lockbulk.Selection{}, "", 10)
	require.NoError(t, err)
	require.Len(t, page, 1)
	b.cancelHalf(made.ID)
	_, err = devices.Devices(t.Context(), b.Scope, lockbulk.Selection{}, "", 10)
	require.ErrorIs(t, err, errStopped)
}

// Whoever cancels goes away before the answer: the ledger is told all the same.
func TestCancelOutlivesItsRequest(t *testing.T) {
	b := newBench(t, 2)
	made := b.create(first(2))
	b.turn()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	b.interrupt(lock.VerbCancel, 2, leave)
	require.NoError(t, b.Cancel(ctx, admin, made.ID, "false alarm"))
	require.Error(t, ctx.Err())
	assert.Equal(t, map[Outcome]int{Withdrawn: 2}, b.counted(made.ID).By)
}

// It was allowed when it was done.
func TestCancelOfWhoMayNotAnyMore(t *testing.T) {
	b := newBench(t, 1)
	b.second.Store(true)
	carl := b.account("carl", "view cancel bulk", "")
	made := b.create(of(0))
	b.turn()
	require.Equal(t, Waiting, b.now(made.ID).State)
	require.NoError(t, b.Cancel(t.Context(), carl, made.ID, "false alarm"))
	b.exec(`UPDATE server_accounts SET rights = '' WHERE name = 'carl'`)
	b.turn()
	assert.Equal(t, Cancelled, b.now(made.ID).State)
	assert.Equal(t, map[Outcome]int{Unordered: 1}, b.counted(made.ID).By)
}

// Its server died when the outcomes were written, and before its end was.
func TestRejectedStaysRejected(t *testing.T) {
	b := newBench(t, 2)
	b.second.Store(true)
	made := b.create(first(2))
	b.turn()
	require.NoError(t, b.Reject(t.Context(), b.account("second", "approve view", ""), made.ID, "no"))
	b.exec(`UPDATE server_batch_items SET outcome = 'cancelled', code = 'cancelled'`)
	b.turn()
	assert.Equal(t, Cancelled, b.now(made.ID).State)
}
