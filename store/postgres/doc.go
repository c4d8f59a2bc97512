// Package postgres keeps a ledger in a PostgreSQL database, for any number of processes at once.
//
//	pool, err := pgxpool.New(ctx, "postgres://user:password@host/database?pool_max_conns=16")
//	err = postgres.Migrate(ctx, pool) // applied only when asked, by as many replicas as like to
//	store, err := postgres.New(ctx, pool, logger)
//
// The pool belongs to the caller, who closes it when the service has stopped. It is tested with PostgreSQL 15; New refuses an older server.
// The tables are found through the search_path of the pool, so several ledgers may lie in one database, each in a schema of its own.
//
// # Durability
//
// When Commit returns nil for a change, PostgreSQL has reported its transaction as committed: with the default settings it has been synced. New
// refuses a server that does not sync, or that cannot recover torn pages, with a *SettingError (fsync, full_page_writes). It logs a warning
// when an operator has chosen less than there could be: synchronous_commit off or local, and standbys that are asynchronous, since a failover to
// one can lose a PIN that was reported durable (synchronous_standby_names). It looks once, when it is called, at the settings of one connection.
//
// # Commits
//
// The store's own transactions are READ COMMITTED, whatever the default of the database. A conflict is a change that writes no row: an action
// that is not at the version before, a lane or a key that is taken. A call of Commit takes one round trip; a further one when a change was not
// written, to tell a repeat from a conflict; and one for each change that moves several actions.
//
// Calls of at most 250 changes that come while others are being written are written together, in one transaction with one sync; up to four
// such groups at the same time, on as many connections. A lone caller is written at once. A group that is refused by the server, or that
// waits for 100 ms for what a long transaction holds, is split, and each of its callers goes on alone. So does a call of more changes, from
// the start. A lone call gives its connection back after 100 ms of waiting, and tries again until its caller's context ends, after pauses of
// at most 0.8 s. Those that come have at most half of the pool's connections, those that try again a quarter (each at least one): a long
// transaction blocks those only who want what it holds, however many they are. The end of a caller's context ends what is written for that
// caller alone and never touches another's changes; its outcome is then unknown, and repeating it is safe. So it is after every error, also
// of a connection that was lost during the commit.
//
// All take rows in one order, so that batches do not wait for each other in a circle. What is left of deadlocks (by transactions of the
// caller's, which take rows in an order of their own) is tried again, five times.
//
// # In the caller's transaction
//
// InTx binds the store to a transaction of the caller's, for an order that is made together with rows of the caller's own. It should be READ
// COMMITTED, and short: until it ends, others who want the same device wait for it.
//
// # The feed
//
// An event is committed without a position. Sequence gives positions to those that have none, in one transaction, one process at a time: they
// wait in the table outbox and are moved to the table log. lock.Service.Run calls it; so does whatever decides by the feed. An event
// of an open transaction is not there yet and keeps nothing else back. Events by action are all there at once; Position is -1 for those that wait.
//
// # Schema
//
// The tables actions, secrets, events, keys, outbox, log, log_tiles, log_checkpoints and ledger_schema, from migrations that are embedded. A
// schema that is older or newer than the code is a *SchemaError. Triggers refuse to change, delete or truncate events, positions and
// checkpoints, and to delete or truncate actions, secrets and tiles; an owner of the tables can drop them, which package auditlog is there
// to show. Migrate needs the right to create in the schema; the store itself needs SELECT, INSERT, UPDATE and DELETE on its tables.
//
// # Not included
//
// Reading from standbys, partitions, and retention of events. A pooler between the program and the server must keep a transaction on one
// connection, and needs a pool that does not prepare statements by name (default_query_exec_mode=exec) if it does not know them.
package postgres
