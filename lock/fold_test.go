package lock_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

func TestFoldOfAnOrder(t *testing.T) {
	a := ordered(t, lock.KindLock, lock.StateQueued, true)
	assert.Equal(t, lock.Action{
		ID: "0190-a", Version: 1, Kind: lock.KindLock, State: lock.StateQueued, Lane: "lock", Device: mac(), By: lock.Actor{ID: "ada"},
		Reason: "stolen", Key: "ticket-4711", Holds: true, Created: minute(1), Changed: minute(1),
	}, a)
}

// TestFoldFields follows one action through its life, and says after each event which fields moved.
func TestFoldFields(t *testing.T) {
	a := ordered(t, lock.KindLock, lock.StateQueued, true)
	for _, c := range []struct {
		event lock.EventType
		edit  func(*lock.Event)
		moves func(*lock.Action)
	}{
		{lock.EventWoken, facts("outcome", "sent"), func(a *lock.Action) { a.WakeOutcome = "sent" }},
		{lock.EventIssued, nil, func(a *lock.Action) {
			a.State, a.Deliveries, a.Issued, a.Delivered = lock.StateIssued, 1, minute(3), minute(3)
		}},
		{lock.EventNotNow, facts("ignored", "in a deferral"), func(a *lock.Action) { a.Deferred, a.Deferrals = true, 1 }},
		{lock.EventRedelivered, nil, func(a *lock.Action) { a.Deferred, a.Deliveries, a.Delivered = false, 2, minute(5) }},
		{lock.EventProgress, facts("step", "one"), func(a *lock.Action) { a.Facts = map[string]string{"step": "one"} }},
		{lock.EventCancelled, reason("by mistake"), func(a *lock.Action) {
			a.State, a.Lane, a.Cause = lock.StateCancelled, "", "by mistake"
		}},
		{lock.EventAcknowledged, facts("message_result", "Success"), func(a *lock.Action) {
			a.State, a.Lane, a.Answers, a.Confirmed = lock.StateConfirmed, "lock", 1, minute(8)
			a.Facts = map[string]string{"step": "one", "message_result": "Success"}
		}},
		{lock.EventRevealed, reason("owner verified"), func(a *lock.Action) { a.Disclosures = 1 }},
		{lock.EventReleased, func(e *lock.Event) { e.Evidence = lock.EvidenceAgent }, func(a *lock.Action) {
			a.State, a.Lane, a.Evidence, a.Released = lock.StateReleased, "", lock.EvidenceAgent, minute(10)
		}},
		{lock.EventAcknowledged, nil, func(a *lock.Action) { a.Answers, a.Confirmed = 2, minute(11) }},
		{lock.EventRevealed, nil, func(a *lock.Action) { a.Disclosures = 2 }},
		{lock.EventSecretAdded, secrets(lock.Secret{N: 1, Name: "pin", KeyID: "k1"}), func(a *lock.Action) {
			a.Secrets = []lock.Secret{{N: 1, Name: "pin", KeyID: "k1"}}
		}},
		{lock.EventSecretAdded, secrets(lock.Secret{N: 2, Name: "reset"}), func(a *lock.Action) {
			a.Secrets = []lock.Secret{{N: 1, Name: "pin", KeyID: "k1"}, {N: 2, Name: "reset"}}
		}},
		{lock.EventResealed, secrets(lock.Secret{N: 1, Name: "pin", KeyID: "k2"}), func(a *lock.Action) {
			a.Secrets = []lock.Secret{{N: 1, Name: "pin", KeyID: "k2"}, {N: 2, Name: "reset"}}
		}},
		{lock.EventPurged, secrets(lock.Secret{N: 1, Name: "pin"}, lock.Secret{N: 2, Name: "reset"}), func(a *lock.Action) {
			a.Secrets = []lock.Secret{{N: 1, Name: "pin"}, {N: 2, Name: "reset"}}
		}},
	} {
		want := a
		if c.edit == nil {
			c.edit = func(*lock.Event) {}
		}
		next, err := step(a, c.event, c.edit, func(e *lock.Event) { e.Hash = []byte(c.event) })
		require.NoError(t, err)
		c.moves(&want)
		want.Version, want.Changed, want.Head = a.Version+1, minute(a.Version+1), []byte(c.event)
		require.Equal(t, want, next, "%s", c.event)
		a = next
	}
}

func TestFoldSharesNothing(t *testing.T) {
	before, err := step(inSituation(t, "issued", lock.KindLock, true), lock.EventProgress, facts("step", "one"),
		secrets(lock.Secret{N: 1, KeyID: "k1"}))
	require.NoError(t, err)
	_, err = step(before, lock.EventProgress, facts("step", "two"))
	require.NoError(t, err)
	_, err = step(before, lock.EventResealed, secrets(lock.Secret{N: 1, KeyID: "k2"}))
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"step": "one"}, before.Facts, "Apply is pure: the action before the event stays what it was")
	assert.Equal(t, "k1", before.Secrets[0].KeyID)
}

// TestSecretsAreNeverOverwritten: a secret gets the next number; only a reseal or a purge may touch one that is there.
func TestSecretsAreNeverOverwritten(t *testing.T) {
	a, err := step(inSituation(t, "issued", lock.KindLock, true), lock.EventSecretAdded, secrets(lock.Secret{N: 1, KeyID: "k1"}))
	require.NoError(t, err)
	for _, c := range []struct {
		event lock.EventType
		n     int
		fits  bool
	}{
		{lock.EventSecretAdded, 1, false}, {lock.EventSecretAdded, 2, true}, {lock.EventSecretAdded, 3, false}, {lock.EventSecretAdded, 0, false},
		{lock.EventAcknowledged, 1, false}, {lock.EventAcknowledged, 2, true}, {lock.EventJoined, 1, false}, {lock.EventProgress, 1, false},
		{lock.EventResealed, 1, true}, {lock.EventResealed, 2, false}, {lock.EventPurged, 1, true}, {lock.EventPurged, 2, false},
	} {
		box := lock.Secret{N: c.n, KeyID: "k2"}
		if c.event == lock.EventPurged {
			box.KeyID = ""
		}
		_, err := step(a, c.event, secrets(box))
		var refused *lock.InputError
		assert.Equal(t, c.fits, err == nil, "%s of %d", c.event, c.n)
		assert.Equal(t, !c.fits, errors.As(err, &refused), "%s of %d", c.event, c.n)
	}
}

// TestPurgedSecretsStayPurged: a purge brings no other box, and nothing brings one back.
func TestPurgedSecretsStayPurged(t *testing.T) {
	a, err := step(inSituation(t, "expired", lock.KindLock, true), lock.EventSecretAdded, secrets(lock.Secret{N: 1, Name: "pin", KeyID: "k1"}))
	require.NoError(t, err)
	for _, swapped := range []lock.Secret{{N: 1, Name: "pin", KeyID: "k2"}, {N: 1, Name: "pin", SHA256: sum("k2")}} {
		_, err = step(a, lock.EventPurged, secrets(swapped))
		assert.Equal(t, "event.secrets", inputField(err))
	}
	purged, err := step(a, lock.EventPurged, secrets(lock.Secret{N: 1, Name: "pin"}))
	require.NoError(t, err)
	assert.Equal(t, []lock.Secret{{N: 1, Name: "pin"}}, purged.Secrets)
	assert.True(t, purged.Secrets[0].Purged())
	assert.False(t, a.Secrets[0].Purged())
	_, err = step(purged, lock.EventResealed, secrets(lock.Secret{N: 1, Name: "pin", KeyID: "k2"}))
	assert.Equal(t, "event.secrets", inputField(err))
}

func facts(name, value string) func(*lock.Event) {
	return func(e *lock.Event) { e.Facts = map[string]string{name: value} }
}

func reason(text string) func(*lock.Event) { return func(e *lock.Event) { e.Reason = text } }

func secrets(s ...lock.Secret) func(*lock.Event) { return func(e *lock.Event) { e.Secrets = s } }
