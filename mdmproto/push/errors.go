package push

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sideshow/apns2"
	"golang.org/x/net/http2"
)

// Class is what became of a push that did not reach APNs, or that it refused. It is stable, and fit for a database and a metric.
type Class string

// The classes of [Error].
const (
	ClassNoToken        Class = "no-token"        // nothing was sent: the device has sent no TokenUpdate yet
	ClassUnregistered   Class = "unregistered"    // the token is dead: the profile was removed, or the device wiped
	ClassBadToken       Class = "bad-token"       // the token is not one of this environment
	ClassBadTopic       Class = "bad-topic"       // the token, the device's topic or the certificate's topic do not fit together
	ClassBadCertificate Class = "bad-certificate" // the push certificate has expired, or APNs does not take it
	ClassTooLarge       Class = "too-large"       // the PushMagic makes the payload too large
	ClassThrottled      Class = "throttled"       // too many pushes to this device
	ClassUnavailable    Class = "unavailable"     // APNs cannot do it now
	ClassUnreachable    Class = "unreachable"     // no answer: no connection, or it ended, or the time was up
	ClassRejected       Class = "rejected"        // APNs, or something in its place, gave an answer that a push does not get
)

// advice says what a class means, and what the operator can do.
func (c Class) advice() string {
	switch c {
	case ClassNoToken:
		return "the device has not sent its push token yet: it does so at the end of its enrolment"
	case ClassUnregistered:
		return "the device's push token is dead: its profile was removed, or it was wiped; it takes commands when it comes by itself, or enrols again"
	case ClassBadToken:
		return "APNs does not know the device's push token: is the host that of the production environment?"
	case ClassBadTopic:
		return "token, topic and push certificate do not fit together: use the certificate of the topic that devices enrolled for"
	case ClassBadCertificate:
		return "APNs does not take the push certificate, so no device can be woken: renew it, under the same Apple Account"
	case ClassTooLarge:
		return "the device's PushMagic is too long for a push"
	case ClassThrottled:
		return "too many pushes to this device: it is tried again later"
	case ClassUnavailable:
		return "APNs cannot take pushes now: it is tried again later"
	case ClassUnreachable:
		return "APNs did not answer: is its host reachable on port 443, without a proxy that opens TLS?"
	default:
		return "not an answer to a push: is something else in the place of APNs?"
	}
}

// Error says why a device was not woken. It holds no part of its token.
type Error struct {
	Class     Class
	Status    int       // of the answer; 0 when there was none
	Reason    string    // APNs' own word, such as Unregistered; empty when it gave none
	Timestamp time.Time // ClassUnregistered: when APNs knew the token as dead
	Err       error     // what came in between, when there was no answer; may be nil

	retryAfter time.Duration
	provider   bool
}

// Error gives APNs' answer, what it means, and the cause.
func (e *Error) Error() string {
	text := "push: "
	if e.Status != 0 {
		text += strings.TrimSpace(fmt.Sprintf("APNs answered %d %s", e.Status, e.Reason)) + ": "
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

// RetryAfter is how long APNs asked to wait, at most a day; 0: it did not say.
func (e *Error) RetryAfter() time.Duration { return e.retryAfter }

// ProviderFailure says that no device can be woken until somebody mends something on this side: the push certificate has expired, APNs does
// not take it (403, or a refused handshake), or not for its own topic. The last is asked only for devices that enrolled for that topic, so
// that it says nothing about the device.
func (e *Error) ProviderFailure() bool { return e.provider }

// ProviderTrouble says that APNs could not be reached, could not do it now, or that something else answered in its place. That is no fault
// of the device, and passes or not.
func (e *Error) ProviderTrouble() bool {
	return !e.provider && (e.Class == ClassUnavailable || e.Class == ClassUnreachable || e.Class == ClassRejected)
}

// ProviderAnswered says that APNs took the certificate and spoke of the device. What is known without asking it is no answer.
func (e *Error) ProviderAnswered() bool { return e.Status != 0 && !e.provider && !e.ProviderTrouble() }

// refused makes the error of an answer that is not 200.
func refused(a answer) *Error {
	e := &Error{Class: classOf(a.status, a.reason), Status: a.status, Reason: a.reason, Timestamp: a.timestamp, retryAfter: a.retryAfter}
	e.provider = e.Class == ClassBadCertificate || e.Class == ClassBadTopic && a.reason != apns2.ReasonDeviceTokenNotForTopic
	return e
}

// classOf reads an answer. The status counts; the reason tells apart what has one status.
func classOf(status int, reason string) Class {
	switch status {
	case http.StatusForbidden:
		return ClassBadCertificate
	case http.StatusGone:
		return ClassUnregistered
	case http.StatusRequestEntityTooLarge:
		return ClassTooLarge
	case http.StatusTooManyRequests:
		return ClassThrottled
	case http.StatusBadRequest:
		return classOfBad(reason)
	}
	if status >= http.StatusInternalServerError {
		return ClassUnavailable
	}
	return ClassRejected
}

// classOfBad tells apart what 400 says.
func classOfBad(reason string) Class {
	switch reason {
	case apns2.ReasonBadDeviceToken, apns2.ReasonMissingDeviceToken:
		return ClassBadToken
	case apns2.ReasonDeviceTokenNotForTopic, apns2.ReasonBadTopic, apns2.ReasonTopicDisallowed, apns2.ReasonMissingTopic:
		return ClassBadTopic
	case apns2.ReasonIdleTimeout:
		return ClassUnavailable
	}
	return ClassRejected
}

// unanswered makes the error of a push that got no answer. What net/http puts around the cause has the URL, and with it the token.
func unanswered(err error) *Error {
	if outer := (*url.Error)(nil); errors.As(err, &outer) {
		err = outer.Err
	}
	e := &Error{Class: ClassUnreachable, Err: err}
	if away := (http2.GoAwayError{}); errors.As(err, &away) { //nolint:staticcheck // see transport
		a := decode([]byte(away.DebugData))
		e.Err, e.Reason = errGoAway, a.reason
		switch a.reason {
		case apns2.ReasonBadCertificate, apns2.ReasonBadCertificateEnvironment:
			e.Class = ClassBadCertificate
		case apns2.ReasonShutdown, apns2.ReasonServiceUnavailable, apns2.ReasonInternalServerError, apns2.ReasonIdleTimeout:
			e.Class = ClassUnavailable
		}
	}
	if refusalOf(err) != nil {
		e.Class = ClassBadCertificate
	}
	e.provider = e.Class == ClassBadCertificate
	return e
}

var errGoAway = errors.New("APNs closed the connection (GOAWAY)")

// refusalOf is the alert by which the other side ended the handshake for our certificate; nil when it is something else. Package crypto/tls
// has no exported type for what it read, other than the operation's name and the alert's text.
func refusalOf(err error) *net.OpError {
	op := (*net.OpError)(nil)
	if !errors.As(err, &op) || op.Op != "remote error" {
		return nil
	}
	if text := op.Err.Error(); !strings.Contains(text, "certificate") && !strings.Contains(text, "access denied") {
		return nil
	}
	return op
}
