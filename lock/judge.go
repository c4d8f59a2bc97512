package lock

import (
	"context"
	"slices"
)

// verdict is the code of what a purge thinks of an action: see Purge.
type verdict string

const (
	alreadyPurged verdict = "already_purged"
	keptHeld      verdict = "held"
	keptLive      verdict = "live"
	keptOnDevice  verdict = "may_be_on_device"
	keptEscrow    verdict = "escrow_in_force"
	keptYoung     verdict = "too_young"
	keptByHold    verdict = "legal_hold"
	keptInUse     verdict = "pin_in_use"
	keptConfirmed verdict = "last_confirmed"
	purged        verdict = "purged"
)

// words says it for people.
func (v verdict) words() string {
	switch v {
	case alreadyPurged:
		return "Its secrets were purged before."
	case keptHeld:
		return "It waits for a second person."
	case keptLive:
		return "It is live on its device."
	case keptOnDevice:
		return "Its PIN may be on the device."
	case keptEscrow:
		return "What the device handed over may still be needed."
	case keptYoung:
		return "Something happened to it since."
	case keptByHold:
		return "A legal hold covers its device."
	case keptInUse:
		return "Its PIN may be in use by another action of the device, or somebody opened the device with it without a release on record."
	case keptConfirmed:
		return "The device confirmed this PIN last, and is not known to be open."
	default:
		return "Nothing keeps its secrets."
	}
}

// judge decides about an action that has or had secrets. What may be in force comes first, so that a purge never depends on dates alone.
func (p *purging) judge(ctx context.Context, a Action) (verdict, error) {
	switch {
	case a.purged():
		return alreadyPurged, nil
	case a.State == StateHeld:
		return keptHeld, nil
	case a.Lane != "":
		return keptLive, nil
	case a.inForce():
		return keptOnDevice, nil
	case a.Kind == KindEscrow && a.State != StateReleased:
		return keptEscrow, nil
	case a.Changed.After(p.request.Before):
		return keptYoung, nil
	}
	known, err := p.ledger(ctx, a.Device)
	if err != nil {
		return "", err
	}
	if known.held {
		return keptByHold, nil
	}
	// Machines that share a serial number for lack of a real one are one device in the ledger. What happened to another of them must not
	// end what is in force on this one, so its own ledger has to agree.
	own := slices.DeleteFunc(slices.Clone(known.pins), func(b Action) bool { return b.Device.ID != a.Device.ID })
	if verdict := judgePIN(a, own); verdict != purged {
		return verdict, nil
	}
	return judgePIN(a, known.pins), nil
}

// judgePIN decides by all that the ledger has of the device's PINs, newest first.
func judgePIN(a Action, known []Action) verdict {
	pins := sharedPINs(known)
	mine := pins[a.ID]
	if mine == nil { // it has no PIN
		return purged
	}
	if mine.inUse() {
		return keptInUse
	}
	last := lastConfirmed(known, a.Kind)
	if pins[last.ID] == mine && slices.ContainsFunc(known, Action.inForce) {
		return keptConfirmed
	}
	return purged
}

// deviceLedger is what the ledger has of a device under all its names.
type deviceLedger struct {
	pins []Action // that have a PIN, newest first
	held bool     // a legal hold names it
}

// ledger is all that the ledger has of a device, read once a step.
func (p *purging) ledger(ctx context.Context, d Device) (*deviceLedger, error) {
	if of := p.devices[d.ID]; of != nil {
		return of, nil
	}
	known, err := wholeLedger(d, func(f Filter) ([]Action, error) { return p.all(ctx, f) })
	if err != nil {
		return nil, err
	}
	of := &deviceLedger{held: slices.ContainsFunc(known, func(a Action) bool { return covered(p.held, a.Device) })}
	for _, a := range known {
		p.devices[a.Device.ID] = of
	}
	of.pins = withPIN(known)
	return of, nil
}

// inForce is MayBeOnDevice with the doubt that destroying asks for: an answer that came in after the device had been seen open. One that a
// process with a clock behind recorded then has the time of the release, so the same time is doubt enough.
func (a Action) inForce() bool {
	return a.MayBeOnDevice() || a.State == StateReleased && a.Answers > 0 && !a.Confirmed.Before(a.Released)
}

// inUse reports whether the PIN may be in force by any of its actions. That somebody opened the device with a PIN which the ledger does
// not take to have ended a lock says that the ledger is wrong. Of one that was released it says no more than the ledger does: it is open.
func (p *sharedPIN) inUse() bool {
	live := slices.ContainsFunc(p.actions, func(a Action) bool { return a.Lane != "" || a.inForce() })
	return live || p.opinion() == FeedbackWorked && lastDelivered(p.actions).State != StateReleased
}
