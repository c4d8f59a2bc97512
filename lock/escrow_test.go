package lock_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

const tokenName = "bootstrap-token"

func escrow(t *testing.T, f *locktest.Fixture, token string) {
	t.Helper()
	f.Clock.Advance(time.Second)
	require.NoError(t, f.Service.Escrow(t.Context(), mac(), tokenName, parsed(t, token)))
}

// escrows are the kept ones, newest first.
func escrows(t *testing.T, f *locktest.Fixture) []lock.Action {
	t.Helper()
	kept, err := f.Store.List(t.Context(), lock.Filter{Kinds: []lock.Kind{lock.KindEscrow}})
	require.NoError(t, err)
	return kept
}

func escrowed(t *testing.T, f *locktest.Fixture) string {
	t.Helper()
	token, err := f.Service.Escrowed(t.Context(), mac(), tokenName)
	require.NoError(t, err)
	return token.Expose()
}

func TestEscrowIsKeptOnce(t *testing.T) {
	f := newFixture(t)
	escrow(t, f, "one")
	escrow(t, f, "one")
	kept := escrows(t, f)
	require.Len(t, kept, 1)
	assert.Equal(t, lock.StateConfirmed, kept[0].State)
	assert.Equal(t, f.Clock.Now().Add(-time.Second), kept[0].Confirmed)
	assert.Equal(t, lock.Actor{ID: "device"}, kept[0].By)
	assert.Empty(t, kept[0].Lane)
	assert.Equal(t, "one", escrowed(t, f))
	assert.NotContains(t, ledgerText(t, f), `"one"`)
	requireReplay(t, f.Store, kept[0].ID)
}

func TestNewEscrowIsKeptBesideTheOld(t *testing.T) {
	f := newFixture(t)
	escrow(t, f, "one")
	escrow(t, f, "two")
	assert.Equal(t, "two", escrowed(t, f))
	kept := escrows(t, f)
	require.Len(t, kept, 2)
	assert.Equal(t, lock.StateConfirmed, kept[1].State, "the old one stays")
	escrow(t, f, "one")
	assert.Equal(t, "one", escrowed(t, f))
	assert.Len(t, escrows(t, f), 3)
}

func TestEscrowGivenBack(t *testing.T) {
	f := newFixture(t)
	_, err := f.Service.Escrowed(t.Context(), mac(), tokenName)
	require.ErrorIs(t, err, lock.ErrNotFound)
	escrow(t, f, "one")
	for _, other := range []func(*lock.Device){
		func(d *lock.Device) { d.ID = "mac-2" }, func(d *lock.Device) { d.Scope = "globex" },
	} {
		d := mac()
		other(&d)
		_, err = f.Service.Escrowed(t.Context(), d, tokenName)
		require.ErrorIs(t, err, lock.ErrNotFound)
	}
	_, err = f.Service.Escrowed(t.Context(), mac(), "unlock-token")
	require.ErrorIs(t, err, lock.ErrNotFound)

	require.Equal(t, "one", escrowed(t, f))
	events := eventsOf(t, f, escrows(t, f)[0].ID)
	assert.Equal(t, []lock.EventType{lock.EventOrdered, lock.EventReturned}, typesOf(events))
	assert.Equal(t, 1, events[1].Secret)

	f.Store.FailBefore(locktest.Forever)
	token, err := f.Service.Escrowed(t.Context(), mac(), tokenName)
	require.ErrorIs(t, err, locktest.ErrFault)
	assert.True(t, token.IsZero(), "no record, no secret")
}

func TestEscrowWithdrawn(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, f.Service.Escrow(t.Context(), mac(), tokenName, pin.PIN{}), "nothing to withdraw")
	requireEmpty(t, f)
	escrow(t, f, "one")
	require.NoError(t, f.Service.Escrow(t.Context(), mac(), tokenName, pin.PIN{}))
	kept := escrows(t, f)
	require.Len(t, kept, 1, "it stays in the ledger")
	assert.Equal(t, lock.StateReleased, kept[0].State)
	assert.Equal(t, lock.EvidenceRemoved, kept[0].Evidence)
	_, err := f.Service.Escrowed(t.Context(), mac(), tokenName)
	require.ErrorIs(t, err, lock.ErrNotFound)
	escrow(t, f, "one")
	assert.Equal(t, "one", escrowed(t, f), "handed over again")
	requireReplay(t, f.Store, kept[0].ID)
}

func TestWithdrawnEscrowHidesOlderOnes(t *testing.T) {
	f := newFixture(t)
	escrow(t, f, "one")
	escrow(t, f, "two")
	require.NoError(t, f.Service.Escrow(t.Context(), mac(), tokenName, pin.PIN{}))
	_, err := f.Service.Escrowed(t.Context(), mac(), tokenName)
	require.ErrorIs(t, err, lock.ErrNotFound, "an older token, which the device replaced, must not come back")
}

func TestEscrowNames(t *testing.T) {
	f := newFixture(t)
	for name, value := range map[string]string{
		"empty": "", "the PIN's": lock.SecretPIN, "a message's": "body", "the rest of one": "body+", "too long": strings.Repeat("x", 65), "with a control": "a\x00",
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, "name", inputField(f.Service.Escrow(t.Context(), mac(), value, parsed(t, "token"))))
			requireEmpty(t, f)
		})
	}
	assert.Equal(t, "device.id", inputField(f.Service.Escrow(t.Context(), lock.Device{Scope: "acme"}, tokenName, pin.PIN{})))
}

func TestEscrowWhenTheOldOneDoesNotOpen(t *testing.T) {
	f := newFixture(t)
	escrow(t, f, "one")
	without := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer = locktest.Keyring("another") })
	without.Clock.Advance(time.Minute)
	escrow(t, without, "one")
	assert.Len(t, escrows(t, f), 2, "one that cannot be compared is kept")
	assert.Equal(t, "one", escrowed(t, without))
}

func TestEscrowWhenTheStoreFails(t *testing.T) {
	f := newFixture(t)
	f.Store.FailBefore(locktest.Forever)
	require.ErrorIs(t, f.Service.Escrow(t.Context(), mac(), tokenName, parsed(t, "one")), locktest.ErrFault)
	requireEmpty(t, f)
}
