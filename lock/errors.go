package lock

import (
	"fmt"
	"strings"
)

// Error is a condition that callers tell apart with errors.Is.
type Error string

// Error returns the text of the condition.
func (e Error) Error() string { return string(e) }

// The conditions of this package. Errors that carry data are types of their own.
const (
	// ErrConflict: a change was not stored, because an action is not at the expected version, or a lane or key is taken.
	ErrConflict Error = "conflict with another change"
	// ErrNotFound: no such action in the ledger, or none that has what was asked for.
	ErrNotFound Error = "not found"
	// ErrKeyReused: the idempotency key belongs to an order for another device or of another kind.
	ErrKeyReused Error = "idempotency key was used for another order"
	// ErrNotOurs: the report names no action of the ledger; pass it on to whoever sent that command.
	ErrNotOurs Error = "not a command of this ledger"
	// ErrWrongDevice: the report names an action of another device.
	ErrWrongDevice Error = "the action belongs to another device"
	// ErrDenied: the Authorizer said no; the denial is recorded.
	ErrDenied Error = "not allowed"
	// ErrUndecided: an Authorizer could not find out whether the actor may. Nothing is allowed, and no denial is recorded: ask again.
	ErrUndecided Error = "it cannot be decided now whether this is allowed"
	// ErrSealed: a sealed secret could not be opened, so the command or the PIN cannot be made now. The secret stays in the ledger.
	ErrSealed Error = "a sealed secret cannot be opened"
	// ErrPurged: a retention purge took the secret, see Service.Purge. That it was there, and what became of it, stays in the ledger.
	ErrPurged Error = "the secret was purged"
	// ErrPending: a second person must approve first. The request is recorded and waits.
	ErrPending Error = "waits for a second person"
	// ErrCancelled: the batch was cancelled or rejected, and takes no orders.
	ErrCancelled Error = "the batch was cancelled"
)

// InputError says which field of a request, report or configuration broke which rule. It never repeats a secret.
type InputError struct {
	Field string // as in "message", "device.scope"
	Rule  string // what must hold, in words
	Err   error  // the cause, when another package refused the value; may be nil
}

// Error names the field and the rule.
func (e *InputError) Error() string { return e.Field + ": " + e.Rule }

// Unwrap returns the cause.
func (e *InputError) Unwrap() error { return e.Err }

// BusyError says that the device already has a live action in this lane which the order cannot join.
type BusyError struct {
	Live Action // without the boxes of its secrets
}

// Error names the action in the way.
func (e *BusyError) Error() string {
	return fmt.Sprintf("device %s already has a live %s (%s, %s): cancel it, or wait until it ends",
		e.Live.Device.ID, e.Live.Kind, e.Live.ID, e.Live.State)
}

// BlockedError says that preflight found the order not to work on this device.
type BlockedError struct {
	Findings []Finding // all findings, those that block among them
}

// Error gives the blocking findings in words.
func (e *BlockedError) Error() string {
	var texts []string
	for _, f := range e.Findings {
		if f.Level == LevelBlock {
			texts = append(texts, f.Text+" ("+f.Code+")")
		}
	}
	return "the order would not do what it says on this device: " + strings.Join(texts, "; ")
}

// TransitionError says that the lifecycle has no such step: an event that the action's state does not allow.
type TransitionError struct {
	Action ID
	State  State
	Event  EventType
}

// Error names the action, its state and the event.
func (e *TransitionError) Error() string {
	return fmt.Sprintf("action %s is %s: %s is not possible in this state", e.Action, e.State, e.Event)
}
