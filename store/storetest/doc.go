// Package storetest is the contract of lock.Store as a test suite. A store that passes Run may be given to lock.New.
//
// # Write your own store in an afternoon
//
// A store has four methods: Commit, Get, List and Events. The example of this package is a whole one, called Journal: a file of JSON lines
// with maps in front of it. Copy it (example_store_test.go, and example_rules_test.go as it is), put your database in the place of its
// maps, and let the suite say what is left to do. Begin with the test, which opens a fresh, empty store each time it is asked:
//
//	func TestContract(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) storetest.Fixture {
//			return storetest.Fixture{Store: mystore.New(freshDatabase(t))}
//		})
//	}
//
// and make one topic pass after the other, in the order in which they are listed below: go test -race -run TestContract/commit.
//
// # The tables
//
//	actions   id PRIMARY KEY, version, data (JSON of lock.Action), due, wake, and a column for each field of lock.Filter
//	          UNIQUE (scope, device, lane); an action that holds no lane has NULL there
//	secrets   PRIMARY KEY (action, n), key_id, box
//	events    position, action, seq, prev, hash, body, and a column for each field of lock.EventFilter
//	          UNIQUE (action, seq), and UNIQUE (hash) for those that have no action
//	keys      PRIMARY KEY (scope, key), action
//
// Keep body, prev and hash as bytes, never as a JSON type of the database: the hash is of these very bytes. Of an action everything that
// has a JSON name comes back as it was given. Due and Wake have columns of their own, Due in whole microseconds, UTC. Boxes lie in secrets
// alone: List reads none. Nothing is ever deleted; let triggers refuse UPDATE and DELETE of events.
//
// # The first hard part: a change is stored wholly or not at all
//
// First comes what needs no database (topic malformed; in the example: broken). A change that is wrong in itself is answered with a
// *lock.InputError in its place among errs, and the rest of the batch goes on. Then write the changes, in one transaction for the whole
// batch:
//
//   - each action: INSERT at version 1, else UPDATE ... WHERE id = ? AND version = ? - 1;
//   - each secret that the action's event names, and no other: INSERT, but UPDATE for lock.EventResealed and lock.EventPurged;
//   - each event: INSERT;
//   - the key, if there is one: INSERT.
//
// Each statement says ON CONFLICT DO NOTHING or has its condition in WHERE, and must write one row. When one of them writes none, take
// back this change alone (ROLLBACK TO a savepoint of its own) and answer lock.ErrConflict in its place. A conflict is zero rows and no
// error of the database, so that it ends nobody's transaction. The example decides before it writes (take, fits), which is as good where
// nobody else can write in between.
//
// The actions of a change are written in their order: the first may leave the lane that the second takes. So are the changes of one device
// in a batch. Otherwise sort a batch by device, so that two batches do not wait for each other; where the database finds a deadlock all
// the same, it is the store that repeats the transaction (topic crowd).
//
// A change without events moves Due and Wake alone, where the version is the same (topic hints).
//
// # The second hard part: a repeat after an unknown outcome
//
// A commit whose answer was lost is repeated by the caller. So look before you say conflict: when all events of the change are there, with
// these hashes, it was stored before and the answer is nil, also when the action has moved on since, and its lane and key went to others.
// When only some are there, it is a conflict.
//
// What was answered with nil is durable: it survives a crash of the process and of the machine. It was synced (fsync, synchronous commit),
// and the store refuses settings under which it would not be. What was answered with an error may be stored or not. What must never be is
// nil for something that the store does not know. In the example, Commit syncs before it answers, and after a failed write it forgets what
// it held and reads the file again.
//
// Test this with Fixture.Faults: let commits fail before, while and after they become durable, by a driver that is wrapped or a connection
// that is cut; journal_test.go does it with a file. Callers whose context ends in the middle are tested without your help. Who leaves must
// not fail others whose changes are written together with theirs.
//
// # Positions
//
// Events without an action is the feed: by position, dense from 0, fixed for ever, and by Seq within an action. Who has seen a position
// has seen all below it. A sequence of the database will not do: it leaves gaps, and shows 8 before 7 when 8 commits first. There are two
// ways.
//
// At commit, where one writer at a time commits anyway: the position is the number of events so far. This is the short way, and the
// example's; the events of a change then lie side by side.
//
// Later, where writers are to commit side by side. Write events without a position and add the optional method
//
//	// Sequence gives positions to events that are committed and have none. More: another call has work to do.
//	Sequence(ctx context.Context) (more bool, err error)
//
// which takes an exclusive lock and gives positions to a page of them, in one transaction. lock.Service.Run calls it, from any number of
// processes, and so does this suite. Until then Events with an action lists the event with Position -1, and the feed does not list it.
// What commits late gets later positions; those that were given never change.
//
// # Optional parts
//
// InTx binds the store to a transaction of the caller's, so that an order is committed together with their own rows. The suite takes it as
// Fixture.Begin. A conflict or a malformed change must leave the transaction as it was.
//
// Sequence is described above. A store that also keeps the verifiable log has the four methods of auditlog.Storage (package
// store/auditlog); auditlogtest.RunStorage is their suite.
//
// # The topics, in the order in which a store is best written
//
//	commit       what is stored comes back: whole changes, boxes, notices; also when the store is opened again
//	malformed    what no store may keep
//	repeat       the same change again
//	conflict     one winner for each version
//	lane         one live action for each device and lane
//	late answer  an acknowledgement that finds its lane taken
//	key          idempotency keys
//	list         each field of lock.Filter, order, pages
//	feed         positions, each field of lock.EventFilter
//	chain        bytes come back exactly; an action is the fold of its events
//	hints        Due and Wake
//	transaction  skipped without Fixture.Begin
//	batch        changes of one batch that want the same; thousands of orders
//	cursor       pages, and a follower of the feed, while others insert
//	crowd        64 writers for the same things; batches and changes that cross
//	sequence     skipped without Sequence
//	fault        commits that fail (skipped without Fixture.Faults), callers who leave
//
// Each case opens a store of its own. What a fixture cannot serve is skipped by name, never passed in silence. Run the suite with the race
// detector: many cases race writers against each other. It asserts no durations; it takes some seconds on a store that syncs every commit,
// and Fixture.Rounds makes it longer.
//
// # How to read a failure
//
// The name of the case is the rule that was broken. A "change 3" is the one at index 3 of its batch. Two long texts that are not equal are
// an action as it should be and as the store gave it, as JSON. Further:
//
//   - "comes twice, or from nowhere", or a feed of the wrong length: a change was stored twice, or in part.
//   - "two of those who wanted it": a version, lane or key is looked at before it is written, and not as it is written.
//   - "was acknowledged and is gone": nil was answered before the change was durable.
//   - "one after the other": a reader was shown a position before one below it, or there is a gap.
//   - "the event at position 7 has changed": positions were given anew.
//   - "no commit failed, so nothing is proved": the fault of the fixture did nothing.
//   - A case that hangs: a batch that is not sorted, a reader that blocks writers, or a fault that outlives its disarm.
//   - A data race, or the case "values are not shared": the store keeps memory of its caller's, or hands out its own.
//
// # What is not asked
//
// No clock, no decision, no cache, no deletion: lock.Service has what there is of them. No order of the feed between actions beyond the
// above. No method needs to be fast, but filters want indexes. Bulk, Order, Next, Notice and Commit are there for a store's own tests and
// benchmarks.
package storetest
