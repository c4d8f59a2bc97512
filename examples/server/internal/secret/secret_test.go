package secret_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/secret"
	"github.com/latchkey-mdm/latchkey/pin"
)

func newKeyring(t *testing.T) *pin.Keyring {
	t.Helper()
	k, err := pin.CreateKeyring(filepath.Join(t.TempDir(), "keyring"))
	require.NoError(t, err)
	return k
}

func made(text string) func() (secret.Pair, error) {
	return func() (secret.Pair, error) {
		private, err := pin.Bytes([]byte("private " + text))
		return secret.Pair{Public: []byte("public " + text), Private: private}, err
	}
}

func neverMade() (secret.Pair, error) { return secret.Pair{}, errors.New("made again") }

// Ten servers start at a time, and go on with the same secret.
func TestSecretIsMadeOnce(t *testing.T) {
	source, keyring := dbtest.Source(t, &server), newKeyring(t)
	var mu sync.Mutex
	seen := map[string]int{}
	opened := make([]*db.DB, 10)
	for i := range opened {
		opened[i] = dbtest.Open(t, source)
	}
	var starting, ready sync.WaitGroup
	ready.Add(len(opened))
	for i, d := range opened {
		starting.Go(func() {
			ready.Done()
			ready.Wait()
			p, err := secret.Open(t.Context(), d, keyring, secret.AuditLog, made(fmt.Sprint(i)))
			if assert.NoError(t, err) {
				mu.Lock()
				defer mu.Unlock()
				seen[string(p.Public)+", "+p.Private.Expose()]++
			}
		})
	}
	starting.Wait()
	require.Len(t, seen, 1)
	for text, n := range seen {
		assert.Equal(t, 10, n)
		var number int
		_, err := fmt.Sscanf(text, "public %d, private", &number)
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf("public %d, private %d", number, number), text, "both halves are of one")
	}
}

func TestReadAndOpen(t *testing.T) {
	d, keyring := dbtest.Open(t, dbtest.Source(t, &server)), newKeyring(t)
	_, err := secret.Read(t.Context(), d, keyring, secret.AuditLog)
	require.ErrorIs(t, err, secret.ErrNone)
	_, err = secret.Open(t.Context(), d, keyring, secret.AuditLog, neverMade)
	require.ErrorContains(t, err, "made again")
	_, err = secret.Open(t.Context(), d, keyring, secret.AuditLog, made("log"))
	require.NoError(t, err)
	p, err := secret.Open(t.Context(), d, keyring, secret.AuditLog, neverMade)
	require.NoError(t, err)
	assert.Equal(t, "public log", string(p.Public))
	assert.Equal(t, "private log", p.Private.Expose())
	_, err = secret.Read(t.Context(), d, newKeyring(t), secret.AuditLog)
	require.ErrorAs(t, err, new(*pin.MissingKeyError))
	_, err = secret.Read(t.Context(), d, keyring, secret.DeviceCA)
	require.ErrorIs(t, err, secret.ErrNone)
}

// The box of one secret is none of another.
func TestSecretsCannotBeExchanged(t *testing.T) {
	d, keyring := dbtest.Open(t, dbtest.Source(t, &server)), newKeyring(t)
	_, err := secret.Open(t.Context(), d, keyring, secret.AuditLog, made("log"))
	require.NoError(t, err)
	_, err = d.Exec(t.Context(), `UPDATE server_secrets SET name = $1`, string(secret.DeviceCA))
	require.NoError(t, err)
	_, err = secret.Read(t.Context(), d, keyring, secret.DeviceCA)
	require.ErrorIs(t, err, pin.ErrOpen)
}

func TestResealGoesOnAfterOneThatDoesNotOpen(t *testing.T) {
	d, keyring := dbtest.Open(t, dbtest.Source(t, &server)), newKeyring(t)
	for _, name := range []secret.Name{secret.AuditLog, secret.DeviceCA} {
		_, err := secret.Open(t.Context(), d, keyring, name, made(string(name)))
		require.NoError(t, err)
	}
	_, err := d.Exec(t.Context(), `UPDATE server_secrets SET box = (SELECT box FROM server_secrets WHERE name = $1) WHERE name = $2`,
		string(secret.DeviceCA), string(secret.AuditLog))
	require.NoError(t, err)
	old, next := keyring.KeyIDs()[0], keyring.Rotate()
	done, err := secret.Reseal(t.Context(), d, next, old)
	require.ErrorIs(t, err, pin.ErrOpen)
	assert.Equal(t, 1, done)
	counts, err := d.SealedBy(t.Context())
	require.NoError(t, err)
	assert.Equal(t, map[string]int{old: 1, next.KeyIDs()[0]: 1}, counts)
	p, err := secret.Read(t.Context(), d, next, secret.DeviceCA)
	require.NoError(t, err)
	assert.Equal(t, "private device CA key", p.Private.Expose())
}

// What the boxes in databases of the field are bound to.
func TestBindingStays(t *testing.T) {
	d, keyring := dbtest.Open(t, dbtest.Source(t, &server)), newKeyring(t)
	private, err := pin.Bytes([]byte("private"))
	require.NoError(t, err)
	box, err := keyring.Seal(t.Context(), private, pin.Binding{Scope: "latchkey server", Action: "device CA key", Secret: 1})
	require.NoError(t, err)
	_, err = d.Exec(t.Context(), `INSERT INTO server_secrets (name, public, key_id, box) VALUES ('device CA key', $1, $2, $1)`,
		[]byte(box), box.KeyID())
	require.NoError(t, err)
	p, err := secret.Read(t.Context(), d, keyring, secret.DeviceCA)
	require.NoError(t, err)
	assert.Equal(t, "private", p.Private.Expose())
}
