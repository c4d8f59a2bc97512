package lock_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

func keepBody(t testing.TB, f *locktest.Fixture, body string) lock.ID {
	t.Helper()
	id, err := f.Service.Keep(t.Context(), mac(), []byte(body))
	require.NoError(t, err)
	return id
}

func readAnswer(t testing.TB, f *locktest.Fixture, id lock.ID) string {
	t.Helper()
	body, err := f.Service.RevealAnswer(t.Context(), locktest.Admin(), id, "the answer could not be read", "4711")
	require.NoError(t, err)
	return string(body)
}

// TestKeepWaitsForAPIN: what a device says is kept while a PIN may be in it.
func TestKeepWaitsForAPIN(t *testing.T) {
	for name, c := range map[string]struct {
		life func(f *locktest.Fixture, a lock.Action)
		kept bool
	}{
		"not delivered yet":      {func(*locktest.Fixture, lock.Action) {}, false},
		"delivered":              {func(f *locktest.Fixture, _ lock.Action) { f.Deliver(mac()) }, true},
		"withdrawn":              {func(f *locktest.Fixture, a lock.Action) { f.Deliver(mac()); cancel(t, f, a.ID) }, true},
		"given up":               {func(f *locktest.Fixture, _ lock.Action) { f.Deliver(mac()); tickLate(t, f) }, true},
		"given up long ago":      {func(f *locktest.Fixture, _ lock.Action) { f.Deliver(mac()); tickLate(t, f); f.Clock.Advance(day) }, false},
		"acknowledged without":   {func(f *locktest.Fixture, a lock.Action) { f.Deliver(mac()); f.Answer(a, lock.Acknowledged) }, true},
		"refused":                {func(f *locktest.Fixture, a lock.Action) { f.Deliver(mac()); f.Answer(a, lock.Refused) }, false},
		"with the PIN that came": {func(f *locktest.Fixture, a lock.Action) { f.Deliver(mac()); f.Return(a, lock.Progress, made) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a := resetting(t, f)
			c.life(f, a)
			version := f.Get(a.ID).Version
			id := keepBody(t, f, "<xml>"+made+"</xml>")
			if !c.kept {
				assert.Empty(t, id)
				assert.Equal(t, version, f.Get(a.ID).Version)
				return
			}
			assert.Equal(t, a.ID, id)
			assert.Equal(t, "<xml>"+made+"</xml>", readAnswer(t, f, a.ID))
			assert.NotContains(t, ledgerText(t, f), made)
			requireReplay(t, f.Store, a.ID)
		})
	}
}

// TestKeepIsOfThisDevice: another device, another transport and an order of another sort keep nothing.
func TestKeepIsOfThisDevice(t *testing.T) {
	f := newFixture(t)
	other := locktest.Device("mac-2")
	f.Lock(other)
	f.Deliver(other)
	deliveredReset(t, f)
	elsewhere := mac()
	elsewhere.Platform = "another"
	for _, d := range []lock.Device{other, elsewhere, {Scope: "umbrella", ID: "mac-1", Platform: locktest.Platform}} {
		id, err := f.Service.Keep(t.Context(), d, []byte("x"))
		require.NoError(t, err)
		assert.Empty(t, id)
	}
	assert.Empty(t, keepBody(t, f, ""), "nothing is nothing")
	_, err := f.Service.Keep(t.Context(), mac(), make([]byte, 1<<20+1))
	assert.Equal(t, "body", inputField(err))
	_, err = f.Service.Keep(t.Context(), lock.Device{}, []byte("x"))
	assert.Equal(t, "device.scope", inputField(err))
}

// TestKeepAllOfIt: a long message is kept in parts, and given out whole; of many, so many are kept.
func TestKeepAllOfIt(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	long := strings.Repeat("0123456789abcdef", 64<<10/16) + strings.Repeat("z", 64<<10) + "the end"
	keepBody(t, f, "short")
	keepBody(t, f, long)
	keepBody(t, f, long)
	assert.Len(t, f.Get(a.ID).Secrets, 4, "the same again is not kept again")
	assert.Equal(t, long+"\nshort", readAnswer(t, f, a.ID), "all of it, the newest first")
	keepBody(t, f, "short")
	assert.Equal(t, "short\n"+long+"\nshort", readAnswer(t, f, a.ID))
	for i := range 20 {
		assert.Equal(t, a.ID, keepBody(t, f, strings.Repeat("y", i+1)))
	}
	assert.Len(t, f.Get(a.ID).Secrets, 18, "sixteen messages, one of them in three parts")
	requireReplay(t, f.Store, a.ID)
}

// TestKeepIsDurable, or an error, before anybody reads the message.
func TestKeepIsDurable(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	f.Store.FailBefore(locktest.Forever)
	_, err := f.Service.Keep(t.Context(), mac(), []byte("x"))
	require.ErrorIs(t, err, locktest.ErrFault)
	f.Store.FailBefore(0)
	f.Store.FailAfter(1)
	assert.Equal(t, a.ID, keepBody(t, f, "x"))
	assert.Len(t, f.Get(a.ID).Secrets, 1)
}

// TestKeepAtTheSameTime: of the same message by several processes one is kept, and each answers with the action.
func TestKeepAtTheSameTime(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	var work sync.WaitGroup
	var ids [4]lock.ID
	var errs [4]error
	for i := range ids {
		other := locktest.New(t, f.Store)
		work.Go(func() { ids[i], errs[i] = other.Service.Keep(t.Context(), mac(), []byte("x")) })
	}
	work.Wait()
	require.NoError(t, errors.Join(errs[:]...))
	assert.Equal(t, [4]lock.ID{a.ID, a.ID, a.ID, a.ID}, ids)
	assert.Len(t, f.Get(a.ID).Secrets, 1)
}

// TestBodiesAreNoTokens: they are neither carried nor compared, and the PIN beside them is the PIN.
func TestBodiesAreNoTokens(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	keepBody(t, f, "a message")
	cmd := f.Deliver(mac())
	assert.Empty(t, cmd.Secret)
	assert.True(t, cmd.Asks)
	require.NoError(t, f.Service.Report(t.Context(), answerOf(a, lock.Progress, map[string]string{"said": "a message"})))
	assert.Equal(t, "a message", f.Get(a.ID).Facts["said"])
	f.Return(a, lock.Acknowledged, made)
	assert.Equal(t, made, f.PIN(a.ID))
	assert.Equal(t, "a message", readAnswer(t, f, a.ID))
	f.Codec.Answer = &lock.Plan{NoPIN: true, Uses: a.ID}
	found, err := f.Service.Preflight(t.Context(), locktest.Admin(), lock.Request{Device: mac(), Kind: lock.KindLock})
	require.NoError(t, err)
	assert.Equal(t, []string{"secret_missing"}, codesOf(found))
}

// TestRevealAnswerIsAReveal: right, record, and what may be written about it.
func TestRevealAnswerIsAReveal(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	_, err := f.Service.RevealAnswer(t.Context(), locktest.Admin(), a.ID, "why", "")
	require.ErrorIs(t, err, lock.ErrNotFound)
	keepBody(t, f, made)
	f.Return(a, lock.Acknowledged, made)
	_, err = f.Service.RevealAnswer(t.Context(), locktest.Admin(), a.ID, "", "")
	assert.Equal(t, "reason", inputField(err))
	_, err = f.Service.RevealAnswer(t.Context(), locktest.Admin(), a.ID, "why", made)
	assert.Equal(t, "ticket", inputField(err))
	assert.Equal(t, made, readAnswer(t, f, a.ID))
	events := eventsOf(t, f, a.ID)
	last := events[len(events)-1]
	assert.Equal(t, lock.EventRevealed, last.Type)
	assert.Equal(t, 1, last.Secret)
	assert.Equal(t, "the answer could not be read", last.Reason)
	assert.Equal(t, 1, f.Get(a.ID).Disclosures)

	f.Store.FailBefore(locktest.Forever)
	body, err := f.Service.RevealAnswer(t.Context(), locktest.Admin(), a.ID, "why", "")
	require.ErrorIs(t, err, locktest.ErrFault)
	assert.Empty(t, body, "no record, no answer")
	f.Store.FailBefore(0)
	f.Rights.Deny(lock.VerbReveal)
	_, err = f.Service.RevealAnswer(t.Context(), locktest.Admin(), a.ID, "why", "")
	require.ErrorIs(t, err, lock.ErrDenied)
}

// TestRevealAnswerNeedsWhatARevealNeeds: a second person, and room in the limit.
func TestRevealAnswerNeedsWhatARevealNeeds(t *testing.T) {
	for name, edit := range map[string]func(*lock.Config){
		"a second person": locktest.TwoPersons(lock.VerbReveal),
		"a limit":         locktest.Limited(lock.Limit{Verb: lock.VerbReveal, Count: 1, Window: time.Hour}),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, edit)
			if name == "a limit" {
				f.PIN(f.Lock(locktest.Device("mac-2")).ID)
			}
			a := deliveredReset(t, f)
			keepBody(t, f, "x")
			_, err := f.Service.RevealAnswer(t.Context(), locktest.Admin(), a.ID, "it was 73-91-84", "739184")
			require.ErrorIs(t, err, lock.ErrPending)
			approve(t, f, a.ID)
			assert.Equal(t, "x", readAnswer(t, f, a.ID))
			_, err = f.Service.RevealAnswer(t.Context(), locktest.Admin(), a.ID, "why", "")
			require.ErrorIs(t, err, lock.ErrPending, "an approval is good for one")
			assert.NotContains(t, ledgerText(t, f), "739184")
		})
	}
}

// TestAnAnswerThatDoesNotOpen hides no other one.
func TestAnAnswerThatDoesNotOpen(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	keepBody(t, f, "the first")
	other := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer = locktest.Keyring("another") })
	_, err := other.Service.RevealAnswer(t.Context(), locktest.Admin(), a.ID, "why", "")
	require.ErrorIs(t, err, lock.ErrSealed)
	keepBody(t, other, "the second")
	assert.Equal(t, "the second", readAnswer(t, other, a.ID))
	assert.Equal(t, "the first", readAnswer(t, f, a.ID))
}

// TestBodiesArePurgedAndResealed as any secret is.
func TestBodiesArePurgedAndResealed(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	keepBody(t, f, strings.Repeat("long ", 20<<10))
	moved := rotated(t, f)
	done, err := reseal(t, moved)
	require.NoError(t, err)
	assert.Equal(t, 2, done)
	alone := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer = locktest.Keyring("new") })
	assert.Equal(t, strings.Repeat("long ", 20<<10), readAnswer(t, alone, a.ID))
	requireReplay(t, f.Store, a.ID)

	f.Clock.Advance(30 * day)
	assert.Equal(t, "live", purge(t, f)[a.ID], "the command is on its way")
	f.Service.NewTicker().Tick(t.Context())
	f.Clock.Advance(30 * day)
	assert.Equal(t, "may_be_on_device", purge(t, f)[a.ID])
	f.Answer(a, lock.Refused)
	assert.Equal(t, "too_young", purge(t, f)[a.ID])
	f.Clock.Advance(30 * day)
	assert.Equal(t, "purged", purge(t, f)[a.ID])
	_, err = f.Service.RevealAnswer(t.Context(), locktest.Admin(), a.ID, "why", "")
	require.ErrorIs(t, err, lock.ErrPurged)
	require.ErrorContains(t, err, "by ada")
	for _, s := range get(t, f, a.ID).Secrets {
		assert.True(t, s.Purged() && bytes.Equal(s.Box, nil))
	}
	f.Return(a, lock.Acknowledged, made)
	assert.Equal(t, made, f.PIN(a.ID), "what comes after is kept")
}
