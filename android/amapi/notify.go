package amapi

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/latchkey-mdm/latchkey/android/internal/google"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

const (
	maxPush = 1 << 20          // bytes of a push; that of an operation has about 1,000
	young   = 10 * time.Minute // an operation that is not known yet may be by then
)

// Notification is a message of the enterprise's Pub/Sub topic.
type Notification struct {
	Type      string    // COMMAND, STATUS_REPORT, ENROLLMENT, ...
	ID        string    // of the message; a repeated one has it again
	Published time.Time // zero: unknown
	Data      []byte    // JSON of the resource that Type names
}

// NotifyConfig is what the handler of notifications is made of.
type NotifyConfig struct {
	// Service records results: a *lock.Service. Required.
	Service interface {
		Report(ctx context.Context, r lock.Report) error
	}
	// Token is what the push endpoint's URL has as ?token=, and Verify checks a push in another way, as by its OpenID Connect token: an error
	// refuses it. At least one of them is required; with both, both must hold.
	Token  pin.PIN
	Verify func(r *http.Request) error
	// Scope is that of all devices whose lock.Device.ID is their resource name. Embedders with other IDs, or several scopes, give Device,
	// which finds a device by its resource name; lock.ErrNotFound: there is none.
	Scope  string
	Device func(ctx context.Context, name string) (lock.Device, error)
	// Other takes notifications of other types than COMMAND. Its error has Pub/Sub send the message again. nil: they are acknowledged.
	Other  func(ctx context.Context, n Notification) error
	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: slog.Default
}

// NewHandler takes Pub/Sub's push requests: at any path, and by POST only. It answers 204 when all that a message says is durable, or when
// nothing will ever come of it; 503 when Pub/Sub is to send it again; and 403 to whoever is not Pub/Sub. It fails with a *lock.InputError
// when something required is missing.
func NewHandler(c NotifyConfig) (http.Handler, error) {
	switch {
	case c.Service == nil:
		return nil, &lock.InputError{Field: "Service", Rule: "is required"}
	case c.Token.IsZero() && c.Verify == nil:
		return nil, &lock.InputError{Field: "Token", Rule: "is required, unless Verify is given: the endpoint is open to everybody"}
	case c.Scope == "" && c.Device == nil:
		return nil, &lock.InputError{Field: "Scope", Rule: "is required, unless Device is given"}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.Device == nil {
		c.Device = func(_ context.Context, name string) (lock.Device, error) {
			return lock.Device{Scope: c.Scope, ID: name}, nil
		}
	}
	return &handler{c}, nil
}

type handler struct{ cfg NotifyConfig }

// errAgain has Pub/Sub send a message again.
var errAgain = errors.New("the operation is not known yet")

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "POST only", http.StatusMethodNotAllowed)
		return
	}
	if !h.known(r) {
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, maxPush+1))
	if err != nil { // it broke off: Pub/Sub sends it again
		http.Error(w, "incomplete", http.StatusBadRequest)
		return
	}
	n, err := parsePush(text)
	if err != nil {
		h.note(r.Context(), n, fmt.Errorf("read it: %w", err))
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if err := h.take(r.Context(), n); err != nil {
		if !errors.Is(err, errAgain) {
			h.note(r.Context(), n, fmt.Errorf("record it: %w", err))
		}
		w.Header().Set("Retry-After", "10")
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *handler) known(r *http.Request) bool {
	if !h.cfg.Token.IsZero() {
		said, err := pin.Bytes([]byte(r.URL.Query().Get("token")))
		if err != nil || !said.Equal(h.cfg.Token) {
			return false
		}
	}
	return h.cfg.Verify == nil || h.cfg.Verify(r) == nil
}

// note logs what names a message, and nothing of its text.
func (h *handler) note(ctx context.Context, n Notification, err error) {
	h.cfg.Logger.WarnContext(ctx, "notification failed", slog.String("type", n.Type), slog.String("message", n.ID), slog.Any("error", err))
}

// parsePush reads the body of a push request.
func parsePush(text []byte) (n Notification, err error) {
	if len(text) > maxPush {
		return n, fmt.Errorf("more than %d bytes", maxPush)
	}
	var push struct {
		Message struct {
			Attributes map[string]string `json:"attributes"`
			Data       string            `json:"data"`
			ID         string            `json:"messageId"`
			Published  string            `json:"publishTime"`
		} `json:"message"`
	}
	if err := google.Decode(text, &push); err != nil {
		return n, err
	}
	m := push.Message
	n.Type = word(m.Attributes["notificationType"])
	if len(m.ID) <= 64 && isID(m.ID) {
		n.ID = m.ID
	}
	if at, err := time.Parse(time.RFC3339Nano, m.Published); err == nil {
		n.Published = at.UTC()
	}
	if n.Data, err = base64.StdEncoding.DecodeString(m.Data); err != nil {
		return n, errors.New("data that is not base64")
	}
	return n, nil
}

// take does what a message means. An error has Pub/Sub send it again.
func (h *handler) take(ctx context.Context, n Notification) error {
	if n.Type != "COMMAND" {
		if h.cfg.Other == nil {
			return nil
		}
		return h.cfg.Other(ctx, n)
	}
	o, err := ParseOperation(n.Data)
	if err == nil && o.Device() == "" {
		err = errors.New("without the name of an operation")
	}
	if err != nil {
		h.note(ctx, n, fmt.Errorf("read its operation: %w", err))
		return nil
	}
	report := o.Report()
	if report.Outcome == "" {
		return nil // it waits still
	}
	d, err := h.cfg.Device(ctx, o.Device())
	if err == nil {
		report.Scope, report.Device = d.Scope, d.ID
		err = h.cfg.Service.Report(ctx, report)
	}
	return h.settle(ctx, n, o, err)
}

// settle says which errors end with this message.
func (h *handler) settle(ctx context.Context, n Notification, o Operation, err error) error {
	var input *lock.InputError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, lock.ErrNotOurs), errors.Is(err, lock.ErrNotFound):
		at := n.Published
		if at.IsZero() {
			at = o.Created
		}
		if h.cfg.Now().Sub(at) < young {
			return errAgain // its name may not be on record yet
		}
		return nil // somebody else's
	case errors.Is(err, lock.ErrWrongDevice), errors.As(err, &input):
		h.note(ctx, n, fmt.Errorf("record it: %w", err))
		return nil
	}
	return err
}
