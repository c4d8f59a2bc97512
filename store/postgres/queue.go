package postgres

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/internal/change"
)

const (
	// maxGroup is how many changes of several callers are written in one transaction.
	maxGroup = 250
	// maxWriters is how many groups are written at the same time: while one waits for the disk, others are being made.
	maxWriters = 4
)

// call is one call of Commit that waits to be written together with others.
type call struct {
	records []record
	group   *group
	err     error
	alone   bool // the server refused the group: each of it tries by itself
	done    chan struct{}
}

// group is the calls of one transaction. When the last of their callers has gone, nobody needs it.
type group struct {
	calls  []*call
	left   int // callers who have gone
	cancel context.CancelFunc
}

// queue holds the calls that wait for a writer.
type queue struct {
	mu      sync.Mutex
	waiting []*call
	writers int
}

// join adds a call and reports whether the caller must see to it that the queue is written.
func (q *queue) join(c *call) (first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, c)
	if q.writers == maxWriters {
		return false
	}
	q.writers++
	return true
}

// leave takes back a call that still waits, and ends a write that nobody waits for.
func (q *queue) leave(c *call) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.DeleteFunc(q.waiting, func(w *call) bool { return w == c })
	if g := c.group; g != nil {
		if g.left++; g.left == len(g.calls) {
			g.cancel()
		}
	}
}

// take removes the calls of one transaction from the queue; none: the writer goes, and the next to join is first.
func (q *queue) take(cancel context.CancelFunc) *group {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, size := 0, 0
	for n < len(q.waiting) && (n == 0 || size+len(q.waiting[n].records) <= maxGroup) {
		size += len(q.waiting[n].records)
		n++
	}
	if n == 0 {
		q.writers--
		return nil
	}
	g := &group{calls: slices.Clone(q.waiting[:n]), cancel: cancel}
	for _, c := range g.calls {
		c.group = g
	}
	q.waiting = slices.Delete(q.waiting, 0, n)
	return g
}

// together has the call written with those that come at the same time.
func (s *Store) together(ctx context.Context, records []record) error {
	for i := range records {
		records[i].own()
	}
	c := &call{records: records, done: make(chan struct{})}
	if s.queue.join(c) {
		// Not in this goroutine: it writes for others too, and this caller may be called away. It ends with the queue.
		go s.drain(context.WithoutCancel(ctx))
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		s.queue.leave(c)
		return failed("commit: the outcome is unknown", ctx.Err())
	}
	if c.alone {
		return s.alone(ctx, c.records)
	}
	return c.err
}

// drain writes until nobody waits.
func (s *Store) drain(ctx context.Context) {
	for s.writeGroup(ctx) {
		runtime.Gosched() // so that who was just answered and comes again is in the next group; alone it costs nothing
	}
}

func (s *Store) writeGroup(ctx context.Context) (more bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g := s.queue.take(cancel)
	if g == nil {
		return false
	}
	err := s.write(ctx, g.records())
	var refused *pgconn.PgError
	for _, c := range g.calls {
		c.err, c.alone = err, errors.As(err, &refused)
		close(c.done)
	}
	return true
}

// records are those of all calls, in the order in which they are written.
func (g *group) records() []record {
	if len(g.calls) == 1 {
		return g.calls[0].records
	}
	var all []record
	var changes []lock.Change
	for _, c := range g.calls {
		for _, r := range c.records {
			all, changes = append(all, r), append(changes, r.Change)
		}
	}
	sorted := make([]record, 0, len(all))
	for _, i := range change.Order(changes) {
		sorted = append(sorted, all[i])
	}
	return sorted
}
