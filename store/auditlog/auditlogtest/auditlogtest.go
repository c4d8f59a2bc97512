// Package auditlogtest is the contract of auditlog.Storage as a test suite.
//
//	func TestAuditLog(t *testing.T) {
//		auditlogtest.RunStorage(t, func(t *testing.T) auditlog.Storage { return newStore(t) })
//	}
package auditlogtest

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

// RunStorage tests a Storage. The function returns a new empty one each time.
func RunStorage(t *testing.T, empty func(t *testing.T) auditlog.Storage) {
	for name, test := range map[string]func(*testing.T, auditlog.Storage){
		"an empty one has nothing":                 testEmpty,
		"growth is read back":                      testGrow,
		"a partial tile is replaced":               testPartial,
		"compare and set":                          testCompare,
		"one of many wins":                         testRace,
		"every checkpoint is kept, in pages":       testCheckpoints,
		"it keeps nothing of the caller's memory":  testMemory,
		"a context that has ended changes nothing": testContext,
		"a tile is found by level and number":      testKeys,
	} {
		t.Run(name, func(t *testing.T) { test(t, empty(t)) })
	}
}

// hashes is a tile with n hashes of one byte's value.
func hashes(n int, of byte) []byte { return bytes.Repeat([]byte{of}, 32*n) }

func grow(t *testing.T, s auditlog.Storage, from, to int64, tiles map[[2]int64][]byte, note string) {
	t.Helper()
	grown, err := s.Grow(t.Context(), from, to, tiles, []byte(note))
	require.NoError(t, err)
	require.True(t, grown, "Grow from %d to %d", from, to)
}

func requireNewest(t *testing.T, s auditlog.Storage, size int64, note string) {
	t.Helper()
	gotSize, gotNote, err := s.Checkpoint(t.Context())
	require.NoError(t, err)
	require.Equal(t, size, gotSize, "size of the newest checkpoint")
	require.Equal(t, note, string(gotNote), "newest checkpoint")
}

func requireTile(t *testing.T, s auditlog.Storage, level int, n int64, want []byte) {
	t.Helper()
	got, err := s.Tile(t.Context(), level, n)
	require.NoError(t, err)
	require.Equal(t, want, got, "tile %d of level %d", n, level)
}

func texts(notes [][]byte) []string {
	var all []string
	for _, n := range notes {
		all = append(all, string(n))
	}
	return all
}

func testEmpty(t *testing.T, s auditlog.Storage) {
	size, note, err := s.Checkpoint(t.Context())
	require.NoError(t, err)
	assert.Zero(t, size)
	assert.Nil(t, note)
	requireTile(t, s, 0, 0, nil)
	notes, err := s.Checkpoints(t.Context(), 0, 10)
	require.NoError(t, err)
	assert.Empty(t, notes)
}

func testGrow(t *testing.T, s auditlog.Storage) {
	note := "origin\n256\n\x00 any bytes \xff\n"
	grow(t, s, 0, 256, map[[2]int64][]byte{{0, 0}: hashes(256, 1), {1, 0}: hashes(1, 2)}, note)
	requireNewest(t, s, 256, note)
	requireTile(t, s, 0, 0, hashes(256, 1))
	requireTile(t, s, 1, 0, hashes(1, 2))
	requireTile(t, s, 0, 1, nil)
	requireTile(t, s, 2, 0, nil)
}

func testPartial(t *testing.T, s auditlog.Storage) {
	grow(t, s, 0, 1, map[[2]int64][]byte{{0, 0}: hashes(1, 1)}, "one")
	requireTile(t, s, 0, 0, hashes(1, 1))
	grow(t, s, 1, 200, map[[2]int64][]byte{{0, 0}: hashes(200, 1)}, "two hundred")
	requireTile(t, s, 0, 0, hashes(200, 1))
}

func testCompare(t *testing.T, s auditlog.Storage) {
	const to = 7
	refused := func(from int64) {
		t.Helper()
		grown, err := s.Grow(t.Context(), from, to, map[[2]int64][]byte{{0, 0}: hashes(7, 9), {0, 1}: hashes(7, 9)}, []byte("refused"))
		require.NoError(t, err, "a lost race is no error")
		require.False(t, grown, "Grow from %d to %d", from, to)
	}
	refused(3) // there is none yet
	requireNewest(t, s, 0, "")
	requireTile(t, s, 0, 0, nil)

	grow(t, s, 0, 5, map[[2]int64][]byte{{0, 0}: hashes(5, 1)}, "five")
	refused(0)
	refused(4)
	refused(6)
	requireNewest(t, s, 5, "five")
	requireTile(t, s, 0, 0, hashes(5, 1))
	requireTile(t, s, 0, 1, nil)

	grow(t, s, 5, 6, map[[2]int64][]byte{{0, 0}: hashes(6, 1)}, "six")
	refused(5)
	requireNewest(t, s, 6, "six")
}

func testRace(t *testing.T, s auditlog.Storage) {
	const callers, rounds = 8, 5
	for round := range int64(rounds) {
		var group sync.WaitGroup
		var won atomic.Int64
		winner := make(chan byte, callers)
		for c := range byte(callers) {
			group.Go(func() {
				tiles := map[[2]int64][]byte{{0, 0}: hashes(int(round)+1, c+1)}
				grown, err := s.Grow(t.Context(), round, round+1, tiles, []byte{'a' + c})
				if assert.NoError(t, err) && grown {
					won.Add(1)
					winner <- c
				}
			})
		}
		group.Wait()
		require.Equal(t, int64(1), won.Load(), "exactly one grows the tree")
		c := <-winner
		requireNewest(t, s, round+1, string(rune('a'+c)))
		requireTile(t, s, 0, 0, hashes(int(round)+1, c+1))
	}
}

func testCheckpoints(t *testing.T, s auditlog.Storage) {
	var from int64
	for _, to := range []int64{1, 9, 10, 256, 1_000_000, 10_000_000_000} { // as numbers, not as text
		grow(t, s, from, to, nil, "size "+string(rune('a'+from%20)))
		from = to
	}
	all, err := s.Checkpoints(t.Context(), 0, 100)
	require.NoError(t, err)
	require.Len(t, all, 6)
	for _, c := range []struct {
		above int64
		limit int
		want  [][]byte
	}{
		{0, 2, all[:2]},
		{9, 2, all[2:4]},
		{8, 1, all[1:2]},
		{256, 100, all[4:]},
		{10_000_000_000, 100, nil},
	} {
		got, err := s.Checkpoints(t.Context(), c.above, c.limit)
		require.NoError(t, err)
		assert.Equal(t, texts(c.want), texts(got), "at most %d above %d", c.limit, c.above)
	}
}

func testMemory(t *testing.T, s auditlog.Storage) {
	tile, note := hashes(2, 1), []byte("two")
	grown, err := s.Grow(t.Context(), 0, 2, map[[2]int64][]byte{{0, 0}: tile}, note)
	require.NoError(t, err)
	require.True(t, grown)
	tile[0], note[0] = 9, 'x'
	requireTile(t, s, 0, 0, hashes(2, 1))
	requireNewest(t, s, 2, "two")

	given, err := s.Tile(t.Context(), 0, 0)
	require.NoError(t, err)
	given[0] = 9
	requireTile(t, s, 0, 0, hashes(2, 1))
}

func testContext(t *testing.T, s auditlog.Storage) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	grown, err := s.Grow(ended, 0, 2, map[[2]int64][]byte{{0, 0}: hashes(2, 1)}, []byte("two"))
	require.ErrorIs(t, err, context.Canceled)
	assert.False(t, grown)
	requireNewest(t, s, 0, "")
}

func testKeys(t *testing.T, s auditlog.Storage) {
	tiles := map[[2]int64][]byte{}
	at := [][2]int64{{0, 1}, {1, 0}, {0, 11}, {1, 1}, {7, 3}, {0, 1 << 40}}
	for i, key := range at {
		tiles[key] = hashes(i+1, byte(i+1))
	}
	grow(t, s, 0, 1<<48, tiles, "large")
	for i, key := range at {
		requireTile(t, s, int(key[0]), key[1], hashes(i+1, byte(i+1)))
	}
}
