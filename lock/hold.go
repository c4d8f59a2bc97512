package lock

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Hold places a legal hold on a device: no purge takes any of its secrets until LiftHold. The device is named by its ID, its serial
// number, or both, and need not be in the ledger yet. A hold covers everything that the ledger has of the device, under this ID, under
// any ID with this serial number, and under those in turn: to enrol the device anew does not end it. The reason is required, kept in
// clear, and must not say a PIN. Placed twice, a hold is listed twice and lifted once.
//
// A hold that was placed when Purge was called is kept by it; one that is placed while it runs counts from its next step on, which is at
// most 200 actions away.
func (s *Service) Hold(ctx context.Context, actor Actor, d Device, reason string) error {
	if err := s.mayHold(ctx, actor, d, reason); err != nil {
		return err
	}
	return s.notice(ctx, holdNotice(EventHoldPlaced, actor, d, reason))
}

// LiftHold ends every hold that names the device's ID or its serial number, whoever placed it. ErrNotFound when there is none. Devices say
// themselves what their serial number is, so it takes the right to each device whose hold it ends, and for a hold that names a serial number
// alone the right to such a target: else ErrDenied, on record, and all holds stay.
func (s *Service) LiftHold(ctx context.Context, actor Actor, d Device, reason string) error {
	if err := s.mayHold(ctx, actor, d, reason); err != nil {
		return err
	}
	placed, err := s.holds.inForce(ctx, s, d.Scope)
	if err != nil {
		return err
	}
	ended := slices.DeleteFunc(placed, func(p Event) bool { return !covered([]Event{p}, d) })
	if len(ended) == 0 {
		return fmt.Errorf("%w: no hold names this device: list the holds for what they name", ErrNotFound)
	}
	for _, p := range ended {
		if p.Device == d.ID {
			continue // that was asked
		}
		other := Device{Scope: p.Scope, ID: p.Device, Serial: p.Facts["serial"]}
		if err := s.allow(ctx, actor, VerbHold, Target{Device: other}); err != nil {
			return err
		}
	}
	return s.notice(ctx, holdNotice(EventHoldLifted, actor, d, reason))
}

// Holds lists the holds in force in a scope, the oldest first, as the notices that placed them: Device and the fact "serial" name the
// device, Actor, Time and Reason say the rest.
func (s *Service) Holds(ctx context.Context, actor Actor, scope string) ([]Event, error) {
	if err := checkText("scope", scope, 64, true); err != nil {
		return nil, err
	}
	f, err := s.visibleEvents(ctx, actor, VerbHold, EventFilter{Scope: scope})
	if err != nil {
		return nil, err
	}
	placed, err := s.holds.inForce(ctx, s, f.Scope)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(placed, func(e Event) bool { return len(f.Devices) > 0 && !slices.Contains(f.Devices, e.Device) }), nil
}

func (s *Service) mayHold(ctx context.Context, actor Actor, d Device, reason string) error {
	if err := d.validateKnown(); err != nil {
		return err
	}
	if err := checkText("reason", reason, 1024, true); err != nil {
		return err
	}
	return s.allow(ctx, actor, VerbHold, Target{Device: d})
}

func holdNotice(t EventType, actor Actor, d Device, reason string) Event {
	e := Event{Type: t, Actor: actor, Scope: d.Scope, Device: d.ID, Reason: reason}
	if serial := d.snapshot().Serial; serial != "" {
		e.Facts = map[string]string{"serial": serial}
	}
	return e
}

// holds are the legal holds by scope, as far as the feed was read. What was read is never read again: it does not change.
type holds struct {
	mu     sync.Mutex
	scopes map[string]*holdsOf
}

type holdsOf struct {
	next   int64 // the first position that was not read yet
	placed []Event
}

// inForce are the holds of a scope, up to what is committed now.
func (h *holds) inForce(ctx context.Context, s *Service, scope string) ([]Event, error) {
	if err := s.sequence(ctx); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.scopes == nil {
		h.scopes = map[string]*holdsOf{}
	}
	of := h.scopes[scope]
	if of == nil {
		of = &holdsOf{}
		h.scopes[scope] = of
	}
	if err := of.readOn(ctx, s.cfg.Store, scope); err != nil {
		return nil, err
	}
	return slices.Clone(of.placed), nil
}

func (h *holdsOf) readOn(ctx context.Context, store Store, scope string) error {
	last, err := store.Events(ctx, EventFilter{Newest: true, Limit: 1})
	if err != nil || len(last) == 0 || last[0].Position < h.next {
		return err
	}
	f := EventFilter{Scope: scope, Types: []EventType{EventHoldPlaced, EventHoldLifted}, Limit: 1000}
	for {
		f.From = h.next
		page, err := store.Events(ctx, f)
		if err != nil {
			return err
		}
		for _, e := range page {
			h.apply(e)
		}
		if len(page) < f.PageSize() {
			h.next = max(h.next, last[0].Position+1)
			return nil
		}
	}
}

func (h *holdsOf) apply(e Event) {
	h.next = e.Position + 1
	if e.Type == EventHoldPlaced {
		h.placed = append(h.placed, e)
		return
	}
	h.placed = slices.DeleteFunc(h.placed, func(placed Event) bool { return names(placed, e.Device, e.Facts["serial"]) })
}

// covered reports whether one of the holds names the device.
func covered(placed []Event, d Device) bool {
	return slices.ContainsFunc(placed, func(p Event) bool { return names(p, d.ID, d.snapshot().Serial) })
}

func names(placed Event, device, serial string) bool {
	return device != "" && placed.Device == device || serial != "" && placed.Facts["serial"] == serial
}
