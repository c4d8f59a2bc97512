package storetest_test

import (
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

// TestJournal is what an author of a store writes first.
func TestJournal(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Fixture {
		t.Helper()
		path := filepath.Join(t.TempDir(), "ledger.jsonl")
		opened := func() (*Journal, error) {
			s, err := OpenJournal(path)
			if err == nil {
				t.Cleanup(func() { _ = s.Close() })
			}
			return s, err
		}
		s, err := opened()
		require.NoError(t, err)
		f := &failing{file: s.file}
		s.file = f
		return storetest.Fixture{
			Store:  s,
			Reopen: func() (lock.Store, error) { return opened() },
			Faults: []storetest.Fault{
				f.fault("nothing is written", failWrite),
				f.fault("half is written", tearWrite),
				f.fault("the sync fails", failSync),
				f.fault("the sync fails once it is done", loseSync),
				f.fault("the sync fails, and what was written cannot be taken back", failSync|failTruncate),
			},
		}
	})
}

const (
	failWrite = 1 << iota
	tearWrite
	failSync
	loseSync
	failTruncate
)

var errDisk = errors.New("the disk failed because the test said so")

// failing is a file that fails on demand.
type failing struct {
	file
	armed atomic.Int32
}

func (f *failing) fault(name string, what int32) storetest.Fault {
	return storetest.Fault{Name: name, Arm: func(testing.TB) func() {
		f.armed.Store(what)
		return func() { f.armed.Store(0) }
	}}
}

func (f *failing) WriteAt(data []byte, at int64) (int, error) {
	switch armed := f.armed.Load(); {
	case armed&failWrite != 0:
		return 0, errDisk
	case armed&tearWrite != 0:
		n, _ := f.file.WriteAt(data[:len(data)/2], at)
		return n, errDisk
	default:
		return f.file.WriteAt(data, at)
	}
}

func (f *failing) Sync() error {
	armed := f.armed.Load()
	if armed&failSync != 0 {
		return errDisk
	}
	err := f.file.Sync()
	if armed&loseSync != 0 {
		return errDisk
	}
	return err
}

func (f *failing) Truncate(size int64) error {
	if f.armed.Load()&failTruncate != 0 {
		return errDisk
	}
	return f.file.Truncate(size)
}

// A crash in the middle of a write leaves half a line, which nobody was told is stored.
func TestJournalAfterACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	s, err := OpenJournal(path)
	require.NoError(t, err)
	storetest.Commit(t, s, []lock.Change{storetest.Order(t, "mac-1"), storetest.Order(t, "mac-2")})
	require.NoError(t, s.file.Truncate(s.size-1))
	require.NoError(t, s.Close())
	s, err = OpenJournal(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	found, err := s.List(t.Context(), lock.Filter{})
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, "mac-1", found[0].Device.ID)
}
