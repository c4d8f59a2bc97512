package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

// problem is an answer that is not what was asked for (RFC 9457). Code is stable; the texts are for people.
type problem struct {
	Type     string         `json:"type"`
	Title    string         `json:"title"`
	Status   int            `json:"status"`
	Detail   string         `json:"detail,omitempty"`
	Code     string         `json:"code"`
	Field    string         `json:"field,omitempty"`
	Reason   pin.Reason     `json:"reason,omitempty"`   // invalid: the rule that a PIN broke
	Findings []lock.Finding `json:"findings,omitempty"` // blocked
	Action   *action        `json:"action,omitempty"`   // busy: the live one
	Lines    []lineJSON     `json:"lines,omitempty"`    // invalid_file: those that break a rule, the first hundred
}

// Error returns the detail.
func (p *problem) Error() string { return p.Detail }

func refuse(status int, code, detail string) *problem {
	return &problem{Status: status, Code: code, Detail: detail}
}

// invalid refuses the value of one field.
func invalid(field, rule string) *problem {
	return &problem{Status: http.StatusUnprocessableEntity, Code: "invalid", Field: field, Detail: field + ": " + rule}
}

var (
	errNoToken = refuse(http.StatusUnauthorized, "unauthenticated", "a valid API token is required: Authorization: Bearer TOKEN")
	errNoRoute = refuse(http.StatusNotFound, "no_route", "there is no such path with this method: see /openapi.json")
)

// retryAfter is how many seconds a caller should wait when the server cannot answer now.
const retryAfter = "5"

// fail answers with a problem document. What is the server's own fault is logged here.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		return // the caller has gone
	}
	said := groupProblem(err)
	if said == nil {
		said = asProblem(err)
	}
	p := *said
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	switch p.Status {
	case http.StatusInternalServerError:
		a.Logger.ErrorContext(r.Context(), "API request failed", slog.String("code", p.Code), slog.Any("error", err))
	case http.StatusServiceUnavailable:
		a.Logger.ErrorContext(r.Context(), "API request failed", slog.String("code", p.Code), slog.Any("error", err))
		w.Header().Set("Retry-After", retryAfter)
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="latchkey"`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	write(w, p.Status, p)
}

// asProblem says how an error is answered: the one place that knows.
func asProblem(err error) *problem {
	var own *problem
	var input *lock.InputError
	var busy *lock.BusyError
	var blocked *lock.BlockedError
	var step *lock.TransitionError
	var tampered *auditlog.TamperError
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &busy):
		p := refuse(http.StatusConflict, "busy", busy.Error())
		live := newAction(busy.Live)
		p.Action = &live
		return p
	case errors.As(err, &blocked):
		p := refuse(http.StatusUnprocessableEntity, "blocked", blocked.Error())
		p.Findings = inOurWords(blocked.Findings)
		return p
	case errors.As(err, &step):
		return refuse(http.StatusConflict, "wrong_state", step.Error())
	case errors.As(err, &input):
		p := invalid(fieldName(input.Field), input.Rule)
		if broken := (*pin.Error)(nil); errors.As(err, &broken) {
			p.Reason = broken.Reason
		}
		return p
	case errors.Is(err, lock.ErrKeyReused):
		p := invalid("Idempotency-Key", string(lock.ErrKeyReused))
		p.Status, p.Code = http.StatusConflict, "key_reused"
		return p
	case errors.Is(err, audit.ErrUnsigned):
		return refuse(http.StatusNotFound, "unsigned", audit.ErrUnsigned.Error())
	case errors.As(err, &tampered):
		return refuse(http.StatusInternalServerError, "tampered", "the stored log is not as it was signed: verify it. "+tampered.Error())
	case errors.Is(err, audit.ErrUnreadable):
		return refuse(http.StatusInternalServerError, "unreadable", audit.ErrUnreadable.Error())
	case errors.Is(err, lock.ErrNotFound):
		return refuse(http.StatusNotFound, "not_found", "there is no such device, action, PIN, group or batch")
	case errors.Is(err, lock.ErrPurged):
		return refuse(http.StatusGone, "purged", err.Error())
	case errors.Is(err, lock.ErrDenied):
		return refuse(http.StatusForbidden, "denied", "not allowed; the attempt was recorded")
	case errors.Is(err, lock.ErrSealed):
		return refuse(http.StatusServiceUnavailable, "sealed", "the sealed PIN cannot be opened now: check the keyring. It is still kept")
	case errors.Is(err, pin.ReasonKeyring):
		return refuse(http.StatusServiceUnavailable, "keyring",
			"the keyring file cannot be used, so nothing is sealed and nothing was ordered: restore it")
	default:
		return refuse(http.StatusServiceUnavailable, "unavailable",
			"this could not be recorded now: repeat the request, with the same Idempotency-Key")
	}
}

// fieldName puts a field of the library in the words of the API.
func fieldName(field string) string {
	switch field {
	case "pin":
		return "pin.value"
	case "keep":
		return "pin.mode"
	case "reuse":
		return "pin.reuse_reason"
	case "feedback":
		return "outcome"
	case "before":
		return "older_than_days"
	case "of":
		return "token_id"
	case "key":
		return "Idempotency-Key"
	}
	return field
}

// inOurWords names the fields of findings as the API does. It is never nil.
func inOurWords(findings []lock.Finding) []lock.Finding {
	out := append([]lock.Finding{}, findings...)
	for i := range out {
		out[i].Field = fieldName(out[i].Field)
	}
	return out
}
