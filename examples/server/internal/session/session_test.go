package session_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/session"
)

// two are the sessions as two servers of one database have them.
func two(t *testing.T) (one, other *session.Store, d *db.DB) {
	t.Helper()
	source := dbtest.Source(t, &server)
	d = dbtest.Open(t, source)
	return session.New(d), session.New(dbtest.Open(t, source)), d
}

func find(t *testing.T, s *session.Store, id string) (string, bool) {
	t.Helper()
	data, found, err := s.Find(id)
	require.NoError(t, err)
	return string(data), found
}

func TestSessionsAreShared(t *testing.T) {
	one, other, _ := two(t)
	_, found := find(t, one, "a")
	require.False(t, found)
	later := time.Now().Add(time.Hour)
	for _, text := range []string{"\x00first\xff", "second"} {
		require.NoError(t, one.Commit("a", []byte(text), later))
		data, found := find(t, other, "a")
		assert.True(t, found)
		assert.Equal(t, text, data)
	}
	require.NoError(t, other.Delete("a"))
	require.NoError(t, other.Delete("unknown"))
	_, found = find(t, one, "a")
	assert.False(t, found)
}

// A request that read its session before the sign-out writes it after.
func TestEndedSessionStaysEnded(t *testing.T) {
	one, other, _ := two(t)
	later := time.Now().Add(time.Hour)
	require.NoError(t, one.Commit("a", []byte("signed in"), later))
	require.NoError(t, one.Delete("a"))
	require.NoError(t, other.Commit("a", []byte("signed in"), later))
	_, found := find(t, one, "a")
	assert.False(t, found)
}

func TestExpiredSessionsGo(t *testing.T) {
	one, _, d := two(t)
	require.NoError(t, one.Commit("old", []byte("x"), time.Now().Add(-time.Second)))
	_, found := find(t, one, "old")
	require.False(t, found)
	require.NoError(t, one.Commit("ended", []byte("x"), time.Now().Add(-time.Second)))
	require.NoError(t, one.Delete("ended"))
	require.NoError(t, one.Commit("new", []byte("x"), time.Now().Add(time.Hour)))
	var kept int
	require.NoError(t, d.Readers.QueryRow(`SELECT count(*) FROM server_sessions`).Scan(&kept))
	assert.Equal(t, 1, kept)
}

func TestManyRequestsOfOneSession(t *testing.T) {
	one, other, _ := two(t)
	var requests sync.WaitGroup
	for i := range 40 {
		s := []*session.Store{one, other}[i%2]
		requests.Go(func() { assert.NoError(t, s.Commit("a", []byte("x"), time.Now().Add(time.Hour))) })
	}
	requests.Wait()
	_, found := find(t, one, "a")
	assert.True(t, found)
}
