// Package auditlog makes a ledger's feed of events a verifiable log: what was recorded can be proven to somebody who trusts neither the
// server nor its database, and a change to it is found and named.
//
//	signer, verifier, err := auditlog.NewKey("mdm.example.org/ledger") // once; the signer is a secret, the verifier goes to the auditors
//	log, err := auditlog.New(auditlog.Config{Store: store, Storage: store, Key: signer})
//	go log.Run(ctx)                                                    // signs a checkpoint at most a second after the events
//
//	report, err := auditlog.Verify(ctx, store, store, auditlog.Trust{Key: verifier, Older: kept})
//
// # The log
//
// The events are the leaves of a Merkle tree (RFC 6962), by position: the data of leaf n is the hash of the event at position n, which is
// SHA-256 over its bytes and its action's event before (see lock.Event). The tree is kept as tiles of height 8, beside the ledger. A
// checkpoint (https://c2sp.org/tlog-checkpoint) says in three lines how many events there are and what the root over them is; it is signed with
// Ed25519 as a note (https://c2sp.org/signed-note), which other programs can check too. Every checkpoint is kept. While events come in
// there are about two of them a second, 200 bytes each.
//
// Any number of processes may run a Log with the same key on one ledger: each step compares and sets the size of the tree in one transaction,
// so that one of them wins and nobody waits.
//
// # What an auditor does
//
// An auditor needs the verifier, received once and from elsewhere than the ledger, and the habit of taking a checkpoint away (Log.Checkpoint,
// 200 bytes) and keeping it where the operators of the server cannot reach it: by mail, in a ticket, on paper.
//
//   - Verify reads a live ledger, VerifyExport the file that Export wrote, with no access to the server. Both return a Report, or a *TamperError
//     with the first event that was changed, removed, inserted, reordered or cut off.
//   - CheckInclusion proves one event in a log of any size, with a proof of some 700 bytes and nothing else. CheckConsistency proves that a
//     log only grew since a checkpoint that was kept.
//
// A checkpoint kept outside bounds what can go unseen: events before it cannot be changed, cut off or rolled back any more by anybody, not even
// with the signing key. So how often to take one away is how much history one is prepared to lose: once a day is a good habit, and always
// before and after what one may be asked about.
//
// # What is proven, and what is not
//
// A live ledger is compared in whole: each position is there; each event has the hash of its bytes; it follows its action's event before; the
// root over the events is the one that was signed, at every checkpoint that is kept and at each one brought along; the stored tiles are those
// of the events; each action is what its events make it; each sealed box is the one that the last event about it names; each idempotency
// key that an event names leads to its action.
//
// The columns of a database that are copies for queries are compared as queries see them. Each action is listed by its scope, device, serial
// number, actor, kind, state, batch, reference and time of creation, as live if it holds a lane, and by each key that sealed a secret of it;
// each legal hold and each end of one by its scope and type, and nothing else is listed as such. Not compared are: Due and Wake of an action,
// which move without events; the name of its lane, and what stands in a column where the action says nothing; of other events the columns with
// scope, device, actor, type and time, and of legal holds those with device, actor and time. So a listing of events by those may leave some
// out: the whole feed, which is proven, has them.
//
// Where the tiles are intact, the first event that differs is named exactly, even if all hashes were computed anew. Where somebody computed the
// tiles anew as well, and in an export, which has none, it is bounded by two signed checkpoints: a TamperError has a first and a last position.
//
// Not proven is:
//
//   - What was never signed. Whoever writes the database can insert, change or drop an event before the next checkpoint covers it, half a second
//     in general, and the log signs what it finds, as long as positions and hashes are in order. Report.Unsigned says how many events are in this
//     state.
//   - Anything to somebody who has the signing key, since he can sign a rewritten history. Only checkpoints kept outside speak against him:
//     the two histories cannot both lead to them. Keep the key away from the database.
//   - Completeness without a checkpoint from outside: a ledger that was cut off together with its checkpoints, or restored from an older backup, is a
//     whole ledger of its time. A Log that runs meanwhile notices it; one that is started later does not, and goes on from there: Verify
//     then finds that the ledger does not lead to the checkpoint kept outside. Deleting all checkpoints is the same, as far as to nothing.
//   - That what was recorded is true.
//
// A restored backup is a break in the log, and should be: note it, with the last checkpoint before, and let auditors begin anew from there.
//
// # Memory and time
//
// Verify and VerifyExport read the ledger from its first event to the last, in pages. They hold, for each action, the end of its hash chain, at
// most 524,288 of them, which is about 70 MiB; with more actions they read the ledger again for the others, once for each further 300,000 or so.
// Everything else is below 20 MiB, and does not grow with the ledger; the heap is up to twice as large between collections. Integrate holds 2 MiB
// of tiles; Export and proofs need less. A store that is a Scanner is verified at more than half of the speed at which its rows can be read and
// hashed at all. Comparing the actions of a live ledger takes three queries for each beside that, and one more for each idempotency key and
// each secret. Of legal holds it keeps the positions.
package auditlog
