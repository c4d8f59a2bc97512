package fcm

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/oauth2"

	"github.com/latchkey-mdm/latchkey/android/internal/google"
	"github.com/latchkey-mdm/latchkey/lock"
)

const (
	host        = "https://fcm.googleapis.com"
	scope       = "https://www.googleapis.com/auth/firebase.messaging"
	maxKeepFor  = 28 * 24 * time.Hour // FCM's longest time to live
	maxToken    = 4096                // bytes; Google's have about 170
	maxInFlight = 100                 // messages at once; more of them only wait longer
)

// Config is what a Waker is made of.
type Config struct {
	CredentialsFile string             // the JSON key file of a service account that may send messages; or give Credentials and Project
	Credentials     oauth2.TokenSource // access tokens with the scope firebase.messaging, in place of CredentialsFile
	Project         string             // the Firebase project's ID; empty: that of CredentialsFile
	Tokens          Tokens             // required
	// KeepFor is how long FCM keeps a wake-up for a device that is offline: at least as long as the orders of the platform live, at most 28
	// days. 0: 28 days, since a wake-up that comes too late only makes the agent look.
	KeepFor   time.Duration
	Host      string            // of FCM, for tests: https, or http to this machine; empty: https://fcm.googleapis.com
	Transport http.RoundTripper // nil: http.DefaultTransport
	Now       func() time.Time  // nil: time.Now
}

// Waker wakes Android devices. It implements lock.Waker and is safe for concurrent use.
type Waker struct {
	tokens  Tokens
	client  *google.Client
	path    string
	ttl     string
	now     func() time.Time
	waiting chan struct{} // one for each message under way
}

// New reads the key file and connects to nothing yet. It fails with a *lock.InputError when something required is missing or cannot be
// used.
func New(c Config) (*Waker, error) {
	c.KeepFor, c.Host = cmp.Or(c.KeepFor, maxKeepFor), cmp.Or(c.Host, host)
	if c.Now == nil {
		c.Now = time.Now
	}
	switch {
	case c.Tokens == nil:
		return nil, &lock.InputError{Field: "Tokens", Rule: "is required"}
	case c.KeepFor < time.Second || c.KeepFor > maxKeepFor:
		return nil, &lock.InputError{Field: "KeepFor", Rule: "must be a second to 28 days"}
	case (c.CredentialsFile == "") == (c.Credentials == nil):
		return nil, &lock.InputError{Field: "CredentialsFile", Rule: "is required, unless Credentials is given in its place"}
	}
	if err := google.CheckHost(c.Host); err != nil {
		return nil, &lock.InputError{Field: "Host", Rule: err.Error(), Err: err}
	}
	web := google.HTTP(c.Transport)
	if c.Credentials == nil {
		account, err := google.ReadAccount(c.CredentialsFile)
		if err != nil {
			return nil, &lock.InputError{Field: "CredentialsFile", Rule: fmt.Sprintf("%s: %v", c.CredentialsFile, err), Err: err}
		}
		c.Credentials, c.Project = account.Tokens(web, scope), cmp.Or(c.Project, account.Project)
	}
	if c.Project == "" {
		return nil, &lock.InputError{Field: "Project", Rule: "is required: the ID of the Firebase project"}
	}
	return &Waker{
		tokens: c.Tokens, client: google.NewClient(c.Host, c.Credentials, web, c.Now), now: c.Now,
		path: "/v1/projects/" + url.PathEscape(c.Project) + "/messages:send", ttl: seconds(c.KeepFor), waiting: make(chan struct{}, maxInFlight),
	}, nil
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) + "s" }

// message is the body of messages:send.
type message struct {
	Message struct {
		Token   string            `json:"token"`
		Data    map[string]string `json:"data"`
		Android options           `json:"android"`
	} `json:"message"`
}

type options struct {
	CollapseKey  string `json:"collapseKey"`
	Priority     string `json:"priority"`
	TTL          string `json:"ttl"`
	DirectBootOK bool   `json:"directBootOk"`
}

// Wake sends a wake-up to the device's agent. A nil error says that FCM took it, not that it was delivered. The error is an *Error, or that
// of Tokens.
func (w *Waker) Wake(ctx context.Context, d lock.Device) error {
	token, err := w.tokens.Token(ctx, d)
	switch {
	case err != nil:
		return fmt.Errorf("fcm: look up the registration token: %w", err)
	case token == "":
		return &Error{Class: ClassNoToken}
	case len(token) > maxToken:
		return &Error{Class: ClassBadToken, Err: fmt.Errorf("it has more than %d bytes", maxToken)}
	}
	e := w.send(ctx, token)
	if e == nil {
		return nil
	}
	if e.dead {
		if err := w.tokens.Dead(ctx, d, token, w.now()); err != nil {
			return errors.Join(e, fmt.Errorf("fcm: note that the token is dead: %w", err))
		}
	}
	return e
}

func (w *Waker) send(ctx context.Context, token string) *Error {
	select {
	case w.waiting <- struct{}{}:
		defer func() { <-w.waiting }()
	case <-ctx.Done():
		return &Error{Class: ClassUnreachable, Err: ctx.Err()}
	}
	var m message
	m.Message.Token, m.Message.Data = token, map[string]string{"w": "1"}
	m.Message.Android = options{CollapseKey: "cmd", Priority: "HIGH", TTL: w.ttl, DirectBootOK: true}
	body, err := json.Marshal(m)
	if err != nil {
		return &Error{Class: ClassRejected, Err: errors.New("the message cannot be made")}
	}
	var answer struct {
		Name string `json:"name"`
	}
	err = w.client.Do(ctx, http.MethodPost, w.path, nil, body, &answer)
	if err == nil && answer.Name == "" {
		return &Error{Class: ClassRejected, Status: http.StatusOK, Err: errors.New("an answer without the message's name")}
	}
	return failed(err)
}
