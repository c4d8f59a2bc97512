package bulk_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/bulk"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

func TestRunOrdersEachDeviceOnce(t *testing.T) {
	o := newOffice(t, 1200)
	p, err := o.run(t)
	require.NoError(t, err)
	assert.Equal(t, bulk.Progress{Phase: bulk.Ordering, Total: 1200, Done: 1200, Ordered: 1200}, p)
	o.requireOneEach(t)
	again, err := o.run(t)
	require.NoError(t, err)
	assert.Equal(t, p, again, "run again, it counts the whole batch")
	o.requireOneEach(t)
	assert.Equal(t, map[bulk.Result]int{bulk.Ordered: 1200}, o.results())
	a := o.only(t, "mac-000000")
	assert.Equal(t, []string{"batch-1/mac-000000", "batch-1", "4711", "stolen lorry"}, []string{a.Key, a.Batch, a.Ticket, a.Reason})
	assert.Equal(t, lock.StateQueued, a.State)
	assert.Equal(t, bulk.Outcome{
		Device: "mac-000000", Platform: "test", Serial: "S-mac-000000", Name: "Mac of mac-000000", Result: bulk.Ordered, Action: a.ID, State: lock.StateQueued,
	}, o.last["mac-000000"])
	assert.NotEqual(t, o.PIN(a.ID), o.PIN(o.only(t, "mac-000001").ID), "a PIN of its own for each")
}

func TestRunPreflightsAllBeforeItOrders(t *testing.T) {
	o := newOffice(t, 15)
	o.fleet.page = 10
	var phases []bulk.Phase
	cfg := o.config()
	cfg.Record = func(_ context.Context, _ []bulk.Outcome, p bulk.Progress) error {
		if p.Phase == bulk.Preflighting {
			assert.Zero(t, o.Store.Commits())
		}
		phases = append(phases, p.Phase)
		return nil
	}
	_, err := bulk.Run(t.Context(), cfg, o.order)
	require.NoError(t, err)
	assert.Equal(t, []bulk.Phase{bulk.Preflighting, bulk.Preflighting, bulk.Ordering, bulk.Ordering}, phases)
}

// sieve blocks every tenth device.
type sieve struct{ locktest.Codec }

func (s *sieve) Plan(d lock.Device, r lock.Request) lock.Plan {
	plan := s.Codec.Plan(d, r)
	if len(d.ID) > 0 && d.ID[len(d.ID)-1] == '0' {
		plan.Findings = []lock.Finding{
			{Code: "no_pin", Level: lock.LevelBlock, Text: "A phone takes no PIN.", Forceable: true},
			{Code: "warned", Level: lock.LevelWarn, Text: "Careful."},
			{Code: "too_old", Level: lock.LevelBlock, Text: "Too old.", Forceable: true},
		}
	}
	return plan
}

func sieved(c *lock.Config) { c.Platforms[0].Codec = &sieve{} }

func TestRunGoesOnPastBlockedDevices(t *testing.T) {
	o := newOffice(t, 20, sieved)
	p, err := o.run(t)
	require.NoError(t, err)
	assert.Equal(t, bulk.Progress{Phase: bulk.Ordering, Total: 18, Done: 20, Ordered: 18, Blocked: 2}, p)
	out := o.last["mac-000010"]
	assert.Equal(t, []string{"blocked", "no_pin", "A phone takes no PIN. Too old."}, []string{string(out.Result), out.Code, out.Reason})
	assert.Empty(t, out.Action)
}

func TestRunForces(t *testing.T) {
	o := newOffice(t, 20, sieved)
	o.order.Request.Force = true
	p, err := o.run(t)
	require.NoError(t, err)
	assert.Equal(t, 20, p.Ordered)
}

func TestRunStopsIfBlocked(t *testing.T) {
	o := newOffice(t, 20, sieved)
	o.order.StopIfBlocked = true
	p, err := o.run(t)
	require.ErrorIs(t, err, bulk.ErrBlocked)
	assert.Equal(t, bulk.Progress{Phase: bulk.Preflighting, Done: 20, Ready: 18, Blocked: 2}, p)
	assert.Equal(t, map[bulk.Result]int{bulk.Ready: 18, bulk.Blocked: 2}, o.results())
	assert.Zero(t, o.Store.Commits())
}

func TestRunWithNothingToOrder(t *testing.T) {
	o := newOffice(t, 0)
	o.order.Selection.Devices = []string{"mac-9"}
	_, err := o.run(t)
	require.ErrorIs(t, err, bulk.ErrNothing)
	assert.Equal(t, map[bulk.Result]int{bulk.Unknown: 1}, o.results())
	assert.Zero(t, o.Store.Commits())
}

func TestPreflightOrdersNothing(t *testing.T) {
	o := newOffice(t, 20, sieved)
	p, err := bulk.Preflight(t.Context(), o.config(), o.order)
	require.NoError(t, err)
	assert.Equal(t, bulk.Progress{Phase: bulk.Preflighting, Done: 20, Ready: 18, Blocked: 2}, p)
	assert.Zero(t, o.Store.Commits())
}

func TestPreflightSaysWhatWillHappen(t *testing.T) {
	o := newOffice(t, 20, sieved)
	_, err := bulk.Preflight(t.Context(), o.config(), o.order)
	require.NoError(t, err)
	assert.Empty(t, o.last["mac-000010"].Findings, "nothing will happen")
	o.order.Request.Force = true
	_, err = bulk.Preflight(t.Context(), o.config(), o.order)
	require.NoError(t, err)
	var codes []string
	for _, f := range o.last["mac-000010"].Findings {
		codes = append(codes, f.Code)
	}
	assert.Equal(t, []string{"no_pin", "warned", "too_old"}, codes)
}

// TestPreflightBesideALiveLock: nothing else will happen on such a device, whatever the platform finds.
func TestPreflightBesideALiveLock(t *testing.T) {
	o := newOffice(t, 20, sieved)
	for _, i := range []int{3, 10} {
		o.Lock(o.fleet.devices[i], func(r *lock.Request) { r.Force = true })
	}
	p, err := bulk.Preflight(t.Context(), o.config(), o.order)
	require.NoError(t, err)
	assert.Equal(t, bulk.Progress{Phase: bulk.Preflighting, Done: 20, Ready: 19, Blocked: 1}, p)
	for _, device := range []string{"mac-000003", "mac-000010"} {
		require.Len(t, o.last[device].Findings, 1)
		assert.Equal(t, "live_lock", o.last[device].Findings[0].Code)
	}
	p, err = o.run(t)
	require.NoError(t, err)
	assert.Equal(t, bulk.Progress{Phase: bulk.Ordering, Total: 19, Done: 20, Ordered: 17, Joined: 2, Blocked: 1}, p, "as foretold")

	o.order.Request.PIN = parsed(t, "739184")
	p, err = bulk.Preflight(t.Context(), o.config(), o.order)
	require.NoError(t, err)
	assert.Equal(t, bulk.Progress{Phase: bulk.Preflighting, Done: 20, Blocked: 1, Busy: 19}, p)
	assert.Equal(t, "busy", o.last["mac-000003"].Code)
	assert.Contains(t, o.last["mac-000003"].Reason, "a PIN that you did not choose")
}

func TestRunOutcomes(t *testing.T) {
	o := newOffice(t, 4)
	o.order.Selection.Devices = []string{"zebra", "mac-000001", "mac-0000001", "zebra", "aardvark"}
	live := o.Lock(o.fleet.devices[1])
	o.Rights.DenyTo("nobody", lock.VerbLock)
	p, err := o.run(t)
	require.NoError(t, err)
	assert.Equal(t, bulk.Progress{Phase: bulk.Ordering, Total: 4, Done: 7, Ordered: 3, Joined: 1, Unknown: 3}, p)
	joined := o.last["mac-000001"]
	assert.Equal(t, []string{"joined", string(live.ID)}, []string{string(joined.Result), string(joined.Action)})
	assert.Equal(t, bulk.Unknown, o.last["aardvark"].Result)
	assert.Equal(t, "unknown", o.last["zebra"].Code)
}

func TestRunDeniedAndBusy(t *testing.T) {
	o := newOffice(t, 3)
	o.order.Request.PIN = parsed(t, "739184")
	live := o.Lock(o.fleet.devices[0])
	o.denied = []string{"mac-000002"}
	p, err := o.run(t)
	require.NoError(t, err)
	assert.Equal(t, bulk.Progress{Phase: bulk.Ordering, Total: 2, Done: 3, Ordered: 1, Denied: 1, Busy: 1}, p)
	assert.Equal(t, []string{"busy", string(live.ID)}, []string{o.last["mac-000000"].Code, string(o.last["mac-000000"].Action)})
	assert.Equal(t, "denied", o.last["mac-000002"].Code)
}

func TestRunOrdersWhatIsFreeByThen(t *testing.T) {
	o := newOffice(t, 1)
	o.order.Request.PIN = parsed(t, "739184")
	live := o.Lock(o.fleet.devices[0])
	cfg := o.config()
	cfg.Record = func(ctx context.Context, _ []bulk.Outcome, p bulk.Progress) error {
		if p.Phase == bulk.Preflighting {
			assert.Equal(t, 1, p.Busy)
			_, err := o.Service.Cancel(ctx, locktest.Admin(), live.ID, "")
			return err
		}
		return nil
	}
	p, err := bulk.Run(t.Context(), cfg, o.order)
	require.NoError(t, err)
	assert.Equal(t, 1, p.Ordered)
}

func TestRunAfterRightsWereTaken(t *testing.T) {
	o := newOffice(t, 3)
	o.denied = []string{"mac-000002"}
	_, err := o.run(t)
	require.NoError(t, err)
	o.denied = []string{"mac-000000", "mac-000001", "mac-000002"}
	p, err := o.run(t)
	require.NoError(t, err)
	assert.Equal(t, []int{2, 1}, []int{p.Ordered, p.Denied}, "what was ordered stays so")
}

func TestRunNeedsTheRightToBulk(t *testing.T) {
	o := newOffice(t, 3)
	o.Rights.Deny(lock.VerbBulk)
	_, err := o.run(t)
	require.ErrorIs(t, err, lock.ErrDenied)
	assert.Empty(t, o.actions(t))
}

func TestRunWaitsForASecondPerson(t *testing.T) {
	o := newOffice(t, 5, locktest.TwoPersons(lock.VerbBulk))
	_, err := o.run(t)
	require.ErrorIs(t, err, lock.ErrPending)
	_, err = o.run(t)
	require.ErrorIs(t, err, lock.ErrPending)
	assert.Empty(t, o.actions(t))
	require.NoError(t, o.Service.ApproveBatch(t.Context(), locktest.Second(), "acme", "batch-1", "saw the lorry"))
	o.fleet.devices = append(o.fleet.devices, locktest.Device("zebra"))
	p, err := o.run(t)
	require.NoError(t, err)
	assert.Equal(t, []int{5, 5, 1}, []int{p.Total, p.Ordered, p.Failed}, "no more than were approved")
	assert.Equal(t, "invalid_batch", o.last["zebra"].Code)
}

func TestRunOfARejectedBatch(t *testing.T) {
	o := newOffice(t, 5, locktest.TwoPersons(lock.VerbBulk))
	_, err := o.run(t)
	require.ErrorIs(t, err, lock.ErrPending)
	require.NoError(t, o.Service.RejectBatch(t.Context(), locktest.Second(), "acme", "batch-1", "which lorry?"))
	p, err := o.run(t)
	require.ErrorIs(t, err, lock.ErrCancelled)
	assert.Equal(t, 5, p.Cancelled)
	assert.Equal(t, map[bulk.Result]int{bulk.Cancelled: 5}, o.results())
}

func TestRunIsCancelledHalfway(t *testing.T) {
	o := newOffice(t, 25)
	o.fleet.page = 10
	cfg := o.config()
	record := cfg.Record
	cfg.Record = func(ctx context.Context, outcomes []bulk.Outcome, p bulk.Progress) error {
		if p.Phase == bulk.Ordering && p.Done == 10 {
			if _, err := o.Service.Next(ctx, o.fleet.devices[3]); err != nil {
				return err
			}
			if err := o.Service.CancelBatch(ctx, locktest.Second(), "acme", "batch-1", "found"); err != nil {
				return err
			}
		}
		return record(ctx, outcomes, p)
	}
	p, err := bulk.Run(t.Context(), cfg, o.order)
	require.ErrorIs(t, err, lock.ErrCancelled)
	assert.Equal(t, bulk.Progress{Phase: bulk.Ordering, Total: 25, Done: 25, Ordered: 10, Cancelled: 15}, p)
	states := map[lock.State]int{}
	for _, a := range o.actions(t) {
		states[a.State]++
	}
	assert.Equal(t, map[lock.State]int{lock.StateCancelled: 9, lock.StateIssued: 1}, states)
	p, err = o.run(t)
	require.ErrorIs(t, err, lock.ErrCancelled)
	assert.Equal(t, []int{10, 15}, []int{p.Ordered, p.Cancelled})
	assert.Equal(t, lock.StateCancelled, o.last["mac-000000"].State)
}

// An inventory gives what has no outcome yet, and all have one.
func TestRunOfACancelledBatchWithNothingLeft(t *testing.T) {
	o := newOffice(t, 5)
	_, err := o.run(t)
	require.NoError(t, err)
	require.NoError(t, o.Service.CancelBatch(t.Context(), locktest.Second(), "acme", "batch-1", "found"))
	o.fleet.devices = nil
	_, err = o.run(t)
	require.ErrorIs(t, err, lock.ErrCancelled)
}

func TestRunSharesOnePINWhenAsked(t *testing.T) {
	o := newOffice(t, 15)
	o.fleet.page = 10
	o.order.Request.PIN = parsed(t, "739184")
	cfg := o.config()
	cfg.Record = func(_ context.Context, _ []bulk.Outcome, p bulk.Progress) error {
		if p.Phase == bulk.Ordering {
			return errFull // after the first chunk
		}
		return nil
	}
	_, err := bulk.Run(t.Context(), cfg, o.order)
	require.ErrorIs(t, err, errFull)
	o.order.Request.PIN = pin.PIN{}
	_, err = o.run(t)
	require.NoError(t, err, "the PIN is opened from the batch's first action")
	o.requireOneEach(t)
	assert.Equal(t, "739184", o.PIN(o.only(t, "mac-000014").ID))
}

func TestRunKeepsPINs(t *testing.T) {
	o := newOffice(t, 2)
	first := o.Lock(o.fleet.devices[0])
	code := o.Deliver(o.fleet.devices[0]).PIN
	o.Answer(first, lock.Acknowledged)
	o.Clock.Advance(time.Hour)
	require.NoError(t, o.Service.Seen(t.Context(), o.fleet.devices[0], lock.EvidencePoll))
	o.order.Request.Keep = true
	p, err := o.run(t)
	require.NoError(t, err)
	assert.Equal(t, []int{1, 1, 1}, []int{p.Total, p.Ordered, p.Blocked})
	assert.Equal(t, "pin_nothing_to_keep", o.last["mac-000001"].Code)
	assert.Equal(t, code, o.PIN(o.last["mac-000000"].Action))
}

var errFull = errors.New("disk full")

func TestRunStopsWhenOthersFail(t *testing.T) {
	o := newOffice(t, 3)
	o.fleet.err = errFull
	_, err := o.run(t)
	require.ErrorIs(t, err, errFull)
	o.fleet.err = nil
	cfg := o.config()
	cfg.Record = func(context.Context, []bulk.Outcome, bulk.Progress) error { return errFull }
	_, err = bulk.Run(t.Context(), cfg, o.order)
	require.ErrorIs(t, err, errFull)
	assert.Empty(t, o.actions(t))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, err = bulk.Run(ctx, o.config(), o.order)
	require.ErrorIs(t, err, context.Canceled)
}

func TestRunHoldsTheInventoryToItsOrder(t *testing.T) {
	o := newOffice(t, 3)
	o.fleet.devices = slices.Insert(o.fleet.devices, 1, o.fleet.devices[0], o.fleet.devices[0]) // selected by several groups
	p, err := bulk.Preflight(t.Context(), o.config(), o.order)
	require.NoError(t, err)
	assert.Equal(t, 3, p.Ready, "the same device counts once")
	slices.Reverse(o.fleet.devices)
	_, err = bulk.Run(t.Context(), bulk.Config{Service: o.Service, Inventory: whole{o.fleet}}, o.order)
	var unsorted *bulk.UnsortedError
	require.ErrorAs(t, err, &unsorted)
	assert.Equal(t, bulk.UnsortedError{After: "mac-000002", Device: "mac-000001"}, *unsorted)
	assert.Empty(t, o.actions(t))
}

// whole is an inventory that gives all of its devices as they are, again and again.
type whole struct{ *fleet }

func (w whole) Devices(context.Context, string, bulk.Selection, string, int) ([]lock.Device, error) {
	return w.devices, nil
}
