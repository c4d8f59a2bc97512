// Package storetest is the contract of lock.Store as a test suite. A store that passes Run may be given to lock.New.
//
// # Writing a store
//
// Begin with a test that opens a fresh, empty store each time it is asked:
//
//	func TestContract(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) storetest.Fixture {
//			return storetest.Fixture{Store: mystore.New(freshDatabase(t))}
//		})
//	}
//
// and add the rest of the Fixture as the store learns it: Reopen when it outlives the process, Begin when it joins a caller's
// transaction. Topics that a fixture cannot serve are skipped by name, never passed in silence. Run the suite with the race detector:
// many topics race writers against each other.
//
// The topics, in the order in which a store is best written: commit, malformed, repeat, conflict, lane, late answer, key, list, feed,
// chain, hints, transaction, batch. Each case opens a store of its own. The suite has no clock but the one in its events and asserts no
// durations; it takes a few seconds on a store that syncs every commit.
//
// # What it asks of a store beyond lock.Store's text
//
//   - A change that is malformed in itself is refused with a *lock.InputError in its place among errs; the rest of the batch goes on.
//   - Of an action everything that has a JSON name comes back as it was given; Due in whole microseconds, UTC; of an event Body, Prev
//     and Hash, byte by byte.
//   - What a caller does afterwards to values that it gave or was given does not reach the ledger.
//   - A commit whose context has ended returns an error, and repeating the change is safe.
package storetest

import (
	"testing"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Fixture is a fresh, empty store, and what else it can do.
type Fixture struct {
	// Store is the store under test.
	Store lock.Store
	// Reopen closes the store and opens it again on the same data. Nil: the store does not outlive the process.
	Reopen func() (lock.Store, error)
	// Begin starts a caller's transaction. Nil: the store does not join any.
	Begin func() (Tx, error)
}

// Tx is a caller's transaction with a store bound to it.
type Tx struct {
	Store    lock.Store
	Commit   func() error
	Rollback func() error
}

// Run runs the whole suite. It calls open for every case; open registers its own clean-up.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	t.Helper()
	for _, topic := range topics() {
		t.Run(topic.name, func(t *testing.T) {
			for _, c := range topic.cases {
				t.Run(c.name, func(t *testing.T) {
					c.run(&ledger{TB: t, Fixture: open(t)})
				})
			}
		})
	}
}

// Order returns a change that inserts a queued lock of the device, ordered now, with one sealed box: for a store's own tests and
// benchmarks.
func Order(tb testing.TB, device string) lock.Change {
	tb.Helper()
	l := &ledger{TB: tb}
	return l.order(device, func(e *lock.Event) { e.Time = time.Now().UTC().Truncate(time.Microsecond) })
}

type topic struct {
	name  string
	cases []testCase
}

type testCase struct {
	name string
	run  func(l *ledger)
}

func topics() []topic {
	return []topic{
		{"commit", commitCases()},
		{"malformed", malformedCases()},
		{"repeat", repeatCases()},
		{"conflict", conflictCases()},
		{"lane", laneCases()},
		{"late answer", lateCases()},
		{"key", keyCases()},
		{"list", listCases()},
		{"feed", feedCases()},
		{"chain", chainCases()},
		{"hints", hintCases()},
		{"transaction", transactionCases()},
		{"batch", batchCases()},
	}
}
