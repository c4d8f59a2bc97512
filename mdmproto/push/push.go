package push

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/sideshow/apns2"

	"github.com/latchkey-mdm/latchkey/lock"
)

const (
	maxInFlight = 100              // pushes at once; more of them only wait longer
	pushTimeout = 30 * time.Second // when the context has no earlier deadline
	keepFor     = 7 * 24 * time.Hour
	maxToken    = 256 // bytes; Apple's have 32
)

// Config is what a Waker is made of.
type Config struct {
	Certificate string           // required: the file of the push certificate, and of its key unless Key is given, in PEM
	Key         string           // the file of the private key, in PEM; empty: it is in Certificate
	Tokens      Tokens           // required
	KeepFor     time.Duration    // how long APNs keeps a push for a device that is offline; 0: 7 days
	Host        string           // of APNs, for tests; empty: https://api.push.apple.com, the production environment
	Roots       *x509.CertPool   // who may issue the host's certificate, for tests; nil: the system's
	Now         func() time.Time // nil: time.Now
	Logger      *slog.Logger     // told of renewals; nil: slog.Default
}

// Waker wakes Apple devices. It implements lock.Waker and is safe for concurrent use.
type Waker struct {
	cfg   Config
	slots chan struct{} // one for each push under way

	mu      sync.Mutex
	session *session
	text    []byte    // of the files that the session was made of
	checked time.Time // when they were looked at
	broken  error     // why they are not in use
}

// New reads the certificate and connects to nothing yet. It fails with a *lock.InputError when something required is missing, or no
// certificate with its key is in the files, or it is none for device management. One that has expired is accepted, since files that come
// later may hold its successor: see [Waker.Certificate].
func New(c Config) (*Waker, error) {
	c.KeepFor, c.Host = cmp.Or(c.KeepFor, keepFor), cmp.Or(c.Host, apns2.HostProduction)
	u, err := url.Parse(c.Host)
	switch {
	case c.Certificate == "":
		return nil, &lock.InputError{Field: "Certificate", Rule: "is required: the file of the push certificate"}
	case c.Tokens == nil:
		return nil, &lock.InputError{Field: "Tokens", Rule: "is required"}
	case c.KeepFor < 0:
		return nil, &lock.InputError{Field: "KeepFor", Rule: "must not be negative"}
	case err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "":
		return nil, &lock.InputError{Field: "Host", Rule: "must be like https://api.push.apple.com"}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	text, err := readFiles(c.Certificate, c.Key)
	var id identity
	if err == nil {
		id, err = parseIdentity(text)
	}
	if err != nil {
		return nil, &lock.InputError{Field: "Certificate", Rule: fmt.Sprintf("%s: %v", c.Certificate, err), Err: err}
	}
	w := &Waker{cfg: c, slots: make(chan struct{}, maxInFlight), text: text, checked: c.Now()}
	w.session = w.open(id)
	return w, nil
}

func (w *Waker) open(id identity) *session { return newSession(id, w.cfg.Host, w.cfg.Roots, w.cfg.Now) }

// Close closes the connections, when the pushes that are under way have ended. The Waker stays good: the next push connects again.
func (w *Waker) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.session.retire()
	w.session = w.open(w.session.identity)
}

// Wake sends a push to the device's own channel. A nil error says that APNs took it, not that it was delivered: a device that is offline
// gets it within KeepFor, the last of several alone. The error is an *Error, or that of Tokens.
func (w *Waker) Wake(ctx context.Context, d lock.Device) error {
	c, err := w.cfg.Tokens.Channel(ctx, d)
	if err != nil {
		return fmt.Errorf("push: look up the channel: %w", err)
	}
	s := w.begin()
	defer s.end()
	if e := w.check(c, s); e != nil {
		return e
	}
	e := w.push(ctx, c, s)
	if e == nil {
		return nil
	}
	if e.Class == ClassUnregistered {
		if now := w.cfg.Now(); e.Timestamp.IsZero() || e.Timestamp.After(now) {
			e.Timestamp = now
		}
		if err := w.cfg.Tokens.Dead(ctx, d, c.Token, e.Timestamp); err != nil {
			return errors.Join(e, fmt.Errorf("push: note that the token is dead: %w", err))
		}
	}
	return e
}

// begin takes the current session for one push.
func (w *Waker) begin() *session {
	for {
		if s := w.current(); s.begin() { // else it was retired between the two
			return s
		}
	}
}

// check finds what APNs need not be asked.
func (w *Waker) check(c Channel, s *session) *Error {
	switch {
	case len(c.Token) == 0 || c.Magic == "":
		return &Error{Class: ClassNoToken}
	case c.dead():
		return &Error{Class: ClassUnregistered, Timestamp: c.Dead}
	case len(c.Token) > maxToken:
		return &Error{Class: ClassBadToken, Err: fmt.Errorf("it has more than %d bytes", maxToken)}
	case c.Topic != "" && c.Topic != s.topic:
		return &Error{Class: ClassBadTopic, Err: fmt.Errorf("the device enrolled for %.128q, the certificate is for %s", c.Topic, s.topic)}
	case !w.cfg.Now().Before(s.expires):
		return &Error{Class: ClassBadCertificate, Err: fmt.Errorf("it expired on %s", s.expires.Format(time.DateOnly)), provider: true}
	}
	return nil
}

// push sends one. The token becomes a part of the URL in hexadecimal, whatever a device called its token.
func (w *Waker) push(ctx context.Context, c Channel, s *session) *Error {
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-ctx.Done():
		return unanswered(ctx.Err())
	}
	payload, err := json.Marshal(struct {
		MDM string `json:"mdm"`
	}{c.Magic})
	if err != nil {
		return &Error{Class: ClassRejected, Err: err}
	}
	var a answer
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, answerKey{}, &a), pushTimeout)
	defer cancel()
	_, err = s.client.PushWithContext(ctx, &apns2.Notification{
		DeviceToken: hex.EncodeToString(c.Token), Topic: s.topic, PushType: apns2.PushTypeMDM, Priority: apns2.PriorityHigh,
		Expiration: w.cfg.Now().Add(w.cfg.KeepFor), Payload: payload,
	})
	if err != nil {
		return s.unanswered(ctx, err)
	}
	s.refusal.Store(nil)
	if a.status != http.StatusOK {
		return refused(a)
	}
	return nil
}
