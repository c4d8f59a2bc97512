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
	assert.Equal(t, 1, w.rows(`SELECT count(*) FROM server_agent_requests`), "what nobody could send again is forgotten")
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
				e, err := s.Device(t.Context(), d.ID)
				var n int64
				if err == nil {
					n, err = s.Number(t.Context(), d.ID, e.Last)
				}
				if assert.NoError(t, err) && n > 0 { // else another took it
					mu.Lock()
					given[n]++
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	assert.NotEmpty(t, given)
	for n, times := range given {
		assert.LessOrEqual(t, n, int64(len(given)), "without a gap")
		assert.Equal(t, 1, times)
	}
	n, err := w.Number(t.Context(), "nobody", 0)
	require.NoError(t, err)
	assert.Zero(t, n)
}

// A device that has seen a number which a restored database does not know gets a higher one.
func TestNumbersGoOnAboveWhatADeviceSaw(t *testing.T) {
	w := newWorld(t)
	d := w.enrol(w.phone("R5CT"))
	for _, c := range []struct{ seen, want int64 }{{0, 1}, {1000, 1001}, {7, 1002}, {1002, 1003}} {
		require.NoError(t, w.Raise(t.Context(), d.ID, c.seen))
		e, err := w.Device(t.Context(), d.ID)
		require.NoError(t, err)
		n, err := w.Number(t.Context(), d.ID, e.Last)
		require.NoError(t, err)
		assert.Equal(t, c.want, n)
		n, err = w.Number(t.Context(), d.ID, e.Last)
		require.NoError(t, err)
		assert.Zero(t, n, "it was taken")
	}
}
