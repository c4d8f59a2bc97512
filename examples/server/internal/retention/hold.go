package retention

import (
	"context"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Hold is a legal hold in force.
type Hold struct {
	ID     lock.ID // of its record
	Device string  // the ID that it names; may be empty
	Serial string  // the serial number that it names; may be empty
	At     time.Time
	By     lock.Actor
	Reason string
}

// Holds lists the legal holds in force, the oldest first.
func Holds(ctx context.Context, svc *lock.Service, actor lock.Actor, scope string) ([]Hold, error) {
	placed, err := svc.Holds(ctx, actor, scope)
	holds := make([]Hold, len(placed))
	for i, e := range placed {
		holds[i] = Hold{ID: e.ID, Device: e.Device, Serial: e.Facts["serial"], At: e.Time, By: e.Actor, Reason: e.Reason}
	}
	return holds, err
}

// HoldsOn lists those that keep the PINs of a piece of hardware from a purge, whatever it was called when they were placed.
func HoldsOn(ctx context.Context, svc *lock.Service, actor lock.Actor, p PINs) ([]Hold, error) {
	holds, err := Holds(ctx, svc, actor, p.Device.Scope)
	return slices.DeleteFunc(holds, func(h Hold) bool { return !h.names(p.Device) && !slices.ContainsFunc(p.Names, h.names) }), err
}

func (h Hold) names(d lock.Device) bool {
	return d.ID != "" && h.Device == d.ID || d.Serial != "" && h.Serial == d.Serial
}

// Place puts a legal hold on the hardware. One that the actor placed for the same reason is the one that was asked for.
func Place(ctx context.Context, svc *lock.Service, actor lock.Actor, p PINs, reason string) error {
	holds, err := HoldsOn(ctx, svc, actor, p)
	if err != nil {
		return err
	}
	same := func(h Hold) bool {
		return h.Device == p.Device.ID && h.Serial == p.Device.Serial && h.By.ID == actor.ID && h.Reason == reason
	}
	if slices.ContainsFunc(holds, same) {
		return nil
	}
	return svc.Hold(ctx, actor, p.Device, reason)
}

// Lift ends every hold on the hardware, also those that name it as it was called once. It is lock.ErrNotFound when there is none.
func Lift(ctx context.Context, svc *lock.Service, actor lock.Actor, p PINs, reason string) error {
	for lifted := false; ; lifted = true {
		holds, err := HoldsOn(ctx, svc, actor, p)
		switch {
		case err != nil:
			return err
		case len(holds) == 0 && lifted:
			return nil
		}
		d := p.Device
		if len(holds) > 0 {
			d.ID, d.Serial = holds[0].Device, holds[0].Serial
		}
		if err := svc.LiftHold(ctx, actor, d, reason); err != nil { // also of none, which it says
			return err
		}
	}
}
