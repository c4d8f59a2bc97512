// Package bulk orders locks for many devices: each gets exactly one, however often the run is killed and resumed.
//
// Two things are the embedder's: an [Inventory], which gives the devices of a [Selection] page by page, and somewhere to keep the
// outcomes. The rest is one call, and to resume is to call it again:
//
//	cfg := bulk.Config{Service: svc, Inventory: inventory, Record: keep}
//	order := bulk.Order{
//		Actor: actor, Scope: "acme", Batch: "2026-03-14-lorry",
//		Selection: bulk.Selection{Groups: []bulk.Group{{ID: "berlin", Subgroups: true}}},
//		Request:   lock.Request{Reason: "stolen lorry", Ticket: "4711"},
//	}
//	progress, err := bulk.Run(ctx, cfg, order)
//	switch {
//	case errors.Is(err, lock.ErrPending):   // somebody else calls svc.ApproveBatch, then Run is called again
//	case errors.Is(err, lock.ErrCancelled): // progress says what was ordered before
//	}
//
// # What a run does
//
// First every device is preflighted, and nothing is ordered. Devices that are blocked, or that the actor may not lock, do not stop the
// others, unless [Order].StopIfBlocked says so; each has its outcome with a code and a reason. [Preflight] does this much and no more.
//
// Then the batch is opened for as many devices as are ready or busy: one notice on record, one question to the Authorizer (lock.VerbBulk,
// with the size), one verdict of the limits and of the policy for second persons. A batch that waits takes no orders, and one that was approved takes
// no more than it was opened for, though its groups may have grown since.
//
// Then the devices are ordered in chunks, in the order of their IDs, each with the idempotency key batch/device. The orders of a chunk are
// one commit. After each, outcomes and progress are recorded.
//
// # PINs
//
// Each device gets a PIN of its own. With Keep in the request each keeps the one that it has, and a device that has none is blocked. With a
// PIN in the request all get this one, with a warning on each action. That PIN is in the ledger alone, sealed with each action: a run that is
// resumed may leave it out, and then it is opened from the batch's first action. Before there is one it must be given again, so whoever lets
// such a batch wait for approval keeps the PIN sealed, or asks for it again.
//
// # What survives what
//
// A run may be killed anywhere, and run by several processes at once: the ledger decides, not the run. What is lost is at most the outcomes
// of the last chunk, which the next run records again. Before the batch is open nothing is durable and preflight begins anew; from then on
// preflight is not repeated, but each order is checked as any order is.
//
// The error of a store, a sealer, an inventory or of Record stops a run, because the next device would meet it too. What concerns one
// device is its outcome.
//
// lock.Service.CancelBatch cancels the remainder: what is not ordered is not ordered any more, what is queued is withdrawn, what has left
// stays. A run under way finds out with its next chunk, goes on to the end without ordering, so that every device has its outcome, and
// returns lock.ErrCancelled.
//
// Memory is bounded by a chunk, beside the IDs in Selection.Devices.
//
// # Codes
//
// A blocked device has the code of the first finding in its way, as the platform's package documents it. The others:
//
//	joined         the device has a live lock, which keeps its PIN
//	busy           it has a live action that the order cannot join
//	denied         the actor may not lock it
//	unknown        the inventory does not know it
//	cancelled      the batch ended before it was ordered
//	key_reused     the key batch/device belongs to another order
//	sealed         its PIN is to be kept, and cannot be opened
//	invalid_FIELD  the field of the request breaks a rule, as in invalid_message; invalid_batch: more devices than the batch was opened for
//	failed         anything else, which the reason says
//
// # Afterwards
//
// An outcome says what became of the order. What became of the lock is in the ledger: [Refresh] asks it, a page of outcomes at a time.
// [WriteCSV] and [WriteJSONLines] export outcomes; no PIN is in them.
package bulk
