package lock

import (
	"context"
	"time"
)

// Store keeps actions and events. All methods are safe for concurrent use. When a change's error is nil it is durable (in a store
// bound to a caller's transaction: durable with the caller's commit). Package storetest is its contract as a test suite.
//
// A store that cannot give an event its place in the feed as it commits has one more method, Sequence(context.Context) (more bool, err
// error). It gives a position to events that are committed and have none; more says that there was too much for one call. Once it
// returns false and no error, every event whose commit had returned before the call has its position, whoever gave it: while another
// process is at it, Sequence waits, or says that there is more. It is safe for concurrent use by any number of processes. Run calls it
// all the time, and whatever decides by the feed calls it first.
type Store interface {
	// Commit applies each change wholly or not at all, independently of the others. errs[i] is nil when the change is stored, now or
	// before (its events are there with the same hashes, so repeating a change is safe), or ErrConflict (an action that is not at the
	// expected version, a lane or a key that is taken). A non-nil err means: nothing is known, repeat.
	Commit(ctx context.Context, changes []Change) (errs []error, err error)

	// Get returns an action with its sealed secrets, or ErrNotFound.
	Get(ctx context.Context, id ID) (Action, error)

	// List returns the actions that match, newest first (by ID, descending), without the boxes of their secrets. With DueBefore they
	// come in the order of Due, earliest first, and Before is ignored.
	List(ctx context.Context, f Filter) ([]Action, error)

	// Events returns the events that match, with Body, Prev, Hash and Position and decoded by Event.Decode: those of one action by Seq,
	// all of them; others by Position, and only those that have one. Position is dense from 0, fixed for ever, and follows Seq within an
	// action; it is -1 for an event that has none yet, see above.
	Events(ctx context.Context, f EventFilter) ([]Event, error)
}

// Change is one act: usually one action with one event. An unlock that ends a lock has two; a denial has a notice only. Stores apply
// the actions of a change in their order, so that the first may leave a lane that the second takes.
type Change struct {
	// Actions, each as it is after its event. Version 1 is inserted; any other is stored where the version is one less. Of its secrets
	// the store writes those that the action's event names (Event.Secrets), by number, and no other: EventResealed and EventPurged replace
	// what is there, every other event inserts, and one that finds its number taken is a conflict.
	Actions []Action
	// Events: one for each action, in the same order, with Seq equal to the action's new version; then notices. None at all: only Due
	// and Wake of the actions move, where the version is the same.
	Events []Event
	// Key is an idempotency key, unique in the scope of Actions[0]; it leads to that action for ever, also when the action existed before.
	Key string
}

// Filter selects actions. Zero fields select everything; a slice selects any of its values.
type Filter struct {
	Scope       string
	Devices     []string // device IDs
	Serial      string
	Actor       string // Action.By.ID
	Kinds       []Kind
	States      []State
	Live        bool // holds a lane
	Batch       string
	Key         string // the action that this idempotency key leads to
	Ref         string
	SealedBy    string    // has a secret sealed by this key ID
	CreatedFrom time.Time // inclusive
	CreatedTo   time.Time // exclusive
	DueBefore   time.Time // has a Due at or before it
	Before      ID        // cursor: only IDs below it
	Limit       int       // see PageSize
}

// PageSize is the number of rows that a store returns at most: Limit, 100 when Limit is 0, never more than 1,000.
func (f Filter) PageSize() int { return pageSize(f.Limit) }

// EventFilter selects events. Zero fields select everything.
type EventFilter struct {
	Scope   string
	Devices []string
	Action  ID // its events, by Seq
	Actor   string
	Types   []EventType
	// From is where to begin: the first Position wanted (the first Seq, when Action is set). With Newest it bounds from above,
	// exclusively, and 0 means from the end.
	From   int64
	Newest bool // newest first
	Limit  int  // see PageSize
}

// PageSize is the number of rows that a store returns at most: Limit, 100 when Limit is 0, never more than 1,000.
func (f EventFilter) PageSize() int { return pageSize(f.Limit) }

func pageSize(limit int) int {
	if limit <= 0 {
		return 100
	}
	return min(limit, 1000)
}
