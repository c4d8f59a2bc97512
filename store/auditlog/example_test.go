package auditlog_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

// record stands for the service, which commits events as it works.
func record(ctx context.Context, s lock.Store, reason string) lock.Event {
	e := lock.Event{ID: lock.NewID(time.Now()), Type: lock.EventDenied, Time: time.Now().UTC(), Scope: "acme", Reason: reason}
	if err := e.Seal(nil); err != nil {
		panic(err)
	}
	if _, err := s.Commit(ctx, []lock.Change{{Events: []lock.Event{e}}}); err != nil {
		panic(err)
	}
	return e
}

// A server signs; an auditor who holds a checkpoint and the public key checks.
func Example() {
	ctx := context.Background()
	ledger := store.NewMemory()
	signer, verifier, err := auditlog.NewKey("mdm.example.org/ledger")
	if err != nil {
		panic(err)
	}
	log, err := auditlog.New(auditlog.Config{Store: ledger, Storage: ledger, Key: signer}) // go log.Run(ctx) in a server
	if err != nil {
		panic(err)
	}
	record(ctx, ledger, "no right to reveal")
	if err := log.Integrate(ctx); err != nil {
		panic(err)
	}
	kept, err := log.Checkpoint(ctx) // taken outside
	if err != nil {
		panic(err)
	}

	event := record(ctx, ledger, "no right to lock")
	if err := log.Integrate(ctx); err != nil {
		panic(err)
	}
	inclusion, err := log.ProveInclusion(ctx, 1, 0)
	if err != nil {
		panic(err)
	}
	consistency, err := log.ProveConsistency(ctx, 1, 0)
	if err != nil {
		panic(err)
	}
	fmt.Println("in the log:", auditlog.CheckInclusion(inclusion, verifier, event.Hash) == nil)
	fmt.Println("which only grew:", auditlog.CheckConsistency(consistency, verifier, kept) == nil)

	report, err := auditlog.Verify(ctx, ledger, ledger, auditlog.Trust{Key: verifier, Older: [][]byte{kept}})
	fmt.Println("events in order:", report.Events, err)

	// A ledger that does not lead to what was kept.
	other := store.NewMemory()
	_, err = auditlog.Verify(ctx, other, other, auditlog.Trust{Key: verifier, Older: [][]byte{kept}})
	var found *auditlog.TamperError
	fmt.Println(errors.As(err, &found), found.What, found.Position)
	// Output:
	// in the log: true
	// which only grew: true
	// events in order: 2 <nil>
	// true cut off 0
}
