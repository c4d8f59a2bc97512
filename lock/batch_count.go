package lock

import "context"

// ordered is what was ordered in a batch, as far as the feed was read. The feed alone counts, so every process comes to the same.
type ordered struct {
	next  int64 // the first position that was not read yet
	n     int
	first ID
	over  []ID // what came after as many as the batch was opened for
}

// orderedIn reads what was ordered in a batch, up to what is committed now.
func (s *Service) orderedIn(ctx context.Context, b batch) (ordered, error) {
	if err := s.sequence(ctx); err != nil {
		return ordered{}, err
	}
	s.batches.mu.Lock()
	defer s.batches.mu.Unlock()
	of := s.batches.of(b.opened.Scope)
	o := of.ordered[b.name]
	if o == nil {
		o = &ordered{next: b.opened.Position}
		of.ordered[b.name] = o
	}
	err := o.readOn(ctx, s.cfg.Store, b)
	return *o, err
}

func (o *ordered) readOn(ctx context.Context, store Store, b batch) error {
	last, err := store.Events(ctx, EventFilter{Newest: true, Limit: 1})
	if err != nil || len(last) == 0 || last[0].Position < o.next {
		return err
	}
	f := EventFilter{Scope: b.opened.Scope, Actor: b.opened.Actor.ID, Types: []EventType{EventOrdered}, Limit: 1000}
	for {
		f.From = o.next
		page, err := store.Events(ctx, f)
		if err != nil {
			return err
		}
		for _, e := range page {
			o.next = e.Position + 1
			if !ofBatch(b.opened, e) {
				continue
			}
			switch o.n++; {
			case o.n == 1:
				o.first = e.Action
			case o.n > b.size:
				o.over = append(o.over, e.Action)
			}
		}
		if len(page) < f.PageSize() {
			o.next = max(o.next, last[0].Position+1)
			return nil
		}
	}
}

// ofBatch reports whether an ordered event is of the batch that this notice opened: another order may only have its name.
func ofBatch(opened, e Event) bool {
	name := opened.Facts["batch"]
	return name != "" && e.Order != nil && e.Order.Kind == KindLock && e.Order.Batch == name &&
		e.Key == batchKey(name, e.Device) && e.Scope == opened.Scope && e.Actor.ID == opened.Actor.ID
}

// openings are the notices that opened the batches of a scope, by name.
func (s *Service) openings(ctx context.Context, scope string) (map[string]Event, error) {
	s.batches.mu.Lock()
	defer s.batches.mu.Unlock()
	of := s.batches.of(scope)
	if err := of.readOn(ctx, s.cfg.Store, scope, s.cfg.Patience); err != nil {
		return nil, err
	}
	opened := make(map[string]Event, len(of.named))
	for _, b := range of.named {
		opened[b.name] = b.opened
	}
	return opened, nil
}

// withdrawOver cancels what replicas that ordered at the same time made beyond the size of the batch, as far as it has not left. Which
// that is, the feed says.
func (o *batchOrders) withdrawOver(ctx context.Context) error {
	done, err := o.svc.orderedIn(ctx, o.batch)
	if err != nil || len(done.over) == 0 {
		return err
	}
	over := map[ID]State{}
	err = retry(ctx, func() error {
		var left []Action
		for _, id := range done.over {
			a, err := o.svc.cfg.Store.Get(ctx, id)
			if err != nil {
				return err
			}
			if over[id] = a.State; a.State == StateQueued || a.State == StateHeld {
				over[id] = StateCancelled
				left = append(left, a)
			}
		}
		return o.svc.withdrawPage(ctx, Actor{ID: actorSystem}, "the batch has the devices that it was opened for", left)
	})
	for i, a := range o.actions {
		if over[a.ID] == StateCancelled {
			o.actions[i], o.errs[i] = Action{}, o.full()
		}
	}
	return err
}
