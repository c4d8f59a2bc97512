package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// Why a link gives nothing.
const (
	// ErrDead: the link was used, was ended, has expired or was replaced, its passcode may not be that of the device, or it never was one.
	ErrDead lock.Error = "the link does not work, or does not work any more"
	// ErrSignIn: the link needs a session.
	ErrSignIn lock.Error = "the link needs a sign-in"
	// ErrOther: the link is for another account than the one that is signed in.
	ErrOther lock.Error = "the link is for another account"
)

// errNone is ErrDead of a token that is none.
var errNone = fmt.Errorf("%w: there is none", ErrDead)

// Link is a link that works.
type Link struct {
	Delivery
	Device lock.Device
	Named  bool // it is opened by the account that is signed in, and recorded as its reveal

	action lock.Action
	actor  lock.Actor // who reveals the passcode when it is used
}

// Look reports whether a link works for somebody: the link is as it was, and nothing is given away but to whom it belongs. The opener's ID
// is that of the account that is signed in, empty for nobody; the address is where the request came from. ErrDead, ErrSignIn or ErrOther
// when the link gives nothing, account.ErrTooOften when it is none and the address has no try left. An account that opens it by
// its own right needs that right here too: the error wraps lock.ErrDenied, which is on record.
func (d *Deliveries) Look(ctx context.Context, token string, opener lock.Actor) (Link, error) {
	l, err := d.find(ctx, token, opener)
	switch {
	case errors.Is(err, errNone):
		err = d.missed(ctx, opener.Address, err)
	case err == nil && l.Named:
		err = d.Service.Allow(ctx, l.actor, lock.VerbReveal, lock.Target{Device: l.Device, Action: &l.action})
	}
	if err != nil {
		return Link{}, err
	}
	return l, nil
}

// Collect uses a link up and gives its passcode, of which nobody can say any more that it was not seen. It fails as Look does, and of two
// calls at a time one; but each one that a dead link or a denial fails is a try of the address. The passcode is revealed by whoever ordered
// the delivery, from the opener's address, or with Config.SignIn by the opener: when Service.Reveal fails, as with lock.ErrPending, so does
// Collect, and the link works again. One that is not Named ends when its reveal is denied: each denial is on record, and anybody may open it.
func (d *Deliveries) Collect(ctx context.Context, token string, opener lock.Actor) (Link, pin.PIN, error) {
	l, code, err := d.collect(ctx, token, opener)
	if errors.Is(err, ErrDead) || errors.Is(err, lock.ErrDenied) {
		err = d.missed(ctx, opener.Address, err)
	}
	return l, code, err
}

func (d *Deliveries) collect(ctx context.Context, token string, opener lock.Actor) (Link, pin.PIN, error) {
	l, err := d.find(ctx, token, opener)
	if err != nil {
		return Link{}, pin.PIN{}, err
	}
	now := db.Micros(d.now())
	taken, err := d.DB.Exec(ctx, `UPDATE server_deliveries SET version = version + 1, state = 'opened', opened_at = $3
		WHERE id = $1 AND token = $2 AND `+usable, string(l.ID), hashOf(token), now)
	if err != nil {
		return Link{}, pin.PIN{}, fmt.Errorf("use the link: %w", err)
	}
	if taken == 0 {
		return Link{}, pin.PIN{}, ErrDead
	}
	code, err := d.disclose(ctx, l.actor, l.Delivery, "by the one-time link that was mailed")
	if err != nil {
		return Link{}, pin.PIN{}, errors.Join(err, d.unuse(ctx, l, token, now, err))
	}
	return l, code, nil
}

// usable is true of a row whose link works at the time $3.
const usable = `opened_at = 0 AND state IN ('waiting', 'sent') AND expires_at > $3`

// unuse makes a link usable again that gave nothing, or ends it. Nobody can have used it meanwhile.
func (d *Deliveries) unuse(ctx context.Context, l Link, token string, opened int64, why error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	const used = ` WHERE id = $1 AND token = $2 AND state = 'opened' AND opened_at = $3`
	change, args := `state = 'sent'`, []any{string(l.ID), hashOf(token), opened}
	if errors.Is(why, lock.ErrDenied) && !l.Named {
		cause, _ := explain(why)
		change, args = `state = 'failed', token = NULL, due_at = opened_at, cause = $4`, append(args, cause)
	}
	_, err := d.DB.Exec(ctx, `UPDATE server_deliveries SET version = version + 1, opened_at = 0, `+change+used, args...)
	if err != nil {
		return fmt.Errorf("give the link back: %w", err)
	}
	return nil
}

// missed takes a try of who got nothing, and answers why, or that there were too many.
func (d *Deliveries) missed(ctx context.Context, address string, why error) error {
	switch may, err := d.Tries.TryLink(ctx, address); {
	case err != nil:
		return err
	case !may:
		return account.ErrTooOften
	}
	return why
}

// find looks a link up, and says who reveals its passcode when the opener uses it. It works on while a later action on the device has no
// answer, but not after one that has, nor once the device has enrolled anew.
func (d *Deliveries) find(ctx context.Context, token string, opener lock.Actor) (Link, error) {
	rows, err := d.rows(ctx, `token = $1`, hashOf(token))
	switch {
	case err != nil:
		return Link{}, err
	case len(rows) == 0:
		return Link{}, errNone
	case rows[0].dead(d.now()):
		return Link{}, ErrDead
	}
	r := rows[0]
	f, err := d.fate(ctx, r.Action)
	switch {
	case err != nil:
		return Link{}, err
	case f.stage == over:
		return Link{}, ErrDead
	}
	actor, err := d.revealer(r.Delivery, opener)
	return Link{r.Delivery, f.action.Device, r.To != ToUser || d.SignIn, f.action, actor}, err
}

// dead is the opposite of usable.
func (r row) dead(now time.Time) bool {
	return !r.Opened.IsZero() || r.State != Waiting && r.State != Sent || !r.Expires.After(now)
}

// revealer is who reveals the passcode to the opener of a link.
func (d *Deliveries) revealer(to Delivery, opener lock.Actor) (lock.Actor, error) {
	switch {
	case to.To == ToUser && !d.SignIn:
		return lock.Actor{ID: to.By.ID, Name: to.By.Name, Address: opener.Address}, nil
	case opener.ID == "":
		return lock.Actor{}, ErrSignIn
	case to.To != ToUser && opener.ID != to.By.ID:
		return lock.Actor{}, ErrOther
	}
	return opener, nil
}
