package agents_test

import (
	"crypto/ecdsa"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/agents"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/pin"
)

func TestCodeEnrolsOneDevice(t *testing.T) {
	w := newWorld(t)
	e := w.phone("R5CT")
	d := w.enrol(e)
	assert.Equal(t, agent.PlatformName, d.Platform)
	assert.Equal(t, "R5CT", d.Serial)
	assert.JSONEq(t, agreementKey, d.Facts["agreement_key"].Value)
	w.now = w.now.Add(59 * time.Minute)
	assert.Equal(t, d.ID, w.enrol(e).ID, "the answer was lost: it is the same one")
	assert.Equal(t, 1, w.wiped, "and the ledger was told once")
	thief := e
	thief.SigningKey = newKey(t)
	_, _, err := w.Enroll(t.Context(), thief)
	require.ErrorIs(t, err, agent.ErrCode)
	w.now = w.now.Add(time.Minute)
	_, _, err = w.Enroll(t.Context(), e)
	require.ErrorIs(t, err, agent.ErrCode, "until it expires")
}

func TestCodeThatIsNone(t *testing.T) {
	w := newWorld(t)
	for name, edit := range map[string]func(*agent.Enrollment){
		"made up": func(e *agent.Enrollment) { e.Code = "AAAAAAAAAAAAAAAAAAAAAAAAAA" },
		"empty":   func(e *agent.Enrollment) { e.Code = "" },
		"expired": func(*agent.Enrollment) { w.now = w.now.Add(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			e := w.phone("R5CT")
			edit(&e)
			_, _, err := w.Enroll(t.Context(), e)
			require.ErrorIs(t, err, agent.ErrCode)
			assert.Zero(t, w.wiped)
		})
	}
}

func TestCodeOfManyServersEnrolsOnce(t *testing.T) {
	w := newWorld(t)
	e := w.phone("")
	var all sync.WaitGroup
	enrolled := make(chan string, 10)
	for range cap(enrolled) {
		mine, s := e, w.another()
		mine.SigningKey = newKey(t)
		all.Go(func() {
			d, _, err := s.Enroll(t.Context(), mine)
			if err == nil {
				enrolled <- d.ID
			} else {
				assert.ErrorIs(t, err, agent.ErrCode)
			}
		})
	}
	all.Wait()
	assert.Len(t, enrolled, 1)
}

func TestRefusedEnrolmentKeepsTheCode(t *testing.T) {
	w := newWorld(t)
	first := w.phone("R5CT")
	w.enrol(first)
	second := w.phone("R5CU")
	honest := second.SigningKey
	second.SigningKey = first.SigningKey // that of another device
	_, _, err := w.Enroll(t.Context(), second)
	require.ErrorIs(t, err, agent.ErrCode)
	second.SigningKey = honest
	w.enrol(second)
}

func TestEnrolsAgain(t *testing.T) {
	w := newWorld(t)
	first := w.phone("R5CT")
	d := w.enrol(first)
	n, err := w.Number(t.Context(), d.ID, 0)
	require.NoError(t, err)
	require.NoError(t, w.State(t.Context(), d, w.state(map[string]string{"token_state": "active", "token_id": "T"})))
	second := w.phone("R5CT")
	assert.Equal(t, d.ID, w.enrol(second).ID)
	assert.Equal(t, 2, w.wiped)
	assert.NotContains(t, w.facts(d.ID), "token_id")
	now, err := w.Device(t.Context(), d.ID)
	require.NoError(t, err)
	assert.True(t, second.SigningKey.Equal(now.Key), "the new key is the device's")
	assert.Equal(t, n+1, now.Last, "its commands are numbered on, after a gap")
	_, _, err = w.Enroll(t.Context(), first)
	require.ErrorIs(t, err, agent.ErrCode, "the earlier answer is not true any more")
}

// Who read what is known of a device just before the device enrolled anew, or was removed, comes too late with it.
func TestKeyOfBeforeCountsNoMore(t *testing.T) {
	for name, revoke := range map[string]func(w *world, id string){
		"enrolled anew":             func(w *world, _ string) { w.enrol(w.phone("R5CT")) },
		"removed":                   (*world).remove,
		"removed and enrolled anew": func(w *world, id string) { w.remove(id); w.enrol(w.phone("R5CT")) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d := w.enrol(w.phone("R5CT"))
			before, err := w.Device(t.Context(), d.ID)
			require.NoError(t, err)
			revoke(w, d.ID)
			n, err := w.Number(t.Context(), d.ID, before.Last)
			require.NoError(t, err)
			assert.Zero(t, n, "no command")
			forged := w.state(map[string]string{"boot_count": "FORGED"})
			for _, forged.Key = range []*ecdsa.PublicKey{before.Key, nil} {
				require.ErrorIs(t, w.Store.State(t.Context(), before.Device, forged), agent.ErrNotEnrolled)
			}
			assert.Zero(t, w.rows(`SELECT count(*) FROM server_facts WHERE value = 'FORGED'`))
		})
	}
}

func TestDeviceThatIsNotEnrolled(t *testing.T) {
	w := newWorld(t)
	d := w.enrol(w.phone("R5CT"))
	w.remove(d.ID)
	for _, id := range []string{d.ID, "nobody", "", "a\x00"} {
		_, err := w.Device(t.Context(), id)
		require.ErrorIs(t, err, agent.ErrNotEnrolled, "%q", id)
	}
	require.ErrorIs(t, w.State(t.Context(), d, w.state(nil)), agent.ErrNotEnrolled)
}

func TestKeyIsMadeOnce(t *testing.T) {
	d := dbtest.Open(t, dbtest.Source(t, &server))
	keyring, err := pin.CreateKeyring(filepath.Join(t.TempDir(), "keyring"))
	require.NoError(t, err)
	one, err := agents.OpenKey(t.Context(), d, keyring)
	require.NoError(t, err)
	two, err := agents.OpenKey(t.Context(), d, keyring)
	require.NoError(t, err)
	assert.NotEmpty(t, one.ID())
	assert.Equal(t, one.ID(), two.ID())
	sealed, err := d.SealedBy(t.Context())
	require.NoError(t, err)
	assert.Equal(t, map[string]int{keyring.KeyIDs()[0]: 1}, sealed, "it lies sealed among the server's secrets")
}
