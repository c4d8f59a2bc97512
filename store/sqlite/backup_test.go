package sqlite_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/sqlite"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

// requireWhole checks that the ledger's positions are dense and that every action is what its events say.
func requireWhole(t *testing.T, s lock.Store) (events int) {
	t.Helper()
	f := lock.EventFilter{Limit: 1000}
	for {
		page, err := s.Events(t.Context(), f)
		require.NoError(t, err)
		if len(page) == 0 {
			return int(f.From)
		}
		for _, e := range page {
			require.Equal(t, f.From, e.Position)
			f.From++
			if e.Seq == 1 {
				requireChain(t, s, e.Action)
			}
		}
	}
}

func requireChain(t *testing.T, s lock.Store, id lock.ID) {
	t.Helper()
	events, err := s.Events(t.Context(), lock.EventFilter{Action: id})
	require.NoError(t, err)
	replayed, err := lock.Action{}.Replay(events)
	require.NoError(t, err)
	a, err := s.Get(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, replayed.Head, a.Head)
	require.Equal(t, replayed.Version, a.Version)
	for _, secret := range a.Secrets {
		require.NotEmpty(t, secret.Box)
	}
}

// busy orders from 16 callers until stop is called, which returns how many orders were acknowledged. Each order is sent to the channel.
func busy(t *testing.T, s lock.Store) (acknowledged <-chan lock.ID, stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ids := make(chan lock.ID)
	var callers sync.WaitGroup
	for caller := range 16 {
		callers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				c := storetest.Order(t, fmt.Sprintf("mac-%d-%d", caller, i))
				if !assert.Equal(t, outcome{}, <-commit(context.WithoutCancel(ctx), s, c)) {
					return
				}
				select {
				case ids <- c.Actions[0].ID:
				case <-ctx.Done():
				}
			}
		})
	}
	return ids, func() { cancel(); callers.Wait() }
}

// Every copy, made while 16 callers write, is a ledger of its own that has all that was acknowledged before; and the callers go on while
// it is made.
func TestBackupWhileWriting(t *testing.T) {
	o := fresh(t)
	ids, stop := busy(t, o)
	defer stop()
	var before []lock.ID
	meanwhile := 0
	for range 3 {
		for range 200 {
			before = append(before, <-ids)
		}
		path := filepath.Join(t.TempDir(), "copy.db")
		done := make(chan error, 1)
		known := len(before)
		go func() { done <- sqlite.Backup(t.Context(), o.readers, path) }()
		for waiting := true; waiting; {
			select {
			case err := <-done:
				require.NoError(t, err)
				waiting = false
			case id := <-ids:
				before = append(before, id)
			}
		}
		meanwhile += len(before) - known
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o600), info.Mode())
		restored := open(t, path)
		for _, id := range before[:known] {
			_, err := restored.Get(t.Context(), id)
			require.NoError(t, err)
		}
		assert.GreaterOrEqual(t, requireWhole(t, restored), known)
		require.Equal(t, outcome{}, <-commit(t.Context(), restored, storetest.Order(t, "mac-1")), "it goes on from there")
	}
	assert.NotZero(t, meanwhile, "orders that were acknowledged while a copy was made")
}

func TestBackupLeavesOnlyTheCopy(t *testing.T) {
	o, dir := fresh(t), t.TempDir()
	require.NoError(t, sqlite.Backup(t.Context(), o.readers, filepath.Join(dir, "copy.db")))
	assert.Equal(t, []string{"copy.db"}, names(t, dir))
	stats := o.readers.Stats()
	assert.Zero(t, stats.InUse)
	_, err := o.readers.ExecContext(t.Context(), "SELECT 1 FROM ledger_copy.actions")
	assert.ErrorContains(t, err, "no such table", "the copy is not attached any more")
}

func names(t *testing.T, dir string) (found []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		found = append(found, e.Name())
	}
	return found
}

func TestBackupRefusesWhatIsThere(t *testing.T) {
	for _, name := range []string{"copy.db", "copy.db.partial", "copy.db-wal", "copy.db-journal"} {
		t.Run(name, func(t *testing.T) {
			o, dir := fresh(t), t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("precious"), 0o600))
			require.ErrorIs(t, sqlite.Backup(t.Context(), o.readers, filepath.Join(dir, "copy.db")), fs.ErrExist)
			assert.Equal(t, []string{name}, names(t, dir))
			kept, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			assert.Equal(t, "precious", string(kept))
		})
	}
}

func TestBackupThatFailsLeavesNothing(t *testing.T) {
	t.Run("called away", func(t *testing.T) {
		o, dir := fresh(t), t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, sqlite.Backup(ctx, o.readers, filepath.Join(dir, "copy.db")), context.Canceled)
		assert.Empty(t, names(t, dir))
	})
	t.Run("the copy does not hold together", func(t *testing.T) {
		o, dir := fresh(t), t.TempDir()
		orphan(t, o)
		var damage *sqlite.DamageError
		require.ErrorAs(t, sqlite.Backup(t.Context(), o.readers, filepath.Join(dir, "copy.db")), &damage)
		assert.Empty(t, names(t, dir))
	})
}

// orphan makes a secret that belongs to no action.
func orphan(t *testing.T, o *opened) {
	t.Helper()
	_, err := o.writer.ExecContext(t.Context(), "PRAGMA foreign_keys = 0; INSERT INTO secrets VALUES ('nobody', 1, '', x'00'); PRAGMA foreign_keys = 1")
	require.NoError(t, err)
}
