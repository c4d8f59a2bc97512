package lock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// TestALostPINIsNeverSilent: each way in which an action can end without the PIN that its device may have made is a finding and an alarm,
// in the commit in which it ended.
func TestALostPINIsNeverSilent(t *testing.T) {
	for name, c := range map[string]struct {
		ends  func(t *testing.T, f *locktest.Fixture, a lock.Action)
		code  string
		state lock.State
	}{
		"acknowledged":                     {func(_ *testing.T, f *locktest.Fixture, a lock.Action) { f.Answer(a, lock.Acknowledged) }, "pin_lost", lock.StateConfirmed},
		"asked in vain, and not again":     {func(t *testing.T, f *locktest.Fixture, a lock.Action) { askInVain(t, f, a) }, "pin_may_be_lost", lock.StateUnconfirmed},
		"too late, as Run finds":           {func(t *testing.T, f *locktest.Fixture, _ lock.Action) { tickLate(t, f) }, "pin_may_be_lost", lock.StateUnconfirmed},
		"withdrawn after it had left":      {func(t *testing.T, f *locktest.Fixture, a lock.Action) { cancel(t, f, a.ID) }, "pin_may_be_lost", lock.StateCancelled},
		"enrolled anew while on its way":   {func(t *testing.T, f *locktest.Fixture, _ lock.Action) { seen(t, f, lock.EvidenceReenrolled) }, "pin_may_be_lost", lock.StateUnconfirmed},
		"withdrawn, and acknowledged late": {withdrawnThenDone, "pin_lost", lock.StateConfirmed},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a := deliveredReset(t, f)
			c.ends(t, f, a)
			got := f.Get(a.ID)
			assert.Equal(t, c.state, got.State)
			require.Equal(t, []string{c.code}, codesOf(got.Findings))
			assert.Equal(t, lock.LevelWarn, got.Findings[0].Level)
			assert.Contains(t, got.Findings[0].Text, "another reset", "it says what to do")
			assert.Contains(t, alarms(t, f, a.ID), got.Findings[0].Text)
			assert.True(t, got.MayBeOnDevice())
			n := len(alarms(t, f, a.ID))
			f.Answer(a, lock.Progress)
			assert.Len(t, alarms(t, f, a.ID), n, "once")
			requireReplay(t, f.Store, a.ID)
			f.Return(a, lock.Progress, made)
			assert.Empty(t, f.Get(a.ID).Findings, "it is found again")
			assert.Equal(t, made, f.PIN(a.ID))
		})
	}
}

func askInVain(t *testing.T, f *locktest.Fixture, a lock.Action) {
	t.Helper()
	require.True(t, f.Deliver(mac()).Asks, "it is not done a second time")
	f.Answer(a, lock.Progress)
	require.Equal(t, lock.StateIssued, f.Get(a.ID).State)
	require.Empty(t, f.Deliver(mac()).ID, "nor asked for without end")
}

func tickLate(t *testing.T, f *locktest.Fixture) {
	t.Helper()
	f.Clock.Advance(time.Hour)
	f.Service.NewTicker().Tick(t.Context())
}

func withdrawnThenDone(t *testing.T, f *locktest.Fixture, a lock.Action) {
	t.Helper()
	cancel(t, f, a.ID)
	f.Answer(a, lock.Acknowledged)
}

// TestWhatIsNoLossOfAPIN.
func TestWhatIsNoLossOfAPIN(t *testing.T) {
	for name, ends := range map[string]func(f *locktest.Fixture, a lock.Action){
		"it never left": func(f *locktest.Fixture, a lock.Action) { cancel(t, f, a.ID) },
		"the device put it off": func(f *locktest.Fixture, a lock.Action) {
			f.Deliver(mac())
			f.Answer(a, lock.NotNow)
			cancel(t, f, a.ID)
		},
		"the device refused it":     func(f *locktest.Fixture, a lock.Action) { f.Deliver(mac()); f.Answer(a, lock.Refused) },
		"refused after it was over": func(f *locktest.Fixture, a lock.Action) { f.Deliver(mac()); tickLate(t, f); f.Answer(a, lock.Refused) },
		"it came before": func(f *locktest.Fixture, a lock.Action) {
			f.Deliver(mac())
			f.Return(a, lock.Progress, made)
			tickLate(t, f)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a := resetting(t, f)
			ends(f, a)
			assert.Empty(t, f.Get(a.ID).Findings)
			requireReplay(t, f.Store, a.ID)
		})
	}
}

// TestALostPINBesideManyFindings is none too many.
func TestALostPINBesideManyFindings(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	r := answerOf(a, lock.Acknowledged, nil)
	for i := range 40 {
		r.Findings = append(r.Findings, lock.Finding{Code: string(rune('a'+i/26)) + string(rune('a'+i%26)), Level: lock.LevelInfo})
	}
	require.NoError(t, f.Service.Report(t.Context(), r))
	assert.Contains(t, codesOf(f.Get(a.ID).Findings), "pin_lost")
}

// TestHowOftenItLeaves: whole until it was not put off, then once to ask, whatever the platform allows other commands.
func TestHowOftenItLeaves(t *testing.T) {
	f := newFixture(t, func(c *lock.Config) { c.Platforms[0].MaxDeliveries = 10 })
	a := deliveredReset(t, f)
	f.Answer(a, lock.NotNow)
	assert.False(t, f.Deliver(mac()).Asks, "it was put off, and is done now")
	assert.True(t, f.Deliver(mac()).Asks)
	assert.Empty(t, f.Deliver(mac()).ID)
	assert.Equal(t, lock.StateUnconfirmed, f.Get(a.ID).State)

	once := newFixture(t, func(c *lock.Config) { c.Platforms[0].MaxDeliveries = 1 })
	deliveredReset(t, once)
	assert.Empty(t, once.Deliver(mac()).ID, "never again")
}

// TestAPINOfTheDeviceDoesNotGoBack: a second delivery carries none, and needs no key to leave.
func TestAPINOfTheDeviceDoesNotGoBack(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	f.Return(a, lock.Progress, made)
	without := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer = locktest.Keyring("another") })
	cmd := without.Deliver(mac())
	assert.Equal(t, a.ID, cmd.ID)
	assert.Empty(t, cmd.PIN)
}

// TestCandidatesBesideAPINThatNobodyHas say so, until it comes.
func TestCandidatesBesideAPINThatNobodyHas(t *testing.T) {
	f := newFixture(t)
	const since = "may have made a PIN of its own since"
	reason := func() string {
		found, err := f.Service.Candidates(t.Context(), locktest.Admin(), mac())
		require.NoError(t, err)
		return found[len(found)-1].Reason
	}
	first := f.Lock(mac())
	f.Deliver(mac())
	f.Answer(first, lock.Acknowledged)
	f.Clock.Advance(time.Minute)
	a := resetting(t, f)
	assert.NotContains(t, reason(), since, "it has not left")
	f.Deliver(mac())
	assert.Contains(t, reason(), since)
	_, err := f.Service.Feedback(t.Context(), locktest.Admin(), first.ID, lock.FeedbackWorked, "")
	require.NoError(t, err)
	assert.NotContains(t, reason(), since, "it opened the device after that")
	f.Clock.Advance(time.Minute)
	f.Deliver(mac())
	assert.Contains(t, reason(), since, "and may not any more")
	f.Return(a, lock.Acknowledged, made)
	assert.NotContains(t, reason(), since)
}

// TestAPurgeBesideAPINThatNobodyHas: the device is not known to be open, so the PIN that it confirmed last stays.
func TestAPurgeBesideAPINThatNobodyHas(t *testing.T) {
	f := newFixture(t)
	first := released(t, f, mac())
	a := deliveredReset(t, f)
	f.Answer(a, lock.Acknowledged)
	f.Clock.Advance(30 * day)
	assert.Equal(t, "last_confirmed", purge(t, f)[first.ID])
}

// TestAKeptPINOfTheDevice: what the device made can be used again where the policy allows it.
func TestAKeptPINOfTheDevice(t *testing.T) {
	for code, want := range map[string]string{"739184": "", made: "pin_length"} {
		t.Run(code, func(t *testing.T) {
			f := newFixture(t)
			a := deliveredReset(t, f)
			f.Return(a, lock.Acknowledged, code)
			f.Clock.Advance(time.Minute)
			kept, err := f.Service.ResetPasscode(t.Context(), locktest.Admin(), lock.Request{Device: mac(), Keep: true})
			var blocked *lock.BlockedError
			if want != "" {
				require.ErrorAs(t, err, &blocked)
				assert.Equal(t, []string{want}, codesOf(blocked.Findings))
				return
			}
			require.NoError(t, err)
			assert.Equal(t, a.ID, kept.Kept)
			assert.Equal(t, code, f.Deliver(mac()).PIN)
		})
	}
}
