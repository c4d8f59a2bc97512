package lock_test

import (
	"context"
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// midway is a provider in the midst of whose first calls something happens.
type midway struct {
	locktest.Sender

	sending, polling func()
}

func (s *midway) Send(ctx context.Context, o lock.Order, body []byte) (string, error) {
	once(&s.sending)
	return s.Sender.Send(ctx, o, body)
}

func (s *midway) Poll(ctx context.Context, a lock.Action) (lock.Report, error) {
	r, err := s.Sender.Poll(ctx, a)
	once(&s.polling)
	return r, err
}

// once does it, unless it was done.
func once(do *func()) {
	if now := *do; now != nil {
		*do = nil
		now()
	}
}

// passing has a service look at what is due every so often.
func passing(t *testing.T, f *locktest.Fixture, steps int, each time.Duration) {
	t.Helper()
	for range steps {
		f.Clock.Advance(each)
		f.Service.NewTicker().Tick(t.Context())
	}
}

// TestCancelledWithoutAName: the command may be with the provider all the same, so it is withdrawn, until its Send must have ended.
func TestCancelledWithoutAName(t *testing.T) {
	untaken := locktest.SendError{WakeFailure: locktest.WakeFailure{Class: "busy"}, Untaken: true}
	for name, c := range map[string]struct {
		sent error
		want int
	}{
		"its answer got lost":         {locktest.ErrLost, 3},
		"it was certainly not taken":  {untaken, 0},
		"Run was ended before it was": {context.Canceled, 3},
	} {
		t.Run(name, func(t *testing.T) {
			s := &locktest.Sender{}
			f := newFixture(t, through(s))
			s.Fail(c.sent)
			a := f.Lock(mac())
			f.Service.NewTicker().Tick(t.Context())
			require.Empty(t, f.Get(a.ID).Ref)
			s.Fail(nil)
			cancel(t, f, a.ID)
			passing(t, f, 60, 20*time.Second)
			assert.Len(t, s.Withdrawn(), c.want, "at once, and on the schedule until a minute has passed")
			assert.NotContains(t, s.Withdrawn(), "operations/1", "nobody knows it")
			assert.Zero(t, f.Get(a.ID).Due)
			requireReplay(t, f.Store, a.ID)
		})
	}
}

// TestCancelledInTheMidstOfSend: what could not be withdrawn at once is withdrawn later, by its name.
func TestCancelledInTheMidstOfSend(t *testing.T) {
	s := &midway{}
	f := newFixture(t, through(s))
	a := f.Lock(mac())
	busy := locktest.WakeError("busy")
	s.sending = func() {
		s.Script("mac-1", busy, nil, busy, nil) // withdraw, send, withdraw, and from then on
		cancel(t, f, a.ID)
	}
	f.Service.NewTicker().Tick(t.Context())
	assert.Equal(t, []string{"", "operations/1"}, s.Withdrawn())
	passing(t, f, 10, time.Minute)
	assert.Equal(t, []string{"", "operations/1", "operations/1"}, s.Withdrawn())
	assert.Zero(t, f.Get(a.ID).Due)
}

// TestLapsedInTheMidstOfSend: its name comes late, and by that the provider is asked once more.
func TestLapsedInTheMidstOfSend(t *testing.T) {
	s := &midway{}
	f := newFixture(t, through(s))
	other := locktest.New(t, f.Store, through(s), func(c *lock.Config) { c.Now = f.Clock.Now })
	a := reset(t, f)
	s.sending = func() {
		f.Clock.Advance(11 * time.Minute)
		other.Service.NewTicker().Tick(t.Context())
	}
	f.Service.NewTicker().Tick(t.Context())
	require.Equal(t, lock.StateUnconfirmed, f.Get(a.ID).State)
	require.Equal(t, "operations/1", f.Get(a.ID).Ref)
	s.Settle("operations/1", lock.Report{Outcome: lock.Acknowledged})
	passing(t, f, 10, time.Minute)
	assert.Equal(t, lock.StateConfirmed, f.Get(a.ID).State)
}

// TestNewsInTheMidstOfSend: a result that comes before its name must come again, also of what ended meanwhile, but not for ever.
func TestNewsInTheMidstOfSend(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, f *locktest.Fixture, id lock.ID){
		"cancelled": func(t *testing.T, f *locktest.Fixture, id lock.ID) { cancel(t, f, id) },
		"lapsed":    func(t *testing.T, f *locktest.Fixture, _ lock.ID) { seen(t, f, lock.EvidenceReenrolled) },
	} {
		t.Run(name, func(t *testing.T) {
			s := &midway{}
			f := newFixture(t, through(s))
			s.Fail(locktest.ErrLost)
			report := func() error { return f.Service.Report(t.Context(), byName("operations/1", lock.Acknowledged)) }
			a := reset(t, f)
			var early error
			s.sending = func() {
				end(t, f, a.ID)
				early = report()
			}
			f.Service.NewTicker().Tick(t.Context())
			require.Error(t, early)
			require.NotErrorIs(t, early, lock.ErrNotOurs)
			f.Clock.Advance(time.Minute)
			require.ErrorIs(t, report(), lock.ErrNotOurs, "its name will not come")
		})
	}
}

// TestPolledWhileItWasSentAgain: what is said of one delivery is not counted for the next.
func TestPolledWhileItWasSentAgain(t *testing.T) {
	for _, outcome := range []lock.Outcome{lock.NotNow, lock.Refused} {
		t.Run(string(outcome), func(t *testing.T) {
			s := &midway{}
			f := newFixture(t, through(s))
			other := locktest.New(t, f.Store, through(s), func(c *lock.Config) { c.Now = f.Clock.Now })
			other.Clock = f.Clock
			a := f.Lock(mac())
			f.Service.NewTicker().Tick(t.Context())
			s.Settle("operations/1", lock.Report{Outcome: outcome})
			s.polling = func() {
				require.NoError(t, other.Service.Report(t.Context(), byName("operations/1", lock.NotNow)))
				passing(t, other, 1, time.Minute)
			}
			passing(t, f, 1, time.Minute)
			got := f.Get(a.ID)
			assert.Equal(t, "operations/2", got.Ref)
			assert.Equal(t, lock.StateIssued, got.State)
			assert.Equal(t, 1, got.Deferrals)
			assert.False(t, got.Deferred)
			requireReplay(t, f.Store, a.ID)
		})
	}
}

// TestReenrolledIsAskedAbout: the device may have done what it was sent before, and the provider knows.
func TestReenrolledIsAskedAbout(t *testing.T) {
	s := &locktest.Sender{}
	f := newFixture(t, through(s))
	a := reset(t, f)
	f.Service.NewTicker().Tick(t.Context())
	seen(t, f, lock.EvidenceReenrolled)
	require.Equal(t, lock.StateUnconfirmed, f.Get(a.ID).State)
	s.FailPoll(errors.New("503"))
	passing(t, f, 2, time.Minute)
	s.FailPoll(nil)
	s.Settle("operations/1", lock.Report{Outcome: lock.Acknowledged})
	passing(t, f, 20, time.Minute)
	assert.Equal(t, lock.StateConfirmed, f.Get(a.ID).State)
	assert.Len(t, s.Polled(), 2, "until there is an answer")
	requireReplay(t, f.Store, a.ID)
}

// TestNameThatRepeatsTheToken: it would be kept in clear.
func TestNameThatRepeatsTheToken(t *testing.T) {
	for name, c := range map[string]*base64.Encoding{"base64": base64.StdEncoding, "base64 of an address": base64.RawURLEncoding} {
		t.Run(name, func(t *testing.T) {
			said := ""
			f := newFixture(t, through(speaking(func(o lock.Order) (string, error) {
				said = c.EncodeToString([]byte(o.Secret.Expose()))
				return "operations/" + said, nil
			})))
			a, err := f.Service.ProvisionToken(t.Context(), locktest.Admin(), lock.Request{Device: mac()})
			require.NoError(t, err)
			f.Service.NewTicker().Tick(t.Context())
			require.NotEmpty(t, said)
			assert.Empty(t, f.Get(a.ID).Ref)
			for _, e := range eventsOf(t, f, a.ID) {
				assert.NotContains(t, string(e.Body), said)
			}
		})
	}
}
