package lock_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

func TestOutcomes(t *testing.T) {
	for outcome, want := range map[lock.Outcome]lock.State{
		lock.Acknowledged: lock.StateConfirmed, lock.Refused: lock.StateRefused, lock.NotNow: lock.StateIssued, lock.Progress: lock.StateIssued,
	} {
		t.Run(string(outcome), func(t *testing.T) {
			f := newFixture(t)
			a := f.Lock(mac())
			f.Deliver(mac())
			f.Clock.Advance(time.Second)
			f.Answer(a, outcome)
			got := f.Get(a.ID)
			assert.Equal(t, want, got.State)
			assert.Equal(t, f.Clock.Now(), got.Changed)
			events := eventsOf(t, f, a.ID)
			assert.Equal(t, lock.EventType(outcome), events[2].Type)
			assert.Equal(t, lock.Actor{ID: "device"}, events[2].Actor)
			requireReplay(t, f.Store, a.ID)
		})
	}
}

func TestReportInput(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	good := answerOf(a, lock.Acknowledged, nil)
	for name, c := range map[string]struct {
		edit func(*lock.Report)
		want string
	}{
		"no scope":        {func(r *lock.Report) { r.Scope = "" }, "device.scope"},
		"no device":       {func(r *lock.Report) { r.Device = "" }, "device.id"},
		"no outcome":      {func(r *lock.Report) { r.Outcome = "" }, "outcome"},
		"unknown outcome": {func(r *lock.Report) { r.Outcome = "maybe" }, "outcome"},
	} {
		t.Run(name, func(t *testing.T) {
			r := good
			c.edit(&r)
			require.Equal(t, c.want, inputField(f.Service.Report(t.Context(), r)))
			assert.Equal(t, 1, f.Get(a.ID).Version)
		})
	}
}

func TestRepeatedAcknowledgementIsRecordedOnce(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	f.Deliver(mac())
	f.Deliver(mac())
	for range 5 {
		f.Clock.Advance(time.Second)
		f.Answer(a, lock.Acknowledged)
	}
	got := f.Get(a.ID)
	assert.Equal(t, 2, got.Answers, "one for each delivery")
	assert.Equal(t, got.Created.Add(2*time.Second), got.Confirmed)
	assert.Len(t, eventsOf(t, f, a.ID), 5)
}

func TestRepeatedRefusalIsRecordedOnce(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	f.Deliver(mac())
	f.Answer(a, lock.Refused)
	f.Answer(a, lock.Refused)
	assert.Equal(t, []lock.EventType{lock.EventOrdered, lock.EventIssued, lock.EventRefused}, typesOf(eventsOf(t, f, a.ID)))
}

// TestTheDeviceWins is I7: a late acknowledgement confirms an action that we had given up.
func TestTheDeviceWins(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *locktest.Fixture, lock.Action){
		"cancelled": func(t *testing.T, f *locktest.Fixture, a lock.Action) { t.Helper(); cancel(t, f, a.ID) },
		"lapsed": func(_ *testing.T, f *locktest.Fixture, _ lock.Action) {
			f.Deliver(mac())
			f.Deliver(mac())
			f.Deliver(mac())
		},
		"refused": func(_ *testing.T, f *locktest.Fixture, a lock.Action) { f.Answer(a, lock.Refused) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a := f.Lock(mac())
			f.Deliver(mac())
			end(t, f, a)
			require.Empty(t, f.Get(a.ID).Lane)
			f.Answer(a, lock.Acknowledged)
			got := f.Get(a.ID)
			assert.Equal(t, lock.StateConfirmed, got.State)
			assert.Equal(t, "lock", got.Lane)
			requireReplay(t, f.Store, a.ID)
		})
	}
}

func TestAcknowledgementAfterTheReleaseIsOnlyRecorded(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	f.Deliver(mac())
	cancel(t, f, a.ID)
	f.Clock.Advance(time.Hour)
	seen(t, f, lock.EvidencePoll)
	f.Answer(a, lock.Acknowledged)
	got := f.Get(a.ID)
	assert.Equal(t, lock.StateReleased, got.State)
	assert.Equal(t, 1, got.Answers)
	assert.Empty(t, got.Lane)
}

// lateIntoTakenLane cancels an issued lock, orders another, and has the device acknowledge the first one.
func lateIntoTakenLane(t *testing.T, f *locktest.Fixture, deliverSecond bool) (first, second lock.Action) {
	t.Helper()
	a := f.Lock(mac())
	f.Deliver(mac())
	cancel(t, f, a.ID)
	f.Clock.Advance(time.Second)
	b := f.Lock(mac())
	require.NotEqual(t, a.ID, b.ID)
	if deliverSecond {
		require.Equal(t, b.ID, f.Deliver(mac()).ID)
	}
	f.Clock.Advance(time.Second)
	f.Answer(a, lock.Acknowledged)
	requireReplay(t, f.Store, a.ID)
	requireReplay(t, f.Store, b.ID)
	return f.Get(a.ID), f.Get(b.ID)
}

func TestLateAnswerSupersedesWhatHasNotLeft(t *testing.T) {
	f := newFixture(t)
	a, b := lateIntoTakenLane(t, f, false)
	assert.Equal(t, lock.StateConfirmed, a.State)
	assert.Equal(t, "lock", a.Lane)
	assert.Equal(t, lock.StateCancelled, b.State)
	assert.Empty(t, b.Lane)
	events := eventsOf(t, f, b.ID)
	assert.Equal(t, a.ID, events[1].Other)
	assert.Contains(t, b.Cause, "superseded")
	assert.Empty(t, f.Deliver(mac()).ID)
	assert.Equal(t, []lock.ID{a.ID, b.ID}, candidateIDs(t, f, mac()))
}

func TestLateAnswerBesideWhatHasLeft(t *testing.T) {
	f := newFixture(t)
	a, b := lateIntoTakenLane(t, f, true)
	assert.Equal(t, lock.StateConfirmed, a.State)
	assert.Empty(t, a.Lane)
	assert.Equal(t, lock.StateIssued, b.State)
	assert.Equal(t, "lock", b.Lane)
	assert.Equal(t, []lock.ID{a.ID, b.ID}, candidateIDs(t, f, mac()), "both may open the device; the acknowledged one is likelier")

	f.Clock.Advance(time.Second)
	f.Answer(b, lock.Acknowledged)
	assert.Equal(t, "lock", f.Get(b.ID).Lane)
	assert.Empty(t, f.Get(a.ID).Lane)
	assert.Equal(t, []lock.ID{b.ID, a.ID}, candidateIDs(t, f, mac()), "acknowledged both: the last delivered first")
}

func TestReportFromAnotherDevice(t *testing.T) {
	for name, from := range map[string][2]string{"another device": {"acme", "mac-2"}, "another scope": {"globex", "mac-1"}} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a := f.Lock(mac())
			f.Deliver(mac())
			err := f.Service.Report(t.Context(), lock.Report{
				Scope: from[0], Device: from[1], Action: a.ID, Outcome: lock.Acknowledged, Facts: map[string]string{"pin": f.PIN(a.ID)},
			})
			require.ErrorIs(t, err, lock.ErrWrongDevice)
			notices := noticesOf(t, f)
			require.Len(t, notices, 1)
			alarm := notices[0]
			assert.Equal(t, lock.EventAlarm, alarm.Type)
			assert.Equal(t, [2]string{alarm.Scope, alarm.Device}, from)
			assert.Equal(t, a.ID, alarm.Other)
			assert.Equal(t, map[string]string{"outcome": "acknowledged"}, alarm.Facts, "what the device says of a foreign command is not kept")
			assert.Equal(t, lock.StateIssued, f.Get(a.ID).State)
			assert.Empty(t, candidateIDs(t, f, locktest.Device("mac-2")))
		})
	}
}

func TestReportOfWhatIsNotOurs(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, f.Service.Escrow(t.Context(), mac(), "unlock-token", parsed(t, "token")))
	escrow, err := f.Store.List(t.Context(), lock.Filter{})
	require.NoError(t, err)
	for name, id := range map[string]lock.ID{"unknown": lock.NewID(f.Clock.Now()), "empty": "", "foreign": "0001_DeviceLock", "escrow": escrow[0].ID} {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, f.Service.Report(t.Context(), lock.Report{
				Scope: "acme", Device: "mac-1", Action: id, Outcome: lock.Acknowledged,
			}), lock.ErrNotOurs)
		})
	}
	assert.Empty(t, noticesOf(t, f))
}

// TestContradictoryAnswersAreIgnored: an answer that cannot be must not fail the device, or it would send it again for ever.
func TestContradictoryAnswersAreIgnored(t *testing.T) {
	for name, c := range map[string]struct {
		before []lock.Outcome // nil: not delivered at all
		then   lock.Outcome
	}{
		"refused before it left":    {nil, lock.Refused},
		"deferred before it left":   {nil, lock.NotNow},
		"progress before it left":   {nil, lock.Progress},
		"refused after it did":      {[]lock.Outcome{lock.Acknowledged}, lock.Refused},
		"deferred after it did":     {[]lock.Outcome{lock.Acknowledged}, lock.NotNow},
		"deferred after it did not": {[]lock.Outcome{lock.Refused}, lock.NotNow},
		"progress after it did":     {[]lock.Outcome{lock.Acknowledged}, lock.Progress},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a := f.Lock(mac())
			if c.before != nil {
				f.Deliver(mac())
			}
			for _, outcome := range c.before {
				f.Answer(a, outcome)
			}
			before := f.Get(a.ID)
			f.Answer(a, c.then)
			assert.Equal(t, before, f.Get(a.ID))
		})
	}
}

// TestReportThatCannotBeKept is I9: the transport must hear of it, so that it answers 503 and the device sends its answer again.
func TestReportThatCannotBeKept(t *testing.T) {
	for _, outcome := range []lock.Outcome{lock.Acknowledged, lock.Refused, lock.NotNow, lock.Progress} {
		t.Run(string(outcome), func(t *testing.T) {
			f := newFixture(t)
			a := f.Lock(mac())
			f.Deliver(mac())
			f.Store.FailBefore(locktest.Forever)
			require.ErrorIs(t, f.Service.Report(t.Context(), answerOf(a, outcome, nil)), locktest.ErrFault)
			assert.Equal(t, 2, f.Get(a.ID).Version)
			f.Store.FailBefore(0)
			f.Answer(a, outcome)
			assert.Equal(t, 3, f.Get(a.ID).Version)
		})
	}
	t.Run("from another device", func(t *testing.T) {
		f := newFixture(t)
		a := f.Lock(mac())
		f.Store.FailBefore(locktest.Forever)
		r := answerOf(a, lock.Acknowledged, nil)
		r.Device = "mac-2"
		require.ErrorIs(t, f.Service.Report(t.Context(), r), locktest.ErrFault, "an alarm that was not recorded did not happen")
	})
}

func TestFactsAreClipped(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	f.Deliver(mac())
	said := map[string]string{"a long one": strings.Repeat("ü", 600), "b\x00 controls": "1\n2", "c not UTF-8": "a\xffb"}
	for i := range 40 {
		said[fmt.Sprintf("n%02d", i)] = "x"
	}
	said["d"+strings.Repeat("x", 100)] = "name"
	require.NoError(t, f.Service.Report(t.Context(), answerOf(a, lock.Acknowledged, said)))
	got := f.Get(a.ID).Facts
	assert.Len(t, got, 32)
	assert.Equal(t, strings.Repeat("ü", 512), got["a long one"])
	assert.Equal(t, "1 2", got["b  controls"])
	assert.Equal(t, "a\uFFFDb", got["c not UTF-8"])
	assert.Equal(t, "name", got["d"+strings.Repeat("x", 63)])
	assert.Contains(t, got, "n27")
	assert.NotContains(t, got, "n28")
	requireReplay(t, f.Store, a.ID)
}

// TestFactsOfAnActionAreBounded: a device that reports progress without end fills no ledger.
func TestFactsOfAnActionAreBounded(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	f.Deliver(mac())
	for i := range 20 {
		said := map[string]string{"step": strconv.Itoa(i)}
		for j := range 20 {
			said[fmt.Sprintf("fact %d.%d", i, j)] = "x"
		}
		require.NoError(t, f.Service.Report(t.Context(), answerOf(a, lock.Progress, said)))
	}
	facts := f.Get(a.ID).Facts
	assert.LessOrEqual(t, len(facts), 128)
	assert.Equal(t, "19", facts["step"], "what is known goes on changing")
}
