// Package handset judges an Android device by what it says of itself and by what the ledger has of it: the rules of its Android (package
// android) do not know whether the reset token that it names is one of this server's.
package handset

import (
	"context"
	"slices"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/lock"
)

// CodeTokenForeign is the code of a verdict: the device has a reset token that the ledger does not have, as after a database was restored, a
// server was moved, or a token was purged.
const CodeTokenForeign android.Code = "token_foreign"

// foreign is that verdict in words.
const foreign = "The device has a token that this server cannot use: rotate it."

// Ledger is the ledger (lock.Service).
type Ledger interface {
	// List returns the actions that match the filter and that the actor may see, newest first.
	List(ctx context.Context, a lock.Actor, f lock.Filter) ([]lock.Action, error)
}

// Foreign reports whether the device has a reset token, in force or not yet, that the ledger does not have, as far as the actor may see.
func Foreign(ctx context.Context, ledger Ledger, a lock.Actor, d lock.Device) (bool, error) {
	f := android.FromDevice(d)
	if f.Token != android.TokenActive && f.Token != android.TokenPending {
		return false, nil
	}
	given, err := ledger.List(ctx, a, lock.Filter{
		Scope: d.Scope, Devices: []string{d.ID}, Kinds: []lock.Kind{lock.KindProvisionToken}, Limit: 1000,
	})
	return err == nil && !slices.ContainsFunc(given, func(a lock.Action) bool { return string(a.ID) == f.TokenID && hasToken(a) }), err
}

// hasToken reports whether the token of an action is still kept.
func hasToken(a lock.Action) bool {
	return slices.ContainsFunc(a.Secrets, func(s lock.Secret) bool { return s.Name == android.SecretToken && !s.Purged() })
}

// Capabilities are those of android.Capabilities. With a foreign token nothing works that takes one.
func Capabilities(f android.Facts, foreignToken bool) []android.Verdict {
	all := android.Capabilities(f)
	for i, v := range all {
		if foreignToken && v.Method == android.MethodToken && v.Effect != android.EffectFails {
			all[i].Effect, all[i].Code, all[i].Text = android.EffectFails, CodeTokenForeign, foreign
		}
	}
	return all
}
