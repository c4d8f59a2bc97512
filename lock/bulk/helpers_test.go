package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/bulk"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/store"
)

// fleet is an inventory of devices in a slice, in which every selection selects all of them.
type fleet struct {
	devices []lock.Device
	page    int // at most so many at a time; 0: as many as are asked for
	err     error
}

func newFleet(n int) *fleet {
	f := &fleet{}
	for i := range n {
		f.devices = append(f.devices, locktest.Device(fmt.Sprintf("mac-%06d", i)))
	}
	return f
}

func (f *fleet) Devices(_ context.Context, _ string, _ bulk.Selection, after string, limit int) ([]lock.Device, error) {
	if f.err != nil {
		return nil, f.err
	}
	if f.page > 0 {
		limit = min(limit, f.page)
	}
	from, _ := slices.BinarySearchFunc(f.devices, after, func(d lock.Device, id string) int {
		if d.ID <= id {
			return -1
		}
		return strings.Compare(d.ID, id)
	})
	return f.devices[from:min(from+limit, len(f.devices))], nil
}

// office is a fixture with an inventory, and what was recorded of a batch.
type office struct {
	*locktest.Fixture
	fleet    *fleet
	order    bulk.Order
	last     map[string]bulk.Outcome // the last of each device
	progress []bulk.Progress
	denied   []string // devices that nobody may lock
}

func newOffice(t testing.TB, n int, edits ...func(*lock.Config)) *office {
	t.Helper()
	o := &office{}
	edits = append(edits, func(c *lock.Config) { c.Authorize = o })
	*o = office{
		Fixture: locktest.New(t, store.NewMemory(), edits...), fleet: newFleet(n), last: map[string]bulk.Outcome{},
		order: bulk.Order{
			Actor: locktest.Admin(), Scope: "acme", Batch: "batch-1", Request: lock.Request{Reason: "stolen lorry", Ticket: "4711"},
		},
	}
	return o
}

func (o *office) config() bulk.Config {
	return bulk.Config{Service: o.Service, Inventory: o.fleet, Record: func(_ context.Context, outcomes []bulk.Outcome, p bulk.Progress) error {
		for _, out := range outcomes {
			o.last[out.Device] = out
		}
		o.progress = append(o.progress, p)
		return nil
	}}
}

func (o *office) run(t testing.TB) (bulk.Progress, error) {
	t.Helper()
	return bulk.Run(t.Context(), o.config(), o.order)
}

// results counts the last outcomes.
func (o *office) results() map[bulk.Result]int {
	n := map[bulk.Result]int{}
	for _, out := range o.last {
		n[out.Result]++
	}
	return n
}

// actions are all actions of the ledger, oldest first.
func (o *office) actions(t testing.TB) []lock.Action {
	t.Helper()
	var all []lock.Action
	for f := (lock.Filter{Limit: 1000}); ; {
		page, err := o.Store.List(t.Context(), f)
		require.NoError(t, err)
		all = append(all, page...)
		if len(page) < 1000 {
			slices.Reverse(all)
			return all
		}
		f.Before = page[len(page)-1].ID
	}
}

// perDevice counts the batch's actions of each device.
func (o *office) perDevice(t testing.TB) map[string]int {
	t.Helper()
	n := map[string]int{}
	for _, a := range o.actions(t) {
		if a.Batch == o.order.Batch {
			n[a.Device.ID]++
		}
	}
	return n
}

func (o *office) requireOneEach(t testing.TB) {
	t.Helper()
	n := o.perDevice(t)
	require.Len(t, n, len(o.fleet.devices), "devices with an action of the batch")
	for device, actions := range n {
		require.Equal(t, 1, actions, "actions of %s in the batch", device)
	}
}

// only is the one action of a device.
func (o *office) only(t testing.TB, device string) lock.Action {
	t.Helper()
	found, err := o.Store.List(t.Context(), lock.Filter{Scope: "acme", Devices: []string{device}})
	require.NoError(t, err)
	require.Len(t, found, 1)
	return found[0]
}

// Authorize denies the locks of some devices, beside what the fixture's rights deny.
func (o *office) Authorize(ctx context.Context, a lock.Actor, v lock.Verb, target lock.Target) error {
	if v == lock.VerbLock && slices.Contains(o.denied, target.Device.ID) {
		return errors.New("not a device of your group")
	}
	return o.Rights.Authorize(ctx, a, v, target)
}

// Visible is the fixture's rights'.
func (o *office) Visible(ctx context.Context, a lock.Actor, v lock.Verb, f lock.Filter) (lock.Filter, error) {
	return o.Rights.Visible(ctx, a, v, f)
}

func parsed(t testing.TB, s string) pin.PIN {
	t.Helper()
	p, err := pin.Parse(s)
	require.NoError(t, err)
	return p
}
