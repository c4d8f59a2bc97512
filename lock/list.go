package lock

import (
	"context"
	"reflect"
)

// Get returns an action without the boxes of its secrets, or ErrNotFound.
func (s *Service) Get(ctx context.Context, actor Actor, id ID) (Action, error) {
	a, err := s.cfg.Store.Get(ctx, id)
	if err != nil {
		return Action{}, err
	}
	if err := s.allow(ctx, actor, VerbView, Target{Device: a.Device, Action: &a}); err != nil {
		return Action{}, err
	}
	return a.withoutBoxes(), nil
}

// List returns the actions that match the filter and that the actor may see, newest first.
func (s *Service) List(ctx context.Context, actor Actor, f Filter) ([]Action, error) {
	f, err := s.visible(ctx, actor, VerbView, f)
	if err != nil {
		return nil, err
	}
	return s.cfg.Store.List(ctx, f)
}

// Live returns what is live on a device: at most one action a lane. What is held for a second person has a lane of its own.
func (s *Service) Live(ctx context.Context, actor Actor, scope, device string) ([]Action, error) {
	return s.List(ctx, actor, Filter{Scope: scope, Devices: []string{device}, Live: true})
}

// Events returns the events that match the filter and that the actor may see, in the order of EventFilter. The events of one action
// need the right to view it; all others the right to audit. An Authorizer can narrow those by scope and devices: one that narrows by
// anything else denies.
func (s *Service) Events(ctx context.Context, actor Actor, f EventFilter) ([]Event, error) {
	if f.Action != "" {
		if _, err := s.Get(ctx, actor, f.Action); err != nil {
			return nil, err
		}
		return s.cfg.Store.Events(ctx, f)
	}
	f, err := s.visibleEvents(ctx, actor, VerbAudit, f)
	if err != nil {
		return nil, err
	}
	return s.cfg.Store.Events(ctx, f)
}

// visibleEvents is visible for events.
func (s *Service) visibleEvents(ctx context.Context, actor Actor, v Verb, f EventFilter) (EventFilter, error) {
	narrow, err := s.visible(ctx, actor, v, Filter{Scope: f.Scope, Devices: f.Devices})
	if err != nil {
		return f, err
	}
	f.Scope, f.Devices = narrow.Scope, narrow.Devices
	if narrow.Scope, narrow.Devices = "", nil; !reflect.DeepEqual(narrow, Filter{}) {
		return f, s.deny(ctx, actor, v, f.Scope, "", map[string]string{"verb": string(v)}, errNarrow)
	}
	return f, nil
}

const errNarrow Error = "the Authorizer narrows events by more than scope and devices, which they cannot follow"
