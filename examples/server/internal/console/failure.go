package console

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/retention"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

// failure is an error as a page tells it.
type failure struct {
	Status      int
	Title, Text string
	Action      *lock.Action // the one in the way, when there is one
}

// choiceError says that a listing has no such choice.
type choiceError struct {
	field   string
	allowed []string
}

// Error names the choices, and not what was asked for.
func (e *choiceError) Error() string {
	return e.field + " must be one of: " + strings.Join(e.allowed, ", ")
}

// purgedError says that a PIN is gone.
type purgedError struct{ retention.Purged }

// Error says when, by whom and why.
func (e *purgedError) Error() string {
	return fmt.Sprintf("it was purged on %s by %s, because: “%s”", day(e.At), who(e.By), strings.TrimRight(e.Reason, "."))
}

// Unwrap returns lock.ErrPurged.
func (e *purgedError) Unwrap() error { return lock.ErrPurged }

// names are what the choices of a filter are called in addresses; the empty name is no choice.
func names[T any](choices []T, name func(T) string) []string {
	var all []string
	for _, c := range choices {
		if n := name(c); n != "" {
			all = append(all, n)
		}
	}
	return all
}

// explain is the one way from an error to a page. The texts that it takes from errors are made for people and never hold a PIN.
func explain(err error) failure {
	var (
		input      *lock.InputError
		busy       *lock.BusyError
		blocked    *lock.BlockedError
		transition *lock.TransitionError
		choice     *choiceError
		tampered   *auditlog.TamperError
		gone       *purgedError
		past       *pastError
	)
	switch {
	case errors.As(err, &past):
		return failure{http.StatusConflict, past.title, past.text, nil}
	case errors.As(err, &choice):
		return failure{http.StatusBadRequest, "There is no such choice", sentence(choice.Error()), nil}
	case errors.As(err, &busy):
		return failure{http.StatusConflict, "There is a lock already", "This device has a lock that this order cannot join. " +
			"Cancel it, or wait until it ends.", &busy.Live}
	case errors.As(err, &blocked):
		return failure{http.StatusUnprocessableEntity, "This would not work", sentence(blocked.Error()), nil}
	case errors.Is(err, lock.ErrConflict), errors.Is(err, lock.ErrCancelled):
		return failure{http.StatusConflict, "Too late for that", "Somebody else decided in the meantime.", nil}
	case errors.As(err, &transition):
		return failure{http.StatusConflict, "Too late for that", "The action has moved on in the meantime, " +
			"and its state does not allow this any more.", nil}
	case errors.As(err, &input):
		return failure{http.StatusUnprocessableEntity, "Please check what you entered", sentence(input.Field + " " + input.Rule), nil}
	case errors.Is(err, lock.ErrKeyReused):
		return failure{http.StatusConflict, "This form was used already", "It ordered something else. Open the device and start again.", nil}
	case errors.Is(err, lock.ErrDenied):
		return failure{http.StatusForbidden, "You may not do this", whyDenied(err), nil}
	case errors.Is(err, audit.ErrUnsigned):
		return failure{http.StatusNotFound, "Nothing is signed yet", "The first checkpoint comes within a second of the first event.", nil}
	case errors.As(err, &tampered):
		return failure{http.StatusInternalServerError, "The log is not as it was signed", finding(tampered.Error()), nil}
	case errors.Is(err, audit.ErrUnreadable):
		return failure{http.StatusInternalServerError, "An event cannot be read", "What the ledger has in its place is no event: " +
			"verify the log on the audit page.", nil}
	case errors.Is(err, lock.ErrNotFound):
		return failure{http.StatusNotFound, "Not found", "There is nothing under this address.", nil}
	case errors.As(err, &gone):
		return failure{http.StatusGone, "This PIN is gone", sentence(gone.Error()) + " That it was there, and who saw it, stays on record.", nil}
	case errors.Is(err, lock.ErrPurged):
		return failure{http.StatusGone, "This PIN is gone", "It was purged. That it was there, and who saw it, stays on record.", nil}
	case errors.Is(err, lock.ErrSealed):
		return failure{http.StatusServiceUnavailable, "The PIN cannot be opened now",
			"It is safe in the ledger, but it cannot be opened now. Check the keyring, restore it if a key is missing, then try again.", nil}
	case errors.Is(err, pin.ReasonKeyring):
		return failure{http.StatusServiceUnavailable, "Nothing was ordered",
			"The keyring file cannot be used, so nothing is sealed and nothing was ordered. Restore it, then order again.", nil}
	default:
		return failure{http.StatusServiceUnavailable, "Something is out of order",
			"Nothing is known to have happened. Try again; if it stays like this, look into the server's log.", nil}
	}
}

// whyDenied says what an account lacks.
func whyDenied(err error) string {
	const then = " The attempt was recorded. An administrator can change that: server account rights."
	switch {
	case errors.Is(err, account.ErrRight):
		return "Your account does not have the right to do it." + then
	case errors.Is(err, account.ErrGroups):
		return "Your account is for the devices of some groups, and this is in none of them." + then
	case errors.Is(err, account.ErrWhole):
		return "This concerns the devices of all groups, and your account is for some of them." + then
	}
	return "The attempt was recorded."
}

// fail answers with an error page. What is not the caller's doing is logged, with the address of the page and without what was entered.
func (c *console) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := explain(err)
	if f.Status >= http.StatusInternalServerError {
		c.Logger.ErrorContext(r.Context(), "request failed",
			slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err))
		w.Header().Set("Retry-After", "5")
	}
	if err := c.render(w, r, f.Status, "failure", f.Title, f); err != nil {
		c.Logger.ErrorContext(r.Context(), "error page failed", slog.Any("error", err))
		http.Error(w, f.Title, http.StatusInternalServerError)
	}
}

func (c *console) notFound(http.ResponseWriter, *http.Request, lock.Actor) error {
	return lock.ErrNotFound
}
