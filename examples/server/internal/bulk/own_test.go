package bulk

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory/inventorytest"
	"github.com/latchkey-mdm/latchkey/lock"
)

// TestOwnBatchStaysOnesOwn: also when one of its devices is not theirs any more. What became of that device they do not see.
func TestOwnBatchStaysOnesOwn(t *testing.T) {
	b := newBench(t, 3)
	b.group("ward", 0, 1)
	ada := b.account("ada", "view bulk lock cancel", "ward")
	eve := b.account("eve", "view bulk cancel approve break-glass", "ward")
	b.second.Store(true)
	made, _, err := b.Create(t.Context(), ada, of(0, 1), "")
	require.NoError(t, err)
	b.turn()
	waiting, err := b.Waiting(t.Context(), eve, 10)
	require.NoError(t, err)
	require.Len(t, waiting, 1)

	b.exec(`DELETE FROM server_group_members WHERE member = $1`, inventorytest.ID(1))
	found, err := b.Get(t.Context(), ada, made.ID)
	require.NoError(t, err)
	assert.Equal(t, 2, found.Total)
	listed, err := b.List(t.Context(), ada, "", 10)
	require.NoError(t, err)
	assert.Len(t, listed, 1)
	items, err := b.Items(t.Context(), ada, made.ID, "", -1, 10)
	require.NoError(t, err)
	require.Len(t, items, 1)
	assert.Equal(t, inventorytest.ID(0), items[0].Device)
	var out bytes.Buffer
	require.NoError(t, b.Export(t.Context(), ada, made.ID, audit.CSV, &out))
	assert.NotContains(t, out.String(), inventorytest.ID(1))

	require.ErrorIs(t, b.Cancel(t.Context(), eve, made.ID, "x"), lock.ErrNotFound)
	require.ErrorIs(t, b.BreakGlass(t.Context(), eve, made.ID, "x"), lock.ErrNotFound)
	waiting, err = b.Waiting(t.Context(), eve, 10)
	require.NoError(t, err)
	assert.Empty(t, waiting)
	require.NoError(t, b.Cancel(t.Context(), ada, made.ID, "stop"))
	b.turn()
	assert.Equal(t, Cancelled, b.now(made.ID).State)
}

func TestBrokenGlassLetsABatchGoOn(t *testing.T) {
	b := newBench(t, 2)
	b.group("ward", 0, 1)
	ada := b.account("ada", "view bulk lock break-glass", "ward")
	b.second.Store(true)
	made, _, err := b.Create(t.Context(), ada, of(0, 1), "")
	require.NoError(t, err)
	b.turn()
	require.Equal(t, Waiting, b.now(made.ID).State)
	require.NoError(t, b.BreakGlass(t.Context(), ada, made.ID, "nobody answers"))
	b.turn()
	assert.Len(t, b.actions(made.ID), 2)
}
