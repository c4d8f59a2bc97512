package fcm

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/android/internal/google"
)

// Class is what became of a wake-up that did not reach FCM, or that it refused. It is stable, and fit for a database and a metric.
type Class string

// The classes of [Error].
const (
	ClassNoToken        Class = "no-token"        // nothing was sent: the agent has sent no registration token, or it is dead
	ClassUnregistered   Class = "unregistered"    // the token is dead: the agent was removed, or has another token
	ClassBadToken       Class = "bad-token"       // the token is none, or one of another Firebase project, or of no Android app
	ClassBadCredentials Class = "bad-credentials" // no access token, or FCM does not take it for this project
	ClassThrottled      Class = "throttled"       // too many messages, to this device or of this project
	ClassUnavailable    Class = "unavailable"     // FCM cannot do it now
	ClassUnreachable    Class = "unreachable"     // no answer: no connection, or it ended, or the time was up
	ClassRejected       Class = "rejected"        // FCM, or something in its place, gave an answer that a wake-up does not get
)

// advice says what a class means, and what the operator can do.
func (c Class) advice() string {
	switch c {
	case ClassNoToken:
		return "the device's agent has sent no registration token: it takes commands when it comes by itself"
	case ClassUnregistered:
		return "the device's registration token is dead: its agent was removed, or sends another one"
	case ClassBadToken:
		return "FCM does not take the device's registration token: is the agent an Android app of the same Firebase project?"
	case ClassBadCredentials:
		return "FCM does not take the service account, so no device can be woken: is its key valid, has it the role to send, is the API enabled?"
	case ClassThrottled:
		return "too many messages: it is tried again later"
	case ClassUnavailable:
		return "FCM cannot take messages now: it is tried again later"
	case ClassUnreachable:
		return "FCM, or the token endpoint, did not answer: are both reachable on port 443?"
	default:
		return "not an answer to a wake-up: is the project right, is something else in the place of FCM?"
	}
}

// Error says why a device was not woken. It holds no part of its token.
type Error struct {
	Class  Class
	Status int    // of the answer; 0 when there was none
	Reason string // FCM's own word, such as UNREGISTERED; empty when it gave none
	Err    error  // what came in between, when there was no answer; may be nil

	retryAfter     time.Duration
	dead, provider bool
}

// Error gives FCM's answer, what it means, and the cause.
func (e *Error) Error() string {
	text := "fcm: "
	if e.Status != 0 {
		text += strings.TrimSpace(fmt.Sprintf("FCM answered %d %s", e.Status, e.Reason)) + ": "
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

// RetryAfter is how long FCM asked to wait, at most a day; a minute when it throttles and does not say; else 0.
func (e *Error) RetryAfter() time.Duration { return e.retryAfter }

// ProviderFailure says that no device can be woken until somebody mends something on this side: the service account's key or its rights.
func (e *Error) ProviderFailure() bool { return e.provider }

// ProviderTrouble says that FCM could not be reached, could not do it now, or that something else answered in its place. That is no fault
// of the device, and passes or not.
func (e *Error) ProviderTrouble() bool {
	switch e.Class {
	case ClassThrottled, ClassUnavailable, ClassUnreachable, ClassRejected:
		return true
	}
	return false
}

// ProviderAnswered says that FCM took the service account and spoke of the device. What is known without asking it is no answer.
func (e *Error) ProviderAnswered() bool {
	return e.Status != 0 && (e.Class == ClassUnregistered || e.Class == ClassBadToken)
}

// failed makes the error of a call; nil for nil.
func failed(err error) *Error {
	if err == nil {
		return nil
	}
	var g *google.Error
	if !errors.As(err, &g) {
		return &Error{Class: ClassRejected, Err: errors.New("an unknown failure")}
	}
	e := &Error{Status: g.Status, Reason: g.Word, Err: g.Err, retryAfter: g.RetryAfter}
	if len(g.Reasons) > 0 {
		e.Reason = g.Reasons[0]
	}
	e.Class = classOf(g)
	e.provider = e.Class == ClassBadCredentials
	e.dead = e.Class == ClassUnregistered || e.Class == ClassBadToken && g.Status != http.StatusForbidden // the project may be wrong here
	if e.Class == ClassThrottled && e.retryAfter == 0 {
		e.retryAfter = time.Minute // as Firebase asks for
	}
	return e
}

// classOf reads an answer. A status that FCM did not explain in its own words says nothing of a device.
func classOf(g *google.Error) Class {
	switch {
	case g.NoToken && g.Refused:
		return ClassBadCredentials
	case g.Status == 0:
		return ClassUnreachable
	case g.Status >= http.StatusInternalServerError:
		return ClassUnavailable
	}
	switch g.Status {
	case http.StatusUnauthorized:
		if slices.Contains(g.Reasons, "THIRD_PARTY_AUTH_ERROR") { // an iOS or web registration: the key for those is missing
			return ClassBadToken
		}
		return ClassBadCredentials
	case http.StatusForbidden:
		if slices.Contains(g.Reasons, "SENDER_ID_MISMATCH") {
			return ClassBadToken
		}
		return ClassBadCredentials
	case http.StatusNotFound:
		if slices.Contains(g.Reasons, "UNREGISTERED") {
			return ClassUnregistered
		}
	case http.StatusBadRequest:
		if g.Word == "INVALID_ARGUMENT" && slices.Contains(g.Fields, "message.token") {
			return ClassBadToken
		}
	case http.StatusTooManyRequests:
		return ClassThrottled
	}
	return ClassRejected
}
