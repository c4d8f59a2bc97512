package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// skew is how far the clocks of servers may be apart.
const skew = 2 * time.Minute

// longest is how long one attempt may take, and lease how long nobody else makes one.
func (d *Deliveries) longest() time.Duration { return 3 * d.Mail.timeout() }
func (d *Deliveries) lease() time.Duration   { return d.longest() + skew }

// attempt sends one mail, unless it waits for a second person until then. It is claimed first, with the token of its link: so no two servers
// send it while their clocks agree, and the link of a mail that arrived works also when nobody could write that down.
func (d *Deliveries) attempt(ctx context.Context, r row, until time.Time) error {
	now, token := d.now(), ""
	var hash []byte
	if d.Mode == PasscodeLink {
		token = newToken()
		hash = hashOf(token)
	}
	if r.begun == 0 {
		r.begun = db.Micros(now)
	}
	mine, err := d.set(ctx, &r, `attempts = attempts + 1, mode = $3, token = $4, due_at = $5, begun_at = $6, expires_at = $7`,
		string(d.Mode), hash, db.Micros(now.Add(d.lease())), r.begun, db.Micros(now.Add(d.Life)))
	if err != nil || !mine {
		return err
	}
	r.Attempts++
	bounded, cancel := context.WithTimeout(ctx, d.longest())
	defer cancel()
	failed := d.send(bounded, r.Address, func(ctx context.Context) (letter, error) { return d.write(ctx, r, token) })
	// What came of it is written down also when the server stops meanwhile.
	return d.settle(context.WithoutCancel(ctx), r, failed, until, ctx.Err() != nil)
}

// write makes the mail. One in clear is disclosed here, when the mail server is there to take it.
func (d *Deliveries) write(ctx context.Context, r row, token string) (letter, error) {
	a, err := d.Ledger.Get(ctx, r.Action)
	if err != nil {
		return letter{}, err
	}
	what := codeOf(a.Device)
	if token != "" {
		return linkLetter(r.To, what, d.BaseURL+"/collect/"+token, d.Life, d.SignIn), nil
	}
	code, err := d.disclose(ctx, r.By, r.Delivery, "mailed in clear")
	if err != nil {
		return letter{}, err
	}
	return clearLetter(r.To, what, code), nil
}

// disclose reveals a passcode, with the recipient and the way in the reason. A reason must not contain the passcode, and an address might.
func (d *Deliveries) disclose(ctx context.Context, by lock.Actor, to Delivery, way string) (pin.PIN, error) {
	whose := "the device's user"
	if to.To == ToAdmin {
		whose = "the administrator who ordered it"
	}
	code, err := d.Service.Reveal(ctx, by, to.Action, fmt.Sprintf("Passcode for %s, %s: %s", whose, way, to.Address), "")
	if input := (*lock.InputError)(nil); errors.As(err, &input) && input.Field == "reason" {
		code, err = d.Service.Reveal(ctx, by, to.Action, fmt.Sprintf("Passcode for %s, %s", whose, way), "")
	}
	return code, err
}

// settle writes down what came of an attempt. A row that somebody else has meanwhile, who opened its link or whose attempt is newer, stays.
// The mail server has its day from the first attempt on, and anew after a wait for a second person, which lasts no longer than until.
func (d *Deliveries) settle(ctx context.Context, r row, failed error, until time.Time, stopped bool) error {
	now := d.now()
	if failed == nil {
		_, err := d.set(ctx, &r, `state = 'sent', cause = '', sent_at = $3, due_at = expires_at`, db.Micros(now))
		return err
	}
	cause, final := explain(failed)
	next := now.Add(pauses[min(r.Attempts, len(pauses))-1])
	switch {
	case errors.Is(failed, lock.ErrPending):
		r.begun, next = 0, now.Add(time.Minute)
	case stopped:
		until, next = db.Time(r.begun).Add(patience), now
	default:
		until = db.Time(r.begun).Add(patience)
	}
	about := []any{slog.String("action", string(r.Action)), slog.String("recipient", string(r.To)), slog.Int("attempts", r.Attempts),
		slog.String("cause", cause)}
	if final || !now.Before(until) {
		d.Logger.WarnContext(ctx, "passcode was not mailed: it can be revealed in the console", about...)
		return d.end(ctx, r, Failed, cause)
	}
	if cause != r.Cause && !stopped {
		d.Logger.WarnContext(ctx, "passcode could not be mailed yet: it will be tried again", about...)
	}
	_, err := d.set(ctx, &r, `cause = $3, due_at = $4, begun_at = $5`, cause, db.Micros(next), r.begun)
	return err
}

// explain says in words why an attempt failed, and whether another one is of no use.
func explain(err error) (cause string, final bool) {
	var mail *failure
	switch {
	case errors.As(err, &mail):
		return mail.text, mail.final
	case errors.Is(err, lock.ErrPending):
		return "The passcode waits for a second person, who must approve that it is revealed.", false
	case errors.Is(err, lock.ErrDenied):
		return "Who ordered this mail may not reveal the passcode.", true
	case errors.Is(err, lock.ErrPurged), errors.Is(err, lock.ErrNotFound):
		return "The passcode is gone.", true
	}
	return "The passcode cannot be revealed now.", false
}
