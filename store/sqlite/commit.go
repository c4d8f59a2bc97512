package sqlite

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/internal/change"
)

// maxGroup is how many changes of several callers are written in one transaction. A single call may bring more.
const maxGroup = 1000

// call is one call of Commit.
type call struct {
	records []record
	places  []int   // of the records, among errs
	errs    []error // by change
	err     error
	done    chan struct{}
}

// newCall encodes the changes in the order in which they are written. Those that are malformed have their error already.
func newCall(changes []lock.Change) *call {
	c := &call{errs: make([]error, len(changes)), done: make(chan struct{})}
	order := change.Order(changes)
	records := make([]record, len(order))
	parts(len(order), func(i int) { records[i], c.errs[order[i]] = encode(changes[order[i]]) })
	for i, place := range order {
		if c.errs[place] == nil {
			c.records, c.places = append(c.records, records[i]), append(c.places, place)
		}
	}
	return c
}

// parts calls the function for 0 to n-1: for a batch of some size on all processors at once, because encoding takes a fifth of its time.
func parts(n int, do func(i int)) {
	const least = 128
	processors := runtime.GOMAXPROCS(0)
	size := max(least, (n+processors-1)/processors)
	var all sync.WaitGroup
	for from := size; from < n; from += size {
		all.Go(func() {
			for i := from; i < min(from+size, n); i++ {
				do(i)
			}
		})
	}
	for i := range min(size, n) {
		do(i)
	}
	all.Wait()
}

// slots are the changes that are to be written.
func (c *call) slots() []slot {
	slots := make([]slot, len(c.records))
	for i := range c.records {
		slots[i] = slot{&c.records[i], &c.errs[c.places[i]]}
	}
	return slots
}

// queue holds the calls that wait for the writer.
type queue struct {
	mu      sync.Mutex
	waiting []*call
	busy    bool // somebody writes, and will look again before he goes
}

// join adds a call and reports whether the caller must see to it that the queue is written.
func (q *queue) join(c *call) (first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, c)
	first, q.busy = !q.busy, true
	return first
}

// leave takes back a call, and reports whether it still waited.
func (q *queue) leave(c *call) (waited bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	before := len(q.waiting)
	q.waiting = slices.DeleteFunc(q.waiting, func(w *call) bool { return w == c })
	return len(q.waiting) < before
}

// more reports whether calls wait. If not, the next to join is first.
func (q *queue) more() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy = len(q.waiting) > 0
	return q.busy
}

// take removes the calls of one transaction from the queue.
func (q *queue) take() []*call {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, size := 0, 0
	for n < len(q.waiting) && (n == 0 || size+len(q.waiting[n].records) <= maxGroup) {
		size += len(q.waiting[n].records)
		n++
	}
	group := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	return group
}

// Commit is lock.Store's. Calls that come together are written together; see the package comment.
func (s *Store) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c := newCall(changes)
	if len(c.records) == 0 {
		return c.errs, nil
	}
	if s.queue.join(c) {
		// Not in this goroutine: it writes for others too, and this caller may be called away. It ends with the queue.
		go s.drain(context.WithoutCancel(ctx))
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		if s.queue.leave(c) {
			return nil, unstored(ctx.Err())
		}
		return nil, unknown(ctx.Err())
	}
	if c.err != nil {
		return nil, c.err
	}
	return c.errs, nil
}

// drain writes until nobody waits.
func (s *Store) drain(ctx context.Context) {
	for s.queue.more() {
		group, err := s.writeGroup(ctx)
		for _, c := range group {
			c.err = err
			close(c.done)
		}
		runtime.Gosched() // so that who was just answered and comes again is in the next group; alone it costs nothing
	}
}

// writeGroup writes, in one transaction, the calls that wait once it has begun.
func (s *Store) writeGroup(ctx context.Context) ([]*call, error) {
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return s.queue.take(), unstored(err)
	}
	defer func() { _ = tx.Rollback() }()
	group := s.queue.take()
	if err := checkDurable(ctx, tx); err != nil {
		return group, unstored(err)
	}
	stmts := s.stmts.in(tx)
	var slots []slot
	for _, c := range group {
		slots = append(slots, c.slots()...)
	}
	if err := write(ctx, stmts, slots); err != nil {
		return group, unstored(err)
	}
	if err := tx.Commit(); err != nil {
		return group, unknown(err)
	}
	return group, nil
}

// unstored is for what failed before the commit, so that it is known to have no effect.
func unstored(err error) error {
	const busy = 5 // https://sqlite.org/rescode.html#busy
	if code(err) == busy {
		return fmt.Errorf("sqlite: commit: another program holds the write lock of the database, nothing was stored: %w", err)
	}
	return fmt.Errorf("sqlite: commit: nothing was stored: %w", err)
}

func unknown(err error) error {
	return fmt.Errorf("sqlite: commit: the outcome is unknown, repeat the changes: %w", err)
}
