package bulk

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory/inventorytest"
	"github.com/latchkey-mdm/latchkey/lock"
	lockbulk "github.com/latchkey-mdm/latchkey/lock/bulk"
)

// dieOrdering carries a batch on until a chunk is ordered: the server dies before it writes the outcomes down.
func (b *bench) dieOrdering(a lock.Actor, made Batch) {
	b.t.Helper()
	b.exec(`UPDATE server_batches SET lease_by = $1, lease_until = 0`, b.me)
	dead := errors.New("killed")
	write := b.recorder(made)
	cfg := lockbulk.Config{Service: b.svc, Inventory: frozen{b.Batches, made.ID}}
	cfg.Record = func(ctx context.Context, outcomes []lockbulk.Outcome, p lockbulk.Progress) error {
		if p.Phase == lockbulk.Ordering {
			return dead
		}
		return write(ctx, outcomes, p)
	}
	_, err := lockbulk.Run(b.t.Context(), cfg, lockbulk.Order{Actor: a, Scope: b.Scope, Batch: made.ID, Request: made.Ask.order().request()})
	require.ErrorIs(b.t, err, dead)
}

// answered lets a device fetch its lock and acknowledge it.
func (b *bench) answered(n int) {
	b.t.Helper()
	command, err := b.svc.Next(b.t.Context(), b.device(n))
	require.NoError(b.t, err)
	report := lock.Report{Scope: b.Scope, Device: inventorytest.ID(n), Action: command.ID, Outcome: lock.Acknowledged}
	require.NoError(b.t, b.svc.Report(b.t.Context(), report))
}

// What was ordered is told so, whatever the ledger says to who would go on.
func TestOrderedStaysOrdered(t *testing.T) {
	for name, meanwhile := range map[string]func(*bench){
		"the right is lost":      func(b *bench) { b.exec(`UPDATE server_accounts SET rights = 'view lock' WHERE name = 'bob'`) },
		"the account is gone":    func(b *bench) { b.exec(`DELETE FROM server_accounts WHERE name = 'bob'`) },
		"the deadline is over":   func(b *bench) { b.moved.Store(int64(2 * time.Hour)) },
		"it was told wrong then": func(b *bench) { b.exec(`UPDATE server_batch_items SET outcome = 'failed', code = 'invalid_not_after'`) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 3)
			bob := b.account("bob", "view lock bulk", "")
			earlier, err := b.svc.Lock(t.Context(), admin, lock.Request{Device: b.device(2), Reason: "lost"})
			require.NoError(t, err)
			o := first(3)
			o.NotAfter = time.Now().Add(time.Hour)
			made, _, err := b.Create(t.Context(), bob, o, "")
			require.NoError(t, err)
			b.dieOrdering(bob, made)
			b.answered(0)
			meanwhile(b)
			b.turn()
			assert.Equal(t, 1, b.counted(made.ID).By[Confirmed])
			items, err := b.Items(t.Context(), admin, made.ID, "", -1, 3)
			require.NoError(t, err)
			require.Len(t, items, 3)
			assert.Equal(t, []any{earlier.ID, true, "joined"}, []any{items[2].Action, items[2].Joined, items[2].Code})
			assert.NotEmpty(t, items[1].Action)
			assert.Equal(t, Done, b.now(made.ID).State, "nothing was left out")
		})
	}
}

// What was not ordered is told so, beside what was.
func TestGivingUpLeavesTheRestOut(t *testing.T) {
	b := newBench(t, 2)
	bob := b.account("bob", "view lock bulk", "")
	made, _, err := b.Create(t.Context(), bob, first(2), "")
	require.NoError(t, err)
	b.exec(`UPDATE server_batch_items SET outcome = 'unknown' WHERE n = 1`) // so that it is not ordered
	b.dieOrdering(bob, made)
	b.exec(`UPDATE server_batch_items SET outcome = 'ready' WHERE n = 1`)
	b.exec(`UPDATE server_accounts SET rights = 'view lock' WHERE name = 'bob'`)
	b.turn()
	assert.Equal(t, map[Outcome]int{Ordered: 1, Denied: 1}, b.counted(made.ID).By)
	assert.Equal(t, Cancelled, b.now(made.ID).State)
}
