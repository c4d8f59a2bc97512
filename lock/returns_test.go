package lock_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// made is a PIN that a device made, with letters too.
const made = "kestrel-7391"

// resetting orders a passcode reset for which mac-1 makes the PIN.
func resetting(t testing.TB, f *locktest.Fixture, edits ...func(*lock.Request)) lock.Action {
	t.Helper()
	r := lock.Request{Device: mac(), Reason: "forgotten", Options: map[string]string{locktest.OptionReturns: "yes"}}
	for _, edit := range edits {
		edit(&r)
	}
	a, err := f.Service.ResetPasscode(t.Context(), locktest.Admin(), r)
	require.NoError(t, err)
	return a
}

// delivered is one whose command left.
func deliveredReset(t testing.TB, f *locktest.Fixture, edits ...func(*lock.Request)) lock.Action {
	t.Helper()
	a := resetting(t, f, edits...)
	require.Equal(t, a.ID, f.Deliver(mac()).ID)
	return a
}

func codesOf(findings []lock.Finding) (codes []string) {
	for _, f := range findings {
		codes = append(codes, f.Code)
	}
	return codes
}

// alarms are the words of the alarms about an action.
func alarms(t testing.TB, f *locktest.Fixture, id lock.ID) (texts []string) {
	t.Helper()
	for _, e := range noticesOf(t, f) {
		if e.Type == lock.EventAlarm && e.Other == id {
			texts = append(texts, e.Reason)
		}
	}
	return texts
}

func TestAPINThatTheDeviceMade(t *testing.T) {
	f := newFixture(t)
	a := resetting(t, f)
	assert.True(t, a.Returns)
	assert.Empty(t, a.Secrets, "there is none yet")
	cmd := f.Deliver(mac())
	assert.False(t, cmd.Asks)
	assert.Empty(t, cmd.PIN)
	commits := f.Store.Commits()
	f.Return(a, lock.Acknowledged, made)
	assert.Equal(t, commits+1, f.Store.Commits(), "state and PIN in one commit")
	got := f.Get(a.ID)
	assert.Equal(t, lock.StateConfirmed, got.State)
	assert.Empty(t, got.Findings)
	assert.Equal(t, made, f.PIN(a.ID))
	assert.NotContains(t, ledgerText(t, f), made)
	found, err := f.Service.Candidates(t.Context(), locktest.Admin(), mac())
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, a.ID, found[0].Action.ID)
	requireReplay(t, f.Store, a.ID)
}

// TestAPINThatComesLate is kept, whatever came before.
func TestAPINThatComesLate(t *testing.T) {
	for name, c := range map[string]struct {
		before  func(t testing.TB, f *locktest.Fixture, a lock.Action)
		outcome lock.Outcome
		state   lock.State
	}{
		"with progress":                           {notYet, lock.Progress, lock.StateIssued},
		"with a refusal":                          {notYet, lock.Refused, lock.StateRefused},
		"with NotNow":                             {notYet, lock.NotNow, lock.StateIssued},
		"with a second NotNow":                    {answered(lock.NotNow), lock.NotNow, lock.StateIssued},
		"after the acknowledgement":               {answered(lock.Acknowledged), lock.Acknowledged, lock.StateConfirmed},
		"with progress, after it":                 {answered(lock.Acknowledged), lock.Progress, lock.StateConfirmed},
		"with a refusal, after it":                {answered(lock.Acknowledged), lock.Refused, lock.StateConfirmed},
		"with a second refusal":                   {answered(lock.Refused), lock.Refused, lock.StateRefused},
		"with the acknowledgement of a withdrawn": {withdrawn, lock.Acknowledged, lock.StateConfirmed},
		"with progress of a withdrawn":            {withdrawn, lock.Progress, lock.StateCancelled},
		"with NotNow of a withdrawn":              {withdrawn, lock.NotNow, lock.StateCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a := deliveredReset(t, f)
			c.before(t, f, a)
			f.Return(a, c.outcome, made)
			got := f.Get(a.ID)
			assert.Equal(t, c.state, got.State)
			assert.Equal(t, made, f.PIN(a.ID))
			assert.Empty(t, got.Findings, "what was said of its loss is over")
			events := len(eventsOf(t, f, a.ID))
			f.Return(a, c.outcome, made)
			assert.Len(t, eventsOf(t, f, a.ID), events, "the same once more is no news")
			requireReplay(t, f.Store, a.ID)
		})
	}
}

func notYet(testing.TB, *locktest.Fixture, lock.Action) {}

func answered(o lock.Outcome) func(testing.TB, *locktest.Fixture, lock.Action) {
	return func(_ testing.TB, f *locktest.Fixture, a lock.Action) { f.Answer(a, o) }
}

func withdrawn(t testing.TB, f *locktest.Fixture, a lock.Action) { cancel(t, f, a.ID) }

// TestAnotherPINOfTheDevice is added beside the first, and is the one that is given out.
func TestAnotherPINOfTheDevice(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	f.Return(a, lock.Acknowledged, made)
	f.Return(a, lock.Acknowledged, "heron-2846")
	f.Return(a, lock.Acknowledged, "heron-2846")
	assert.Equal(t, "heron-2846", f.PIN(a.ID))
	assert.Len(t, f.Get(a.ID).Secrets, 2)
	types := typesOf(eventsOf(t, f, a.ID))
	assert.Equal(t, []lock.EventType{lock.EventOrdered, lock.EventIssued, lock.EventAcknowledged, lock.EventSecretAdded, lock.EventRevealed}, types)
}

// TestPINsWithoutEnd: a device cannot fill an action. Those that the ledger has stay, and so does what they were reported with.
func TestPINsWithoutEnd(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	last := ""
	for i := range 64 {
		last = fmt.Sprintf("heron-%04d", i)
		f.Return(a, lock.Acknowledged, last)
	}
	r := answerOf(a, lock.Acknowledged, nil)
	r.Secret = parsed(t, made)
	assert.Equal(t, "secret", inputField(f.Service.Report(t.Context(), r)))
	f.Return(a, lock.Acknowledged, last)
	assert.Len(t, f.Get(a.ID).Secrets, 64)
	assert.Equal(t, last, f.PIN(a.ID))
}

// TestAPINBesideOneThatDoesNotOpen: there is nothing to compare with, so it is kept.
func TestAPINBesideOneThatDoesNotOpen(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	f.Return(a, lock.Acknowledged, made)
	other := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer = locktest.Keyring("another") })
	other.Return(a, lock.Acknowledged, made)
	assert.Equal(t, made, other.PIN(a.ID))
	assert.Len(t, f.Get(a.ID).Secrets, 2)
}

// TestAPINThatCannotBeKept: nothing claims success, and the device says it again.
func TestAPINThatCannotBeKept(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	r := answerOf(a, lock.Acknowledged, nil)
	r.Secret = parsed(t, made)
	f.Store.FailBefore(locktest.Forever)
	require.ErrorIs(t, f.Service.Report(t.Context(), r), locktest.ErrFault)
	f.Store.FailBefore(0)
	assert.Equal(t, lock.StateIssued, f.Get(a.ID).State)
	sealless := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer = brokenSealer{} })
	require.Error(t, sealless.Service.Report(t.Context(), r))
	assert.Equal(t, lock.StateIssued, f.Get(a.ID).State)
	require.NoError(t, f.Service.Report(t.Context(), r))
	assert.Equal(t, made, f.PIN(a.ID))
}

// TestAPINOfAnActionThatMakesItsOwn is no answer to it.
func TestAPINOfAnActionThatMakesItsOwn(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	f.Deliver(mac())
	r := answerOf(a, lock.Acknowledged, nil)
	r.Secret = parsed(t, made)
	assert.Equal(t, "secret", inputField(f.Service.Report(t.Context(), r)))
	assert.Len(t, f.Get(a.ID).Secrets, 1)
}

// TestWhatComesWithAPINSaysIt: neither facts, names nor findings repeat the PIN of the same report.
func TestWhatComesWithAPINSaysIt(t *testing.T) {
	for name, code := range map[string]string{"with letters": made, "of digits": "73918426"} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a := deliveredReset(t, f)
			r := answerOf(a, lock.Progress, map[string]string{"result": "new: " + code, code: "x", "code": "200"})
			r.Secret, r.Ref = parsed(t, code), "ref of "+code
			r.Findings = []lock.Finding{
				{Code: "told", Level: lock.LevelWarn, Text: "It is " + code + "."}, {Code: code, Text: "a code"}, {Code: "fine", Level: lock.LevelInfo, Text: "Fine."},
			}
			require.NoError(t, f.Service.Report(t.Context(), r))
			got := f.Get(a.ID)
			assert.Equal(t, map[string]string{"result": "[withheld]", "code": "200"}, got.Facts)
			assert.Empty(t, got.Ref)
			assert.Equal(t, []lock.Finding{
				{Code: "told", Level: lock.LevelWarn, Text: "[withheld]"}, {Code: "fine", Level: lock.LevelInfo, Text: "Fine."},
			}, got.Findings)
			assert.NotContains(t, ledgerText(t, f), code)
		})
	}
}

// TestWordsAboutAPINThatTheDeviceMade: whoever writes it into a reason finds it masked, as any PIN.
func TestWordsAboutAPINThatTheDeviceMade(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	f.Return(a, lock.Acknowledged, made)
	_, err := f.Service.Feedback(t.Context(), locktest.Admin(), a.ID, lock.FeedbackWorked, "it was "+made+".")
	require.NoError(t, err)
	_, err = f.Service.Reveal(t.Context(), locktest.Admin(), a.ID, "is it "+made+"?", "")
	assert.Equal(t, "reason", inputField(err))
	f.Clock.Advance(time.Minute)
	again := resetting(t, f, func(r *lock.Request) { r.Reason = made + " was forgotten" })
	assert.NotEqual(t, a.ID, again.ID)
	assert.NotContains(t, ledgerText(t, f), made)
}

// TestReportFindings are the action's, each code once and not without end.
func TestReportFindings(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	f.Deliver(mac())
	r := answerOf(a, lock.Acknowledged, nil)
	for i := range 40 {
		r.Findings = append(r.Findings, lock.Finding{Code: "c" + strings.Repeat("x", i), Level: lock.LevelWarn, Text: strings.Repeat("y", 2000)})
	}
	require.NoError(t, f.Service.Report(t.Context(), r))
	got := f.Get(a.ID).Findings
	require.Len(t, got, 32)
	assert.Len(t, got[0].Text, 1024)
	require.NoError(t, f.Service.Report(t.Context(), answerOf(a, lock.Acknowledged, nil)))
	assert.Equal(t, got, f.Get(a.ID).Findings)
	events := eventsOf(t, f, a.ID)
	assert.Len(t, events[len(events)-1].Findings, 32)
	requireReplay(t, f.Store, a.ID)
}

func TestProgressWithTheSameFindingsSaysNothingNew(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	f.Deliver(mac())
	r := answerOf(a, lock.Progress, nil)
	r.Findings = []lock.Finding{{Code: "slow", Level: lock.LevelInfo, Text: "It takes a while."}}
	for range 2 {
		require.NoError(t, f.Service.Report(t.Context(), r))
	}
	assert.Len(t, eventsOf(t, f, a.ID), 3)
}

// TestPlansThatCannotBe: what the platform says of an order is held to what this package can do.
func TestPlansThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		plan lock.Plan
		kind lock.Kind
	}{
		"it makes a token and a PIN": {lock.Plan{Returns: true, Makes: "token"}, lock.KindResetPasscode},
		"an unlock makes a PIN":      {lock.Plan{Returns: true}, lock.KindClearPasscode},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.Codec.Answer = &c.plan
			_, err := f.Service.Preflight(t.Context(), locktest.Admin(), lock.Request{Device: mac(), Kind: c.kind})
			require.ErrorContains(t, err, "a PIN that cannot be")
		})
	}
}

// TestOrdersOfAPINThatTheDeviceMakes are held and counted as any other; a PIN of the caller's own cannot be part of one.
func TestOrdersOfAPINThatTheDeviceMakes(t *testing.T) {
	f := newFixture(t, locktest.TwoPersons(lock.VerbLock))
	assert.Equal(t, lock.StateHeld, resetting(t, f).State)
	f = newFixture(t, locktest.Limited(lock.Limit{Verb: lock.VerbLock, Count: 1, Window: time.Hour}))
	f.Lock(locktest.Device("mac-2"))
	assert.Equal(t, lock.StateHeld, resetting(t, f).State)
	f = newFixture(t)
	for field, edit := range map[string]func(*lock.Request){
		"pin": supplied(t, "739184"), "keep": func(r *lock.Request) { r.Keep = true },
	} {
		r := lock.Request{Device: mac(), Options: map[string]string{locktest.OptionReturns: "yes"}}
		edit(&r)
		_, err := f.Service.ResetPasscode(t.Context(), locktest.Admin(), r)
		assert.Equal(t, field, inputField(err))
	}
	first := resetting(t, f)
	assert.Equal(t, first.ID, resetting(t, f).ID, "a repetition joins it")
	var encoded locktest.Command
	next, err := f.Service.Next(t.Context(), mac())
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(next.Body, &encoded))
	assert.False(t, slices.Contains([]bool{encoded.Asks, encoded.Resumed}, true))
}
