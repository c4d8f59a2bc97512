package mdmproto

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
)

// ErrNotEnrolled says that a certificate or an identifier belongs to no current enrolment. The handler answers 400: never 401, which
// would make a device drop its management.
const ErrNotEnrolled lock.Error = "not enrolled with this certificate"

// Enrollments is what the handler needs of the embedder's device records. The methods may be called concurrently. An error that wraps
// ErrNotEnrolled is answered with 400, any other with 503, so that the device comes back.
type Enrollments interface {
	// Authenticate binds the certificate to the device that the message names, and refuses one that is bound to another. Otherwise the
	// device was wiped and enrolled anew, and the handler tells the ledger (lock.EvidenceReenrolled) before it answers. Settled says that
	// this is not so: an enrolled device has renewed its certificate, by the embedder's own evidence, or the embedder tells the ledger
	// itself before Device accepts the certificate. The latter is safer, since a crash may come between binding and telling.
	Authenticate(ctx context.Context, cert *x509.Certificate, m Checkin) (d lock.Device, settled bool, err error)
	// Device returns the enrolled device of that ID, with its facts, if the certificate is the one that is bound to it.
	Device(ctx context.Context, cert *x509.Certificate, enrollmentID string) (lock.Device, error)
	// TokenUpdate keeps the push token of the device, or of its user when m.IsUser: they are different channels.
	TokenUpdate(ctx context.Context, d lock.Device, m Checkin) error
	// CheckOut notes that the device says that it is no longer managed. Its ledger stays.
	CheckOut(ctx context.Context, d lock.Device, m Checkin) error
}

// Commands is where the embedder's other commands come from, on the device channel. A lock always goes first.
type Commands interface {
	// Result takes a result of a command that is not the ledger's. An error is answered with 503, and the device sends it again.
	Result(ctx context.Context, d lock.Device, r Result) error
	// Next returns the next command's bytes, nil for none. After a NotNow it must not offer a command that was answered so.
	Next(ctx context.Context, d lock.Device, answered Result) ([]byte, error)
}

// HandlerConfig is what the device-facing handler is made of.
type HandlerConfig struct {
	Service     *lock.Service // required
	Verifier    Verifier      // its Roots are required
	Enrollments Enrollments   // required
	Commands    Commands      // nil: no others
	Logger      *slog.Logger  // nil: slog.Default
}

type handler struct{ HandlerConfig }

// NewHandler returns the one handler for check-ins and commands, PUT and POST: the profile's ServerURL and CheckInURL. It answers
//
//   - 200 with a command, or with no byte when there is none;
//   - 400 for a body or signature that is not acceptable, 405, 413 and 415 for a wrong method, size or type; never 401;
//   - 503 with Retry-After when something could not be made durable: the device keeps its answer and sends it again.
//
// What it logs of a message are its sizes, types, rules and IDs, never its text. Set MaxHeaderBytes of the http.Server to 32 KiB.
func NewHandler(c HandlerConfig) (http.Handler, error) {
	switch {
	case c.Service == nil:
		return nil, &lock.InputError{Field: "Service", Rule: "is required"}
	case c.Verifier.Roots == nil:
		return nil, &lock.InputError{Field: "Verifier.Roots", Rule: "is required: the CA that issues device certificates"}
	case c.Enrollments == nil:
		return nil, &lock.InputError{Field: "Enrollments", Rule: "is required"}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &handler{c}, nil
}

// refusal is an answer other than 200, with a text for whoever reads it.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := h.serve(r)
	var refused *refusal
	switch {
	case err == nil:
		if len(body) > 0 {
			w.Header().Set("Content-Type", "application/xml; charset=UTF-8")
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) //nolint:gosec // a property list for a device, not a page; one that did not get it comes back
	case errors.As(err, &refused):
		h.Logger.WarnContext(r.Context(), "device request refused",
			slog.Int("status", refused.status), slog.Any("error", err), slog.Int64("size", r.ContentLength))
		if refused.status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", "PUT, POST")
		}
		http.Error(w, refused.text, refused.status)
	default:
		h.Logger.ErrorContext(r.Context(), "device request failed", slog.Any("error", err))
		w.Header().Set("Retry-After", "30")
		http.Error(w, "temporarily unavailable: send this again later", http.StatusServiceUnavailable)
	}
}

// serve checks a request from the outside in: method, type, size, signature, message, enrolment.
func (h *handler) serve(r *http.Request) ([]byte, error) {
	if r.Method != http.MethodPut && r.Method != http.MethodPost {
		return nil, &refusal{http.StatusMethodNotAllowed, "use PUT or POST"}
	}
	if err := checkType(r.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	if r.Header.Get("Mdm-Signature") == "" { // not worth the body
		return nil, bad(&SignatureError{Rule: RuleMissing})
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxMessage+1))
	if err != nil {
		return nil, &refusal{http.StatusBadRequest, "the body could not be read to its end"}
	}
	if len(body) > maxMessage {
		return nil, &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", maxMessage)}
	}
	cert, err := h.Verifier.Verify(r.Header.Get("Mdm-Signature"), body)
	if err != nil {
		return nil, bad(err)
	}
	answer, err := h.message(r, cert, body)
	if err != nil { // whoever reads the log wants to know which device that was, also when its message does not tell
		sum := sha256.Sum256(cert.Raw)
		return nil, fmt.Errorf("certificate %x: %w", sum[:8], err)
	}
	return answer, nil
}

// message reads what a known certificate signed.
func (h *handler) message(r *http.Request, cert *x509.Certificate, body []byte) ([]byte, error) {
	if isCheckin(r.Header.Get("Content-Type"), body) {
		m, err := ParseCheckin(body)
		if err != nil {
			return nil, bad(err)
		}
		return h.checkin(r.Context(), cert, m)
	}
	m, err := ParseResult(body)
	if err != nil {
		return nil, bad(err)
	}
	return h.command(r.Context(), cert, m)
}

// bad refuses input with the rule that it broke, which holds no part of it.
func bad(err error) error {
	return &refusal{http.StatusBadRequest, err.Error()}
}

// checkType admits Apple's types, no type at all (some clients send none with a poll), and plain XML.
func checkType(header string) error {
	if header == "" {
		return nil
	}
	kind, params, err := mime.ParseMediaType(header)
	charset := strings.ToLower(params["charset"])
	switch {
	case err != nil, charset != "" && charset != "utf-8":
	case kind == typeCheckin, kind == typeCommand, kind == "application/xml", kind == "text/xml":
		return nil
	}
	return &refusal{http.StatusUnsupportedMediaType, "the content type must be " + typeCommand + " or " + typeCheckin + ", in UTF-8"}
}

const (
	typeCommand = "application/x-apple-aspen-mdm"
	typeCheckin = "application/x-apple-aspen-mdm-checkin"
)

// isCheckin goes by the content type, and where there is none by the key that only check-ins have.
func isCheckin(header string, body []byte) bool {
	kind, _, _ := strings.Cut(header, ";")
	switch strings.TrimSpace(strings.ToLower(kind)) {
	case typeCheckin:
		return true
	case typeCommand:
		return false
	}
	return strings.Contains(string(body), "<key>MessageType</key>")
}

// enrolled turns what Enrollments says into an answer.
func enrolled(err error) error {
	if errors.Is(err, ErrNotEnrolled) {
		return &refusal{http.StatusBadRequest, string(ErrNotEnrolled)}
	}
	return err
}
