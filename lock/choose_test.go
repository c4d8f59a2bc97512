package lock_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/store"
)

func codes(findings []lock.Finding) []string {
	var codes []string
	for _, f := range findings {
		codes = append(codes, f.Code)
	}
	return codes
}

// ended orders a lock and withdraws it: its PIN is history.
func ended(t *testing.T, f *locktest.Fixture, edits ...func(*lock.Request)) lock.Action {
	t.Helper()
	a := f.Lock(mac(), edits...)
	cancel(t, f, a.ID)
	return a
}

func because(reason string) func(*lock.Request) { return func(r *lock.Request) { r.Reuse = reason } }

// TestDrawnPINIsNew has a policy of 16 PINs: were earlier ones not compared, they would come again.
func TestDrawnPINIsNew(t *testing.T) {
	f := newFixture(t, func(c *lock.Config) { c.Rotation.History = 8 })
	f.Codec.Answer = &lock.Plan{Policy: pin.Policy{Length: 4, Alphabet: "07", FewCodes: true}}
	var drawn []string
	for range 40 {
		f.Clock.Advance(time.Second) // the history goes by time
		a := ended(t, f)
		full, err := f.Store.Get(t.Context(), a.ID)
		require.NoError(t, err)
		code := opened(t, full)
		require.NotContains(t, drawn[max(0, len(drawn)-8):], code)
		drawn = append(drawn, code)
	}
}

// opened is the PIN of an action, past the service: to reveal it would disclose it.
func opened(t *testing.T, a lock.Action) string {
	t.Helper()
	b := pin.Binding{Scope: a.Device.Scope, Platform: a.Device.Platform, Action: string(a.ID), Secret: a.Secrets[0].N}
	code, err := locktest.Keyring("test").Open(t.Context(), a.Secrets[0].Box, b)
	require.NoError(t, err)
	return code.Expose()
}

// TestDisclosedPINDoesNotComeAgain: whatever the history, what somebody has seen is not drawn.
func TestDisclosedPINDoesNotComeAgain(t *testing.T) {
	f := newFixture(t, func(c *lock.Config) { c.Rotation.History = -1 })
	f.Codec.Answer = &lock.Plan{Policy: pin.Policy{Length: 2, Alphabet: "07", FewCodes: true}}
	seen := map[string]bool{}
	for range 4 {
		a := ended(t, f)
		code := f.PIN(a.ID)
		require.False(t, seen[code], "disclosed before")
		seen[code] = true
	}
	_, err := order(t, f)
	require.ErrorIs(t, err, pin.ReasonHistory, "all four are disclosed")
}

func TestSuppliedPINUsedBefore(t *testing.T) {
	const code = "739184"
	f := newFixture(t)
	old := ended(t, f, supplied(t, code))
	_, err := order(t, f, supplied(t, code))
	require.Equal(t, "pin", inputField(err))
	require.ErrorIs(t, err, pin.ReasonHistory)
	notices := noticesOf(t, f)
	require.Len(t, notices, 1, "who asks could be trying out PINs")
	assert.Equal(t, lock.EventAlarm, notices[0].Type)
	assert.Equal(t, locktest.Admin(), notices[0].Actor)
	assert.Equal(t, "mac-1", notices[0].Device)
	assert.NotContains(t, string(notices[0].Body), code)

	a := f.Lock(mac(), supplied(t, code), because("the owner has it on paper, not 284617"))
	assert.Equal(t, "the owner has it on paper, not [digits]", a.Reuse)
	assert.Contains(t, codes(a.Findings), "pin_reused")
	assert.Equal(t, old.ID, a.Kept, "which one it is")
	assert.Equal(t, old.Created, a.PINMade)
	assert.Equal(t, code, f.Deliver(mac()).PIN)
	requireReplay(t, f.Store, a.ID)
	f.PIN(old.ID)
	for _, c := range candidates(t, f, mac()) {
		assert.True(t, c.Disclosed, "it is one PIN")
	}
}

func TestSuppliedPINIsComparedWithTheLastOnesOnly(t *testing.T) {
	f := newFixture(t, func(c *lock.Config) { c.Rotation.History = 2 })
	for _, code := range []string{"739184", "284617", "506938"} {
		f.Clock.Advance(time.Second)
		ended(t, f, supplied(t, code))
	}
	_, err := order(t, f, supplied(t, "284617"))
	require.ErrorIs(t, err, pin.ReasonHistory)
	a := f.Lock(mac(), supplied(t, "739184"))
	assert.Empty(t, codes(a.Findings))
}

func TestSuppliedPINThatSomebodySaw(t *testing.T) {
	f := newFixture(t, func(c *lock.Config) { c.Rotation.History = -1 })
	old := ended(t, f, supplied(t, "739184"))
	f.PIN(old.ID)
	_, err := order(t, f, supplied(t, "739184"))
	require.ErrorIs(t, err, pin.ReasonDisclosed)
}

// TestSuppliedPINOfAnEarlierEnrolment: the hardware is the same, whatever the device is called now.
func TestSuppliedPINOfAnEarlierEnrolment(t *testing.T) {
	f := newFixture(t)
	ended(t, f, supplied(t, "739184"))
	renamed := mac()
	renamed.ID = "mac-1-again"
	_, err := order(t, f, supplied(t, "739184"), func(r *lock.Request) { r.Device = renamed })
	require.ErrorIs(t, err, pin.ReasonHistory)
	another := locktest.Device("mac-2")
	f.Lock(another, supplied(t, "739184"))
}

// TestPINsAreNotTriedOut: each order with a PIN of one's own tells whether the device had it.
func TestPINsAreNotTriedOut(t *testing.T) {
	f := newFixture(t)
	for i := range 10 {
		f.Clock.Advance(time.Minute)
		ended(t, f, supplied(t, fmt.Sprint(739184+i)))
		ended(t, f)
	}
	_, err := order(t, f, supplied(t, "284617"))
	require.Equal(t, "pin", inputField(err))
	require.ErrorContains(t, err, "10 orders of this device in a day")
	renamed := mac()
	renamed.ID = "mac-1-again"
	_, err = order(t, f, supplied(t, "284617"), func(r *lock.Request) { r.Device = renamed })
	require.Equal(t, "pin", inputField(err), "the hardware is the same")
	f.Lock(locktest.Device("mac-2"), supplied(t, "284617"))
	ended(t, f)
	f.Clock.Advance(24 * time.Hour)
	f.Lock(mac(), supplied(t, "284617"))
}

// TestPINUsedAgainCountsOnce in the history.
func TestPINUsedAgainCountsOnce(t *testing.T) {
	f := newFixture(t, func(c *lock.Config) { c.Rotation.History = 2 })
	wasLocked(t, f, supplied(t, "739184"))
	wasLocked(t, f, supplied(t, "284617"))
	wasLocked(t, f, keep)
	wasLocked(t, f, keep)
	_, err := order(t, f, supplied(t, "739184"))
	require.ErrorIs(t, err, pin.ReasonHistory, "it is the last but one")
}

// TestWhatCannotBeSealedIsNotCompared: such an order leaves no trace, so each would be a free guess.
func TestWhatCannotBeSealedIsNotCompared(t *testing.T) {
	f := newFixture(t)
	ended(t, f, supplied(t, "739184"))
	mute := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer = silent{c.Sealer} })
	for _, code := range []string{"739184", "284617"} {
		_, err := order(t, mute, supplied(t, code))
		require.ErrorIs(t, err, locktest.ErrFault)
	}
	require.Empty(t, noticesOf(t, f))
}

// silent is a sealer that cannot seal.
type silent struct{ pin.Sealer }

func (silent) Seal(context.Context, pin.PIN, pin.Binding) (pin.Box, error) {
	return nil, locktest.ErrFault
}

// TestHistoryThatDoesNotOpen must not stand in the way of a lock.
func TestHistoryThatDoesNotOpen(t *testing.T) {
	f := newFixture(t)
	ended(t, f)
	other := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer = locktest.Keyring("another") })
	for _, edit := range []func(*lock.Request){supplied(t, "739184"), func(*lock.Request) {}} {
		a := other.Lock(mac(), edit)
		require.Equal(t, []string{"pin_history_unread"}, codes(a.Findings))
		assert.Contains(t, a.Findings[0].Text, "(1)")
		cancel(t, other, a.ID)
	}
}

// TestHistoryThatCannotBeRead is no history that does not open: the order fails, and may be repeated.
func TestHistoryThatCannotBeRead(t *testing.T) {
	f := newFixture(t)
	ended(t, f)
	away := locktest.New(t, unreadable{f.Store})
	_, err := order(t, away, supplied(t, "739184"))
	require.ErrorIs(t, err, locktest.ErrFault)
}

// unreadable is a store that lists actions and does not give them out.
type unreadable struct{ lock.Store }

func (unreadable) Get(context.Context, lock.ID) (lock.Action, error) {
	return lock.Action{}, locktest.ErrFault
}

// TestLivePINUnderAnotherID: a machine that was enrolled anew has a lock under its old ID, which no order under the new one can join.
func TestLivePINUnderAnotherID(t *testing.T) {
	f := newFixture(t)
	live := f.Lock(mac(), supplied(t, "739184"))
	anew := func(r *lock.Request) { r.Device.ID = "mac-9" }
	_, err := order(t, f, anew, supplied(t, "739184"))
	require.ErrorIs(t, err, pin.ReasonHistory)
	assert.Equal(t, "pin", inputField(err))
	notices := noticesOf(t, f)
	require.Len(t, notices, 1)
	assert.Equal(t, lock.EventAlarm, notices[0].Type)
	assert.Equal(t, "mac-9", notices[0].Device)

	a, err := order(t, f, anew, supplied(t, "739184"), because("it is the one on the Mac"))
	require.NoError(t, err)
	assert.Equal(t, lock.StateQueued, a.State)
	assert.Equal(t, live.ID, a.Kept)
	assert.Equal(t, "739184", f.PIN(a.ID))
}

// TestPINIsNothingThatDescribesTheDevice: it would be guessed, and is kept in clear beside the sealed one.
func TestPINIsNothingThatDescribesTheDevice(t *testing.T) {
	const code = "739184"
	for name, edit := range map[string]func(*lock.Request){
		"serial number": func(r *lock.Request) { r.Device.Serial = "C02" + code + "Q" },
		"name":          func(r *lock.Request) { r.Device.Name = "Mac 739-184" },
		"user":          func(r *lock.Request) { r.Device.User = "u" + code },
		"model":         func(r *lock.Request) { r.Device.Model = "Mac" + code },
		"ID":            func(r *lock.Request) { r.Device.ID = "0000-" + code },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			_, err := order(t, f, supplied(t, code), edit)
			require.ErrorIs(t, err, pin.ReasonValue)
			requireEmpty(t, f)
		})
	}
	t.Run("drawn", func(t *testing.T) {
		f := newFixture(t)
		f.Codec.Answer = &lock.Plan{Policy: pin.Policy{Length: 2, Alphabet: "07", FewCodes: true}}
		for i := range 20 {
			d := locktest.Device(fmt.Sprint("mac-", i))
			d.Serial, d.Name = fmt.Sprintf("X0077%c", 'a'+i), "Mac 0 1 7"
			require.Equal(t, "70", f.PIN(f.Lock(d).ID), "the only one that is left")
		}
	})
}

func TestPreflightJudgesASuppliedPIN(t *testing.T) {
	f := newFixture(t)
	ended(t, f, supplied(t, "739184"))
	for code, want := range map[string][]string{
		"739184": nil, // only an order tells that it was used before
		"112233": {"pin_pattern"},
		"1234":   {"pin_length"},
		"73918x": {"pin_alphabet"},
	} {
		t.Run(code, func(t *testing.T) {
			findings, err := f.Service.Preflight(t.Context(), locktest.Admin(), lock.Request{Device: mac(), PIN: parsed(t, code)})
			require.NoError(t, err)
			for _, c := range want {
				require.Contains(t, codes(findings), c)
			}
			if want == nil {
				require.Empty(t, findings)
			}
			for _, finding := range findings {
				assert.Equal(t, lock.LevelBlock, finding.Level)
				assert.Equal(t, "pin", finding.Field)
				assert.NotContains(t, finding.Text, code)
				assert.True(t, strings.HasPrefix(finding.Text, "The PIN must"), finding.Text)
			}
		})
	}
}

func TestSharedPIN(t *testing.T) {
	f := newFixture(t)
	for _, id := range []string{"mac-1", "mac-2"} {
		a := f.Lock(locktest.Device(id), supplied(t, "739184"), func(r *lock.Request) { r.Batch = "lab-7" })
		require.Equal(t, []string{"pin_shared"}, codes(a.Findings))
		assert.Equal(t, lock.LevelWarn, a.Findings[0].Level)
	}
	findings, err := f.Service.Preflight(t.Context(), locktest.Admin(), lock.Request{Device: locktest.Device("mac-3"), PIN: parsed(t, "284617"), Batch: "lab-7"})
	require.NoError(t, err)
	require.Equal(t, []string{"pin_shared"}, codes(findings))
	drawn := f.Lock(locktest.Device("mac-3"), func(r *lock.Request) { r.Batch = "lab-7" })
	assert.Empty(t, drawn.Findings, "each of its own")
}

// TestOrderOpensWhatItCompares, and nothing else: each opening may be a question to a remote service.
func TestOrderOpensWhatItCompares(t *testing.T) {
	var opened counting
	f := newFixture(t, func(c *lock.Config) { c.Rotation.History, opened.Sealer, c.Sealer = 3, c.Sealer, &opened })
	shown := ended(t, f)
	f.PIN(shown.ID)
	for range 20 {
		f.Clock.Advance(time.Second)
		ended(t, f)
	}
	opened.n = 0
	f.Lock(mac())
	assert.Equal(t, 4, opened.n, "the last three, and the one that somebody saw")
}

type counting struct {
	pin.Sealer
	n int
}

func (c *counting) Open(ctx context.Context, box pin.Box, b pin.Binding) (pin.PIN, error) {
	c.n++
	return c.Sealer.Open(ctx, box, b)
}

// TestPreflightOfAnOrderWithoutAPIN judges none.
func TestPreflightOfAnOrderWithoutAPIN(t *testing.T) {
	f := newFixture(t)
	f.Codec.Answer = &lock.Plan{NoPIN: true}
	for _, r := range []lock.Request{{Device: mac(), Keep: true}, {Device: mac(), PIN: parsed(t, "112233")}} {
		findings, err := f.Service.Preflight(t.Context(), locktest.Admin(), r)
		require.NoError(t, err)
		require.Empty(t, findings)
	}
}

func TestChoiceThatContradictsItself(t *testing.T) {
	for name, c := range map[string]struct {
		edit  func(*lock.Request)
		field string
	}{
		"keep and a PIN":             {func(r *lock.Request) { r.Keep, r.PIN = true, parsed(t, "739184") }, "keep"},
		"a reason for nothing":       {because("why not"), "reuse"},
		"a reason of several lines":  {func(r *lock.Request) { r.Keep, r.Reuse = true, "a\nb" }, "reuse"},
		"a reason that says the PIN": {func(r *lock.Request) { r.PIN, r.Reuse = parsed(t, "739184"), "it is 739184" }, "reuse"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			_, err := order(t, f, c.edit)
			require.Equal(t, c.field, inputField(err))
			requireEmpty(t, f)
		})
	}
}

// TestRefusedPINIsOnRecordOrThereIsNoAnswer: an answer that nobody can trace would be a free guess.
func TestRefusedPINIsOnRecordOrThereIsNoAnswer(t *testing.T) {
	f := locktest.New(t, store.NewMemory())
	ended(t, f, supplied(t, "739184"))
	f.Store.FailBefore(locktest.Forever)
	_, err := order(t, f, supplied(t, "739184"))
	require.ErrorIs(t, err, locktest.ErrFault)
	require.NotErrorIs(t, err, pin.ReasonHistory)
}
