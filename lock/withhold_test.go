package lock_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// ledgerText is everything that the store keeps in clear.
func ledgerText(t *testing.T, f *locktest.Fixture) string {
	t.Helper()
	var text strings.Builder
	events, err := f.Store.Events(t.Context(), lock.EventFilter{Limit: 1000})
	require.NoError(t, err)
	for _, e := range events {
		text.Write(e.Body)
	}
	actions, err := f.Store.List(t.Context(), lock.Filter{})
	require.NoError(t, err)
	for _, a := range actions {
		data, err := json.Marshal(a)
		require.NoError(t, err)
		text.Write(data)
	}
	return text.String()
}

// TestPINsThatDevicesSayAreWithheld is I4 for what a device reports.
func TestPINsThatDevicesSayAreWithheld(t *testing.T) {
	const code = "739184"
	for name, c := range map[string]struct {
		said, kept map[string]string
	}{
		"in a value": {
			map[string]string{"result": "locked with " + code, "other": "kept"},
			map[string]string{"result": "[withheld]", "other": "kept"},
		},
		"in a name": {map[string]string{"PIN " + code: "set", "other": "kept"}, map[string]string{"other": "kept"}},
		"in both":   {map[string]string{"PIN " + code: code, "other": "kept"}, map[string]string{"other": "kept"}},
		"cut at the limit": {
			map[string]string{"result": strings.Repeat("x", 1020) + code},
			map[string]string{"result": "[withheld]"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a := f.Lock(mac(), supplied(t, code))
			f.Deliver(mac())
			require.NoError(t, f.Service.Report(t.Context(), answerOf(a, lock.Acknowledged, c.said)))
			assert.Equal(t, c.kept, f.Get(a.ID).Facts)
			assert.NotContains(t, ledgerText(t, f), code)
		})
	}
}

func TestFactsAreWithheldWhenThePINCannotBeCompared(t *testing.T) {
	const code = "739184"
	f := newFixture(t)
	a := f.Lock(mac(), supplied(t, code))
	f.Deliver(mac())
	without := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer = locktest.Keyring("another") })
	said := map[string]string{"result": code, code: "result"}
	require.NoError(t, without.Service.Report(t.Context(), answerOf(a, lock.Acknowledged, said)))
	assert.Equal(t, lock.StateConfirmed, f.Get(a.ID).State, "the answer counts all the same")
	assert.Empty(t, f.Get(a.ID).Facts)
	assert.NotContains(t, ledgerText(t, f), code)
}

// TestPINsThatPeopleWriteAreWithheld is I4 for the words of later acts: they are recorded without the text, not refused.
func TestPINsThatPeopleWriteAreWithheld(t *testing.T) {
	const code = "739184"
	t.Run("joined", func(t *testing.T) {
		f := newFixture(t)
		a := f.Lock(mac(), supplied(t, code))
		f.Lock(mac(), func(r *lock.Request) { r.Reason = "it is " + code })
		assert.Equal(t, "it is [digits]", eventsOf(t, f, a.ID)[1].Reason)
		assert.NotContains(t, ledgerText(t, f), code)
	})
	t.Run("cancelled", func(t *testing.T) {
		f := newFixture(t)
		a := f.Lock(mac(), supplied(t, code))
		got, err := f.Service.Cancel(t.Context(), locktest.Admin(), a.ID, "it is "+code)
		require.NoError(t, err)
		assert.Equal(t, "it is [digits]", got.Cause)
		assert.NotContains(t, ledgerText(t, f), code)
	})
}

// TestWithholdingIsNoOracle: who may order but not reveal cannot find out which of many numbers is the PIN.
func TestWithholdingIsNoOracle(t *testing.T) {
	const code = "739184"
	f := newFixture(t)
	a := f.Lock(mac(), supplied(t, code))
	for said, kept := range map[string]string{
		"tickets 739183 and " + code + "; floor 12345, phone 5550100": "tickets [digits] and [digits]; floor 12345, phone [digits]",
		"x739184739184":         "x[digits]",
		"739 184, or 739-183":   "[digits], or [digits]",
		"7 3 9 1 8 4":           "[digits]",
		"73·91·84":              "[digits]",
		"4711 739184":           "4711 [digits]",
		"call 020 7946 0000":    "call 020 7946 0000",
		"on 2026-11-21":         "on [digits]-21", // the price of passing nothing over
		"tried 739 184 3 times": "tried [digits] 3 times",
		"at 12:30 739-184":      "at 12:30 [digits]",
		"Mac 2 739 184":         "Mac 2 [digits]",
		"739  184, 739 - 184":   "[digits], [digits]",
		"７３９１８４ or ٧٣٩ ١٨٤":     "[digits] or [digits]",
		"ward 7b3, 918 4":       "ward 7b3, 918 4",
	} {
		f.Lock(mac(), func(r *lock.Request) { r.Reason = said })
		events := eventsOf(t, f, a.ID)
		assert.Equal(t, kept, events[len(events)-1].Reason)
	}
}

// TestRevealReasonKeepsNoPIN: at the second try people write which PIN did not open the device.
func TestRevealReasonKeepsNoPIN(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	code := f.Deliver(mac()).PIN
	cancel(t, f, a.ID)
	b := f.Lock(mac())
	_, err := f.Service.Reveal(t.Context(), locktest.Admin(), b.ID, code+" did not open it", "")
	require.NoError(t, err)
	assert.Equal(t, "[digits] did not open it", eventsOf(t, f, b.ID)[1].Reason)
	assert.NotContains(t, ledgerText(t, f), code)
}

// TestFactsWaitForTheSealer: a device says it again, and what it said is not lost meanwhile.
func TestFactsWaitForTheSealer(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	f.Deliver(mac())
	down := errors.New("the key service does not answer")
	away := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer = blind{c.Sealer, "", down} })
	said := answerOf(a, lock.Acknowledged, map[string]string{"message_result": "Success"})
	require.ErrorIs(t, away.Service.Report(t.Context(), said), down)
	assert.Equal(t, lock.StateIssued, f.Get(a.ID).State)
	require.NoError(t, f.Service.Report(t.Context(), said))
	assert.Equal(t, "Success", f.Get(a.ID).Facts["message_result"])
}

// TestReasonsAreKeptWhole: a limit in characters is no limit in bytes.
func TestReasonsAreKeptWhole(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	long := strings.Repeat("ü", 1024)
	f.Lock(mac(), func(r *lock.Request) { r.Reason = long })
	got, err := f.Service.Cancel(t.Context(), locktest.Admin(), a.ID, long)
	require.NoError(t, err)
	assert.Len(t, got.Cause, len(long))
	assert.Len(t, eventsOf(t, f, a.ID)[1].Reason, len(long))
}
