package console

import (
	"context"
	"errors"
	"net/http"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

// accountKey is where a request has the account of whoever sent it. Pages show by it what the account is good for; what it may do is decided
// where it is done, with the actor as an argument.
type accountKey struct{}

// withAccount adds the account of a session to its request. ok is false, and the session at its end, when the account is gone, or has
// another password by now.
func (c *console) withAccount(r *http.Request, a lock.Actor) (with *http.Request, ok bool, err error) {
	ctx := r.Context()
	found, err := c.Accounts.Account(ctx, a.ID)
	if err != nil && !errors.Is(err, lock.ErrNotFound) {
		return r, false, err
	}
	if err != nil || db.Micros(found.PasswordAt) != c.sessions.GetInt64(ctx, keySince) {
		return r, false, c.sessions.Destroy(ctx)
	}
	return r.WithContext(context.WithValue(ctx, accountKey{}, found)), true, nil
}

// accountOf is the account of a request; without a session it has no rights.
func accountOf(r *http.Request) account.Account {
	found, _ := r.Context().Value(accountKey{}).(account.Account)
	return found
}

// may reports whether the account of a request has a right.
func (c *console) may(r *http.Request, v lock.Verb) bool { return accountOf(r).May(v) }
