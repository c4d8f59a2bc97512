package windows

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
)

// Error is a condition that an embedder's Devices or Sessions tells the handler of, with errors.Is.
type Error string

// Error returns the text of the condition.
func (e Error) Error() string { return string(e) }

// The conditions.
const (
	// ErrNotEnrolled: no current enrolment has this certificate, or this device ID. The handler answers 403.
	ErrNotEnrolled Error = "not enrolled with this certificate"
	// ErrConflict: another replica saved the device's session state in between. The handler answers 503, and the device repeats its message.
	ErrConflict Error = "the session state was changed by somebody else"
)

// refusal is an answer other than 200, with a text for whoever reads it.
type refusal struct {
	status int
	text   string
	cause  error // for the log; holds no part of the request
}

func (r *refusal) Error() string {
	if r.cause != nil {
		return r.text + ": " + r.cause.Error()
	}
	return r.text
}

func (r *refusal) Unwrap() error { return r.cause }

// tooLarge is a part that does not fit into a message of the device, of an action that was delivered: it would never get any further.
type tooLarge struct {
	*omadm.SizeError
	action lock.ID
	begun  bool // the device may have done something of it
}

func (e *tooLarge) Unwrap() error { return e.SizeError }

// standstill adds to an error of size which action stands still, if it was delivered. A lock-out has begun once it may have denied anything: it
// never has while what was read first is all that is known. An unlock can be ordered again.
func standstill(o lock.Order, err error) error {
	var size *omadm.SizeError
	if o.Action.Deliveries == 0 || !errors.As(err, &size) {
		return err
	}
	begun := o.Action.Kind != lock.KindUnlock
	if o.Action.Talks {
		step := o.Action.Facts[factStep]
		begun = step != "" && !(o.Resumed && step == doneRead)
	}
	return &tooLarge{size, o.Action.ID, begun}
}

// said is what is to be reported of the action.
func (e *tooLarge) said() Said {
	if e.begun {
		return Said{Report: report(lock.Progress, reasonTooLarge, omadm.Reply{})}
	}
	return Said{Report: report(lock.Refused, reasonTooLarge, omadm.Reply{})}
}

// bad refuses input by the rule that it broke, which holds no part of it.
func bad(err error) error {
	return &refusal{status: http.StatusBadRequest, text: "this is no message of OMA-DM 1.2", cause: err}
}

// forbidden refuses who is not enrolled, or not as the one that it names.
func forbidden(rule string) error {
	return &refusal{status: http.StatusForbidden, text: rule}
}

// enrolled turns what Devices says into an answer.
func enrolled(err error) error {
	if errors.Is(err, ErrNotEnrolled) {
		return forbidden(string(ErrNotEnrolled))
	}
	return err
}

// refuse answers with an error, and logs why. Everything that is no refusal may go away by itself: the device is asked to come again, with
// the same message.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, device string, err error) {
	var refused *refusal
	level := slog.LevelWarn
	if !errors.As(err, &refused) {
		refused = &refusal{status: http.StatusServiceUnavailable, text: "temporarily unavailable: send this again later"}
		level = slog.LevelError
		w.Header().Set("Retry-After", "30")
	}
	if refused.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodPost)
	}
	h.Logger.Log(r.Context(), level, "device request refused", slog.Int("status", refused.status), slog.String("device", device),
		slog.Int64("size", r.ContentLength), slog.Any("error", err))
	http.Error(w, refused.text, refused.status)
}
