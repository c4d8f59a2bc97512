package locktest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Rights is an Authorizer that allows everybody everything, until it is told to deny. It is safe for concurrent use.
type Rights struct {
	mu     sync.Mutex
	denied []denial
	narrow func(lock.Filter) lock.Filter
}

var _ lock.Authorizer = (*Rights)(nil)

// denial takes one verb from one actor; from every actor when the ID is empty.
type denial struct {
	actor string
	verb  lock.Verb
}

// Deny takes away the verbs, for every actor.
func (r *Rights) Deny(verbs ...lock.Verb) { r.DenyTo("", verbs...) }

// DenyTo takes away the verbs from the actor with this ID; empty: from every actor.
func (r *Rights) DenyTo(actor string, verbs ...lock.Verb) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range verbs {
		r.denied = append(r.denied, denial{actor, v})
	}
}

// Allow gives the verbs back, to everybody.
func (r *Rights) Allow(verbs ...lock.Verb) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.denied = slices.DeleteFunc(r.denied, func(d denial) bool { return slices.Contains(verbs, d.verb) })
}

// Narrow makes Visible answer with narrow of the filter it is asked for; nil: with the filter itself.
func (r *Rights) Narrow(narrow func(lock.Filter) lock.Filter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.narrow = narrow
}

// Authorize is lock.Authorizer's. A denial names the actor and the verb.
func (r *Rights) Authorize(_ context.Context, a lock.Actor, v lock.Verb, _ lock.Target) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.denied, denial{"", v}) || slices.Contains(r.denied, denial{a.ID, v}) {
		return fmt.Errorf("%s has no right to %s", a.ID, v)
	}
	return nil
}

// Visible is lock.Authorizer's.
func (r *Rights) Visible(ctx context.Context, a lock.Actor, v lock.Verb, f lock.Filter) (lock.Filter, error) {
	if err := r.Authorize(ctx, a, v, lock.Target{}); err != nil {
		return lock.Filter{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.narrow == nil {
		return f, nil
	}
	return r.narrow(f), nil
}
