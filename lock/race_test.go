package lock_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// TestManyOrdersForOneDevice: ten keys, one of them used for half of all orders, through two services on one store.
func TestManyOrdersForOneDevice(t *testing.T) {
	const orders = 1000
	f := newFixture(t)
	services := []*lock.Service{f.Service, locktest.New(t, f.Store).Service}
	ids := make([]lock.ID, orders)
	var wg sync.WaitGroup
	for i := range orders {
		key := "repeated"
		if i%2 == 0 {
			key = fmt.Sprintf("key-%d", i/2%9)
		}
		wg.Go(func() {
			a, err := services[i/2%2].Lock(t.Context(), locktest.Admin(), lock.Request{Device: mac(), Key: key})
			assert.NoError(t, err)
			ids[i] = a.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		require.Equal(t, ids[0], id)
	}
	all, err := f.Store.List(t.Context(), lock.Filter{})
	require.NoError(t, err)
	require.Len(t, all, 1)
	assert.Len(t, all[0].Secrets, 1)
	types := typesOf(eventsOf(t, f, ids[0]))
	assert.Len(t, types, 10, "one order, and a join for each further key: %v", types)
	assert.Equal(t, f.PIN(ids[0]), f.Deliver(mac()).PIN)
	requireReplay(t, f.Store, ids[0])
	lockNothingAfterRelease(t, f, ids[0])
}

// lockNothingAfterRelease retries every key once the device was opened.
func lockNothingAfterRelease(t *testing.T, f *locktest.Fixture, id lock.ID) {
	t.Helper()
	f.Answer(f.Get(id), lock.Acknowledged)
	f.Clock.Advance(time.Hour)
	seen(t, f, lock.EvidencePoll)
	for _, key := range []string{"repeated", "key-0", "key-8"} {
		require.Equal(t, id, f.Lock(mac(), withKey(key)).ID)
	}
	assert.Empty(t, f.Deliver(mac()).ID)
}

// TestOneKeyForManyDevices: whoever comes first has it, the others hear of it.
func TestOneKeyForManyDevices(t *testing.T) {
	f := newFixture(t)
	services := []*lock.Service{f.Service, locktest.New(t, f.Store).Service}
	var mu sync.Mutex
	won := 0
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			_, err := services[i%2].Lock(t.Context(), locktest.Admin(), lock.Request{Device: locktest.Device(fmt.Sprintf("mac-%d", i)), Key: "k"})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else {
				assert.ErrorIs(t, err, lock.ErrKeyReused)
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 1, won)
	all, err := f.Store.List(t.Context(), lock.Filter{})
	require.NoError(t, err)
	assert.Len(t, all, 1)
}

// TestSuppliedPINsRace: one PIN wins, its like join it, and every other caller hears that its PIN lost.
func TestSuppliedPINsRace(t *testing.T) {
	f := newFixture(t)
	services := []*lock.Service{f.Service, locktest.New(t, f.Store).Service}
	codes := []string{"739184", "284617", "905162"}
	got := make([]lock.ID, 60)
	var wg sync.WaitGroup
	for i := range got {
		r := lock.Request{Device: mac(), PIN: parsed(t, codes[i%3])}
		wg.Go(func() {
			a, err := services[i%2].Lock(t.Context(), locktest.Admin(), r)
			if err != nil {
				var busy *lock.BusyError
				assert.ErrorAs(t, err, &busy)
			}
			got[i] = a.ID
		})
	}
	wg.Wait()
	live, err := f.Service.Live(t.Context(), locktest.Admin(), "acme", "mac-1")
	require.NoError(t, err)
	require.Len(t, live, 1)
	winner := f.PIN(live[0].ID)
	for i, id := range got {
		assert.Equal(t, codes[i%3] == winner, id == live[0].ID, "order %d", i)
	}
}

// TestEverythingAtOnce is for the race detector, and for what holds however it goes.
func TestEverythingAtOnce(t *testing.T) {
	f := newFixture(t)
	services := []*lock.Service{f.Service, locktest.New(t, f.Store).Service}
	var wg sync.WaitGroup
	for i := range 200 {
		s, ctx, admin := services[i%2], t.Context(), locktest.Admin()
		wg.Go(func() {
			var err error
			switch i % 5 {
			case 0:
				_, err = s.Lock(ctx, admin, lock.Request{Device: mac()})
			case 1:
				_, err = s.Next(ctx, mac())
			case 2:
				live, listErr := s.Live(ctx, admin, "acme", "mac-1")
				require.NoError(t, listErr)
				for _, a := range live {
					err = s.Report(ctx, answerOf(a, lock.Acknowledged, nil))
				}
			case 3:
				err = s.Seen(ctx, mac(), lock.EvidenceReenrolled)
			default:
				err = s.Escrow(ctx, mac(), "unlock-token", parsed(t, fmt.Sprintf("token-%d", i%7)))
			}
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	all, err := f.Store.List(t.Context(), lock.Filter{Limit: 1000})
	require.NoError(t, err)
	lanes := 0
	for _, a := range all {
		requireReplay(t, f.Store, a.ID)
		if a.Lane == "lock" {
			lanes++
		}
	}
	assert.LessOrEqual(t, lanes, 1)
}

// overtaken is a store on which something happens just before the first commit.
type overtaken struct {
	lock.Store
	first sync.Once
	by    func()
}

func (s *overtaken) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	s.first.Do(s.by)
	return s.Store.Commit(ctx, changes)
}

// TestTheSameActAtTheSameTimeIsTwoActs: what two processes do in the same microsecond, the clock of a test or a coarse one, must not pass
// for one act that was repeated.
func TestTheSameActAtTheSameTimeIsTwoActs(t *testing.T) {
	t.Run("deliveries", func(t *testing.T) {
		f := newFixture(t)
		a := f.Lock(mac())
		other := locktest.New(t, &overtaken{Store: f.Store, by: func() { f.Deliver(mac()) }})
		require.Equal(t, a.ID, other.Deliver(mac()).ID)
		assert.Equal(t, []int{0, 1, 2}, deliveries(eventsOf(t, f, a.ID)), "each delivery has a number of its own")
	})
	t.Run("disclosures", func(t *testing.T) {
		f := newFixture(t)
		a := f.Lock(mac())
		other := locktest.New(t, &overtaken{Store: f.Store, by: func() { f.PIN(a.ID) }})
		require.NotEmpty(t, other.PIN(a.ID))
		assert.Equal(t, 2, f.Get(a.ID).Disclosures)
	})
}

func TestAClockSetBackReordersNothing(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	f.Clock.Advance(-time.Hour)
	f.Deliver(mac())
	got := f.Get(a.ID)
	assert.Equal(t, a.Created, got.Delivered)
	assert.Equal(t, a.Created, eventsOf(t, f, a.ID)[1].Time)
}

// rival is a store in which somebody is faster: right after the first look at what is live.
type rival struct {
	lock.Store
	once   sync.Once
	orders func()
}

func (r *rival) List(ctx context.Context, f lock.Filter) ([]lock.Action, error) {
	found, err := r.Store.List(ctx, f)
	if f.Live {
		r.once.Do(r.orders)
	}
	return found, err
}

// An order of one's own PIN that loses the race against its like joins it. It is no try at a PIN of the past: nobody is alarmed.
func TestSuppliedPINThatWasJustOrderedIsJoined(t *testing.T) {
	for name, edit := range map[string]func(*lock.Config){"queued": func(*lock.Config) {}, "held": locktest.TwoPersons(lock.VerbLock)} {
		t.Run(name, func(t *testing.T) { joinsWhatWasJustOrdered(t, edit) })
	}
}

func joinsWhatWasJustOrdered(t *testing.T, edit func(*lock.Config)) {
	t.Helper()
	f := newFixture(t, edit)
	r := lock.Request{Device: mac(), PIN: parsed(t, "739184")}
	var first lock.Action
	late := locktest.New(t, &rival{Store: f.Store, orders: func() {
		var err error
		first, err = f.Service.Lock(t.Context(), locktest.Admin(), r)
		assert.NoError(t, err)
	}}, edit)
	joined, err := late.Service.Lock(t.Context(), locktest.Admin(), r)
	require.NoError(t, err)
	assert.Equal(t, first.ID, joined.ID)
	assert.True(t, joined.Joined)
	assert.Empty(t, noticesOf(t, f))
}
