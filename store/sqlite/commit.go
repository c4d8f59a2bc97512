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
	for _, i := range change.Order(changes) {
		r, err := encode(changes[i])
		if err != nil {
			c.errs[i] = err
			continue
		}
		c.records, c.places = append(c.records, r), append(c.places, i)
	}
	return c
}

// write writes all changes of the call in the transaction that cn is in.
func (c *call) write(ctx context.Context, cn conn) error {
	for i := range c.records {
		result, err := c.records[i].write(ctx, cn)
		if err != nil {
			return err
		}
		c.errs[c.places[i]] = result
	}
	return nil
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

// leave takes back a call that still waits.
func (q *queue) leave(c *call) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.DeleteFunc(q.waiting, func(w *call) bool { return w == c })
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
		s.queue.leave(c)
		return nil, fmt.Errorf("sqlite: commit: the outcome is unknown: %w", ctx.Err())
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
		return s.queue.take(), fmt.Errorf("sqlite: begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	group := s.queue.take()
	if err := checkDurable(ctx, tx); err != nil {
		return group, err
	}
	stmts := s.stmts.in(ctx, tx)
	for _, c := range group {
		if err := c.write(ctx, stmts); err != nil {
			return group, err
		}
	}
	if err := tx.Commit(); err != nil {
		return group, fmt.Errorf("sqlite: commit: %w", err)
	}
	return group, nil
}
