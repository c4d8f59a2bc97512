package lock_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

// poll is Next as the transport sees it.
func poll(t *testing.T, f *locktest.Fixture) lock.Command {
	t.Helper()
	cmd, err := f.Service.Next(t.Context(), mac())
	require.NoError(t, err)
	return cmd
}

func TestRedelivery(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	first := poll(t, f)
	require.Equal(t, a.ID, first.ID)
	for range 2 {
		f.Clock.Advance(time.Minute)
		assert.Equal(t, first, poll(t, f), "a command that is delivered again is the same, byte by byte")
	}
	require.Equal(t, lock.Command{}, poll(t, f))
	assert.Equal(t, lock.StateUnconfirmed, f.Get(a.ID).State)

	events := eventsOf(t, f, a.ID)
	assert.Equal(t, []lock.EventType{
		lock.EventOrdered, lock.EventIssued, lock.EventRedelivered, lock.EventRedelivered, lock.EventLapsed,
	}, typesOf(events))
	assert.Equal(t, []int{0, 1, 2, 3, 0}, deliveries(events))
	assert.Contains(t, events[4].Reason, "delivered 3 times")
	assert.NotEmpty(t, f.PIN(a.ID), "what may be on the device stays revealable")
	requireReplay(t, f.Store, a.ID)
}

func deliveries(events []lock.Event) []int {
	numbers := make([]int, len(events))
	for i, e := range events {
		numbers[i] = e.Delivery
	}
	return numbers
}

func TestMaxDeliveriesOne(t *testing.T) {
	f := newFixture(t, func(c *lock.Config) { c.Platforms[0].MaxDeliveries = 1 })
	a := f.Lock(mac())
	require.Equal(t, a.ID, poll(t, f).ID)
	require.Empty(t, poll(t, f).ID)
	assert.Equal(t, lock.StateUnconfirmed, f.Get(a.ID).State)
}

// TestNotNowCountsInTheEnd: a device that never has time does not fill the ledger for ever.
func TestNotNowCountsInTheEnd(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	for range 102 {
		require.Equal(t, a.ID, poll(t, f).ID)
		f.Answer(a, lock.NotNow)
	}
	require.Equal(t, a.ID, poll(t, f).ID)
	require.Empty(t, poll(t, f).ID)
	assert.Equal(t, lock.StateUnconfirmed, f.Get(a.ID).State)
}

func TestNotNowDoesNotCount(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	for range 10 {
		require.Equal(t, a.ID, poll(t, f).ID)
		f.Answer(a, lock.NotNow)
		f.Answer(a, lock.NotNow) // said twice of one delivery
	}
	deferred := f.Get(a.ID)
	assert.Equal(t, lock.StateIssued, deferred.State)
	assert.True(t, deferred.Deferred)
	assert.Equal(t, []int{10, 10}, []int{deferred.Deliveries, deferred.Deferrals})
	for range 3 {
		require.Equal(t, a.ID, poll(t, f).ID)
	}
	require.Empty(t, poll(t, f).ID)
	assert.Equal(t, lock.StateUnconfirmed, f.Get(a.ID).State)
	requireReplay(t, f.Store, a.ID)
}

func TestNothingIsDeliveredOnceItEnded(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *locktest.Fixture, lock.Action){
		"acknowledged":      func(_ *testing.T, f *locktest.Fixture, a lock.Action) { f.Answer(a, lock.Acknowledged) },
		"refused":           func(_ *testing.T, f *locktest.Fixture, a lock.Action) { f.Answer(a, lock.Refused) },
		"cancelled":         func(t *testing.T, f *locktest.Fixture, a lock.Action) { t.Helper(); cancel(t, f, a.ID) },
		"past its deadline": func(_ *testing.T, f *locktest.Fixture, _ lock.Action) { f.Clock.Advance(30 * 24 * time.Hour) },
		"of another enrolment": func(t *testing.T, f *locktest.Fixture, _ lock.Action) {
			t.Helper()
			seen(t, f, lock.EvidenceReenrolled)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a := f.Lock(mac())
			require.Equal(t, a.ID, poll(t, f).ID)
			end(t, f, a)
			assert.Empty(t, poll(t, f).ID)
		})
	}
}

func TestDeadlineAtThePoll(t *testing.T) {
	for name, c := range map[string]struct {
		issued bool
		wait   time.Duration
		want   lock.State
		event  lock.EventType
	}{
		"queued, just before": {false, time.Hour - time.Microsecond, lock.StateIssued, lock.EventIssued},
		"queued, at it":       {false, time.Hour, lock.StateExpired, lock.EventExpired},
		"issued, just before": {true, time.Hour - time.Microsecond, lock.StateIssued, lock.EventRedelivered},
		"issued, at it":       {true, time.Hour, lock.StateUnconfirmed, lock.EventLapsed},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a := f.Lock(mac(), func(r *lock.Request) { r.NotAfter = f.Clock.Now().Add(time.Hour) })
			if c.issued {
				poll(t, f)
			}
			f.Clock.Advance(c.wait)
			assert.Equal(t, c.want == lock.StateIssued, poll(t, f).ID == a.ID)
			got := f.Get(a.ID)
			assert.Equal(t, c.want, got.State)
			events := eventsOf(t, f, a.ID)
			assert.Equal(t, c.event, events[len(events)-1].Type)
		})
	}
}

func TestNextOfOtherDevices(t *testing.T) {
	f := newFixture(t, func(c *lock.Config) {
		c.Platforms = append(c.Platforms, lock.Platform{Name: "other", Codec: &locktest.Codec{}})
	})
	a := f.Lock(mac())
	elsewhere, transport := mac(), mac()
	elsewhere.Scope, transport.Platform = "globex", "other"
	for name, d := range map[string]lock.Device{"another ID": locktest.Device("mac-2"), "another scope": elsewhere, "another transport": transport} {
		t.Run(name, func(t *testing.T) {
			cmd, err := f.Service.Next(t.Context(), d)
			require.NoError(t, err)
			assert.Empty(t, cmd.ID)
		})
	}
	assert.Equal(t, lock.StateQueued, f.Get(a.ID).State)
	_, err := f.Service.Next(t.Context(), lock.Device{ID: "mac-1"})
	assert.Equal(t, "device.scope", inputField(err))
}

// TestLockJumpsTheQueue puts an older action of another kind beside the lock, as later verbs will.
func TestLockJumpsTheQueue(t *testing.T) {
	f := newFixture(t)
	e := lock.Event{
		Action: lock.NewID(f.Clock.Now().Add(-time.Hour)), Seq: 1, Type: lock.EventOrdered, Time: f.Clock.Now(), Scope: "acme", Device: "mac-1",
		Order: &lock.Action{Kind: lock.KindClearPasscode, State: lock.StateQueued, Device: mac()},
	}
	require.NoError(t, e.Seal(nil))
	clearing, err := lock.Action{}.Apply(e)
	require.NoError(t, err)
	errs, err := f.Store.Commit(t.Context(), []lock.Change{{Actions: []lock.Action{clearing}, Events: []lock.Event{e}}})
	require.NoError(t, errors.Join(append(errs, err)...))

	a := f.Lock(mac())
	require.Equal(t, a.ID, poll(t, f).ID)
	f.Answer(a, lock.Acknowledged)
	assert.Equal(t, clearing.ID, poll(t, f).ID)
}

func TestNextWhenTheKeyIsMissing(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	without := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer = locktest.Keyring("another") })
	cmd, err := without.Service.Next(t.Context(), mac())
	require.ErrorIs(t, err, lock.ErrSealed)
	require.ErrorContains(t, err, `"test"`, "the error names the key")
	assert.Empty(t, cmd)
	assert.Equal(t, lock.StateQueued, f.Get(a.ID).State, "nothing left, so nothing is claimed")

	restored := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer = locktest.Keyring("another", "test") })
	assert.Equal(t, f.PIN(a.ID), restored.Deliver(mac()).PIN)
}

func TestNextWhenTheCodecFails(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	f.Codec.Err = errors.New("no such command")
	_, err := f.Service.Next(t.Context(), mac())
	require.ErrorIs(t, err, f.Codec.Err)
	assert.Equal(t, lock.StateQueued, f.Get(a.ID).State)
}

func TestNextWhenTheStoreFails(t *testing.T) {
	for name, c := range map[string]struct {
		before, after int
		claimed       int
	}{
		"before the commit": {locktest.Forever, 0, 0},
		"answers get lost":  {0, locktest.Forever, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a := f.Lock(mac())
			f.Store.FailBefore(c.before)
			f.Store.FailAfter(c.after)
			cmd, err := f.Service.Next(t.Context(), mac())
			require.ErrorIs(t, err, locktest.ErrFault)
			assert.Empty(t, cmd, "no byte leaves without its claim")
			assert.Equal(t, c.claimed, f.Get(a.ID).Deliveries)
			f.Store.FailBefore(0)
			f.Store.FailAfter(0)
			require.Equal(t, a.ID, poll(t, f).ID)
			assert.Equal(t, c.claimed+1, f.Get(a.ID).Deliveries)
		})
	}
}

// TestNextPassesOverWhatIsSealed: one command that cannot be made holds up no other, and none leaves that needs the same secret.
func TestNextPassesOverWhatIsSealed(t *testing.T) {
	for name, order := range map[string]func(f *locktest.Fixture, d lock.Device, token lock.ID) (waits lock.Action, sealed lock.ID){
		"its PIN": func(f *locktest.Fixture, d lock.Device, _ lock.ID) (lock.Action, lock.ID) {
			a := f.Lock(d)
			return a, a.ID
		},
		"the token that it uses": func(f *locktest.Fixture, d lock.Device, token lock.ID) (lock.Action, lock.ID) {
			a, err := f.Service.ResetPasscode(t.Context(), locktest.Admin(), lock.Request{Device: d})
			require.NoError(t, err)
			return a, token
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			token, d, _ := provisioned(t, f)
			waits, sealed := order(f, d, token.ID)
			f.Clock.Advance(time.Second)
			revoke, err := f.Service.RevokeToken(t.Context(), locktest.Admin(), token.ID, lock.Request{Device: d})
			require.NoError(t, err)
			var log bytes.Buffer
			half := locktest.New(t, f.Store, func(c *lock.Config) {
				c.Now, c.Sealer = f.Clock.Now, blind{c.Sealer, string(sealed), pin.ErrOpen}
				c.Logger = slog.New(slog.NewTextHandler(&log, nil))
			})
			require.Equal(t, revoke.ID, take(t, half, d).ID)
			assert.Contains(t, log.String(), string(sealed))
			f.Answer(revoke, lock.Refused)
			_, err = half.Service.Next(t.Context(), d)
			require.ErrorIs(t, err, lock.ErrSealed)
			assert.Zero(t, f.Get(waits.ID).Deliveries)
			assert.Equal(t, waits.ID, take(t, f, d).ID, "once it opens")
		})
	}
}

// outpaced is a store in which something happens right after a listing.
type outpaced struct {
	lock.Store
	then func()
}

func (o *outpaced) List(ctx context.Context, f lock.Filter) ([]lock.Action, error) {
	found, err := o.Store.List(ctx, f)
	if then := o.then; then != nil {
		o.then = nil
		then()
	}
	return found, err
}

// TestTheLastDeliveryIsTheLast: another process takes it between this one's look and its claim.
func TestTheLastDeliveryIsTheLast(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	for range 2 {
		require.Equal(t, a.ID, poll(t, f).ID)
	}
	slow := &outpaced{Store: f.Store, then: func() { require.Equal(t, a.ID, poll(t, f).ID) }}
	cmd, err := locktest.New(t, slow).Service.Next(t.Context(), mac())
	require.NoError(t, err)
	assert.Empty(t, cmd.ID, "three of three had left")
	assert.Equal(t, 3, f.Get(a.ID).Deliveries)
}

// TestDeliveryNumbersAreTakenOnce polls from many goroutines through two services on one store.
func TestDeliveryNumbersAreTakenOnce(t *testing.T) {
	const most, polls = 20, 32
	many := func(c *lock.Config) { c.Platforms[0].MaxDeliveries = most }
	f := newFixture(t, many)
	services := []*lock.Service{f.Service, locktest.New(t, f.Store, many).Service}
	a := f.Lock(mac())
	var mu sync.Mutex
	var left []lock.Command
	var wg sync.WaitGroup
	for i := range polls {
		wg.Go(func() {
			cmd, err := services[i%2].Next(t.Context(), mac())
			if assert.NoError(t, err) && cmd.ID != "" {
				mu.Lock()
				defer mu.Unlock()
				left = append(left, cmd)
			}
		})
	}
	wg.Wait()
	require.Len(t, left, most, "as many commands as numbers")
	for _, cmd := range left {
		assert.Equal(t, left[0], cmd)
	}
	want := []int{0}
	for n := range most {
		want = append(want, n+1)
	}
	assert.Equal(t, append(want, 0), deliveries(eventsOf(t, f, a.ID)), "order, every number once, lapse")
	requireReplay(t, f.Store, a.ID)
}
