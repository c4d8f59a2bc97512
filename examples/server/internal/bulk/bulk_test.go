package bulk

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory/inventorytest"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
	"github.com/latchkey-mdm/latchkey/pin"
)

func TestEachDeviceGetsOneAction(t *testing.T) {
	b := newBench(t, 5)
	b.exec(`UPDATE server_facts SET value = '11.4' WHERE device = $1 AND name = 'OSVersion'`, inventorytest.ID(2)) // blocked
	joined, err := b.svc.Lock(t.Context(), admin, lock.Request{Device: b.device(3)})
	require.NoError(t, err)
	o := of(4, 0, 1, 2, 3, 3)
	o.Selection.Devices = append(o.Selection.Devices, "NOBODY")
	made := b.create(o)
	assert.Equal(t, Running, made.State)
	assert.Equal(t, 6, made.Total, "a device that is named twice, and one that is not there")
	b.turn()
	assert.Equal(t, Done, b.now(made.ID).State)
	c := b.counted(made.ID)
	assert.Equal(t, map[Outcome]int{Ordered: 4, Blocked: 1, Unknown: 1}, c.By)
	assert.Equal(t, Counts{Ordered: 4, Blocked: 1, Failed: 1, By: c.By}, c)
	items, err := b.Items(t.Context(), admin, made.ID, "", -1, 100)
	require.NoError(t, err)
	got := map[string]string{}
	for _, i := range items {
		got[i.Device] = fmt.Sprint(i.Outcome, " ", i.Joined, " ", i.Code)
		if i.Joined {
			assert.Equal(t, joined.ID, i.Action)
		}
	}
	assert.Equal(t, map[string]string{
		inventorytest.ID(0): "ordered false ", inventorytest.ID(1): "ordered false ", inventorytest.ID(4): "ordered false ",
		inventorytest.ID(2): "blocked false apple_silicon_before_11_5", inventorytest.ID(3): "ordered true joined", "NOBODY": "unknown false unknown_device",
	}, got)
	assert.Len(t, b.actions(made.ID), 3)
	b.turn()
	assert.Len(t, b.actions(made.ID), 3, "what has ended is over")
}

func (b *bench) device(n int) lock.Device {
	b.t.Helper()
	d, err := b.devices.Find(b.t.Context(), inventorytest.ID(n))
	require.NoError(b.t, err)
	return d.Device
}

func TestSelectionIsFrozen(t *testing.T) {
	b := newBench(t, 4)
	group := b.group("g", 0, 1)
	o := Order{}
	o.Selection.Groups = append(o.Selection.Groups, group)
	made := b.create(o)
	b.exec(`DELETE FROM server_group_members WHERE member = $1`, inventorytest.ID(0))
	b.exec(`INSERT INTO server_group_members (grp, member) VALUES ('g', $1)`, inventorytest.ID(3))
	b.turn()
	var devices []string
	for _, a := range b.actions(made.ID) {
		devices = append(devices, a.Device.ID)
	}
	assert.ElementsMatch(t, []string{inventorytest.ID(0), inventorytest.ID(1)}, devices)
}

func TestOutcomesFollowTheLedger(t *testing.T) {
	b := newBench(t, 3)
	made := b.create(first(3))
	b.turn()
	cmd, err := b.svc.Next(t.Context(), b.device(0))
	require.NoError(t, err)
	_, err = b.svc.Next(t.Context(), b.device(1))
	require.NoError(t, err)
	assert.Equal(t, map[Outcome]int{Sent: 2, Ordered: 1}, b.counted(made.ID).By)
	require.NoError(t, b.svc.Report(t.Context(), lock.Report{
		Scope: inventory.Scope, Device: inventorytest.ID(0), Action: cmd.ID, Outcome: lock.Acknowledged,
	}))
	c := b.counted(made.ID)
	assert.Equal(t, map[Outcome]int{Confirmed: 1, Sent: 1, Ordered: 1}, c.By)
	assert.Equal(t, []int{3, 1}, []int{c.Ordered, c.Confirmed})
	var out bytes.Buffer
	require.NoError(t, b.Export(t.Context(), admin, made.ID, audit.CSV, &out))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 4)
	assert.Contains(t, lines[1], inventorytest.ID(0))
	assert.Contains(t, lines[1], "confirmed")
}

func TestItemsOfAShare(t *testing.T) {
	b := newBench(t, 6)
	b.exec(`UPDATE server_facts SET value = '11.4' WHERE device IN ($1, $2) AND name = 'OSVersion'`, inventorytest.ID(1), inventorytest.ID(4))
	made := b.create(first(6))
	b.turn()
	blocked, err := b.Items(t.Context(), admin, made.ID, "blocked", -1, 1)
	require.NoError(t, err)
	require.Len(t, blocked, 1)
	assert.Equal(t, inventorytest.ID(1), blocked[0].Device)
	assert.NotEmpty(t, blocked[0].Reason)
	blocked, err = b.Items(t.Context(), admin, made.ID, "blocked", blocked[0].N, 10)
	require.NoError(t, err)
	require.Len(t, blocked, 1)
	assert.Equal(t, inventorytest.ID(4), blocked[0].Device)
	_, err = b.Items(t.Context(), admin, made.ID, "everything", -1, 10)
	require.ErrorAs(t, err, new(*lock.InputError))
}

func TestPreflightOrdersNothing(t *testing.T) {
	b := newBench(t, 3)
	b.exec(`UPDATE server_facts SET value = '11.4' WHERE device = $1 AND name = 'OSVersion'`, inventorytest.ID(1))
	o := first(3)
	o.Selection.Devices = append(o.Selection.Devices, "NOBODY")
	check, err := b.Preflight(t.Context(), admin, o)
	require.NoError(t, err)
	assert.Equal(t, []int{4, 2}, []int{check.Total, check.Ready})
	assert.Equal(t, map[string]int{"apple_silicon_before_11_5": 1, "unknown": 1}, check.By)
	require.Len(t, check.Stopped, 2)
	assert.Equal(t, inventorytest.ID(1), check.Stopped[0].Device)
	assert.Equal(t, map[string]int{mdmproto.PlatformName: 2}, check.Platforms)
	require.Len(t, check.Notes, 1, "of those that would be ordered")
	assert.Equal(t, []any{"restarts", 2}, []any{check.Notes[0].Code, check.Notes[0].N})
	found, err := b.List(t.Context(), admin, "", 10)
	require.NoError(t, err)
	assert.Empty(t, found)
	assert.Empty(t, b.actions(""))
}

func TestKeyLeadsToOneOrder(t *testing.T) {
	b := newBench(t, 3)
	code, err := pin.Parse("739184")
	require.NoError(t, err)
	o := first(2)
	o.PIN = code
	made, _, err := b.Create(t.Context(), admin, o, "k")
	require.NoError(t, err)
	same, again, err := b.Create(t.Context(), admin, o, "k")
	require.NoError(t, err)
	assert.Equal(t, []any{made.ID, true}, []any{same.ID, again})
	for name, change := range map[string]func(*Order){
		"other devices": func(o *Order) { o.Selection = first(3).Selection },
		"other reason":  func(o *Order) { o.Reason = "another" },
		"other PIN":     func(o *Order) { o.PIN, _ = pin.Parse("739185") },
		"PIN for each":  func(o *Order) { o.PIN = pin.PIN{} },
	} {
		other := o
		change(&other)
		_, _, err := b.Create(t.Context(), admin, other, "k")
		require.ErrorIs(t, err, lock.ErrKeyReused, name)
	}
	_, _, err = b.Create(t.Context(), b.account("eve", "lock bulk view", ""), o, "k")
	require.ErrorIs(t, err, lock.ErrKeyReused)
	b.turn()
	assert.Len(t, b.actions(made.ID), 2)
}

func TestWhatIsRefused(t *testing.T) {
	b := newBench(t, 1)
	nobody, named, number, long := Order{}, of(0), of(0), of(0)
	nobody.Selection.Devices = []string{"NOBODY"}
	named.Selection.Groups = append(named.Selection.Groups, b.group("g"))
	named.Selection.Groups[0].ID = "no such group"
	number.PIN, _ = pin.Parse("739184")
	number.Message = "739184"
	long.Ticket = strings.Repeat("x", 200)
	for field, o := range map[string]Order{"devices": nobody, "groups": named, "message": number, "ticket": long} {
		_, _, err := b.Create(t.Context(), admin, o, "")
		var input *lock.InputError
		if assert.ErrorAs(t, err, &input, field) {
			assert.Equal(t, field, input.Field)
		}
	}
	_, _, err := b.Create(t.Context(), b.account("eve", "lock view", ""), of(0), "")
	require.ErrorIs(t, err, lock.ErrDenied)
	found, err := b.List(t.Context(), admin, "", 10)
	require.NoError(t, err)
	assert.Empty(t, found, "nothing of it is kept")
}

func TestBatchOfOthersIsNotThere(t *testing.T) {
	b := newBench(t, 3)
	b.group("a", 0)
	b.group("b", 1, 2)
	eve := b.account("eve", "lock bulk view cancel approve", "a")
	theirs, mixed := b.create(of(1, 2)), b.create(of(0, 1))
	own, _, err := b.Create(t.Context(), eve, of(0), "")
	require.NoError(t, err)
	for _, id := range []string{theirs.ID, mixed.ID, "nothing"} {
		_, err := b.Get(t.Context(), eve, id)
		require.ErrorIs(t, err, lock.ErrNotFound)
		for _, decide := range []func(context.Context, lock.Actor, string, string) error{b.Cancel, b.Approve, b.Reject} {
			require.ErrorIs(t, decide(t.Context(), eve, id, ""), lock.ErrNotFound)
		}
	}
	found, err := b.List(t.Context(), eve, "", 10)
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, own.ID, found[0].ID)
	_, _, err = b.Create(t.Context(), eve, of(1), "")
	require.ErrorAs(t, err, new(*lock.InputError), "it is not there for her")
	foreign, _, err := b.Create(t.Context(), eve, of(0, 1), "")
	require.NoError(t, err)
	b.turn()
	assert.Empty(t, b.actions(foreign.ID), "her own device has a lock already, and that of others is none of hers")
	_, err = b.Get(t.Context(), eve, foreign.ID)
	require.NoError(t, err)
	items, err := b.Items(t.Context(), admin, foreign.ID, "", -1, 10)
	require.NoError(t, err)
	require.Len(t, items, 2)
	assert.Equal(t, Item{N: items[1].N, Device: inventorytest.ID(1), Outcome: Unknown, Code: "unknown_device", Reason: "There is no such device."}, items[1])
}

func TestNumbersThatMayBePINsAreNotKept(t *testing.T) {
	b := newBench(t, 1)
	o := of(0)
	o.Reason = "739184 did not work, nor 739-185; call 0123456789"
	made := b.create(o)
	assert.Equal(t, "[digits] did not work, nor [digits]; call [digits]", b.now(made.ID).Ask.Reason)
}
