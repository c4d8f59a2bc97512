package bulk

import (
	"errors"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Result says what became of one device.
type Result string

// The results. Those but Ready are final for this batch, as long as it is not run again: then Failed, Denied and Busy may turn into others.
const (
	Ready     Result = "ready"     // preflight found nothing in the way; not ordered, or not joined, yet
	Ordered   Result = "ordered"   // the batch made an action for it, now or in an earlier run
	Joined    Result = "joined"    // it has a live lock already, which the order joined
	Blocked   Result = "blocked"   // preflight found that the order would not work; Code is the finding's
	Denied    Result = "denied"    // the actor may not lock it
	Busy      Result = "busy"      // it has a live action that the order cannot join; once ordered, Action names it
	Failed    Result = "failed"    // the order was refused for another reason; Code says which
	Unknown   Result = "unknown"   // Selection.Devices names it, and the inventory does not know it
	Cancelled Result = "cancelled" // the batch was cancelled, rejected or expired before it was ordered
)

// Outcome is what became of one device of a batch. It never contains a PIN.
type Outcome struct {
	Device   string         `json:"device_id"`
	Platform string         `json:"platform,omitempty"`
	Serial   string         `json:"serial_number,omitempty"`
	Name     string         `json:"name,omitempty"`
	Result   Result         `json:"outcome"`
	Code     string         `json:"code,omitempty"`      // why, for programs: a finding's code, or one of those listed in the package documentation
	Reason   string         `json:"reason,omitempty"`    // why, in words
	Findings []lock.Finding `json:"findings,omitempty"`  // Ready: what will happen there, and what to think of: live_lock alone if it would join
	Action   lock.ID        `json:"action_id,omitempty"` // Ordered, Joined, Busy
	State    lock.State     `json:"state,omitempty"`     // of the action: as it was ordered, or as Refresh found it
}

func outcomeOf(d lock.Device) Outcome {
	return Outcome{Device: d.ID, Platform: d.Platform, Serial: d.Serial, Name: d.Name}
}

// find sets what preflight found: the first finding that blocks.
func (o *Outcome) find(findings []lock.Finding, force bool) {
	o.Result = Ready
	for _, f := range findings {
		if f.Level != lock.LevelBlock || f.Forceable && force {
			continue
		}
		if o.Result == Ready {
			o.Result, o.Code, o.Reason = Blocked, f.Code, f.Text
		} else {
			o.Reason += " " + f.Text
		}
	}
}

// explain sets why a device was not ordered.
func (o *Outcome) explain(err error, force bool) {
	o.Result, o.Code, o.Reason = Failed, "failed", err.Error()
	var blocked *lock.BlockedError
	var busy *lock.BusyError
	var input *lock.InputError
	switch {
	case errors.As(err, &blocked):
		o.find(blocked.Findings, force)
		if o.Result == Ready { // cannot be: something blocked
			o.Result = Blocked
		}
	case errors.As(err, &busy):
		o.Result, o.Code, o.Action, o.State = Busy, "busy", busy.Live.ID, busy.Live.State
	case errors.Is(err, lock.ErrDenied):
		o.Result, o.Code = Denied, "denied"
	case errors.Is(err, lock.ErrCancelled):
		o.Result, o.Code = Cancelled, "cancelled"
	case errors.Is(err, lock.ErrKeyReused):
		o.Code = "key_reused"
	case errors.Is(err, lock.ErrSealed):
		o.Code = "sealed"
	case errors.As(err, &input):
		o.Code = "invalid_" + strings.ReplaceAll(input.Field, ".", "_")
	}
}

// Progress counts the outcomes of a run so far. When a batch is run again it counts from the beginning, so at the end it is of the whole
// batch, whatever the number of runs.
type Progress struct {
	Phase Phase `json:"phase"`
	Total int   `json:"total"` // devices that the batch was opened for: those that preflight found ready or busy; 0 in the preflight phase
	Done  int   `json:"done"`  // devices of the selection with an outcome in this phase

	Ready     int `json:"ready"`
	Ordered   int `json:"ordered"`
	Joined    int `json:"joined"`
	Blocked   int `json:"blocked"`
	Denied    int `json:"denied"`
	Busy      int `json:"busy"`
	Failed    int `json:"failed"`
	Unknown   int `json:"unknown"`
	Cancelled int `json:"cancelled"`
}

// Phase is what a run is doing.
type Phase string

// The phases of a run.
const (
	Preflighting Phase = "preflight" // every device is checked, and nothing is ordered yet
	Ordering     Phase = "order"
)

func (p *Progress) count(o Outcome) {
	p.Done++
	switch o.Result {
	case Ready:
		p.Ready++
	case Ordered:
		p.Ordered++
	case Joined:
		p.Joined++
	case Blocked:
		p.Blocked++
	case Denied:
		p.Denied++
	case Busy:
		p.Busy++
	case Unknown:
		p.Unknown++
	case Cancelled:
		p.Cancelled++
	default:
		p.Failed++
	}
}
