package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
	"github.com/latchkey-mdm/latchkey/pin"
)

// The keyring of another server is put under one that runs: it says so wherever somebody looks, orders nothing, and shows what it has.
func TestServerSaysThatItsKeyringCannotBeUsed(t *testing.T) {
	s := open(t, nil)
	path := filepath.Join(s.data(), "keyring")
	macs := []*mdmtest.Mac{s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256}), s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})}
	id := s.lock(t, macs[0], object{"reason": "lost"}).text("id")
	code := s.reveal(t, id)
	ready := func() int {
		res, err := s.client.Get(s.url + "/readyz")
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res.StatusCode
	}
	assert.Equal(t, http.StatusOK, ready())
	assert.Contains(t, s.scrape(t), "latchkey_keyring_usable 1\n")

	right := path + ".right"
	require.NoError(t, os.Rename(path, right))
	require.NoError(t, os.Rename(newLive(t).path, path))
	assert.Equal(t, http.StatusServiceUnavailable, ready())
	assert.Contains(t, s.scrape(t), "latchkey_keyring_usable 0\n")
	lockPath := "/api/v1/devices/" + macs[1].Config().UDID + "/lock"
	refused := s.must(t, http.StatusServiceUnavailable, http.MethodPost, lockPath, object{"reason": "lost"})
	assert.Equal(t, "keyring", refused.text("code"))
	assert.Contains(t, refused.text("detail"), "nothing was ordered: restore it")
	assert.NotContains(t, refused.text("detail"), s.dir)
	assert.Equal(t, code, s.reveal(t, id))
	assert.Contains(t, s.logs.String(), "5 sealed secrets need the key ")

	require.NoError(t, os.Rename(right, path))
	assert.Equal(t, http.StatusOK, ready())
	assert.Contains(t, s.scrape(t), "latchkey_keyring_usable 1\n")
	assert.Len(t, s.must(t, http.StatusOK, http.MethodGet, "/api/v1/actions", nil).list("items"), 1)
	s.lock(t, macs[1], object{"reason": "lost"})
}

// A keyring that is rotated while everything is sealed anew: the rest is sealed with the newest key, and that one is not missing.
func TestResealFollowsTheKeyring(t *testing.T) {
	s := open(t, nil)
	mac := s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})
	require.Zero(t, s.keyring(t, "rotate").code)
	s.lock(t, mac, object{"reason": "lost"})
	require.Zero(t, s.keyring(t, "rotate").code)
	s.stop()
	d := s.open(t)
	var out strings.Builder
	j := keyringJob{path: filepath.Join(s.data(), "keyring"), db: d, sealed: d.SealedBy, logger: slog.New(slog.DiscardHandler), stdout: &out, stderr: &out}
	ring, err := pin.LoadKeyring(j.path)
	require.NoError(t, err)
	j.ring = ring
	rotations := 0
	j.record = func(context.Context, string, string) error {
		if rotations++; rotations > 1 {
			return nil
		}
		return j.ring.Rotate().Save(j.path)
	}
	require.NoError(t, j.reseal(t.Context(), ""), "%s", &out)
	now := keyIDs(t, s.data())
	sealed, err := d.SealedBy(t.Context())
	require.NoError(t, err)
	assert.Equal(t, map[string]int{now[0]: 4, now[1]: 1}, sealed, "the PIN before the last rotation, the server's own after it")
}

// While a key is missing, none may go: the keyring that has it may need the others.
func TestResealAdvisesNoRemovalWhileAKeyIsMissing(t *testing.T) {
	s := open(t, nil)
	s.stop()
	path := filepath.Join(s.data(), "keyring")
	require.NoError(t, os.Remove(path))
	ring, err := pin.CreateKeyring(path)
	require.NoError(t, err)
	require.NoError(t, ring.Rotate().Save(path))
	got := s.keyring(t, "reseal")
	assert.Equal(t, exitFailed, got.code)
	assert.Contains(t, got.err, "4 sealed secrets need the key")
	assert.NotContains(t, got.out, "Nothing needs")
	assert.NotContains(t, got.out, "keyring remove")
}
