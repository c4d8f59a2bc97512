package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/secret"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// reseal seals anew what the retired keys have sealed. What of one key does not work does not keep it from the others.
func (j keyringJob) reseal(ctx context.Context, _ string) error {
	sealed, err := j.sealed(ctx)
	if err != nil {
		return err
	}
	if err := proveKey(ctx, j.db, j.ring, j.ring.KeyIDs()[0]); err != nil {
		return err
	}
	retired := j.ring.KeyIDs()[1:]
	total := 0
	for _, id := range retired {
		total += sealed[id]
	}
	var sealer pin.Sealer = j.ring
	if j.path != "" {
		if sealer, err = openLiveKeyring(j.path, j.sealed, j.logger); err != nil { // for it may be rotated once more
			return err
		}
	}
	service, err := j.service(sealer, total)
	if err != nil {
		return err
	}
	var failed []error
	done := 0
	for _, id := range retired {
		n, err := j.resealKey(ctx, service, sealer, id)
		done += n
		if ctx.Err() != nil {
			return fmt.Errorf("stopped after %d secrets, nothing is lost: run it again to go on: %w", done, ctx.Err())
		}
		failed = append(failed, err)
	}
	j.say("Secrets sealed anew: %d.", done)
	return errors.Join(errors.Join(failed...), j.left(ctx, retired))
}

// resealKey seals anew what one key has sealed: the server's own secrets, and what is in the ledger.
func (j keyringJob) resealKey(ctx context.Context, service *lock.Service, sealer pin.Sealer, id string) (done int, err error) {
	own, ownErr := secret.Reseal(ctx, j.db, sealer, id)
	done, err = service.Reseal(ctx, operator(), id)
	done += own
	if done > 0 {
		err = errors.Join(err, j.record(context.WithoutCancel(ctx), "resealed", id))
	}
	return done, errors.Join(ownErr, err)
}

// left says which retired keys may go, and is an error when one may not.
func (j keyringJob) left(ctx context.Context, retired []string) error {
	sealed, err := j.sealed(ctx)
	if err == nil && j.path != "" { // it may have been rotated once more, and sealed with that key
		j.ring, err = pin.LoadKeyring(j.path)
	}
	if err != nil {
		return err
	}
	missing := j.missing(sealed)
	var stays []error
	for _, id := range retired {
		switch {
		case sealed[id] > 0:
			stays = append(stays, fmt.Errorf("%d sealed secrets still need the retired key %s: keep it, and run reseal again", sealed[id], id))
		case missing != nil: // the keyring is to be restored first, and that one may have any key
		case j.path == "":
			j.say("Nothing needs the retired key %s any more: it may be taken out of %s.", id, envKeyringText)
		default:
			j.say("Nothing needs the retired key %s any more. It may go: server keyring remove %s", id, id)
		}
	}
	return errors.Join(errors.Join(stays...), missing)
}

// note records what was done to a key.
func (j keyringJob) note(ctx context.Context, kind, keyID string) error {
	service, err := j.service(j.ring, 0)
	if err == nil {
		err = service.Note(ctx, operator(), lock.EventKeyring, inventory.Scope, map[string]string{"kind": kind, "key_id": keyID})
	}
	if err != nil {
		return fmt.Errorf("key %s was %s, and that could not be recorded: %w", keyID, kind, err)
	}
	return nil
}

// service is the ledger for the one who reseals it.
func (j keyringJob) service(sealer pin.Sealer, total int) (*lock.Service, error) {
	return lock.New(lock.Config{
		Store: &progress{Store: j.db.Ledger, out: j.stderr, total: total, said: time.Now()}, Sealer: sealer, Logger: j.logger,
		Platforms: platforms(nil, nil, nil), Authorize: account.New(account.Config{DB: j.db, Scope: inventory.Scope}),
	})
}

// progressEvery is how often the operator hears how far it is.
const progressEvery = 2 * time.Second

// progress is a store that says how many actions it has taken.
type progress struct {
	lock.Store
	out         io.Writer
	done, total int
	said        time.Time
}

// Commit implements lock.Store. It is called by one goroutine.
func (p *progress) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	errs, err := p.Store.Commit(ctx, changes)
	for _, failed := range errs {
		if failed == nil {
			p.done++
		}
	}
	if time.Since(p.said) >= progressEvery {
		p.said = time.Now()
		_, _ = fmt.Fprintf(p.out, "sealed anew: %d of about %d\n", p.done, p.total)
	}
	return errs, err
}
