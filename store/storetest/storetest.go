package storetest

import (
	"testing"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Fixture is a fresh, empty store, and what else it can do.
type Fixture struct {
	// Store is the store under test. When it has a method Sequence (see the package comment), the suite calls it before it reads the feed.
	Store lock.Store
	// Reopen closes the store and opens it again on the same data. Nil: the store does not outlive the process.
	Reopen func() (lock.Store, error)
	// Begin starts a caller's transaction. Nil: the store does not join any.
	Begin func() (Tx, error)
	// Faults are ways in which commits of this store fail. Without any only callers who are called away are tested.
	Faults []Fault
	// Rounds multiplies the rounds of the cases that race writers or call callers away; 0 means 1. For long runs by a flag of the caller's.
	Rounds int
}

// Tx is a caller's transaction with a store bound to it. Events that the bound store lists by action need no Position.
type Tx struct {
	Store    lock.Store
	Commit   func() error
	Rollback func() error
}

// Fault is one way in which commits fail.
type Fault struct {
	// Name says what happens, as in "the connection is cut after the commit".
	Name string
	// Arm begins it: until disarm is called, commits of Fixture.Store fail or lose their connection, before, while or after they become
	// durable. At least one of those that the suite makes must return an error. Once disarm has returned, the store must answer again by
	// itself: nothing is opened anew. The suite reads nothing while a fault is armed.
	Arm func(tb testing.TB) (disarm func())
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
		{"cursor", cursorCases()},
		{"crowd", crowdCases()},
		{"sequence", sequenceCases()},
		{"fault", faultCases()},
	}
}
