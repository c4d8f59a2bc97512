package auditlog

import (
	"fmt"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Report is what a verification read and found to be in order.
type Report struct {
	Events      int64  // read, by position
	Size        int64  // of them, covered by the newest checkpoint; the others are not yet signed, see Unsigned
	Checkpoint  []byte // the newest, as it is stored; nil when nothing is signed yet: then nothing was proven but the hash chains
	Checkpoints int    // stored ones that the events lead to
	Older       int    // of those kept outside, that the events lead to
	Actions     int64  // in a live ledger: compared with their events, with each sealed box
	Waiting     int64  // events of actions that have no position yet, where the verification may not let the store give them one: not in Events
	Passes      int    // over the events: more than one with more actions than fit in memory at a time, see the package comment
}

// Unsigned is the number of events behind the newest checkpoint. Their hashes and chains were checked, but no signature stands for them yet.
func (r Report) Unsigned() int64 { return r.Events - r.Size }

// What says what was done to a ledger.
type What string

// What may have been done.
const (
	Changed            What = "changed"    // another event stands there than the one that was recorded
	Removed            What = "removed"    // the event that was there is not
	Inserted           What = "inserted"   // an event that was never recorded stands there
	Reordered          What = "reordered"  // events have changed places
	CutOff             What = "cut off"    // the ledger ends before it should
	TamperedAction     What = "action"     // the stored action is not what its events say
	TamperedSecret     What = "secret"     // the sealed box is not the one that the event names
	TamperedListing    What = "listing"    // queries that go by what the event or the action says do not lead to it, or to it by what it does not say
	TamperedCheckpoint What = "checkpoint" // what is stored of the log itself is not as it was signed; nothing was found in the events
)

// TamperError is the first finding of a verification: the event with the lowest position, or for an action and a secret the event that says
// what should be there.
type TamperError struct {
	What     What
	Position int64   // of the first event that is concerned; -1 when it has none
	Upto     int64   // the first position behind what is concerned: Position+1, or more when signatures can only bound it
	Proven   int64   // events below this position are proven to be as they were signed
	Action   lock.ID // of the event; empty when it is a notice, or not known
	Seq      int     // of the event in its action; 0 likewise, or when Position and Upto only bound it
	Detail   string  // in words, for an auditor
	Err      error   // the cause, when another package found it; may be nil

	between bool // one or more events from Position up to Upto, and not all of them
}

// Error names the place, what was done, and how far the ledger is proven.
func (e *TamperError) Error() string {
	var b strings.Builder
	b.WriteString("auditlog: ")
	switch {
	case e.What == TamperedListing && e.Action == "":
		fmt.Fprintf(&b, "%s of the event at position %d is not as it was recorded", e.What, e.Position)
	case e.ofStored() || e.What == TamperedCheckpoint:
		fmt.Fprintf(&b, "%s is not as it was recorded", e.What)
	case e.between && e.Upto-e.Position > 1:
		fmt.Fprintf(&b, "one or more events between position %d and %d were %s", e.Position, e.Upto-1, e.What)
	case e.Upto-e.Position > 1:
		fmt.Fprintf(&b, "events from position %d to %d were %s", e.Position, e.Upto-1, e.What)
	default:
		fmt.Fprintf(&b, "event at position %d was %s", e.Position, e.What)
	}
	switch {
	case e.Action != "" && e.Seq == 0:
		fmt.Fprintf(&b, " (of action %s)", e.Action)
	case e.Action != "" && e.ofStored():
		fmt.Fprintf(&b, " (event %d of action %s, at position %d)", e.Seq, e.Action, e.Position)
	case e.Action != "":
		fmt.Fprintf(&b, " (event %d of action %s)", e.Seq, e.Action)
	}
	b.WriteString(": " + e.Detail)
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Proven > 0 {
		fmt.Fprintf(&b, "; events below position %d are as they were signed", e.Proven)
	}
	return b.String()
}

// ofStored reports whether the finding is of what is stored beside the events, which name what should be there.
func (e *TamperError) ofStored() bool {
	return e.What == TamperedAction || e.What == TamperedSecret || e.What == TamperedListing
}

// widen is for a chain that breaks at an event which is not proven to be the cause: that may be any event that is not proven.
func (e *TamperError) widen() {
	if e.Action == "" || e.Proven >= e.Position { // a notice has no chain
		return
	}
	e.Detail = fmt.Sprintf("the action's chain breaks at its event %d, at position %d: %s", e.Seq, e.Position, e.Detail)
	e.Position, e.Seq, e.between = e.Proven, 0, true
}

// Unwrap returns the cause.
func (e *TamperError) Unwrap() error { return e.Err }

// missing is for a position that was passed over.
func missing(position, found int64) *TamperError {
	return &TamperError{
		What: Removed, Position: position, Upto: found,
		Detail: fmt.Sprintf("position %d is followed by position %d, and positions have no gaps", position-1, found),
	}
}

func changedBytes(e entry) *TamperError {
	t := &TamperError{What: Changed, Position: e.position, Upto: e.position + 1, Detail: "its bytes do not have the hash that was recorded with them"}
	t.Action, t.Seq, _ = identify(e.body)
	return t
}
