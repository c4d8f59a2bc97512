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
)

func reset(t *testing.T, f *locktest.Fixture) lock.Action {
	t.Helper()
	a, err := f.Service.ResetPasscode(t.Context(), locktest.Admin(), lock.Request{Device: mac()})
	require.NoError(t, err)
	return a
}

func clearPasscode(t *testing.T, f *locktest.Fixture) lock.Action {
	t.Helper()
	a, err := f.Service.ClearPasscode(t.Context(), locktest.Admin(), lock.Request{Device: mac()})
	require.NoError(t, err)
	return a
}

// TestClearPasscode: what was set before is gone, whether the device had said so or not.
func TestClearPasscode(t *testing.T) {
	f := newFixture(t)
	known := reset(t, f)
	f.Deliver(mac())
	f.Answer(known, lock.Acknowledged)
	silent := reset(t, f)
	f.Deliver(mac())
	cancel(t, f, silent.ID)
	never := reset(t, f)
	cancel(t, f, never.ID)
	locked := f.Lock(mac())
	f.Deliver(mac())
	f.Answer(locked, lock.Acknowledged)

	elsewhere, err := f.Service.ResetPasscode(t.Context(), locktest.Admin(), lock.Request{Device: locktest.Device("mac-2")})
	require.NoError(t, err)
	f.Deliver(locktest.Device("mac-2"))
	f.Answer(elsewhere, lock.Acknowledged)

	cleared := clearPasscode(t, f)
	assert.Empty(t, cleared.Secrets)
	require.Equal(t, cleared.ID, f.Deliver(mac()).ID)
	commits := f.Store.Commits()
	f.Answer(cleared, lock.Acknowledged)
	assert.Equal(t, commits+1, f.Store.Commits(), "all in one commit")
	for id, want := range map[lock.ID]lock.State{
		known.ID: lock.StateReleased, silent.ID: lock.StateReleased, never.ID: lock.StateCancelled, locked.ID: lock.StateConfirmed,
		cleared.ID: lock.StateConfirmed, elsewhere.ID: lock.StateConfirmed,
	} {
		got := f.Get(id)
		assert.Equal(t, want, got.State, string(got.Kind))
		if want == lock.StateReleased {
			assert.Equal(t, lock.EvidenceRemoved, got.Evidence)
		}
		requireReplay(t, f.Store, id)
	}
}

// TestUnprovenEndsNothing: an answer that proves receipt alone confirms its action. What that is to end may be on the device still, so it
// stays, and its secret is kept.
func TestUnprovenEndsNothing(t *testing.T) {
	for name, order := range map[string]func(t *testing.T, f *locktest.Fixture) (ended, by lock.Action){
		"clear": func(t *testing.T, f *locktest.Fixture) (lock.Action, lock.Action) {
			known := reset(t, f)
			f.Deliver(mac())
			f.Answer(known, lock.Acknowledged)
			return known, clearPasscode(t, f)
		},
		"unlock": func(t *testing.T, f *locktest.Fixture) (lock.Action, lock.Action) {
			locked := confirmed(t, f)
			return locked, unlock(t, f, locked.ID)
		},
		"revoke": func(t *testing.T, f *locktest.Fixture) (lock.Action, lock.Action) {
			token, _, _ := provisioned(t, f)
			revoke, err := f.Service.RevokeToken(t.Context(), locktest.Admin(), token.ID, lock.Request{Device: mac()})
			require.NoError(t, err)
			return token, revoke
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			ended, by := order(t, f)
			require.Equal(t, by.ID, f.Deliver(mac()).ID)
			answer := lock.Report{Scope: "acme", Device: mac().ID, Action: by.ID, Outcome: lock.Acknowledged, Unproven: true}
			require.NoError(t, f.Service.Report(t.Context(), answer))
			assert.Equal(t, lock.StateConfirmed, f.Get(by.ID).State)
			assert.Equal(t, lock.StateConfirmed, f.Get(ended.ID).State)
			f.Clock.Advance(48 * time.Hour)
			_, err := f.Service.Purge(t.Context(), locktest.Admin(), lock.Purge{Scope: "acme", Before: f.Clock.Now().Add(-day), Reason: "rule 7", Apply: true})
			require.NoError(t, err)
			for _, kept := range f.Get(ended.ID).Secrets {
				assert.False(t, kept.Purged())
			}
		})
	}
}

// TestClearAnswersLate: a passcode that was set after it stays in force.
func TestClearAnswersLate(t *testing.T) {
	f := newFixture(t)
	behind := locktest.New(t, f.Store) // a process whose clock is behind
	f.Clock.Advance(time.Hour)
	cleared := clearPasscode(t, f)
	f.Deliver(mac())
	cancel(t, f, cleared.ID)
	later, err := behind.Service.ResetPasscode(t.Context(), locktest.Admin(), lock.Request{Device: mac()})
	require.NoError(t, err)
	require.Equal(t, later.ID, behind.Deliver(mac()).ID)
	f.Answer(later, lock.Acknowledged)
	f.Answer(cleared, lock.Acknowledged)
	assert.Equal(t, lock.StateConfirmed, f.Get(later.ID).State)
	assert.Equal(t, lock.StateConfirmed, f.Get(cleared.ID).State)
}

// TestReenrolledKeepsItsToken: an agent may enrol anew on a device that was not wiped, so what the device confirmed may be on it still.
func TestReenrolledKeepsItsToken(t *testing.T) {
	f := newFixture(t)
	token, d, _ := provisioned(t, f)
	resets := []lock.Action{reset(t, f)}
	f.Deliver(mac())
	f.Answer(resets[0], lock.Acknowledged)
	resets = append(resets, reset(t, f))
	f.Deliver(mac())
	f.Answer(resets[1], lock.Acknowledged)
	for range 2 { // the second time there is nothing new about them
		f.Clock.Advance(time.Minute)
		seen(t, f, lock.EvidenceReenrolled)
	}
	for _, a := range append(resets, token) {
		got := f.Get(a.ID)
		assert.Equal(t, lock.StateConfirmed, got.State)
		assert.True(t, got.MayBeOnDevice())
		assert.Equal(t, f.Clock.Now().Add(-time.Minute), got.Reenrolled)
		requireReplay(t, f.Store, a.ID)
	}
	candidates, err := f.Service.Candidates(t.Context(), locktest.Admin(), mac())
	require.NoError(t, err)
	require.Len(t, candidates, 2)
	for _, c := range candidates {
		assert.Contains(t, c.Reason, "confirmed before it was enrolled anew")
	}
	used, err := f.Service.ResetPasscode(t.Context(), locktest.Admin(), lock.Request{Device: d})
	require.NoError(t, err)
	assert.Equal(t, token.ID, used.Uses, "if the device says that it has the token, it is used")
	revoke, err := f.Service.RevokeToken(t.Context(), locktest.Admin(), token.ID, lock.Request{Device: mac()})
	require.NoError(t, err)
	f.Answer(revoke, lock.Acknowledged)
	assert.Equal(t, lock.StateReleased, f.Get(token.ID).State)
}

// TestPurgeKeepsToken: for as long as it may be in force.
func TestPurgeKeepsToken(t *testing.T) {
	f := newFixture(t)
	provisioned(t, f)
	f.Clock.Advance(365 * day)
	counts, err := f.Service.Purge(t.Context(), locktest.Admin(), lock.Purge{Scope: "acme", Before: f.Clock.Now().Add(-day), Reason: "rule 7", Apply: true})
	require.NoError(t, err)
	assert.Equal(t, map[string]int{"may_be_on_device": 1}, counts)
}

// TestTokensAreNeverHeld: a second person and limits are for what people do; a token opens nothing by itself.
func TestTokensAreNeverHeld(t *testing.T) {
	for name, edit := range map[string]func(*lock.Config){
		"second person": func(c *lock.Config) { c.SecondPerson = func(lock.Actor, lock.Verb, lock.Target) bool { return true } },
		"limit of none": func(c *lock.Config) { c.Limits = []lock.Limit{{Verb: lock.VerbLock, Window: time.Hour}} },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, edit)
			token, _, _ := provisioned(t, f)
			revoke, err := f.Service.RevokeToken(t.Context(), locktest.Admin(), token.ID, lock.Request{Device: mac()})
			require.NoError(t, err)
			assert.Equal(t, lock.StateQueued, revoke.State)
			assert.Equal(t, lock.StateHeld, f.Lock(mac()).State, "a lock is")
			assert.Equal(t, lock.StateHeld, clearPasscode(t, f).State, "and so is the removal of a passcode")
		})
	}
}

// TestTokensAreNotCounted: what is not held uses nothing up either.
func TestTokensAreNotCounted(t *testing.T) {
	f := newFixture(t, func(c *lock.Config) { c.Limits = []lock.Limit{{Verb: lock.VerbLock, Count: 1, Window: time.Hour}} })
	for i := range 3 {
		_, err := f.Service.ProvisionToken(t.Context(), locktest.Admin(), lock.Request{Device: locktest.Device(fmt.Sprintf("mac-%d", i+2))})
		require.NoError(t, err)
	}
	assert.Equal(t, lock.StateQueued, f.Lock(mac()).State)
	assert.Equal(t, lock.StateHeld, f.Lock(locktest.Device("mac-9")).State)
}

// TestVerbOfEachKind: who may not order it may not preflight it, and the other way round.
func TestVerbOfEachKind(t *testing.T) {
	f := newFixture(t)
	token, _, _ := provisioned(t, f)
	locked := confirmed(t, f)
	order := func(do func(context.Context, lock.Actor, lock.Request) (lock.Action, error)) func(lock.Request) error {
		return func(r lock.Request) error { _, err := do(t.Context(), locktest.Admin(), r); return err }
	}
	of := func(id lock.ID, do func(context.Context, lock.Actor, lock.ID, lock.Request) (lock.Action, error)) func(lock.Request) error {
		return func(r lock.Request) error { _, err := do(t.Context(), locktest.Admin(), id, r); return err }
	}
	for kind, c := range map[lock.Kind]struct {
		verb  lock.Verb
		order func(lock.Request) error
	}{
		lock.KindLock:           {lock.VerbLock, order(f.Service.Lock)},
		lock.KindLostMode:       {lock.VerbLock, order(f.Service.LostMode)},
		lock.KindResetPasscode:  {lock.VerbReset, order(f.Service.ResetPasscode)},
		lock.KindClearPasscode:  {lock.VerbReset, order(f.Service.ClearPasscode)},
		lock.KindUnlock:         {lock.VerbUnlock, of(locked.ID, f.Service.Unlock)},
		lock.KindProvisionToken: {lock.VerbProvision, order(f.Service.ProvisionToken)},
		lock.KindRevokeToken:    {lock.VerbProvision, of(token.ID, f.Service.RevokeToken)},
	} {
		t.Run(string(kind), func(t *testing.T) {
			f.Rights.Deny(c.verb)
			defer f.Rights.Allow(c.verb)
			_, err := f.Service.Preflight(t.Context(), locktest.Admin(), lock.Request{Device: mac(), Kind: kind})
			require.ErrorIs(t, err, lock.ErrDenied)
			require.ErrorIs(t, c.order(lock.Request{Device: mac()}), lock.ErrDenied)
			f.Rights.Allow(c.verb)
			_, err = f.Service.Preflight(t.Context(), locktest.Admin(), lock.Request{Device: mac(), Kind: kind})
			require.NoError(t, err)
		})
	}
	_, err := f.Service.Preflight(t.Context(), locktest.Admin(), lock.Request{Device: mac(), Kind: lock.KindEscrow})
	assert.Equal(t, "kind", inputField(err), "nobody orders it")
}

func TestOptions(t *testing.T) {
	f := newFixture(t)
	many := map[string]string{}
	for i := range 17 {
		many[fmt.Sprint(i)] = "x"
	}
	for name, c := range map[string]struct {
		options map[string]string
		refused bool
	}{
		"some":            {map[string]string{"lock_now": "true", "note": strings.Repeat("é", 256)}, false},
		"too many":        {many, true},
		"a long name":     {map[string]string{strings.Repeat("n", 65): "x"}, true},
		"no name":         {map[string]string{"": "x"}, true},
		"a long value":    {map[string]string{"a": strings.Repeat("x", 257)}, true},
		"a line break":    {map[string]string{"a": "x\ny"}, true},
		"the PIN":         {map[string]string{"a": "7-39 184"}, true},
		"the PIN as name": {map[string]string{"739184": "a"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := f.Service.Lock(t.Context(), locktest.Admin(), lock.Request{Device: mac(), PIN: parsed(t, "739184"), Options: c.options})
			if c.refused {
				assert.Equal(t, "options", inputField(err))
				assert.NotContains(t, err.Error(), "739184")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.options, a.Options)
			requireReplay(t, f.Store, a.ID)
		})
	}
}

// TestOptionsAreTheLedgers: what a caller does to its map later changes nothing.
func TestOptionsAreTheLedgers(t *testing.T) {
	f := newFixture(t)
	options := map[string]string{"lock_now": "true"}
	a := f.Lock(mac(), func(r *lock.Request) { r.Options = options })
	options["lock_now"] = "false"
	assert.Equal(t, "true", f.Get(a.ID).Options["lock_now"])
}
