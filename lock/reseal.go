package lock

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
)

// resealBatch is how many actions one commit seals anew.
const resealBatch = 500

// Sealed counts the secrets of the whole ledger by the key that sealed them, reading all of it. A Sealer must have each of these keys;
// a retired one may go when it is not among them, and no process seals with it any more. It asks for the right to reseal.
func (s *Service) Sealed(ctx context.Context, actor Actor) (map[string]int, error) {
	if err := s.allow(ctx, actor, VerbReseal, Target{}); err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for f := (Filter{Limit: 1000}); ; {
		page, err := s.cfg.Store.List(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, a := range page {
			for _, secret := range a.Secrets {
				if !secret.Purged() {
					counts[secret.KeyID]++
				}
			}
		}
		if len(page) < f.PageSize() {
			return counts, nil
		}
		f.Before = page[len(page)-1].ID
	}
}

// Reseal seals anew, with the key that the Sealer seals with now, every secret that the key keyID sealed. Each new box is opened and
// compared before it replaces the old one, and each replacement is an event of its action. It returns how many secrets it sealed anew.
//
// Orders and deliveries go on meanwhile, and what they seal with the old key is found too: it ends when no process seals with that.
// Stopped at any point, nothing is lost or half done: call it again to go on. A secret that does not open is left as it is, and stands in
// the error, which wraps ErrSealed; the others are done all the same. When keyID is still the key that seals, the error is an *InputError.
func (s *Service) Reseal(ctx context.Context, actor Actor, keyID string) (done int, err error) {
	if err := checkText("key", keyID, 64, true); err != nil {
		return 0, err
	}
	if err := s.allow(ctx, actor, VerbReseal, Target{}); err != nil {
		return 0, err
	}
	r := resealing{Service: s, actor: actor, key: keyID, failed: map[sealedBox]error{}}
	for idle := 0; ; idle++ {
		before := r.done
		again, err := r.pass(ctx)
		switch {
		case err != nil:
			return r.done, err
		case !again:
			return r.done, r.failure()
		case r.done > before:
			idle = 0
		case idle == attempts:
			return r.done, fmt.Errorf("%w: reseal gave up after %d passes that changed nothing", ErrConflict, attempts)
		}
	}
}

// resealing is one call of Reseal.
type resealing struct {
	*Service
	actor  Actor
	key    string
	done   int
	failed map[sealedBox]error
}

// sealedBox names one secret.
type sealedBox struct {
	action ID
	n      int
}

// pass goes once through what the key seals, newest first. It reports whether it tried any: then another pass looks for more.
func (r *resealing) pass(ctx context.Context) (again bool, err error) {
	for f := (Filter{SealedBy: r.key, Limit: resealBatch}); ; {
		page, err := r.cfg.Store.List(ctx, f)
		if err != nil {
			return false, err
		}
		left, err := r.batch(ctx, page)
		if err != nil {
			return false, err
		}
		again = again || left
		if len(page) < f.PageSize() {
			return again, nil
		}
		f.Before = page[len(page)-1].ID
	}
}

// batch seals the secrets of some actions anew, in one commit. It reports whether it tried any.
func (r *resealing) batch(ctx context.Context, page []Action) (tried bool, err error) {
	var changes []Change
	for _, listed := range page {
		if !r.pending(listed) {
			continue
		}
		c, err := r.action(ctx, listed.ID)
		if err != nil {
			return false, err
		}
		if len(c.Actions) > 0 {
			changes = append(changes, c)
		}
	}
	if len(changes) == 0 {
		return false, nil
	}
	errs, err := r.commitAll(ctx, changes)
	if err != nil {
		return false, err
	}
	for i, err := range errs {
		switch {
		case err == nil:
			r.done += len(changes[i].Events[0].Secrets)
		case !errors.Is(err, ErrConflict):
			return false, err
		}
	}
	return true, nil
}

// pending reports whether the action has a secret under the key that was not tried in vain.
func (r *resealing) pending(a Action) bool {
	return slices.ContainsFunc(a.Secrets, func(s Secret) bool {
		return s.KeyID == r.key && r.failed[sealedBox{a.ID, s.N}] == nil
	})
}

// action makes the change that seals the secrets of one action anew, or none when there is nothing left to do.
func (r *resealing) action(ctx context.Context, id ID) (Change, error) {
	a, err := r.cfg.Store.Get(ctx, id)
	if err != nil {
		return Change{}, err
	}
	e := Event{Type: EventResealed, Actor: r.actor, Facts: map[string]string{"from_key": r.key}}
	for i, secret := range a.Secrets {
		if secret.KeyID != r.key {
			continue
		}
		anew, err := r.secret(ctx, a, secret)
		switch {
		case errors.Is(err, ErrSealed):
			r.failed[sealedBox{a.ID, secret.N}] = err
			continue
		case err != nil:
			return Change{}, err
		}
		a.Secrets[i] = anew
		e.Secrets = append(e.Secrets, anew)
	}
	if len(e.Secrets) == 0 {
		return Change{}, nil
	}
	return r.act(a, e)
}

// secret returns the secret in a new box, which was opened and compared.
func (r *resealing) secret(ctx context.Context, a Action, old Secret) (Secret, error) {
	b := binding(a, old.N)
	kept, err := r.cfg.Sealer.Open(ctx, old.Box, b)
	switch {
	case lost(err):
		return old, sealedError(a, old, err)
	case err != nil: // nothing is wrong with the box
		return old, fmt.Errorf("open the %s of action %s: %w", old.Name, a.ID, err)
	}
	box, err := r.cfg.Sealer.Seal(ctx, kept, b)
	if err != nil {
		return old, fmt.Errorf("seal the %s of action %s anew: %w", old.Name, a.ID, err)
	}
	if box.KeyID() == r.key {
		return old, &InputError{Field: "key", Rule: "is the key that seals: make another one active first"}
	}
	again, err := r.cfg.Sealer.Open(ctx, box, b)
	if err == nil && !again.Equal(kept) {
		err = errors.New("it holds something else")
	}
	if err != nil {
		return old, fmt.Errorf("the new box of the %s of action %s is not used, the old one stays: %w", old.Name, a.ID, err)
	}
	sum := sha256.Sum256(box)
	return Secret{N: old.N, Name: old.Name, KeyID: box.KeyID(), SHA256: sum[:], Box: box}, nil
}

// failure says which secrets stayed as they were.
func (r *resealing) failure() error {
	for _, err := range r.failed {
		return fmt.Errorf("%d secrets stay under key %s, one of them: %w", len(r.failed), r.key, err)
	}
	return nil
}
