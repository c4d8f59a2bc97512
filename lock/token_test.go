package lock_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// provisioned is a token that mac-1 has, by an action that it confirmed, and the device as it tells of that.
func provisioned(t *testing.T, f *locktest.Fixture) (lock.Action, lock.Device, []byte) {
	t.Helper()
	a, err := f.Service.ProvisionToken(t.Context(), locktest.Admin(), lock.Request{Device: mac()})
	require.NoError(t, err)
	command := f.Deliver(mac())
	require.Equal(t, a.ID, command.ID)
	require.Len(t, command.Secret, 32)
	f.Answer(a, lock.Acknowledged)
	return f.Get(a.ID), withToken(mac(), a.ID), command.Secret
}

func withToken(d lock.Device, id lock.ID) lock.Device {
	d.Facts = map[string]lock.Fact{locktest.FactToken: {Value: string(id)}}
	return d
}

// take is the next command of a device, whatever its facts.
func take(t *testing.T, f *locktest.Fixture, d lock.Device) locktest.Command {
	t.Helper()
	next, err := f.Service.Next(t.Context(), d)
	require.NoError(t, err)
	var c locktest.Command
	if next.ID != "" {
		require.NoError(t, json.Unmarshal(next.Body, &c))
	}
	return c
}

func TestProvisionToken(t *testing.T) {
	f := newFixture(t)
	a, _, secret := provisioned(t, f)
	assert.Equal(t, lock.KindProvisionToken, a.Kind)
	assert.Equal(t, lock.StateConfirmed, a.State)
	assert.Empty(t, a.Lane, "its lane is free: another may follow")
	require.Len(t, a.Secrets, 1)
	assert.Equal(t, locktest.Token, a.Secrets[0].Name)
	for _, e := range eventsOf(t, f, a.ID) {
		assert.NotContains(t, string(e.Body), string(secret))
	}
	again, err := f.Service.ProvisionToken(t.Context(), locktest.Admin(), lock.Request{Device: mac()})
	require.NoError(t, err)
	assert.NotEqual(t, secret, f.Deliver(mac()).Secret, "each token is a new one")
	requireReplay(t, f.Store, a.ID)
	requireReplay(t, f.Store, again.ID)

	_, err = f.Service.Reveal(t.Context(), locktest.Admin(), a.ID, "please", "")
	require.ErrorIs(t, err, lock.ErrNotFound, "nobody gets to see a token")
	candidates, err := f.Service.Candidates(t.Context(), locktest.Admin(), mac())
	require.NoError(t, err)
	assert.Empty(t, candidates, "no person types a token")
	_, err = f.Service.ProvisionToken(t.Context(), locktest.Admin(), lock.Request{Device: mac(), PIN: parsed(t, "739184")})
	var busy *lock.BusyError
	require.ErrorAs(t, err, &busy)
	f.Answer(again, lock.Refused)
	_, err = f.Service.ProvisionToken(t.Context(), locktest.Admin(), lock.Request{Device: mac(), PIN: parsed(t, "739184")})
	assert.Equal(t, "pin", inputField(err), "it carries none")
}

// TestRedeliveredToken: the same token each time.
func TestRedeliveredToken(t *testing.T) {
	f := newFixture(t)
	_, err := f.Service.ProvisionToken(t.Context(), locktest.Admin(), lock.Request{Device: mac()})
	require.NoError(t, err)
	first := f.Deliver(mac()).Secret
	assert.Len(t, first, 32)
	assert.Equal(t, first, f.Deliver(mac()).Secret)
}

func TestResetUsesToken(t *testing.T) {
	f := newFixture(t)
	token, d, secret := provisioned(t, f)
	for name, order := range map[string]func(context.Context, lock.Actor, lock.Request) (lock.Action, error){
		"reset": f.Service.ResetPasscode, "clear": f.Service.ClearPasscode,
	} {
		t.Run(name, func(t *testing.T) {
			a, err := order(t.Context(), locktest.Admin(), lock.Request{Device: d, Options: map[string]string{"require_entry": "true"}})
			require.NoError(t, err)
			assert.Equal(t, token.ID, a.Uses)
			assert.Equal(t, map[string]string{"require_entry": "true"}, a.Options)
			command := take(t, f, d)
			assert.Equal(t, a.ID, command.ID)
			assert.Equal(t, secret, command.Secret)
			assert.Equal(t, a.Options, command.Options)
			assert.Equal(t, name == "reset", command.PIN != "")
			assert.Equal(t, f.Clock.Now().Add(10*time.Minute).UTC(), a.NotAfter)
			requireReplay(t, f.Store, a.ID)
			f.Answer(a, lock.Refused)
		})
	}
}

// TestResetWithoutItsToken: the administrator hears of it before anything is ordered.
func TestResetWithoutItsToken(t *testing.T) {
	f := newFixture(t)
	token, d, _ := provisioned(t, f)
	other := withToken(locktest.Device("mac-2"), token.ID)
	scoped := withToken(mac(), token.ID)
	scoped.Scope = "other"
	locked := f.Lock(mac())
	for name, c := range map[string]struct {
		device lock.Device
		why    string
	}{
		"another tenant's": {scoped, "it is one of another device"},
		"unheard of":       {withToken(mac(), "0190-nothing"), "there is no such action"},
		"another device's": {other, "it is one of another device"},
		"of a lock":        {withToken(mac(), locked.ID), "the action made none"},
		"that was purged":  {d, "it was purged"},
	} {
		t.Run(name, func(t *testing.T) {
			f, d := f, c.device
			if strings.Contains(c.why, "purged") {
				f, d = purgedToken(t)
			}
			found, err := f.Service.Preflight(t.Context(), locktest.Admin(), lock.Request{Device: d, Kind: lock.KindResetPasscode})
			require.NoError(t, err)
			_, err = f.Service.ResetPasscode(t.Context(), locktest.Admin(), lock.Request{Device: d, Force: true})
			require.Len(t, found, 1)
			assert.Equal(t, "secret_missing", found[0].Code)
			assert.Contains(t, found[0].Text, c.why)
			var blocked *lock.BlockedError
			require.ErrorAs(t, err, &blocked)
			assert.Equal(t, found, blocked.Findings)
		})
	}
}

// purgedToken is a token that was revoked and purged long ago, of a device that still names it.
func purgedToken(t *testing.T) (*locktest.Fixture, lock.Device) {
	t.Helper()
	f := newFixture(t)
	token, d, _ := provisioned(t, f)
	revoke, err := f.Service.RevokeToken(t.Context(), locktest.Admin(), token.ID, lock.Request{Device: mac()})
	require.NoError(t, err)
	require.Equal(t, revoke.ID, f.Deliver(mac()).ID)
	f.Clock.Advance(time.Second)
	f.Answer(revoke, lock.Acknowledged)
	f.Clock.Advance(48 * time.Hour)
	counts, err := f.Service.Purge(t.Context(), locktest.Admin(), lock.Purge{Scope: "acme", Before: f.Clock.Now().Add(-day), Reason: "rule 7", Apply: true})
	require.NoError(t, err)
	require.Equal(t, map[string]int{"purged": 1}, counts)
	return f, d
}

// TestTokenPurgedUnderWay: what was ordered with a token that is gone by now cannot be made, and says so.
func TestTokenPurgedUnderWay(t *testing.T) {
	f := newFixture(t)
	token, d, _ := provisioned(t, f)
	_, err := f.Service.ResetPasscode(t.Context(), locktest.Admin(), lock.Request{Device: d, NotAfter: f.Clock.Now().Add(100 * 24 * time.Hour)})
	require.NoError(t, err)
	revoke, err := f.Service.RevokeToken(t.Context(), locktest.Admin(), token.ID, lock.Request{Device: mac()})
	require.NoError(t, err)
	f.Clock.Advance(time.Second)
	f.Answer(revoke, lock.Acknowledged)
	f.Clock.Advance(48 * time.Hour)
	_, err = f.Service.Purge(t.Context(), locktest.Admin(), lock.Purge{Scope: "acme", Before: f.Clock.Now().Add(-day), Reason: "rule 7", Apply: true})
	require.NoError(t, err)
	_, err = f.Service.Next(t.Context(), d)
	require.ErrorIs(t, err, lock.ErrSealed)
	require.ErrorIs(t, err, lock.ErrPurged)
	require.ErrorContains(t, err, string(token.ID))
}

func TestRevokeToken(t *testing.T) {
	f := newFixture(t)
	token, _, _ := provisioned(t, f)
	revoke, err := f.Service.RevokeToken(t.Context(), locktest.Admin(), token.ID, lock.Request{Device: mac(), Reason: "rotated"})
	require.NoError(t, err)
	assert.Equal(t, lock.KindRevokeToken, revoke.Kind)
	assert.Equal(t, token.ID, revoke.Of)
	assert.Empty(t, revoke.Secrets)
	require.Equal(t, revoke.ID, f.Deliver(mac()).ID)
	commits := f.Store.Commits()
	f.Answer(revoke, lock.Acknowledged)
	assert.Equal(t, commits+1, f.Store.Commits(), "both in one commit")
	assert.Equal(t, lock.StateConfirmed, f.Get(revoke.ID).State)
	ended := f.Get(token.ID)
	assert.Equal(t, lock.StateReleased, ended.State)
	assert.Equal(t, lock.EvidenceRemoved, ended.Evidence)
	events := eventsOf(t, f, token.ID)
	assert.Equal(t, revoke.ID, events[len(events)-1].Other)
	requireReplay(t, f.Store, token.ID)
	requireReplay(t, f.Store, revoke.ID)
	f.Answer(revoke, lock.Acknowledged)
	assert.Len(t, eventsOf(t, f, token.ID), len(events), "once more, and nothing is left to do")

	_, err = f.Service.RevokeToken(t.Context(), locktest.Admin(), token.ID, lock.Request{Device: mac()})
	assert.Equal(t, "of", inputField(err), "it is gone")
}

// TestRevokeTokenWithAKey: it leads to its order for ever, also once that has ended the token, and to no other.
func TestRevokeTokenWithAKey(t *testing.T) {
	f := newFixture(t)
	token, _, _ := provisioned(t, f)
	other, _, _ := provisioned(t, f)
	r := lock.Request{Device: mac(), Key: "k"}
	revoke, err := f.Service.RevokeToken(t.Context(), locktest.Admin(), token.ID, r)
	require.NoError(t, err)
	f.Deliver(mac())
	f.Answer(revoke, lock.Acknowledged)
	again, err := f.Service.RevokeToken(t.Context(), locktest.Admin(), token.ID, r)
	require.NoError(t, err)
	assert.Equal(t, revoke.ID, again.ID)
	assert.True(t, again.Joined)
	_, err = f.Service.RevokeToken(t.Context(), locktest.Admin(), other.ID, r)
	require.ErrorIs(t, err, lock.ErrKeyReused)
}

// TestRevokeTokenThatMayBeThere: the device did not say that it took it.
func TestRevokeTokenThatMayBeThere(t *testing.T) {
	f := newFixture(t)
	token, err := f.Service.ProvisionToken(t.Context(), locktest.Admin(), lock.Request{Device: mac()})
	require.NoError(t, err)
	f.Deliver(mac())
	cancel(t, f, token.ID)
	revoke, err := f.Service.RevokeToken(t.Context(), locktest.Admin(), token.ID, lock.Request{Device: mac()})
	require.NoError(t, err)
	f.Deliver(mac())
	f.Answer(revoke, lock.Acknowledged)
	assert.Equal(t, lock.StateReleased, f.Get(token.ID).State)
}

// TestRevokeBesideWhatIsUnderWay: a provider may deliver the token after the device forgot it.
func TestRevokeBesideWhatIsUnderWay(t *testing.T) {
	f := newFixture(t, through(&locktest.Sender{}))
	token, err := f.Service.ProvisionToken(t.Context(), locktest.Admin(), lock.Request{Device: mac()})
	require.NoError(t, err)
	f.Service.NewTicker().Tick(t.Context())
	cancel(t, f, token.ID)
	for _, c := range []struct {
		after time.Duration
		state lock.State
	}{{time.Hour, lock.StateCancelled}, {30 * day, lock.StateReleased}} {
		f.Clock.Advance(c.after)
		revoke, err := f.Service.RevokeToken(t.Context(), locktest.Admin(), token.ID, lock.Request{Device: mac()})
		require.NoError(t, err)
		f.Service.NewTicker().Tick(t.Context())
		f.Answer(revoke, lock.Acknowledged)
		assert.Equal(t, lock.StateConfirmed, f.Get(revoke.ID).State)
		assert.Equal(t, c.state, f.Get(token.ID).State)
	}
}

func TestRevokeTokenOf(t *testing.T) {
	f := newFixture(t)
	token, _, _ := provisioned(t, f)
	locked := f.Lock(mac())
	waiting, err := f.Service.ProvisionToken(t.Context(), locktest.Admin(), lock.Request{Device: mac()})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		of     lock.ID
		device lock.Device
	}{
		"a token of another device": {token.ID, locktest.Device("mac-2")},
		"a lock":                    {locked.ID, mac()},
		"one that never left":       {waiting.ID, mac()},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.Service.RevokeToken(t.Context(), locktest.Admin(), c.of, lock.Request{Device: c.device})
			assert.Equal(t, "of", inputField(err))
			requireNotToEnd(t, f, lock.Request{Device: c.device, Kind: lock.KindRevokeToken, Of: c.of})
		})
	}
	_, err = f.Service.RevokeToken(t.Context(), locktest.Admin(), "nothing", lock.Request{Device: mac()})
	require.ErrorIs(t, err, lock.ErrNotFound)
}
