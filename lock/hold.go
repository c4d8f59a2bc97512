package lock

import (
	"context"
	"fmt"
	"slices"
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

// LiftHold ends every hold that names the device's ID or its serial number, whoever placed it. ErrNotFound when there is none.
func (s *Service) LiftHold(ctx context.Context, actor Actor, d Device, reason string) error {
	if err := s.mayHold(ctx, actor, d, reason); err != nil {
		return err
	}
	placed := holds{svc: s, scope: d.Scope}
	if err := placed.refresh(ctx); err != nil {
		return err
	}
	if !placed.cover(d) {
		return fmt.Errorf("%w: no hold names this device: list the holds for what they name", ErrNotFound)
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
	placed := holds{svc: s, scope: f.Scope}
	if err := placed.refresh(ctx); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(placed.inForce, func(e Event) bool { return len(f.Devices) > 0 && !slices.Contains(f.Devices, e.Device) }), nil
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

// holds are the legal holds of a scope, as the feed tells them.
type holds struct {
	svc     *Service
	scope   string
	next    int64 // the first position that was not read yet
	inForce []Event
}

// refresh reads on, up to what is committed now.
func (h *holds) refresh(ctx context.Context) error {
	if err := h.svc.sequence(ctx); err != nil {
		return err
	}
	last, err := h.svc.cfg.Store.Events(ctx, EventFilter{Newest: true, Limit: 1})
	if err != nil || len(last) == 0 || last[0].Position < h.next {
		return err
	}
	f := EventFilter{Scope: h.scope, Types: []EventType{EventHoldPlaced, EventHoldLifted}, From: h.next, Limit: 1000}
	for {
		page, err := h.svc.cfg.Store.Events(ctx, f)
		if err != nil {
			return err
		}
		for _, e := range page {
			h.apply(e)
			f.From = e.Position + 1
		}
		if len(page) < f.PageSize() {
			h.next = max(f.From, last[0].Position+1)
			return nil
		}
	}
}

func (h *holds) apply(e Event) {
	if e.Type == EventHoldPlaced {
		h.inForce = append(h.inForce, e)
		return
	}
	h.inForce = slices.DeleteFunc(h.inForce, func(placed Event) bool { return names(placed, e.Device, e.Facts["serial"]) })
}

// cover reports whether a hold names the device.
func (h *holds) cover(d Device) bool {
	return slices.ContainsFunc(h.inForce, func(placed Event) bool { return names(placed, d.ID, d.snapshot().Serial) })
}

func names(placed Event, device, serial string) bool {
	return device != "" && placed.Device == device || serial != "" && placed.Facts["serial"] == serial
}
