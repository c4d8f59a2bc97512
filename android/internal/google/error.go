package google

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxWord       = 64
	maxRetryAfter = 24 * time.Hour
)

// Error is a call that failed.
type Error struct {
	Status     int      // of the answer; 0: there was none
	Word       string   // Google's word for it, as NOT_FOUND; empty: the answer was none of Google's
	Reasons    []string // words of its details, as UNREGISTERED
	Fields     []string // of the request that it does not like, as message.token
	RetryAfter time.Duration
	NoToken    bool  // there was no access token
	Refused    bool  // NoToken: because the token endpoint said no
	Sent       bool  // the request may have been read; false: it certainly was not
	Err        error // the cause, when there was no answer that could be read
}

// Error says what happened, in words that can be logged.
func (e *Error) Error() string {
	text := "no answer"
	switch {
	case e.NoToken:
		text = "no access token"
	case e.Status != 0:
		text = "answered " + strconv.Itoa(e.Status)
		if e.Word != "" {
			text += " " + e.Word
		}
		for _, reason := range e.Reasons {
			text += " " + reason
		}
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// refused reads an answer that is not 200.
func refused(r *http.Response, body []byte, now time.Time) *Error {
	e := &Error{Status: r.StatusCode, Sent: true, RetryAfter: retryAfter(r.Header.Get("Retry-After"), now)}
	var answer struct {
		Error struct {
			Status  string `json:"status"`
			Details []struct {
				ErrorCode string `json:"errorCode"`
				Reason    string `json:"reason"`
				Fields    []struct {
					Field string `json:"field"`
				} `json:"fieldViolations"`
			} `json:"details"`
		} `json:"error"`
	}
	if err := Decode(body, &answer); err != nil {
		return e
	}
	e.Word = word(answer.Error.Status)
	for _, d := range answer.Error.Details {
		for _, w := range []string{word(d.ErrorCode), word(d.Reason)} {
			if w != "" {
				e.Reasons = append(e.Reasons, w)
			}
		}
		for _, f := range d.Fields {
			e.Fields = append(e.Fields, f.Field)
		}
	}
	e.Reasons = e.Reasons[:min(len(e.Reasons), 8)]
	return e
}

// word keeps out whatever could be more than a word of Google's: the text goes into logs.
func word(s string) string {
	if len(s) > maxWord || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
		return ""
	}
	return s
}

// retryAfter reads seconds or a date (RFC 9110, 10.2.3); 0 when it says neither, or nothing.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 64); err == nil {
		return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

// statusError is an answer of which nothing but its status is kept.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("the token endpoint answered %d", int(s)) }
