package lock_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
)

func hold(t *testing.T, f *locktest.Fixture, d lock.Device) {
	t.Helper()
	require.NoError(t, f.Service.Hold(t.Context(), locktest.Admin(), d, "case 4711"))
}

func lift(t *testing.T, f *locktest.Fixture, d lock.Device) {
	t.Helper()
	require.NoError(t, f.Service.LiftHold(t.Context(), locktest.Admin(), d, "case closed"))
}

// named is a device of which no more is known.
func named(id, serial string) lock.Device { return lock.Device{Scope: "acme", ID: id, Serial: serial} }

// TestHoldCoversADevice under every name that the ledger has for it.
func TestHoldCoversADevice(t *testing.T) {
	for name, c := range map[string]struct {
		locked []lock.Device // the same machine, as it was called at each lock; the first is the one that is judged
		hold   lock.Device
		want   string
	}{
		"by its ID":                         {[]lock.Device{mac()}, named("mac-1", ""), "legal_hold"},
		"by its serial number":              {[]lock.Device{mac()}, named("", "S-mac-1"), "legal_hold"},
		"by both":                           {[]lock.Device{mac()}, mac(), "legal_hold"},
		"enrolled anew":                     {[]lock.Device{as("mac-9", "S-mac-1")}, mac(), "legal_hold"},
		"by an ID that it had":              {[]lock.Device{as("mac-9", "S-mac-1"), mac()}, named("mac-1", ""), "legal_hold"},
		"by a serial number that came late": {[]lock.Device{as("mac-1", ""), mac()}, named("mac-9", "S-mac-1"), "legal_hold"},
		"before its number was known":       {[]lock.Device{as("mac-1", ""), as("mac-1", "S1"), as("mac-9", "S1")}, named("mac-9", ""), "legal_hold"},
		"by a number after a repair":        {[]lock.Device{as("mac-1", "S1"), as("mac-1", "S2"), as("mac-9", "S2")}, named("mac-9", ""), "legal_hold"},
		"through names in turn":             {[]lock.Device{as("mac-1", "S1"), as("mac-5", "S1"), as("mac-5", "S2"), as("mac-9", "S2")}, named("mac-9", ""), "legal_hold"},
		"another device":                    {[]lock.Device{mac()}, named("mac-2", "S-mac-2"), "purged"},
		"another device without a number":   {[]lock.Device{as("mac-1", "")}, named("mac-2", ""), "purged"},
		"another scope":                     {[]lock.Device{mac()}, lock.Device{Scope: "other", ID: "mac-1", Serial: "S-mac-1"}, "purged"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			hold(t, f, c.hold)
			var locks []lock.Action
			for _, d := range c.locked {
				locks = append(locks, released(t, f, d))
			}
			f.Clock.Advance(8 * day)
			alone := func(r *lock.Purge) { r.Devices = []string{c.locked[0].ID} } // nothing is learnt from the others first
			assert.Equal(t, c.want, purge(t, f, alone, dry)[locks[0].ID])
			assert.Equal(t, c.want, purge(t, f, alone)[locks[0].ID])
			assert.Equal(t, c.want == "purged", gone(t, f, locks[0].ID))
		})
	}
}

// as is a device of the test platform under these names.
func as(id, serial string) lock.Device {
	d := locktest.Device(id)
	d.Serial = serial
	return d
}

func TestHoldIsLifted(t *testing.T) {
	for name, d := range map[string]lock.Device{
		"by ID": named("mac-1", ""), "by serial number": named("", "S-mac-1"), "enrolled anew": named("mac-9", "S-mac-1"),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a := released(t, f, mac())
			f.Clock.Advance(8 * day)
			hold(t, f, mac())
			hold(t, f, mac()) // for another case
			hold(t, f, named("mac-2", ""))
			require.Equal(t, "legal_hold", purge(t, f)[a.ID])
			lift(t, f, d)
			placed, err := f.Service.Holds(t.Context(), locktest.Admin(), "acme")
			require.NoError(t, err)
			require.Len(t, placed, 1)
			assert.Equal(t, "mac-2", placed[0].Device)
			require.ErrorIs(t, f.Service.LiftHold(t.Context(), locktest.Admin(), d, "again"), lock.ErrNotFound)
			assert.Equal(t, "purged", purge(t, f)[a.ID])
		})
	}
}

// owns is an Authorizer of somebody who may do everything with one device.
type owns string

func (o owns) Authorize(_ context.Context, _ lock.Actor, _ lock.Verb, t lock.Target) error {
	if t.Device.ID != string(o) {
		return fmt.Errorf("%q is not theirs", t.Device.ID)
	}
	return nil
}

func (o owns) Visible(_ context.Context, _ lock.Actor, _ lock.Verb, f lock.Filter) (lock.Filter, error) {
	f.Devices = []string{string(o)}
	return f, nil
}

// TestHoldOfAnotherIsNotLifted by the serial number, which a device says itself.
func TestHoldOfAnotherIsNotLifted(t *testing.T) {
	for name, c := range map[string]struct {
		placed []lock.Device
		denied string // the device of the denial
		lifts  bool
	}{
		"of one's own":            {[]lock.Device{as("mac-9", "S1")}, "", true},
		"of another":              {[]lock.Device{as("mac-1", "S1")}, "mac-1", false},
		"of one's own and theirs": {[]lock.Device{as("mac-9", "S1"), as("mac-1", "S1")}, "mac-1", false},
		"of a serial number":      {[]lock.Device{named("", "S1")}, "", false},
		"of another number":       {[]lock.Device{as("mac-9", "S1"), as("mac-1", "S2")}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			for _, d := range c.placed {
				hold(t, f, d)
			}
			own := locktest.New(t, f.Store, func(cfg *lock.Config) { cfg.Authorize = owns("mac-9") })
			err := own.Service.LiftHold(t.Context(), lock.Actor{ID: "eve"}, as("mac-9", "S1"), "closed")
			placed, listed := f.Service.Holds(t.Context(), locktest.Admin(), "acme")
			require.NoError(t, listed)
			if c.lifts {
				require.NoError(t, err)
				assert.Len(t, placed, len(c.placed)-1)
				return
			}
			require.ErrorIs(t, err, lock.ErrDenied)
			assert.Len(t, placed, len(c.placed), "all stay")
			last := noticesOf(t, f)[len(c.placed)]
			assert.Equal(t, lock.EventDenied, last.Type)
			assert.Equal(t, c.denied, last.Device)
			require.NoError(t, own.Service.Hold(t.Context(), lock.Actor{ID: "eve"}, as("mac-9", "S1"), "mine"), "to place one takes one's own alone")
		})
	}
}

func TestHoldsAreRecordedAndListed(t *testing.T) {
	f := newFixture(t)
	hold(t, f, mac())
	hold(t, f, mac())
	require.NoError(t, f.Service.Hold(t.Context(), lock.Actor{ID: "bob"}, named("", "S-mac-2"), "case 4712"))
	placed, err := f.Service.Holds(t.Context(), locktest.Admin(), "acme")
	require.NoError(t, err)
	require.Len(t, placed, 3)
	assert.Equal(t, noticesOf(t, f), placed)
	assert.Equal(t, lock.EventHoldPlaced, placed[0].Type)
	assert.Equal(t, locktest.Admin(), placed[0].Actor)
	assert.Equal(t, "case 4711", placed[0].Reason)
	assert.Equal(t, "mac-1", placed[0].Device)
	assert.Equal(t, map[string]string{"serial": "S-mac-1"}, placed[0].Facts)
	assert.Equal(t, "bob", placed[2].Actor.ID)
	assert.Empty(t, placed[2].Device)

	lift(t, f, mac())
	lifted := noticesOf(t, f)[3]
	assert.Equal(t, lock.EventHoldLifted, lifted.Type)
	assert.Equal(t, "case closed", lifted.Reason)
	assert.Equal(t, map[string]string{"serial": "S-mac-1"}, lifted.Facts)

	f.Rights.Narrow(func(f lock.Filter) lock.Filter { f.Devices = []string{"mac-1"}; return f })
	placed, err = f.Service.Holds(t.Context(), locktest.Admin(), "acme")
	require.NoError(t, err)
	assert.Empty(t, placed, "who may see one device sees its holds alone")
}

func TestMoreHoldsThanAPage(t *testing.T) {
	f := newFixture(t)
	for i := range 1100 {
		hold(t, f, named(fmt.Sprint("mac-", i), ""))
	}
	lift(t, f, named("mac-1", ""))
	placed, err := f.Service.Holds(t.Context(), locktest.Admin(), "acme")
	require.NoError(t, err)
	assert.Len(t, placed, 1099)
}

func TestHoldIsRefused(t *testing.T) {
	f := newFixture(t)
	hold(t, f, mac())
	svc, ctx, ada := f.Service, t.Context(), locktest.Admin()
	for name, c := range map[string]struct {
		device lock.Device
		reason string
		field  string
	}{
		"no reason":  {mac(), "", "reason"},
		"no device":  {lock.Device{Scope: "acme"}, "case 4711", "device.id"},
		"no scope":   {lock.Device{ID: "mac-1"}, "case 4711", "device.scope"},
		"only label": {lock.Device{Serial: "S-mac-1"}, "case 4711", "device.scope"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.field, inputField(svc.Hold(ctx, ada, c.device, c.reason)))
			assert.Equal(t, c.field, inputField(svc.LiftHold(ctx, ada, c.device, c.reason)))
		})
	}
	_, err := svc.Holds(ctx, ada, "")
	assert.Equal(t, "scope", inputField(err))
	f.Rights.Deny(lock.VerbHold)
	require.ErrorIs(t, svc.Hold(ctx, ada, mac(), "case 4711"), lock.ErrDenied)
	require.ErrorIs(t, svc.LiftHold(ctx, ada, mac(), "case closed"), lock.ErrDenied)
	_, err = svc.Holds(ctx, ada, "acme")
	require.ErrorIs(t, err, lock.ErrDenied)
	require.Len(t, noticesOf(t, f), 4, "one hold, three denials")
}

// TestHoldDuringAPurge counts from the purge's next step on.
func TestHoldDuringAPurge(t *testing.T) {
	f := newFixture(t)
	hold(t, f, named("mac-77", "")) // before the purge, and none of its own
	late := released(t, f, mac())   // the oldest is judged last
	for i := range 200 {
		released(t, f, locktest.Device(fmt.Sprint("other-", i)))
	}
	f.Clock.Advance(30 * day)
	racing := &outrun{Store: f.Store, first: func() { hold(t, f, mac()) }}
	r := old(f)
	reading := &reader{Store: racing}
	counts, err := locktest.New(t, reading, func(c *lock.Config) { c.Now = f.Clock.Now }).Service.Purge(t.Context(), locktest.Admin(), r)
	require.NoError(t, err)
	require.Len(t, reading.from, 2)
	assert.Greater(t, reading.from[1], int64(800), "the feed may be long: it is read on, not again")
	assert.Equal(t, map[string]int{"purged": 200, "legal_hold": 1}, counts)
	assert.False(t, gone(t, f, late.ID))
}

// reader remembers where each reading of the holds began.
type reader struct {
	lock.Store
	from []int64
}

func (r *reader) Events(ctx context.Context, f lock.EventFilter) ([]lock.Event, error) {
	if len(f.Types) > 0 {
		r.from = append(r.from, f.From)
	}
	return r.Store.Events(ctx, f)
}

// tardy is a store whose events have no position until somebody sequences them, a few at a time.
type tardy struct {
	lock.Store
	page int64 // how many a call gives a position

	mu    sync.Mutex
	next  int64
	calls int
	err   error
}

func newTardy(page int64) *tardy { return &tardy{Store: store.NewMemory(), page: page} }

// fail makes Sequence fail from now on; nil: succeed again.
func (s *tardy) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *tardy) called() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func (s *tardy) Sequence(ctx context.Context) (more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.err != nil {
		return false, s.err
	}
	last, err := s.Store.Events(ctx, lock.EventFilter{Newest: true, Limit: 1})
	if err != nil || len(last) == 0 {
		return false, err
	}
	s.next = min(s.next+s.page, last[0].Position+1)
	return s.next <= last[0].Position, nil
}

func (s *tardy) Events(ctx context.Context, f lock.EventFilter) ([]lock.Event, error) {
	if f.Action != "" {
		return s.Store.Events(ctx, f)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Newest && (f.From == 0 || f.From > s.next) {
		f.From = s.next
	}
	events, err := s.Store.Events(ctx, f)
	for i, e := range events {
		if e.Position >= s.next {
			return events[:i], err
		}
	}
	return events, err
}

// TestHoldsAreReadFromTheWholeFeed: what decides by the feed has it sequenced first, or does not decide.
func TestHoldsAreReadFromTheWholeFeed(t *testing.T) {
	st := newTardy(2)
	f := locktest.New(t, st)
	a := released(t, f, mac())
	hold(t, f, mac())
	f.Clock.Advance(8 * day)
	require.Zero(t, st.called())
	st.fail(locktest.ErrFault)
	_, err := f.Service.Purge(t.Context(), locktest.Admin(), old(f))
	require.ErrorIs(t, err, locktest.ErrFault)
	require.ErrorIs(t, f.Service.LiftHold(t.Context(), locktest.Admin(), mac(), "case closed"), locktest.ErrFault)
	st.fail(nil)
	assert.Equal(t, "legal_hold", purge(t, f)[a.ID])
	lift(t, f, mac())
	assert.Equal(t, "purged", purge(t, f)[a.ID])
}
