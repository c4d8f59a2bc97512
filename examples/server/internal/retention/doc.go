// Package retention says what the ledger keeps of a piece of hardware, whether the inventory knows it or not: the PINs that may open it and
// those that were purged, the legal holds that keep them, and what a purge takes. It decides nothing and keeps nothing: every question goes
// to lock.Service, with the actor who asks.
package retention
