package lock_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// outage is what a provider says that fails for all.
var outage = locktest.SendError{WakeFailure: locktest.WakeFailure{Class: "credentials", Provider: true}, Untaken: true}

// TestPollUntilItIsAnswered: what the device did just in time is learnt, though nobody could be asked at the deadline.
func TestPollUntilItIsAnswered(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		fails bool
	}{
		"the poll failed":          {errors.New("503"), false},
		"the provider was failing": {outage, true},
	} {
		t.Run(name, func(t *testing.T) {
			sending(t, func(t *testing.T, f *locktest.Fixture, s *locktest.Sender) {
				a := reset(t, f)
				after(3 * time.Minute)
				s.Settle("operations/1", lock.Report{Outcome: lock.Acknowledged})
				s.FailPoll(c.err)
				if c.fails {
					s.Fail(c.err)
					f.Lock(locktest.Device("mac-2"))
				}
				after(9 * time.Minute)
				require.Equal(t, lock.StateUnconfirmed, f.Get(a.ID).State)
				s.FailPoll(nil)
				s.Fail(nil)
				after(2 * day)
				assert.Equal(t, lock.StateConfirmed, f.Get(a.ID).State)
				assert.Zero(t, f.Get(a.ID).Due)
				requireReplay(t, f.Store, a.ID)
			})
		})
	}
}

// TestPollGivesUp: after about a day.
func TestPollGivesUp(t *testing.T) {
	sending(t, func(t *testing.T, f *locktest.Fixture, s *locktest.Sender) {
		a := reset(t, f)
		after(9 * time.Minute)
		polls := len(s.Polled())
		s.FailPoll(locktest.WakeFailure{Class: "unavailable", After: time.Minute})
		after(4 * day)
		assert.Len(t, s.Polled(), polls+6)
		assert.Zero(t, f.Get(a.ID).Due)
	})
}

// TestWithdrawUntilItIsAnswered: what was cancelled, by itself or in a caller's transaction, which leaves it to Run.
func TestWithdrawUntilItIsAnswered(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		fails  bool
		heals  bool
		calls  int // 0: any number
		logged bool
	}{
		"it fails, and then works":              {errors.New("503"), false, true, 2, false},
		"the provider was failing":              {outage, true, true, 0, false},
		"it fails for ever":                     {errors.New("503"), false, false, 6, true},
		"the provider fails for ever":           {outage, true, false, 0, true},
		"the provider says that it is too late": {locktest.WakeFailure{Class: "executed", Answered: true}, false, false, 1, true},
	} {
		check := func(t *testing.T, cancel func(context.Context, *locktest.Fixture, lock.ID) error) {
			var log lines
			sending(t, func(t *testing.T, f *locktest.Fixture, s *locktest.Sender) {
				a := f.Lock(mac())
				synctest.Wait()
				s.Fail(c.err)
				if c.fails {
					f.Lock(locktest.Device("mac-2"))
					after(2 * time.Second)
				}
				require.NoError(t, cancel(t.Context(), f, a.ID))
				f.Service.Kick()
				after(5 * time.Second)
				if c.heals {
					s.Fail(nil)
				}
				after(2 * day)
				if c.calls > 0 {
					assert.Len(t, s.Withdrawn(), c.calls)
				}
				assert.Equal(t, c.heals, s.Withdrawn() != nil && !c.logged)
				assert.Equal(t, c.logged, strings.Contains(log.drain(), "could not be withdrawn"))
				assert.Zero(t, f.Get(a.ID).Due)
			}, func(cfg *lock.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		}
		t.Run(name, func(t *testing.T) {
			check(t, func(ctx context.Context, f *locktest.Fixture, id lock.ID) error {
				_, err := f.Service.Cancel(ctx, locktest.Admin(), id, "")
				return err
			})
		})
		t.Run(name+", in a transaction", func(t *testing.T) {
			check(t, func(ctx context.Context, f *locktest.Fixture, id lock.ID) error {
				_, err := f.Service.In(f.Store).Cancel(ctx, locktest.Admin(), id, "")
				return err
			})
		})
	}
}

// TestLateAnswerOfAnEarlierDelivery: another process has sent the command since, and knows its name.
func TestLateAnswerOfAnEarlierDelivery(t *testing.T) {
	var f, other *locktest.Fixture
	s := speaking(func(o lock.Order) (string, error) {
		if o.Action.Deliveries > 1 {
			return "operations/2", nil
		}
		f.Clock.Advance(time.Minute)
		other.Service.NewTicker().Tick(t.Context())
		return "operations/1", nil
	})
	f = newFixture(t, through(s))
	other = locktest.New(t, f.Store, through(s), func(c *lock.Config) { c.Now = f.Clock.Now })
	a := f.Lock(mac())
	f.Service.NewTicker().Tick(t.Context())
	got := f.Get(a.ID)
	assert.Equal(t, 2, got.Deliveries)
	assert.Equal(t, "operations/2", got.Ref)
}

// TestNamesAreThoseOfAScope: two tenants' providers may use the same.
func TestNamesAreThoseOfAScope(t *testing.T) {
	f := newFixture(t, through(calls("operations/1")))
	other := mac()
	other.Scope = "other"
	a, b := f.Lock(mac()), f.Lock(other)
	f.Service.NewTicker().Tick(t.Context())
	assert.Equal(t, f.Get(a.ID).Ref, f.Get(b.ID).Ref)
	report := byName("operations/1", lock.Acknowledged)
	require.NoError(t, f.Service.Report(t.Context(), report))
	assert.Equal(t, lock.StateConfirmed, f.Get(a.ID).State)
	assert.Equal(t, lock.StateIssued, f.Get(b.ID).State)
	report.Scope = other.Scope
	require.NoError(t, f.Service.Report(t.Context(), report)) // whichever of the two a search without the scope finds first
	assert.Equal(t, lock.StateConfirmed, f.Get(b.ID).State)
}

// TestTakenAsRunEnds: the name that came in just then is kept.
func TestTakenAsRunEnds(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	f := newFixture(t, through(speaking(func(lock.Order) (string, error) {
		stop()
		return "operations/1", nil
	})))
	a := f.Lock(mac())
	require.NoError(t, f.Service.Run(ctx))
	assert.Equal(t, "operations/1", f.Get(a.ID).Ref)
}

// takingBack is a provider that does something before Send returns, and remembers what it is to drop.
type takingBack struct {
	talkative
	withdrawn []string
}

func (s *takingBack) Withdraw(_ context.Context, a lock.Action) error {
	s.withdrawn = append(s.withdrawn, a.Ref)
	return nil
}

// TestWithdrawnOnceItHasAName: it was cancelled on its way, and may have been there already.
func TestWithdrawnOnceItHasAName(t *testing.T) {
	var f *locktest.Fixture
	s := &takingBack{talkative: func(a lock.Action, _ string) { cancel(t, f, a.ID) }}
	f = newFixture(t, through(s))
	a := f.Lock(mac())
	f.Service.NewTicker().Tick(t.Context())
	assert.Equal(t, []string{"", "operations/of-" + string(a.ID)}, s.withdrawn)
}
