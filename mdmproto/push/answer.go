package push

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	maxAnswer     = 4 << 10 // bytes; APNs' own are below 200
	maxReason     = 40      // characters; APNs' own are below 30
	maxRetryAfter = 24 * time.Hour
)

// answer is what APNs said.
type answer struct {
	status     int
	reason     string    // letters alone
	timestamp  time.Time // zero: it gave none
	retryAfter time.Duration
}

// read takes what matters of a response, and closes its body. The status stands whatever the body is.
func read(r *http.Response, now time.Time) answer {
	var a answer
	if r.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer))
		if err == nil {
			a = decode(body)
		}
	}
	_ = r.Body.Close()
	a.status, a.retryAfter = r.StatusCode, retryAfter(r.Header.Get("Retry-After"), now)
	return a
}

// decode reads {"reason": text, "timestamp": milliseconds since 1970}, and leaves out what is not so.
func decode(body []byte) (a answer) {
	var fields struct {
		Reason    json.RawMessage `json:"reason"`
		Timestamp json.RawMessage `json:"timestamp"`
	}
	if json.Unmarshal(body, &fields) != nil {
		return a
	}
	var reason string
	if json.Unmarshal(fields.Reason, &reason) == nil && isReason(reason) {
		a.reason = reason
	}
	if ms, err := strconv.ParseInt(string(fields.Timestamp), 10, 64); err == nil && ms > 0 {
		a.timestamp = time.UnixMilli(ms).UTC()
	}
	return a
}

// isReason keeps out whatever could be more than a word: the text goes into logs.
func isReason(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return len(s) <= maxReason
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
