package retention

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// PINs are what the ledger has of a piece of hardware.
type PINs struct {
	Device     lock.Device      // as it was asked for; what was not known of it is what it was called last
	Names      []lock.Device    // what it was called, each ID and serial number once, the newest first; empty: the ledger does not know it
	Candidates []lock.Candidate // the PINs that may open it, the most likely first
	Purged     []Purged         // those that are gone, the newest first
}

// Purged is a PIN that is gone.
type Purged struct {
	Action lock.Action // without boxes
	At     time.Time
	By     lock.Actor
	Reason string
}

// Find looks up hardware by its ID, its serial number, or both. What the ledger knows under one of them leads to the other, so that
// earlier enrolments are found too.
func Find(ctx context.Context, svc *lock.Service, actor lock.Actor, d lock.Device) (PINs, error) {
	p := past{svc: svc, actor: actor, scope: d.Scope, actions: map[lock.ID]lock.Action{}}
	actions, err := p.of(ctx, &d)
	if err != nil {
		return PINs{}, err
	}
	found := PINs{Device: d}
	for _, a := range actions {
		if !slices.ContainsFunc(found.Names, func(n lock.Device) bool { return n.ID == a.Device.ID && n.Serial == a.Device.Serial }) {
			found.Names = append(found.Names, a.Device)
		}
		if !IsPurged(a) {
			continue
		}
		gone, err := p.purge(ctx, a)
		if err != nil {
			return PINs{}, err
		}
		found.Purged = append(found.Purged, gone)
	}
	found.Candidates, err = svc.Candidates(ctx, actor, d)
	for i, c := range found.Candidates {
		found.Candidates[i].Reason = reason(c)
	}
	return found, err
}

// reason is why a candidate may open its device. The ledger speaks of locks, which are seen open.
func reason(c lock.Candidate) string {
	if c.Action.Kind != lock.KindResetPasscode {
		return c.Reason
	}
	return strings.NewReplacer("this lock", "this reset", "was seen open again since", "its passcode was removed since").Replace(c.Reason)
}

// HasPIN reports whether the action has a PIN, or had one.
func HasPIN(a lock.Action) bool {
	return slices.ContainsFunc(a.Secrets, func(s lock.Secret) bool { return s.Name == lock.SecretPIN })
}

// IsPurged reports whether the action had a PIN, and it was purged; of several the last counts, which may have come after a purge.
func IsPurged(a lock.Action) (purged bool) {
	for _, s := range a.Secrets {
		if s.Name == lock.SecretPIN {
			purged = s.Purged()
		}
	}
	return purged
}

// WhoPurged says when, by whom and why the PIN of an action was purged.
func WhoPurged(ctx context.Context, svc *lock.Service, actor lock.Actor, a lock.Action) (Purged, error) {
	p := past{svc: svc, actor: actor}
	return p.purge(ctx, a)
}

// past is one look into the ledger.
type past struct {
	svc     *lock.Service
	actor   lock.Actor
	scope   string
	actions map[lock.ID]lock.Action
}

// of reads all that the ledger has of a device, newest first, and completes the device by it.
func (p *past) of(ctx context.Context, d *lock.Device) ([]lock.Action, error) {
	if d.ID != "" {
		if err := p.read(ctx, lock.Filter{Devices: []string{d.ID}}); err != nil {
			return nil, err
		}
		complete(d, p.newest())
	}
	if d.Serial == "" {
		return p.newest(), nil
	}
	if err := p.read(ctx, lock.Filter{Serial: d.Serial}); err != nil {
		return nil, err
	}
	if d.ID == "" { // an order may have been made before its serial number was known
		f := lock.Filter{}
		for _, a := range p.actions {
			f.Devices = append(f.Devices, a.Device.ID)
		}
		if err := p.read(ctx, f); err != nil {
			return nil, err
		}
	}
	found := p.newest()
	complete(d, found)
	return found, nil
}

// read adds what a filter finds. One that names nothing finds nothing.
func (p *past) read(ctx context.Context, f lock.Filter) error {
	if len(f.Devices) == 0 && f.Serial == "" {
		return nil
	}
	f.Scope, f.Limit = p.scope, 1000
	for {
		page, err := p.svc.List(ctx, p.actor, f)
		if err != nil {
			return err
		}
		for _, a := range page {
			p.actions[a.ID] = a
		}
		if len(page) < f.Limit {
			return nil
		}
		f.Before = page[len(page)-1].ID
	}
}

func (p *past) newest() []lock.Action {
	actions := make([]lock.Action, 0, len(p.actions))
	for _, a := range p.actions {
		actions = append(actions, a)
	}
	slices.SortFunc(actions, func(a, b lock.Action) int { return cmp.Compare(b.ID, a.ID) })
	return actions
}

// complete fills in what is not known of a device with what it was called last. Its ID stays as it was asked for.
func complete(d *lock.Device, actions []lock.Action) {
	for _, a := range actions {
		d.Serial, d.Name, d.User = cmp.Or(d.Serial, a.Device.Serial), cmp.Or(d.Name, a.Device.Name), cmp.Or(d.User, a.Device.User)
		d.Model, d.Platform = cmp.Or(d.Model, a.Device.Model), cmp.Or(d.Platform, a.Device.Platform)
	}
}

func (p *past) purge(ctx context.Context, a lock.Action) (Purged, error) {
	gone := Purged{Action: a}
	events, err := p.svc.Events(ctx, p.actor, lock.EventFilter{Action: a.ID, Types: []lock.EventType{lock.EventPurged}, Newest: true, Limit: 1})
	if err == nil && len(events) > 0 {
		gone.At, gone.By, gone.Reason = events[0].Time, events[0].Actor, events[0].Reason
	}
	return gone, err
}
