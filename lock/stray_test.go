package lock_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

func keepStray(t testing.TB, f *locktest.Fixture, body string) {
	t.Helper()
	f.Clock.Advance(time.Second)
	require.NoError(t, f.Service.KeepStray(t.Context(), mac(), []byte(body), pin.PIN{}))
}

// TestKeepStray: an answer that no order waits for is kept, and people hear of it in the same commit.
func TestKeepStray(t *testing.T) {
	f := newFixture(t)
	commits := f.Store.Commits()
	keepStray(t, f, "<xml>"+made+"</xml>")
	assert.Equal(t, commits+1, f.Store.Commits())
	kept := escrows(t, f)
	require.Len(t, kept, 1)
	assert.Equal(t, lock.StateConfirmed, kept[0].State)
	assert.Empty(t, kept[0].Lane)
	require.Len(t, alarms(t, f, kept[0].ID), 1)
	assert.Contains(t, alarms(t, f, kept[0].ID)[0], "reveal it")
	assert.Equal(t, "<xml>"+made+"</xml>", readAnswer(t, f, kept[0].ID))
	assert.Equal(t, 1, f.Get(kept[0].ID).Disclosures)
	assert.NotContains(t, ledgerText(t, f), made)
	_, err := f.Service.Reveal(t.Context(), locktest.Admin(), kept[0].ID, "why", "")
	require.ErrorIs(t, err, lock.ErrNotFound, "it is no PIN")
	requireReplay(t, f.Store, kept[0].ID)
}

// TestKeepStrayOnce: the newest again is not kept twice, others are kept beside it, and of a device not without end.
func TestKeepStrayOnce(t *testing.T) {
	var log lines
	f := newFixture(t, func(c *lock.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	long := strings.Repeat("0123456789", 10<<10)
	keepStray(t, f, long)
	keepStray(t, f, long)
	kept := escrows(t, f)
	require.Len(t, kept, 1)
	assert.Len(t, alarms(t, f, kept[0].ID), 1)
	assert.Empty(t, log.drain())
	for i := range 15 {
		keepStray(t, f, strings.Repeat("y", i+1))
	}
	assert.Len(t, alarms(t, f, kept[0].ID), 16)
	assert.Empty(t, log.drain())
	keepStray(t, f, "one more")
	assert.Contains(t, log.drain(), "was not kept")
	require.Len(t, escrows(t, f), 1)
	answer := readAnswer(t, f, kept[0].ID)
	assert.True(t, strings.HasPrefix(answer, strings.Repeat("y", 15)+"\n"), "the newest first")
	assert.True(t, strings.HasSuffix(answer, "y\n"+long))
	assert.NotContains(t, answer, "one more")
	requireReplay(t, f.Store, kept[0].ID)
}

// TestStrayThatTheLedgerHas: a device that repeats a PIN which it made for an order is no alarm; anything else is.
func TestStrayThatTheLedgerHas(t *testing.T) {
	other := locktest.Device("mac-2")
	for name, c := range map[string]struct {
		device lock.Device
		code   string // "": it cannot be read
		kept   bool
	}{
		"the last one":        {mac(), made, false},
		"an earlier one":      {mac(), "osprey-1862", false},
		"one that nobody has": {mac(), "730194", true},
		"unreadable":          {mac(), "", true},
		"of another device":   {other, made, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a := deliveredReset(t, f)
			f.Return(a, lock.Acknowledged, "osprey-1862")
			f.Return(a, lock.Acknowledged, made)
			var code pin.PIN
			if c.code != "" {
				var err error
				code, err = pin.Bytes([]byte(c.code))
				require.NoError(t, err)
			}
			require.NoError(t, f.Service.KeepStray(t.Context(), c.device, []byte("<xml>"+c.code+"</xml>"), code))
			assert.Equal(t, c.kept, len(escrows(t, f)) == 1)
		})
	}
}

// TestStrayThatTheLedgerCannotShow: a PIN that does not open any more is not to be had from the ledger.
func TestStrayThatTheLedgerCannotShow(t *testing.T) {
	f := newFixture(t)
	f.Return(deliveredReset(t, f), lock.Acknowledged, made)
	code, err := pin.Bytes([]byte(made))
	require.NoError(t, err)
	blind := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer = locktest.Keyring("another") })
	require.NoError(t, blind.Service.KeepStray(t.Context(), mac(), []byte("x"), code))
	assert.Len(t, escrows(t, f), 1)
}

// TestKeepStrayNeeds a device, and a message of a bounded size.
func TestKeepStrayNeeds(t *testing.T) {
	f := newFixture(t)
	assert.Equal(t, "device.scope", inputField(f.Service.KeepStray(t.Context(), lock.Device{}, []byte("x"), pin.PIN{})))
	assert.Equal(t, "body", inputField(f.Service.KeepStray(t.Context(), mac(), make([]byte, 1<<20+1), pin.PIN{})))
	keepStray(t, f, "")
	requireEmpty(t, f)
	f.Store.FailBefore(locktest.Forever)
	require.ErrorIs(t, f.Service.KeepStray(t.Context(), mac(), []byte("x"), pin.PIN{}), locktest.ErrFault)
	requireEmpty(t, f)
}

// TestKeepStrayAtTheSameTime: what several processes add to the same device is all kept.
func TestKeepStrayAtTheSameTime(t *testing.T) {
	f := newFixture(t)
	keepStray(t, f, "the first")
	var work sync.WaitGroup
	for i := range 4 {
		other := locktest.New(t, f.Store)
		work.Go(func() {
			assert.NoError(t, other.Service.KeepStray(t.Context(), mac(), []byte(strings.Repeat("x", i+1)), pin.PIN{}))
		})
	}
	work.Wait()
	kept := escrows(t, f)
	require.Len(t, kept, 1)
	assert.Len(t, alarms(t, f, kept[0].ID), 5)
	assert.Len(t, strings.Split(readAnswer(t, f, kept[0].ID), "\n"), 5)
}

// TestStrayOfThisDevice: neither another device's, nor in the way of what the device gets back, nor a token for an order.
func TestStrayOfThisDevice(t *testing.T) {
	f := newFixture(t)
	keepStray(t, f, "x")
	escrow(t, f, "one")
	keepStray(t, f, "x")
	require.NoError(t, f.Service.KeepStray(t.Context(), locktest.Device("mac-2"), []byte("x"), pin.PIN{}))
	assert.Len(t, escrows(t, f), 3)
	assert.Equal(t, "one", escrowed(t, f))
	for _, name := range []string{"body", "body+", lock.SecretPIN} {
		_, err := f.Service.Escrowed(t.Context(), mac(), name)
		assert.Equal(t, "name", inputField(err), name)
	}
	f.Codec.Answer = &lock.Plan{NoPIN: true, Uses: escrows(t, f)[2].ID}
	found, err := f.Service.Preflight(t.Context(), locktest.Admin(), lock.Request{Device: mac(), Kind: lock.KindLock})
	require.NoError(t, err)
	assert.Equal(t, []string{"secret_missing"}, codesOf(found))
}

// TestStrayOutlivesAReenrolment: whoever enrols anew may have the PIN still. No purge takes it, and it is resealed as any secret is.
func TestStrayOutlivesAReenrolment(t *testing.T) {
	f := newFixture(t)
	keepStray(t, f, "x")
	escrow(t, f, "token")
	seen(t, f, lock.EvidenceReenrolled)
	kept := escrows(t, f)
	assert.Equal(t, lock.StateReleased, kept[0].State, "what the device gets back")
	assert.Equal(t, lock.StateConfirmed, kept[1].State)
	assert.Equal(t, f.Clock.Now(), kept[1].Reenrolled)
	keepStray(t, f, "x")
	require.Len(t, escrows(t, f), 2, "it is kept")
	f.Clock.Advance(90 * day)
	assert.Equal(t, map[lock.ID]string{kept[0].ID: "purged", kept[1].ID: "escrow_in_force"}, purge(t, f))
	done, err := reseal(t, rotated(t, f))
	require.NoError(t, err)
	assert.Equal(t, 1, done)
	alone := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer = locktest.Keyring("new") })
	assert.Equal(t, "x", readAnswer(t, alone, kept[1].ID))
	requireReplay(t, f.Store, kept[1].ID)
}

// TestMessagesAreNoTokens: an order makes no secret under the name of a message.
func TestMessagesAreNoTokens(t *testing.T) {
	for _, name := range []string{"body", "body+"} {
		f := newFixture(t)
		f.Codec.Answer = &lock.Plan{NoPIN: true, Makes: name}
		_, err := f.Service.Preflight(t.Context(), locktest.Admin(), lock.Request{Device: mac(), Kind: lock.KindLock})
		require.ErrorContains(t, err, "a secret that cannot be", name)
	}
}
