package wns

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// tokens keeps one access token for all wake-ups.
type tokens struct {
	fetch func(context.Context) (*oauth2.Token, error)

	mu     sync.Mutex
	token  *oauth2.Token
	flight *flight
}

// flight is a token that is being asked for.
type flight struct {
	done  chan struct{}
	token *oauth2.Token
	err   *Error
}

func newTokens(c Config, client *http.Client) *tokens {
	credentials := &clientcredentials.Config{
		ClientID: c.ClientID, ClientSecret: c.Secret, TokenURL: c.TokenURL, Scopes: []string{scope}, AuthStyle: oauth2.AuthStyleInParams,
	}
	return &tokens{fetch: func(ctx context.Context) (*oauth2.Token, error) {
		return credentials.Token(context.WithValue(ctx, oauth2.HTTPClient, client))
	}}
}

// get returns the kept token, or waits for one: those who wait at the same time wait for the same.
func (t *tokens) get(ctx context.Context) (*oauth2.Token, *Error) {
	t.mu.Lock()
	if t.token.Valid() {
		defer t.mu.Unlock()
		return t.token, nil
	}
	f := t.flight
	if f == nil {
		f = &flight{done: make(chan struct{})}
		t.flight = f
		go t.fly(context.WithoutCancel(ctx), f) // others wait for it too; the client's time limit ends it
	}
	t.mu.Unlock()
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return nil, &Error{Class: ClassUnreachable, Err: ctx.Err()}
	}
}

func (t *tokens) fly(ctx context.Context, f *flight) {
	token, err := t.fetch(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.token, f.token = token, token
	} else {
		f.err = noToken(err)
	}
	t.flight = nil
	close(f.done)
}

// drop forgets a token that WNS did not take, unless there is a newer one.
func (t *tokens) drop(token *oauth2.Token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token == token {
		t.token = nil
	}
}

// noToken keeps the status of an answer that was no token. Its text may hold anything.
func noToken(err error) *Error {
	e := &Error{Class: ClassUnreachable, Err: errors.New("the token endpoint did not answer with a token")}
	if answer := (*oauth2.RetrieveError)(nil); errors.As(err, &answer) && answer.Response != nil {
		e.Status = answer.Response.StatusCode
		switch e.Class = ClassRejected; {
		case e.Status == http.StatusTooManyRequests:
			e.Class = ClassThrottled
		case e.Status >= http.StatusInternalServerError:
			e.Class = ClassUnavailable
		case e.Status >= http.StatusBadRequest:
			e.Class = ClassBadCredentials
		}
	} else if outer := (*url.Error)(nil); errors.As(err, &outer) {
		e.Err = outer.Err
	}
	return e
}
