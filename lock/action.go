package lock

import (
	"time"

	"github.com/latchkey-mdm/latchkey/pin"
)

// Kind says what an action orders, or that it keeps what a device handed over.
type Kind string

// The kinds of action.
const (
	KindLock           Kind = "lock"            // lock the device; on a Mac with a PIN
	KindLostMode       Kind = "lost-mode"       // supervised iOS: locked until lost mode is disabled
	KindResetPasscode  Kind = "reset-passcode"  // set a new passcode
	KindClearPasscode  Kind = "clear-passcode"  // remove the passcode
	KindUnlock         Kind = "unlock"          // end the action named by Action.Of
	KindProvisionToken Kind = "provision-token" // give the device the token that a later reset needs
	KindRevokeToken    Kind = "revoke-token"    // take it back: the token of the action named by Action.Of
	KindEscrow         Kind = "escrow"          // what the device handed over: an unlock token, a bootstrap token, or see Service.KeepStray
)

// State is where an action stands. Whether its PIN may be on the device follows from its events: see Action.MayBeOnDevice.
type State string

// The states of an action.
const (
	StateHeld        State = "held"        // ordered; waits for a second person, or for the verdict of the limits
	StateQueued      State = "queued"      // its secret is sealed and durable; nothing has left
	StateIssued      State = "issued"      // a command may have left
	StateConfirmed   State = "confirmed"   // the device acknowledged it
	StateUnconfirmed State = "unconfirmed" // was issued; no answer came in time, or the device came back too often without one
	StateRefused     State = "refused"     // the device said that it did not do it
	StateCancelled   State = "cancelled"   // withdrawn by a person: nothing (more) will be delivered
	StateExpired     State = "expired"     // too old, and nothing had left
	StateReleased    State = "released"    // there is evidence that the device is open again
)

// SecretPIN is the name of the secret that a person types. It is the only one that Reveal gives out. Of an action that Returns the newest is
// the one that counts.
const SecretPIN = "pin"

// Secret is one sealed secret of an action. Secrets are numbered from 1 and added, never replaced by another value. Of one that was
// purged, number and name are left.
type Secret struct {
	N      int     `json:"n"`
	Name   string  `json:"name"`             // SecretPIN, what the device called it, or, of a message that was kept whole, "body" and "body+"
	KeyID  string  `json:"key_id,omitempty"` // the key that sealed the box
	SHA256 []byte  `json:"sha256,omitempty"` // of the sealed box, never of the secret
	Box    pin.Box `json:"-"`                // the sealed bytes; only Store.Get fills them in
}

// Action is one thing ordered for one device, or one secret that a device handed over, with all that has become of it. Without Due,
// Wake, Joined and the boxes of its secrets it equals the fold of its events (see Action.Replay). Its JSON form is what stores keep.
type Action struct {
	ID      ID     `json:"id,omitempty"`
	Version int    `json:"version,omitempty"` // number of its events
	Head    []byte `json:"head,omitempty"`    // hash of its last event

	Kind   Kind   `json:"kind"`
	State  State  `json:"state"`
	Lane   string `json:"lane,omitempty"` // what it occupies on its device; empty: nothing. Unique for each scope, device and lane
	Device Device `json:"device"`         // as it was when the action was ordered, without facts

	By          Actor             `json:"by,omitzero"` // who ordered it
	Reason      string            `json:"reason,omitempty"`
	Ticket      string            `json:"ticket,omitempty"`
	Message     string            `json:"message,omitempty"`      // for the locked screen
	PhoneNumber string            `json:"phone_number,omitempty"` // for the locked screen
	Options     map[string]string `json:"options,omitempty"`      // the platform's own: see Request.Options
	Supplied    bool              `json:"supplied,omitempty"`     // the caller chose the PIN
	Kept        ID                `json:"kept,omitempty"`         // the action whose PIN this one uses again: kept, or supplied once more
	PINMade     time.Time         `json:"pin_made,omitzero"`      // when a PIN that is used again came into being; zero: with this action
	Reuse       string            `json:"reuse,omitempty"`        // why a PIN that was used before or shown to somebody was used again
	Forced      bool              `json:"forced,omitempty"`       // ordered over a finding that blocks
	Findings    []Finding         `json:"findings,omitempty"`     // of its preflight, and of what the device said
	Of          ID                `json:"of,omitempty"`           // KindUnlock, KindRevokeToken: the action that it ends
	Uses        ID                `json:"uses,omitempty"`         // the action whose secret the command needs: see Plan.Uses
	HeldBy      string            `json:"held_by,omitempty"`      // what holds it, or held it: "policy" or "limit"; empty in StateHeld: not judged yet
	Batch       string            `json:"batch,omitempty"`
	Key         string            `json:"key,omitempty"`     // idempotency key of the order that made it
	Ref         string            `json:"ref,omitempty"`     // the transport's own name for its last delivery, as that of an operation: see Sender
	Holds       bool              `json:"holds,omitempty"`   // once confirmed, the device stays locked and the action keeps its lane
	Talks       bool              `json:"talks,omitempty"`   // the device goes on talking while it is locked: see Plan.Talks
	Returns     bool              `json:"returns,omitempty"` // the device makes the PIN, and returns it with its answer: see Plan.Returns

	Created   time.Time `json:"created,omitzero"`
	Changed   time.Time `json:"changed,omitzero"`   // its last event
	NotAfter  time.Time `json:"not_after,omitzero"` // nothing is delivered from then on
	Issued    time.Time `json:"issued,omitzero"`    // first delivery
	Delivered time.Time `json:"delivered,omitzero"` // last delivery
	Confirmed time.Time `json:"confirmed,omitzero"` // last acknowledgement received
	Released  time.Time `json:"released,omitzero"`

	Reenrolled time.Time `json:"re_enrolled,omitzero"` // when the device was last seen to be enrolled anew; not kept in each action of a device
	Feedback   Feedback  `json:"feedback,omitempty"`   // what a person said last of its PIN
	FeedbackAt time.Time `json:"feedback_at,omitzero"`

	Deliveries  int               `json:"deliveries,omitempty"`  // delivery numbers taken
	Deferrals   int               `json:"deferrals,omitempty"`   // deliveries that the device answered with NotNow: they do not count as lost
	Deferred    bool              `json:"deferred,omitempty"`    // the last delivery was answered with NotNow
	Answers     int               `json:"answers,omitempty"`     // acknowledgements recorded, at most one a delivery
	Disclosures int               `json:"disclosures,omitempty"` // times that its PIN was given to a person
	WakeOutcome string            `json:"wake_outcome,omitempty"`
	Evidence    Evidence          `json:"evidence,omitempty"` // why it is released
	Cause       string            `json:"cause,omitempty"`    // why it was cancelled, or lapsed, in words
	Facts       map[string]string `json:"facts,omitempty"`    // what the device said: message result, error codes
	Secrets     []Secret          `json:"secrets,omitempty"`

	// Scheduling hints: the only fields that move without an event.
	Due  time.Time `json:"-"` // when Run looks at it next; zero: never
	Wake int       `json:"-"` // wake-ups sent since the action last changed its course

	Joined bool `json:"-"` // set on what Lock returns when the order found this action live
}

// What holds an action: see Action.HeldBy.
const (
	heldByPolicy = "policy"
	heldByLimit  = "limit"
)

// MayBeOnDevice reports whether the action's PIN may open the device now: it was issued at least once, or acknowledged, and the device
// neither refused it nor is known to be open again. A PIN that the device returned is on it, whatever else it said.
func (a Action) MayBeOnDevice() bool {
	if a.State == StateRefused {
		return a.returnedPIN()
	}
	return (a.Deliveries > 0 || a.Answers > 0) && a.State != StateReleased
}

// returnedPIN reports whether the device made the action's PIN, and returned it.
func (a Action) returnedPIN() bool { return a.Returns && a.hasSecret(SecretPIN) }

// lane names what actions of this kind occupy on a device, whatever their state.
func (k Kind) lane() string {
	switch k {
	case KindLock, KindLostMode:
		return "lock"
	case KindResetPasscode, KindClearPasscode:
		return "passcode"
	case KindUnlock:
		return "unlock"
	case KindProvisionToken, KindRevokeToken:
		return "secret"
	default:
		return ""
	}
}

// heldLane is where held orders for a lane are.
func heldLane(lane string) string { return "held/" + lane }

// laneOf is the lane that an action occupies in its state. Held orders queue up beside the live ones and block nothing.
func laneOf(a Action) string {
	lane := a.Kind.lane()
	switch {
	case lane == "":
		return ""
	case a.State == StateHeld:
		return heldLane(lane)
	case a.State == StateQueued, a.State == StateIssued, a.State == StateConfirmed && a.Holds:
		return lane
	default:
		return ""
	}
}
