package amapi

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/android/internal/google"
)

// Class is why a call failed. It is stable, and fit for a database and a metric.
type Class string

// The classes of [Error].
const (
	ClassInvalid        Class = "invalid"         // 400: Google does not take this command
	ClassBadCredentials Class = "bad-credentials" // no access token, or Google does not take it
	ClassDenied         Class = "denied"          // 403: not allowed for this device's enterprise
	ClassNotFound       Class = "not-found"       // 404: Google does not know the device, or has forgotten the operation
	ClassConflict       Class = "conflict"        // 409: it changed meanwhile
	ClassThrottled      Class = "throttled"       // 429: the project's quota is used up
	ClassUnavailable    Class = "unavailable"     // 5xx: Google cannot do it now
	ClassUnreachable    Class = "unreachable"     // no answer: no connection, or it ended, or the time was up
	ClassRejected       Class = "rejected"        // an answer that is none of this API's
	ClassExpired        Class = "expired"         // nothing was asked: the order's time is up
	ClassNoName         Class = "no-name"         // nothing was asked: the device has no resource name
)

// advice says what a class means, and what the operator can do.
func (c Class) advice() string {
	switch c {
	case ClassInvalid:
		return "Google does not take this command for this device"
	case ClassBadCredentials:
		return "Google does not take the service account, so no device can be reached: is its key valid?"
	case ClassDenied:
		return "the service account may not manage this device: does the enterprise belong to its project, and is the API enabled?"
	case ClassNotFound:
		return "Google does not know it: the device was deleted or enrolled anew, or the operation is forgotten"
	case ClassConflict:
		return "something changed meanwhile: it is tried again later"
	case ClassThrottled:
		return "the project's quota is used up: it is tried again later"
	case ClassUnavailable:
		return "Google cannot do it now: it is tried again later"
	case ClassUnreachable:
		return "Google, or the token endpoint, did not answer: are both reachable on port 443?"
	case ClassExpired:
		return "the time of the order is up"
	case ClassNoName:
		return "the resource name of the device is not known: its ID must be like enterprises/LC01/devices/3a5f, or Config.Name must find it"
	default:
		return "not an answer of the Android Management API: is something else in its place?"
	}
}

// Error says why a call failed. It holds nothing of the command and no text of the answer but Google's word.
type Error struct {
	Class  Class
	Status int    // of the answer; 0 when there was none
	Reason string // Google's own word, such as INVALID_ARGUMENT; empty when it gave none
	Err    error  // what came in between, when there was no answer; may be nil

	retryAfter time.Duration
	notTaken   bool
	refusal    map[string]string
}

// Error gives Google's answer, what it means, and the cause.
func (e *Error) Error() string {
	text := "amapi: "
	if e.Status != 0 {
		text += strings.TrimSpace(fmt.Sprintf("Google answered %d %s", e.Status, e.Reason)) + ": "
	}
	text += e.Class.advice()
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// WakeOutcome is the class, for lock.Service.Run.
func (e *Error) WakeOutcome() string { return string(e.Class) }

// RetryAfter is how long Google asked to wait, at most a day; 0: it did not say.
func (e *Error) RetryAfter() time.Duration { return e.retryAfter }

// ProviderFailure says that no device can be reached until somebody mends something on this side: the service account's key.
func (e *Error) ProviderFailure() bool { return e.Class == ClassBadCredentials }

// ProviderTrouble says that Google could not be reached, could not do it now, or does not allow it, which may concern one enterprise or
// all of them.
func (e *Error) ProviderTrouble() bool {
	switch e.Class {
	case ClassDenied, ClassThrottled, ClassUnavailable, ClassUnreachable, ClassRejected:
		return true
	}
	return false
}

// ProviderAnswered says that Google took the service account and spoke of the device.
func (e *Error) ProviderAnswered() bool {
	return e.Class == ClassInvalid || e.Class == ClassNotFound || e.Class == ClassConflict
}

// NotTaken says that a command is certainly not with Google.
func (e *Error) NotTaken() bool { return e.notTaken }

// Refusal is not nil when a command was refused for good: then these are the facts of it, code and http.
func (e *Error) Refusal() map[string]string { return maps.Clone(e.refusal) }

// failed makes the error of a call.
func failed(err error) *Error {
	var g *google.Error
	if !errors.As(err, &g) {
		return &Error{Class: ClassRejected, Err: errors.New("an unknown failure")}
	}
	return &Error{Class: classOf(g), Status: g.Status, Reason: g.Word, Err: g.Err, retryAfter: g.RetryAfter}
}

// issueFailed makes the error of a command, which may be with Google all the same: after 5xx, and whenever it left without an answer.
func issueFailed(err error) *Error {
	e := failed(err)
	var g *google.Error
	switch {
	case !errors.As(err, &g):
	case g.Status == 0:
		e.notTaken = !g.Sent
	case e.Class == ClassInvalid, e.Class == ClassNotFound && g.Word != "":
		e.notTaken = true
		e.refusal = map[string]string{"code": g.Word, "http": strconv.Itoa(g.Status)}
	default:
		e.notTaken = g.Word != "" && g.Status >= 400 && g.Status < 500 // else it is another's answer
	}
	return e
}

// classOf reads an answer.
func classOf(g *google.Error) Class {
	switch {
	case g.NoToken && g.Refused:
		return ClassBadCredentials
	case g.Status == 0:
		return ClassUnreachable
	case g.Status >= http.StatusInternalServerError:
		return ClassUnavailable
	case g.Status == http.StatusTooManyRequests:
		return ClassThrottled
	case g.Word == "": // not Google's
		return ClassRejected
	}
	switch g.Status {
	case http.StatusBadRequest:
		return ClassInvalid
	case http.StatusUnauthorized:
		return ClassBadCredentials
	case http.StatusForbidden:
		return ClassDenied
	case http.StatusNotFound:
		return ClassNotFound
	case http.StatusConflict:
		return ClassConflict
	}
	return ClassRejected
}
