package agents_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/agents"
)

func TestRequestIsTakenOnce(t *testing.T) {
	w := newWorld(t)
	d := w.enrol(w.phone("R5CT"))
	once := func(s *agents.Store, device, jti string) bool {
		fresh, err := s.Once(t.Context(), device, jti, w.now.Add(10*time.Minute))
		require.NoError(t, err)
		return fresh
	}
	w.now = w.now.Add(2 * time.Minute)
	assert.True(t, once(w.Store, d.ID, "a"))
	assert.False(t, once(w.another(), d.ID, "a"), "on no server")
	assert.True(t, once(w.Store, d.ID, "b"))
	assert.True(t, once(w.Store, "other", "a"), "of another device it is another one")
	seen, err := w.devices.Find(t.Context(), d.ID)
	require.NoError(t, err)
	assert.Equal(t, w.now, seen.LastSeen)

	w.now = w.now.Add(11 * time.Minute)
	assert.True(t, once(w.Store, d.ID, "c"))
	var kept int
	require.NoError(t, w.db.Readers.QueryRowContext(t.Context(), `SELECT count(*) FROM server_agent_requests`).Scan(&kept))
	assert.Equal(t, 1, kept, "what nobody could send again is forgotten")
}

func TestNumbersNeverRepeat(t *testing.T) {
	w := newWorld(t)
	d := w.enrol(w.phone("R5CT"))
	var all sync.WaitGroup
	var mu sync.Mutex
	given := map[int64]int{}
	for range 8 {
		s := w.another()
		all.Go(func() {
			for range 5 {
				n, err := s.Sequence(t.Context(), d.ID, 0)
				if assert.NoError(t, err) {
					mu.Lock()
					given[n]++
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	assert.Len(t, given, 40)
	for n := range given {
		assert.Positive(t, n)
		assert.LessOrEqual(t, n, int64(40))
	}
	_, err := w.Sequence(t.Context(), "nobody", 0)
	require.Error(t, err)
}

// A device that has seen a number which a restored database does not know gets a higher one.
func TestNumbersGoOnAboveWhatADeviceSaw(t *testing.T) {
	w := newWorld(t)
	d := w.enrol(w.phone("R5CT"))
	for _, c := range []struct{ above, want int64 }{{0, 1}, {1000, 1001}, {0, 1002}, {7, 1003}, {1003, 1004}} {
		n, err := w.Sequence(t.Context(), d.ID, c.above)
		require.NoError(t, err)
		assert.Equal(t, c.want, n)
	}
}
