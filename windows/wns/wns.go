package wns

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/latchkey-mdm/latchkey/lock"
)

const (
	loginURL  = "https://login.live.com/accesstoken.srf"
	scope     = "notify.windows.com"
	keepFor   = 24 * time.Hour
	longestOf = 30 * 24 * time.Hour // the life of a channel
	timeLimit = 30 * time.Second
	maxAnswer = 64 << 10 // bytes that are read, so that the connection can be used again
)

// Config is what a Waker is made of.
type Config struct {
	ClientID string   // the app's package SID, ms-app://S-1-15-2-...
	Secret   string   // the app's client secret
	Channels Channels // required
	// KeepFor is how long WNS keeps a wake-up for a device that is offline, at most 30 days. 0: a day; the device also comes by itself.
	KeepFor   time.Duration
	TokenURL  string            // for tests; empty: https://login.live.com/accesstoken.srf
	Host      string            // for tests: the host and port that channels have, in place of those below notify.windows.com
	Transport http.RoundTripper // nil: http.DefaultTransport
	Now       func() time.Time  // nil: time.Now; only for dates in answers
}

// Waker wakes Windows devices. It implements lock.Waker and is safe for concurrent use.
type Waker struct {
	channels Channels
	tokens   *tokens
	client   *http.Client
	host     string
	ttl      string
	now      func() time.Time
}

// New connects to nothing yet. It fails with a *lock.InputError when something required is missing or cannot be used.
func New(c Config) (*Waker, error) {
	c.KeepFor, c.TokenURL = cmp.Or(c.KeepFor, keepFor), cmp.Or(c.TokenURL, loginURL)
	if c.Now == nil {
		c.Now = time.Now
	}
	endpoint, err := url.Parse(c.TokenURL)
	switch {
	case c.ClientID == "":
		return nil, &lock.InputError{Field: "ClientID", Rule: "is required: the package SID of the app"}
	case c.Secret == "":
		return nil, &lock.InputError{Field: "Secret", Rule: "is required: the client secret of the app"}
	case c.Channels == nil:
		return nil, &lock.InputError{Field: "Channels", Rule: "is required"}
	case c.KeepFor < time.Second || c.KeepFor > longestOf:
		return nil, &lock.InputError{Field: "KeepFor", Rule: "must be a second to 30 days"}
	case err != nil || endpoint.Scheme != "https" || endpoint.Host == "":
		return nil, &lock.InputError{Field: "TokenURL", Rule: "must be an https address"}
	}
	client := &http.Client{
		Transport: c.Transport, Timeout: timeLimit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Waker{
		channels: c.Channels, tokens: newTokens(c, client), client: client, host: c.Host,
		ttl: strconv.FormatInt(int64(c.KeepFor/time.Second), 10), now: c.Now,
	}, nil
}

// Wake sends a wake-up to the device. A nil error says that WNS took it, not that it was delivered. The error is an *Error, or that of
// Channels.
func (w *Waker) Wake(ctx context.Context, d lock.Device) error {
	uri, err := w.channels.Channel(ctx, d)
	switch {
	case err != nil:
		return fmt.Errorf("wns: look up the channel: %w", err)
	case uri == "":
		return &Error{Class: ClassNoChannel}
	}
	channel, err := parse(uri, w.host)
	if err != nil {
		return &Error{Class: ClassBadChannel, Err: err}
	}
	e := w.push(ctx, channel)
	switch {
	case e == nil:
		return nil
	case e.Class != ClassExpired:
		return e
	}
	if err := w.channels.Expired(ctx, d, uri); err != nil {
		return errors.Join(e, fmt.Errorf("wns: note that the channel has expired: %w", err))
	}
	return e
}

// push sends with the kept token, and once more with another one when that is not taken.
func (w *Waker) push(ctx context.Context, channel *url.URL) *Error {
	for fresh := false; ; fresh = true {
		token, e := w.tokens.get(ctx)
		if e == nil {
			e = w.send(ctx, channel, token)
		}
		if e == nil || e.Status != http.StatusUnauthorized || token == nil {
			return e
		}
		w.tokens.drop(token)
		if fresh {
			return e
		}
	}
}

func (w *Waker) send(ctx context.Context, channel *url.URL, token *oauth2.Token) *Error {
	// The body is a byte that the device ignores: without one, a notification has no length.
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, channel.String(), strings.NewReader("0"))
	if err != nil {
		return &Error{Class: ClassBadChannel, Err: errors.New("no request can be made for it")}
	}
	r.Header = http.Header{
		"Authorization": {"Bearer " + token.AccessToken},
		"Content-Type":  {"application/octet-stream"},
	}
	for name, value := range map[string]string{
		"X-WNS-Type": "wns/raw", "X-WNS-Cache-Policy": "cache", "X-WNS-TTL": w.ttl, "X-WNS-RequestForStatus": "true",
	} {
		r.Header.Set(name, value)
	}
	answer, err := w.client.Do(r)
	if err != nil {
		if outer := (*url.Error)(nil); errors.As(err, &outer) { // it shows the channel
			err = outer.Err
		}
		return &Error{Class: ClassUnreachable, Err: err}
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // the status stands whatever the body is
	return read(answer, w.now())
}
