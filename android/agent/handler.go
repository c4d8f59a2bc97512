package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-mdm/latchkey/lock"
)

const (
	maxWait  = 60 * time.Second // a long poll
	patience = 30 * time.Second // for the body, the work and the answer of a request
	maxKeys  = 8
)

// handler serves devices.
type handler struct {
	Config

	signer jose.Signer
	keys   []jwk
	mux    *http.ServeMux
	spoken spoken
}

// NewHandler returns the handler for everything under /android/v1/: see the package documentation for what it takes and answers. It answers
//
//   - 400, 404, 405, 413 and 415 for a request that is not as the contract has it;
//   - 401 for one that does not prove which device it is from, 403 for an enrolment code that is not accepted;
//   - 503 with Retry-After when something could not be made durable, or read: the device sends it again.
//
// These are problem documents (RFC 9457) with a code, and the server's time. What it logs of a request are sizes, rules and IDs, never a part
// of it. Serve it over TLS, which is where what is in an enrolment is protected. Set MaxHeaderBytes of the http.Server to 32 KiB; the handler
// sets its own deadlines, so that a long poll outlives the server's.
func NewHandler(c Config) (http.Handler, error) {
	switch {
	case c.Service == nil:
		return nil, &lock.InputError{Field: "Service", Rule: "is required"}
	case c.Enrollments == nil:
		return nil, &lock.InputError{Field: "Enrollments", Rule: "is required"}
	case c.Requests == nil:
		return nil, &lock.InputError{Field: "Requests", Rule: "is required"}
	case len(c.Keys) == 0 || len(c.Keys) > maxKeys:
		return nil, &lock.InputError{Field: "Keys", Rule: fmt.Sprintf("must be 1 to %d: make one with NewKey", maxKeys)}
	case c.Skew < 0 || c.Recheck < 0:
		return nil, &lock.InputError{Field: "Skew", Rule: "must not be negative, nor Recheck"}
	}
	c.Skew, c.Recheck = cmp.Or(c.Skew, 5*time.Minute), cmp.Or(c.Recheck, 15*time.Second)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.Now == nil {
		c.Now = time.Now
	}
	h := &handler{Config: c, mux: http.NewServeMux()}
	for _, k := range c.Keys {
		if k.private == nil {
			return nil, &lock.InputError{Field: "Keys", Rule: "must not hold the zero key: make one with NewKey"}
		}
		h.keys = append(h.keys, k.public)
	}
	var err error
	if h.signer, err = newSigner(c.Keys[0]); err != nil {
		return nil, &lock.InputError{Field: "Keys", Rule: "must be able to sign", Err: err}
	}
	const device = "/android/v1/devices/{dev}/"
	h.mux.Handle("/android/v1/enroll", h.on(http.MethodPost, "application/jose", h.enroll))
	h.mux.Handle(device+"commands", h.on(http.MethodGet, "", h.commands))
	h.mux.Handle(device+"results", h.on(http.MethodPost, "application/json", h.results))
	h.mux.Handle(device+"state", h.on(http.MethodPost, "application/json", h.state))
	h.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		h.refuse(w, r, &refusal{status: http.StatusNotFound, code: "not_found", text: "there is nothing here"})
	})
	return h.mux, nil
}

// refusal is an answer other than success.
type refusal struct {
	status int
	code   string // stable
	text   string // for whoever reads it
	cause  error  // for the log; holds no part of the request
}

func (r *refusal) Error() string {
	if r.cause != nil {
		return r.text + ": " + r.cause.Error()
	}
	return r.text
}

// bad refuses input by the rule that it broke, which holds no part of it.
func bad(err error) error {
	var decoding *DecodeError
	if errors.As(err, &decoding) && decoding.Rule == RuleSize {
		return &refusal{status: http.StatusRequestEntityTooLarge, code: "too_large", text: decoding.Error()}
	}
	return &refusal{status: http.StatusBadRequest, code: "malformed", text: err.Error()}
}

// endpoint answers one request, nil for an answer without a body.
type endpoint func(ctx context.Context, r *http.Request) (answer any, err error)

// on checks method and content type, bounds the time, and writes what the endpoint answers.
func (h *handler) on(method, content string, serve endpoint) http.HandlerFunc {
	limit := patience
	if method == http.MethodGet {
		limit += maxWait
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method {
			w.Header().Set("Allow", method)
			h.refuse(w, r, &refusal{status: http.StatusMethodNotAllowed, code: "method", text: "use " + method})
			return
		}
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); content != "" && (err != nil || kind != content) {
			h.refuse(w, r, &refusal{status: http.StatusUnsupportedMediaType, code: "content_type", text: "the content type must be " + content})
			return
		}
		// An error says that this connection has no deadlines: then the server's own limits hold.
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(time.Now().Add(limit))
		_ = control.SetWriteDeadline(time.Now().Add(limit + patience))
		ctx, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		answer, err := serve(ctx, r)
		if err != nil {
			h.refuse(w, r, err)
			return
		}
		h.write(w, http.StatusOK, "application/json", answer)
	}
}

// write sends an answer.
func (h *handler) write(w http.ResponseWriter, status int, content string, answer any) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Latchkey-Time", stamp(h.Now()))
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	body, err := json.Marshal(answer)
	if err != nil { // a bug: every answer is a struct of texts
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	header.Set("Content-Type", content)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a device that did not get it comes back
}

// problem is an answer by RFC 9457.
type problem struct {
	Type       string `json:"type"`
	Title      string `json:"title"`
	Status     int    `json:"status"`
	Detail     string `json:"detail"`
	Code       string `json:"code"`
	ServerTime string `json:"server_time"`
}

// refuse answers with a problem document, and logs why.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var refused *refusal
	level := slog.LevelWarn
	if !errors.As(err, &refused) {
		refused = &refusal{status: http.StatusServiceUnavailable, code: "unavailable", text: "temporarily unavailable: send this again later"}
		level = slog.LevelError
		w.Header().Set("Retry-After", "30")
	}
	if refused.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Device")
	}
	if r.Context().Err() == nil { // a device that hung up is no news
		h.Logger.Log(r.Context(), level, "device request refused", slog.Int("status", refused.status), slog.String("code", refused.code),
			slog.String("device", cut(clean(r.PathValue("dev")), 64)), slog.Int64("size", r.ContentLength), slog.Any("error", err))
	}
	h.write(w, refused.status, "application/problem+json", problem{
		Type: "about:blank", Title: http.StatusText(refused.status), Status: refused.status,
		Detail: refused.text, Code: refused.code, ServerTime: stamp(h.Now()),
	})
}

// read takes a body of at most 64 KiB.
func read(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, &refusal{status: http.StatusBadRequest, code: "malformed", text: "the body could not be read to its end"}
	case len(body) > maxBody:
		return nil, bad(&DecodeError{Field: "body", Rule: RuleSize})
	}
	return body, nil
}
