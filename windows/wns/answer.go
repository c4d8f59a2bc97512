package wns

import (
	"net/http"
	"strconv"
	"time"
)

// longest is what a wake-up may be put off by.
const longest = 24 * time.Hour

// read says what an answer means; nil: WNS took the notification.
func read(answer *http.Response, now time.Time) *Error {
	e := &Error{Status: answer.StatusCode, Connection: connection(answer.Header)}
	switch code := answer.StatusCode; {
	case code == http.StatusOK:
		return taken(e, answer.Header, now)
	case code == http.StatusUnauthorized:
		e.Class = ClassBadCredentials
	case code == http.StatusForbidden:
		e.Class, e.answered = ClassForeignChannel, true
	case code == http.StatusNotFound, code == http.StatusGone:
		e.Class, e.answered = ClassExpired, true
	case code == http.StatusNotAcceptable, code == http.StatusTooManyRequests:
		e.Class, e.retryAfter = ClassThrottled, pause(answer.Header, now, time.Minute)
	case code >= http.StatusInternalServerError:
		e.Class, e.retryAfter = ClassUnavailable, pause(answer.Header, now, 0)
	default:
		e.Class = ClassRejected
	}
	return e
}

// taken reads what became of a notification that was taken: WNS says so with a status of 200 also when it threw it away.
func taken(e *Error, h http.Header, now time.Time) *Error {
	e.answered = true
	switch h.Get("X-WNS-Status") {
	case "dropped":
		e.Class = ClassDropped
		if e.Connection == "disconnected" || e.Connection == "tempdisconnected" {
			e.Class = ClassOffline
		}
		return e
	case "channelthrottled":
		e.Class, e.retryAfter = ClassThrottled, pause(h, now, time.Minute)
		return e
	}
	return nil
}

func connection(h http.Header) string {
	switch c := h.Get("X-WNS-DeviceConnectionStatus"); c {
	case "connected", "disconnected", "tempdisconnected":
		return c
	}
	return ""
}

// pause is how long the answer asks to wait, by the header that asks for longer; or what else holds.
func pause(h http.Header, now time.Time, otherwise time.Duration) time.Duration {
	wait := max(after(h.Get("Retry-After"), now), after(h.Get("X-WNS-CONTINUE-AFTER"), now))
	if wait <= 0 {
		return otherwise
	}
	return wait
}

// after reads a number of seconds or a date of HTTP; 0 for anything else.
func after(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 63); err == nil {
		return time.Duration(min(seconds, uint64(longest/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(at.Sub(now), longest)
	}
	return 0
}
