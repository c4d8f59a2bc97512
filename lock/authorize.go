package lock

import "context"

// Actor is who asks. It is an argument of every call that a person makes. What devices and timers do carries a reserved ID: "device" for
// what happens because a device came, so also for every delivery, the repeated ones among them; "system" for what happens in the
// background or by rule, that is for each expiry, wake-up and superseded order, for what is sent through a Sender, and for what lapses by
// its deadline or unanswered.
type Actor struct {
	ID      string `json:"id"`                // required; stable, as in an account name
	Name    string `json:"name,omitempty"`    // for people to read
	Address string `json:"address,omitempty"` // where the request came from
}

const (
	actorSystem = "system"
	actorDevice = "device"
)

func (a Actor) validate() error {
	if a.ID == actorSystem || a.ID == actorDevice {
		return &InputError{Field: "actor.id", Rule: "is reserved for acts of the " + a.ID}
	}
	if err := checkText("actor.id", a.ID, 255, true); err != nil {
		return err
	}
	if err := checkText("actor.name", a.Name, 255, false); err != nil {
		return err
	}
	return checkText("actor.address", a.Address, 255, false)
}

// Verb is one right.
type Verb string

// The verbs that an Authorizer is asked about.
const (
	VerbLock    Verb = "lock"   // order a lock, or preflight one
	VerbReset   Verb = "reset"  // order a passcode reset, or the removal of the passcode
	VerbUnlock  Verb = "unlock" // order an unlock
	VerbCancel  Verb = "cancel"
	VerbReveal  Verb = "reveal"
	VerbApprove Verb = "approve"
	VerbBulk    Verb = "bulk"  // order for many devices at once
	VerbView    Verb = "view"  // see actions and candidates, never a PIN
	VerbAudit   Verb = "audit" // read events

	VerbFeedback   Verb = "feedback"    // say how a PIN worked: for whoever may reveal
	VerbReseal     Verb = "reseal"      // seal secrets anew, of all scopes: the target is empty
	VerbPurge      Verb = "purge"       // purge old secrets, of any scope: the target is empty
	VerbBreakGlass Verb = "break-glass" // approve what one asked for oneself, in an emergency: recorded, with an alarm and a task for reviewers

	VerbProvision Verb = "provision-token" // order that a device gets the token that a reset needs, or that it is taken back

	VerbHold Verb = "hold" // place, lift and list the legal holds that keep a device's secrets from a purge
)

// Target is what a verb is about.
type Target struct {
	Device Device  // with its facts in orders; as the action keeps it otherwise
	Action *Action // nil when the verb concerns no action yet
	Size   int     // VerbBulk: how many devices the batch has
}

// Authorizer decides who may do what. A Service without one allows nobody anything.
type Authorizer interface {
	// Authorize allows (nil) or denies one verb on one target. Any error denies, is recorded as a notice with its text, and reaches the
	// caller wrapped beside ErrDenied; but one that wraps ErrUndecided, because a database did not answer, reaches the caller as it is.
	Authorize(ctx context.Context, a Actor, v Verb, t Target) error
	// Visible narrows a listing: the filter it returns is what the actor asked for and may see. An empty field selects everything, so an
	// actor who may see nothing gets an error, which denies as above.
	Visible(ctx context.Context, a Actor, v Verb, f Filter) (Filter, error)
}
