package google

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
)

const (
	maxAnswer   = 4 << 20 // bytes; a page of a hundred operations has some 60,000
	maxFailure  = 64 << 10
	callTimeout = 30 * time.Second
)

// Client calls one service. It is safe for concurrent use.
type Client struct {
	host   string
	tokens tokens
	http   *http.Client
	now    func() time.Time
}

// NewClient calls the service at this host (see CheckHost) with these tokens.
func NewClient(host string, source oauth2.TokenSource, client *http.Client, now func() time.Time) *Client {
	return &Client{host: strings.TrimSuffix(host, "/"), tokens: tokens{source: source}, http: client, now: now}
}

// HTTP is the HTTP client for calls and tokens: it follows no redirect, and gives up after 30 seconds. The transport may be nil.
func HTTP(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport: transport, Timeout: callTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Do sends a request, with a JSON body unless it is nil, and reads the JSON answer into what is given. Errors are an *Error.
func (c *Client) Do(ctx context.Context, method, path string, query url.Values, body []byte, into any) error {
	token, err := c.tokens.get(ctx)
	if err != nil {
		return noToken(err)
	}
	if err := ctx.Err(); err != nil {
		return &Error{Err: err}
	}
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	target := c.host + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return &Error{Err: errors.New("the request cannot be made")}
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := c.http.Do(r)
	if err != nil {
		return &Error{Sent: connected.Load() || !c.traced() && !unconnected(err), Err: inner(err)}
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(answer.Body, maxFailure))
		if err != nil {
			text = nil // the status stands whatever the body is
		}
		return refused(answer, text, c.now())
	}
	return read(answer.Body, into)
}

func read(body io.Reader, into any) error {
	text, err := io.ReadAll(io.LimitReader(body, maxAnswer+1))
	switch {
	case err != nil:
		err = inner(err)
	case len(text) > maxAnswer:
		err = errors.New("an answer of more than 4 MiB")
	default:
		err = Decode(text, into)
	}
	if err != nil {
		return &Error{Status: http.StatusOK, Sent: true, Err: err}
	}
	return nil
}

// traced reports whether the transport is known to tell of every connection, so that there was none when it told of none, as when a firewall
// drops what would open one.
func (c *Client) traced() bool {
	_, standard := c.http.Transport.(*http.Transport)
	return standard || c.http.Transport == nil
}

// unconnected reports whether an error proves that there was no connection, whatever the transport tells.
func unconnected(err error) bool {
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return op.Op == "dial" || op.Op == "proxyconnect"
	}
	name, certificate := (*net.DNSError)(nil), (*tls.CertificateVerificationError)(nil)
	return errors.As(err, &name) || errors.As(err, &certificate)
}

// inner takes off what net/http puts around a cause: it has the URL.
func inner(err error) error {
	if outer := (*url.Error)(nil); errors.As(err, &outer) {
		return outer.Err
	}
	return err
}

// noToken keeps the status of an answer that was no token. Its text may hold anything.
func noToken(err error) *Error {
	e := &Error{NoToken: true, Err: inner(err)}
	if answer := (*oauth2.RetrieveError)(nil); errors.As(err, &answer) && answer.Response != nil {
		code := answer.Response.StatusCode
		e.Err, e.Refused = statusError(code), code >= 400 && code < 500 && code != http.StatusTooManyRequests
	} else if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		e.Err = errors.New("the token endpoint was not reached, or did not answer with a token")
	}
	return e
}

// tokens waits for a token with a context, which the sources of package oauth2 do not. One is asked for at a time.
type tokens struct {
	source oauth2.TokenSource

	mu     sync.Mutex
	flight *flight
}

// flight is a token that is asked for.
type flight struct {
	done  chan struct{}
	token *oauth2.Token
	err   error
}

func (t *tokens) get(ctx context.Context) (string, error) {
	f := t.join()
	select {
	case <-f.done:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	switch {
	case f.err != nil:
		return "", f.err
	case f.token == nil || f.token.AccessToken == "":
		return "", errors.New("an empty token")
	}
	return f.token.AccessToken, nil
}

// join is the flight that is under way, or a new one, which ends with the source's own time limit.
func (t *tokens) join() *flight {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.flight != nil {
		return t.flight
	}
	f := &flight{done: make(chan struct{})}
	t.flight = f
	go func() {
		f.token, f.err = t.source.Token()
		t.mu.Lock()
		t.flight = nil
		t.mu.Unlock()
		close(f.done)
	}()
	return f
}
