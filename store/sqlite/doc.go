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
// Calls of Commit that come while another is being written wait, and are then written together in one transaction with one sync; each
// change stands in a savepoint of its own, so none depends on its neighbours. A lone caller is written at once. A caller whose context ends
// gets an error at once: its changes were not stored if they were still waiting, else their outcome is unknown to it, and repeating them is
// safe. The end of one caller's context never touches another's changes.
//
// # In the caller's transaction
//
// InTx binds the store to a transaction of the caller's, for an order that is made together with rows of the caller's own. The transaction
// must come from a pool of its own on the same file, opened with DSN, never from the store's writer: the writer has one connection, and
// would wait for itself. SQLite has one writer: while the transaction is open, the store's own commits wait for it, up to the busy timeout.
//
// # Schema
//
// The tables actions, secrets, events, keys and ledger_schema, from migrations that are embedded. A database with a schema that is older or
// newer than the code is a *SchemaError. Triggers refuse to change or delete an event, and to delete an action or a secret.
package sqlite
