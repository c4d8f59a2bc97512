package locktest

import (
	"context"
	"errors"
	"sync"

	"github.com/latchkey-mdm/latchkey/lock"
)

// ErrFault is what a Faulty store returns when it was told to fail.
var ErrFault = errors.New("the store failed because the test said so")

// Faulty is a store that fails on demand. A service repeats a commit whose outcome it does not know a few times, so a fault that it is
// to notice must last: see Forever.
type Faulty struct {
	lock.Store // the store behind it; required

	mu       sync.Mutex
	commits  int
	refusing int
	losing   int
	dies     bool // after left more commits
	left     int
	unheard  bool // the answer to the last of them is lost
}

// Forever is a number of faults that no test outlives.
const Forever = 1 << 30

// FailBefore makes the next n commits fail with nothing stored; 0: none.
func (f *Faulty) FailBefore(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refusing = n
}

// FailAfter makes the next n commits fail once the store has them: the answer is lost, and the caller knows nothing; 0: none.
func (f *Faulty) FailAfter(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.losing = n
}

// DieAfter lets n more commits through, and fails every one after them, as for a process that is killed: unheard, the answer to the last
// of them is lost too. DieAfter(Forever, false) revives it.
func (f *Faulty) DieAfter(n int, unheard bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dies, f.left, f.unheard = n < Forever, n, unheard
}

// Commits is how often Commit was called.
func (f *Faulty) Commits() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.commits
}

// Commit is lock.Store's.
func (f *Faulty) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	refuse, lose := f.fault()
	if refuse {
		return nil, ErrFault
	}
	errs, err := f.Store.Commit(ctx, changes)
	if lose {
		return nil, ErrFault
	}
	return errs, err
}

// Sequence gives events their position, if the store behind it leaves that to be done: see lock.Store. It never fails by itself.
func (f *Faulty) Sequence(ctx context.Context) (more bool, err error) {
	if behind, ok := f.Store.(interface {
		Sequence(ctx context.Context) (more bool, err error)
	}); ok {
		return behind.Sequence(ctx)
	}
	return false, nil
}

func (f *Faulty) fault() (refuse, lose bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commits++
	if f.dies {
		if f.left == 0 {
			return true, false
		}
		f.left--
		return false, f.left == 0 && f.unheard
	}
	if f.refusing > 0 {
		f.refusing--
		return true, false
	}
	if f.losing > 0 {
		f.losing--
		return false, true
	}
	return false, false
}
