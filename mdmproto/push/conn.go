package push

import (
	"crypto/tls"
	"net/http"
	"sync/atomic"
	"time"
)

// alertWait is how long the reason why a connection ended may take to arrive.
const alertWait = time.Second

// conn tells its session when the other side ends it for our certificate.
type conn struct {
	*tls.Conn
	session *session
	heard   atomic.Bool // something came from the other side
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.heard.Store(true)
	}
	if refusal := refusalOf(err); refusal != nil {
		c.session.refusal.Store(refusal)
	}
	return n, err
}

// Write implements net.Conn. When the first one fails, the reason lies unread.
func (c *conn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err != nil && !c.heard.Load() {
		_ = c.SetReadDeadline(time.Now().Add(alertWait))
		_, _ = c.Read(make([]byte, 1))
	}
	return n, err
}

// exchange sends a request and keeps all that matters of its answer in the *answer of its context: the client above it loses the status of
// an answer that is not JSON, the headers, and the milliseconds. Of headers and body it passes nothing on, so that no redirect is followed,
// and none is quoted in an error, where the URL may have the token.
type exchange struct {
	transport http.RoundTripper
	now       func() time.Time
}

type answerKey struct{}

// RoundTrip implements http.RoundTripper.
func (e *exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := e.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	a := read(response, e.now())
	if kept, ok := r.Context().Value(answerKey{}).(*answer); ok {
		*kept = a
	}
	response.Header, response.Body = http.Header{}, http.NoBody
	return response, nil
}
