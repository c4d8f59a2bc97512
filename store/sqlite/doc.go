// Package sqlite keeps a ledger in an SQLite database: one file, one writer, every commit synced to disk before it is reported.
//
//	writer, err := sql.Open("sqlite", sqlite.DSN(path)) // any driver for database/sql; "sqlite" is modernc.org/sqlite
//	writer.SetMaxOpenConns(1)
//	readers, err := sql.Open("sqlite", sqlite.DSN(path))
//	err = sqlite.Migrate(ctx, writer)                   // applied only when asked
//	store, err := sqlite.New(ctx, writer, readers)
//
// The pools belong to the caller, who closes both when the service has stopped. DSN is written for modernc.org/sqlite; with another driver
// give it the same settings in its own way. The package imports no driver. SQLite makes the file readable for everyone whom the umask
// allows: create it with mode 0600 before it is first opened, and its journal gets the same mode. Boxes in it are sealed, names are not.
//
// # Durability
//
// Write-ahead logging with synchronous FULL: when Commit returns nil for a change, the change has been synced. New refuses a database that
// is not set so, with a *SettingError, and each transaction checks its connection again, since the setting belongs to the connection and
// not to the file. A database in memory is refused likewise: use package store.
//
// # Concurrent commits
//
// Calls of Commit that come while another is being written wait, and are then written together in one transaction with one sync. None of
// the changes depends on its neighbours: those that only insert are written as a set, up to 64 with one statement for each table, and if a
// single row finds its place taken the set is undone and its changes are written one by one, each in a savepoint of its own. A lone caller is
// written at once. A caller whose context ends gets an error at once, which says whether its changes were still waiting, so that nothing was
// stored, or their outcome is unknown; repeating them is safe. The end of one caller's context never touches another's changes.
//
// A big batch is fastest in the order of its devices, over all calls and not only within each: what it touches of an index then lies together.
//
// # Readers, and other programs
//
// Readers never wait for a writer, nor a writer for readers: each reads the state of the moment when it began. A write lock that another
// program holds is waited for, up to the busy timeout; then Commit returns an error which says that nothing was stored. Only an error of
// SQLite's own commit leaves the outcome unknown.
//
// # In the caller's transaction
//
// InTx binds the store to a transaction of the caller's, for an order that is made together with rows of the caller's own. The transaction
// must come from a pool of its own on the same file, opened with DSN, never from the store's writer: the writer has one connection, and
// would wait for itself. SQLite has one writer: while the transaction is open, the store's own commits wait for it, up to the busy timeout.
//
// # Check, backup and restore
//
// Check reads the whole file and says what is wrong with it; call it when a program starts. Backup makes a checked copy, under full load, that
// has all that was acknowledged before:
//
//	err = sqlite.Check(ctx, readers)
//	err = sqlite.Backup(ctx, readers, "ledger-2026-03-14.db")
//
// Never copy the file of an open database with other tools: what was committed last may be in the -wal file beside it. To restore, stop the
// program, put the copy in the place of the database, move the old -wal and -shm away with the old file, and start. A restored ledger is
// older than what devices and administrators have seen since: a checkpoint of the audit log that was kept elsewhere shows it (package
// auditlog), and secrets that were sealed after the copy are not in it.
//
// # The audit log
//
// Checkpoint, Checkpoints, Tile and Grow keep the Merkle log over the events (package auditlog) in the same file, so that a copy has both.
//
// # Schema
//
// The tables actions, secrets, events, keys, log_tiles, log_checkpoints and ledger_schema, from migrations that are embedded. A database with
// a schema that is older or newer than the code is a *SchemaError. Triggers refuse to change or delete an event or a checkpoint, and to delete
// an action, a secret or a tile.
package sqlite
