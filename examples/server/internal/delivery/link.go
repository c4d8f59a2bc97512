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
	// ErrDead: the link was used, has expired or was replaced, its passcode is not that of the device, or it never was one.
	ErrDead lock.Error = "the link does not work, or does not work any more"
	// ErrSignIn: the link needs a session.
	ErrSignIn lock.Error = "the link needs a sign-in"
	// ErrOther: the link is for another account than the one that is signed in.
	ErrOther lock.Error = "the link is for another account"
)

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
// when the link gives nothing, account.ErrTooOften when it is none and the address has tried too many of these. An account that opens it by
// its own right needs that right here too: the error wraps lock.ErrDenied, which is on record.
func (d *Deliveries) Look(ctx context.Context, token string, opener lock.Actor) (Link, error) {
	l, err := d.find(ctx, token, opener)
	if err == nil && l.Named {
		err = d.Service.Allow(ctx, l.actor, lock.VerbReveal, lock.Target{Device: l.Device, Action: &l.action})
	}
	if err != nil {
		return Link{}, err
	}
	return l, nil
}

// Collect uses a link up and gives its passcode, of which nobody can say any more that it was not seen. It fails as Look does, and of two
// calls at a time one. The passcode is revealed by whoever ordered the delivery, from the opener's address, or with Config.SignIn by the
// opener: when Service.Reveal fails, as with lock.ErrPending, so does Collect, and the link works again.
func (d *Deliveries) Collect(ctx context.Context, token string, opener lock.Actor) (Link, pin.PIN, error) {
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
		return Link{}, pin.PIN{}, errors.Join(err, d.giveBack(ctx, l.ID, token, now))
	}
	return l, code, nil
}

// usable is true of a row whose link works at the time $3.
const usable = `opened_at = 0 AND state IN ('waiting', 'sent') AND expires_at > $3`

// giveBack makes a link usable again that gave nothing. Nobody can have used it meanwhile.
func (d *Deliveries) giveBack(ctx context.Context, id lock.ID, token string, opened int64) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_, err := d.DB.Exec(ctx, `UPDATE server_deliveries SET version = version + 1, state = 'sent', opened_at = 0
		WHERE id = $1 AND token = $2 AND state = 'opened' AND opened_at = $3`, string(id), hashOf(token), opened)
	if err != nil {
		return fmt.Errorf("give the link back: %w", err)
	}
	return nil
}

// miss answers who tries a token that is none.
func (d *Deliveries) miss(ctx context.Context, address string) error {
	switch may, err := d.Tries.TryLink(ctx, address); {
	case err != nil:
		return err
	case !may:
		return account.ErrTooOften
	}
	return ErrDead
}

// find looks a link up, and says who reveals its passcode when the opener uses it. It works on while a later action on the device has no
// answer, but not after one that has.
func (d *Deliveries) find(ctx context.Context, token string, opener lock.Actor) (Link, error) {
	rows, err := d.rows(ctx, `token = $1`, hashOf(token))
	switch {
	case err != nil:
		return Link{}, err
	case len(rows) == 0:
		return Link{}, d.miss(ctx, opener.Address)
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
