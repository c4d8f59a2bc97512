// Package store keeps a ledger in memory: for tests, for demonstrations, and as the shortest reading of what a lock.Store must do.
//
//	svc, err := lock.New(lock.Config{Store: store.NewMemory(), ...})
//
// Nothing outlives the process, so a PIN that is sealed here is lost with it: where a real device is locked, use a store that writes to
// disk (package sqlite beside this one).
//
// Memory holds the contract of lock.Store as package storetest checks it. It keeps of every action the same JSON form that the other
// stores keep in their data column, and hands out what it decodes from there: what a caller does to an action or an event that it was
// given never reaches the ledger. Times are kept in whole microseconds, UTC.
//
// A change that is malformed in itself (see lock.Change) is refused with a *lock.InputError in its place among errs, and leaves nothing.
package store
