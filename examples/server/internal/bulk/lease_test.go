package bulk

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory/inventorytest"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/secret"
	"github.com/latchkey-mdm/latchkey/lock"
	lockbulk "github.com/latchkey-mdm/latchkey/lock/bulk"
	"github.com/latchkey-mdm/latchkey/pin"
)

// preflighted is what a server writes that looks at the first device.
var preflighted = []lockbulk.Outcome{{Device: inventorytest.ID(0), Result: lockbulk.Ready}}

// A server that stalls in preflight wakes up when another one has ordered.
func TestLateOutcomeChangesNothing(t *testing.T) {
	for name, state := range map[string]string{
		"of a batch that has ended":      ``,
		"of a batch of another server":   `UPDATE server_batches SET state = 'running', ended_at = 0, lease_by = 'another'`,
		"of a device that has an action": `UPDATE server_batches SET state = 'running', ended_at = 0, lease_by = $1`,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 1)
			made := b.create(of(0))
			stalled := b.recorder(b.now(made.ID))
			b.turn()
			switch name {
			case "of a batch of another server":
				b.exec(state)
			case "of a device that has an action":
				b.exec(state, b.me)
			}
			before, err := b.Items(t.Context(), admin, made.ID, "", -1, 1)
			require.NoError(t, err)
			_ = stalled(t.Context(), preflighted, lockbulk.Progress{Phase: lockbulk.Preflighting})
			after, err := b.Items(t.Context(), admin, made.ID, "", -1, 1)
			require.NoError(t, err)
			assert.Equal(t, Ordered, after[0].Outcome)
			assert.Equal(t, before, after)
		})
	}
}

func TestOnlyWhoHasTheLeaseWrites(t *testing.T) {
	b := newBench(t, 1)
	made := b.create(of(0))
	before := b.now(made.ID)
	for name, by := range map[string]string{"another's": "another", "given back": ""} {
		b.exec(`UPDATE server_batches SET lease_by = $1`, by)
		require.ErrorIs(t, b.write(t.Context(), made.ID, []record{{device: inventorytest.ID(0), outcome: "ready"}}), errLost, name)
		require.ErrorIs(t, b.set(t.Context(), made.ID, `checked = 1`), errLost, name)
		require.ErrorIs(t, b.end(t.Context(), made.ID, Done, ""), errLost, name)
	}
	assert.Equal(t, before, b.now(made.ID))
	b.lease(made.ID)
	require.NoError(t, b.end(t.Context(), made.ID, Done, ""))
}

// The PIN is there for as long as its batch goes on, whatever happens to who ends it.
func TestEndAndPINGoTogether(t *testing.T) {
	b := newBench(t, 1)
	o := of(0)
	o.PIN, _ = pin.Parse("739184")
	made := b.create(o)
	b.exec(`UPDATE server_batches SET lease_by = 'another'`)
	require.ErrorIs(t, b.end(t.Context(), made.ID, Done, ""), errLost)
	pair, err := secret.Read(t.Context(), b.db, b.Sealer, pinOf(made.ID))
	require.NoError(t, err)
	assert.True(t, pair.Private.Equal(o.PIN))
}

// The ledger has the PIN as soon as one device has it.
func TestBatchGoesOnWithoutItsKeptPIN(t *testing.T) {
	b := newBench(t, 2)
	o := first(2)
	o.PIN, _ = pin.Parse("739184")
	made := b.create(o)
	b.turn()
	require.Equal(t, Done, b.now(made.ID).State)
	b.exec(`UPDATE server_batches SET state = 'running', ended_at = 0, lease_until = 0`)
	b.exec(`UPDATE server_batch_items SET outcome = '', action = '' WHERE n = 1`)
	b.turn()
	assert.Equal(t, Done, b.now(made.ID).State)
	assert.Equal(t, map[Outcome]int{Ordered: 2}, b.counted(made.ID).By)
}

// It must not become one in which each device has a PIN of its own.
func TestBatchWithoutItsPINOrdersNothing(t *testing.T) {
	b := newBench(t, 1)
	o := of(0)
	o.PIN, _ = pin.Parse("739184")
	made := b.create(o)
	b.exec(`DELETE FROM server_secrets WHERE name = $1`, string(pinOf(made.ID)))
	b.turn()
	assert.Empty(t, b.actions(made.ID))
}

// preparing is a batch whose devices this server is writing down.
func (b *bench) preparing() Batch {
	b.t.Helper()
	batch := Batch{ID: string(lock.NewID(b.Now())), Actor: admin, State: preparing, Created: b.Now()}
	require.NoError(b.t, b.insert(b.t.Context(), batch, ""))
	return batch
}

// Another server thinks that the one died which writes the devices down: the caller must hear of it.
func TestBatchThatVanishedIsNotAccepted(t *testing.T) {
	b := newBench(t, 1)
	batch := b.preparing()
	b.exec(`UPDATE server_batches SET lease_until = 1`)
	_, err := b.another(b.Sealer).next(t.Context())
	require.NoError(t, err)
	o := of(0)
	o.PIN, _ = pin.Parse("739184")
	require.Error(t, b.fill(t.Context(), admin, &batch, o))
	require.NoError(t, b.drop(t.Context(), batch.ID))
	_, err = secret.Read(t.Context(), b.db, b.Sealer, pinOf(batch.ID))
	require.ErrorIs(t, err, secret.ErrNone)
}

// The answer to who wrote it down got lost on the way.
func TestDropKeepsWhatWasWrittenWhole(t *testing.T) {
	b := newBench(t, 1)
	o := of(0)
	o.PIN, _ = pin.Parse("739184")
	made := b.create(o)
	require.NoError(t, b.drop(t.Context(), made.ID))
	b.turn()
	assert.Equal(t, Done, b.now(made.ID).State)
}

func TestInheritLeavesOnesOwn(t *testing.T) {
	b := newBench(t, 1)
	batch := b.preparing()
	b.inherit(t.Context())
	b.turn()
	require.NoError(t, b.fill(t.Context(), admin, &batch, of(0)), "it is being written down")
}

// A clock that was set back must not keep a batch waiting until it is that late again.
func TestLeaseOfAnotherTimeIsNone(t *testing.T) {
	for name, test := range map[string]struct {
		state string
		ahead time.Duration
		free  bool
	}{
		"running, at work":               {"running", lease, false},
		"running, clocks that differ":    {"running", lease + slack/2, false},
		"running, set back":              {"running", time.Hour, true},
		"preparing, at work":             {"preparing", writing, false},
		"preparing, clocks that differ":  {"preparing", writing + slack/2, false},
		"preparing, set back by an hour": {"preparing", time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 1)
			b.create(of(0))
			b.exec(`UPDATE server_batches SET state = $1, lease_by = 'another', lease_until = $2`, test.state, b.until(test.ahead))
			worked, err := b.next(t.Context())
			require.NoError(t, err)
			assert.Equal(t, test.free, worked)
		})
	}
}
