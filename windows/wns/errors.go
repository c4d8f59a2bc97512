package wns

import (
	"fmt"
	"time"
)

// Class is what became of a wake-up that WNS did not take. It is stable, and fit for a database and a metric.
type Class string

// The classes of [Error].
const (
	ClassNoChannel      Class = "no-channel"      // nothing was sent: the device gave no channel, or it is dead
	ClassBadChannel     Class = "bad-channel"     // nothing was sent: what the device gave is no address of WNS
	ClassExpired        Class = "expired"         // the channel is dead; the device makes another and gives it in its next session
	ClassForeignChannel Class = "foreign-channel" // the channel belongs to another app: the device's PFN and the package SID differ
	ClassDropped        Class = "dropped"         // WNS threw the notification away
	ClassOffline        Class = "offline"         // WNS threw it away, since the device is not connected
	ClassBadCredentials Class = "bad-credentials" // no access token, or WNS does not take it
	ClassThrottled      Class = "throttled"       // too many notifications, on this channel or of this app
	ClassUnavailable    Class = "unavailable"     // WNS cannot do it now
	ClassUnreachable    Class = "unreachable"     // no answer: no connection, or it ended, or the time was up
	ClassRejected       Class = "rejected"        // WNS, or something in its place, gave an answer that a wake-up does not get
)

// advice says what a class means, and what the operator can do.
func (c Class) advice() string {
	switch c {
	case ClassNoChannel:
		return "the device has no push channel: it takes commands when it comes by its own schedule; is the PFN set on it?"
	case ClassBadChannel:
		return "the address that the device gave as its push channel is not used"
	case ClassExpired:
		return "the device's push channel has expired: it gives another one in its next session"
	case ClassForeignChannel:
		return "the device's push channel is of another app: do the PFN on the device and the client ID belong together?"
	case ClassDropped:
		return "the notification was dropped: the device may be restricted to save power or data"
	case ClassOffline:
		return "the notification was dropped, as the device is not connected"
	case ClassBadCredentials:
		return "the client ID and secret are not taken, so no device can be woken: are they those of the app, is the secret still valid?"
	case ClassThrottled:
		return "too many notifications: it is tried again later"
	case ClassUnavailable:
		return "WNS cannot take notifications now: it is tried again later"
	case ClassUnreachable:
		return "WNS, or the token endpoint, did not answer: are login.live.com and *.notify.windows.com reachable on port 443?"
	default:
		return "not an answer to a wake-up: is something else in the place of WNS?"
	}
}

// Error says why a device was not woken. It holds no part of its channel.
type Error struct {
	Class      Class
	Status     int    // of the answer, or of that of the token endpoint; 0 when there was none
	Connection string // of the device, as WNS saw it: connected, disconnected or tempdisconnected; empty when it did not say
	Err        error  // what came in between, when there was no answer; may be nil

	retryAfter time.Duration
	answered   bool
}

// Error gives the status, what it means, and the cause.
func (e *Error) Error() string {
	text := "wns: "
	if e.Status != 0 {
		text += fmt.Sprintf("answer %d: ", e.Status)
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

// RetryAfter is how long WNS asked to wait, at most a day; a minute when it throttles and does not say; else 0.
func (e *Error) RetryAfter() time.Duration { return e.retryAfter }

// ProviderFailure says that no device can be woken until somebody mends the client ID or the secret.
func (e *Error) ProviderFailure() bool { return e.Class == ClassBadCredentials }

// ProviderTrouble says that WNS could not be reached, could not do it now, or that something else answered in its place. That is no fault
// of the device, and passes or not.
func (e *Error) ProviderTrouble() bool {
	switch e.Class {
	case ClassThrottled, ClassUnavailable, ClassUnreachable, ClassRejected:
		return !e.answered
	}
	return false
}

// ProviderAnswered says that WNS took the access token and spoke of this device's channel.
func (e *Error) ProviderAnswered() bool { return e.answered }
