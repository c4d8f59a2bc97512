package main

import (
	"context"
	"errors"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// proofs is how many actions of a key are tried: one box may be damaged.
const proofs = 5

// proveKey opens a PIN that the active key has sealed. One wrong character in a keyring makes another key of the same ID, and what that
// sealed would be lost with the repair. A retired key seals nothing, so it may wait until somebody asks for it.
func proveKey(ctx context.Context, d *db.DB, sealer pin.Sealer, active string) error {
	newest, err := d.Ledger.List(ctx, lock.Filter{SealedBy: active, Limit: proofs})
	if err != nil {
		return err
	}
	for _, a := range newest {
		if opens, err := opensOne(ctx, d.Ledger, sealer, a.ID, active); opens || err != nil {
			return err
		}
	}
	if len(newest) == 0 {
		return nil
	}
	return &usageError{"-keyring", "restore it from its backup: its active key " + active + " is another one than the one of this ID that has sealed",
		pin.ErrOpen}
}

// opensOne reports whether a secret of the action that this key sealed opens.
func opensOne(ctx context.Context, ledger lock.Store, sealer pin.Sealer, action lock.ID, keyID string) (bool, error) {
	a, err := ledger.Get(ctx, action)
	if err != nil {
		return false, err
	}
	for _, s := range a.Secrets {
		if s.KeyID != keyID {
			continue
		}
		b := pin.Binding{Scope: a.Device.Scope, Platform: a.Device.Platform, Action: string(a.ID), Secret: s.N}
		_, err := sealer.Open(ctx, s.Box, b)
		if !errors.Is(err, pin.ErrOpen) {
			return err == nil, err
		}
	}
	return false, nil
}
