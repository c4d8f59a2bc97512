package windows

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// patience is for the body, the work, and the answer of a request.
const patience = 30 * time.Second

// handler serves devices.
type handler struct {
	Config

	turns turns
}

// NewHandler returns the handler for the management URL of the devices. Serve it over TLS that asks for client certificates and verifies
// them (tls.VerifyClientCertIfGiven, with the CA that issues them as the only one in ClientCAs). It answers
//
//   - 200 with a message, also for a digest that is wrong or missing: that is a status within it;
//   - 400, 405, 413 and 415 for a request that is no message, 403 for a device that is not enrolled with its certificate;
//   - 503 with Retry-After when something could not be made durable, or read, or another process answers the device: it sends its message
//     again. After a process that stopped in the middle of a message, that takes a minute or so: the clocks of replicas may differ by 30
//     seconds. Where they differ by more, a command may be claimed for an answer that never leaves.
//
// An answer leaves only after everything that the device said is durable: above all a PIN that it has made. What the handler logs of a
// message are sizes, rules and IDs, never a part of it. Set MaxHeaderBytes of the http.Server to 32 KiB. A proxy in front of it that ends
// TLS must hand the verified certificate over in Request.TLS.
func NewHandler(c Config) (http.Handler, error) {
	switch {
	case c.Service == nil:
		return nil, &lock.InputError{Field: "Service", Rule: "is required"}
	case c.Devices == nil:
		return nil, &lock.InputError{Field: "Devices", Rule: "is required"}
	}
	if c.Sessions == nil {
		c.Sessions = newSessions()
	}
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.Now == nil {
		c.Now = time.Now
	}
	return &handler{Config: c}, nil
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// An error says that this connection has no deadlines: then the server's own limits hold.
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(patience))
	_ = control.SetWriteDeadline(time.Now().Add(3 * patience))
	body, err := read(r)
	if err != nil {
		h.refuse(w, r, "", err)
		return
	}
	// Whoever hangs up after the last byte has said what it said: it is made durable all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
	defer cancel()
	v := &visit{cert: certificate(r), body: body, gone: r.Context().Err}
	answer, err := h.serve(ctx, v)
	if err != nil {
		h.refuse(w, r, v.Device.ID, err)
		return
	}
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", syncml.ContentType)
	header.Set("Content-Length", strconv.Itoa(len(answer))) // never chunked, which a client need not understand
	_, _ = w.Write(answer)                                  // a device that did not get it comes back
}

// certificate is the one that TLS has verified; nil when there is none. One that was only presented counts as none.
func certificate(r *http.Request) *x509.Certificate {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || len(r.TLS.PeerCertificates) == 0 {
		return nil
	}
	return r.TLS.PeerCertificates[0]
}

// read checks a request from the outside in: method, type, size.
func read(r *http.Request) ([]byte, error) {
	if r.Method != http.MethodPost {
		return nil, &refusal{status: http.StatusMethodNotAllowed, text: "use POST"}
	}
	if err := checkType(r.Header); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, syncml.MaxBody+1))
	switch {
	case err != nil:
		return nil, &refusal{status: http.StatusBadRequest, text: "the body could not be read to its end"}
	case len(body) > syncml.MaxBody:
		return nil, &refusal{status: http.StatusRequestEntityTooLarge, text: fmt.Sprintf("the body is larger than %d bytes", syncml.MaxBody)}
	}
	return body, nil
}

// checkType admits SyncML as XML in UTF-8: the binary form (WBXML) is not spoken, which a device is told by DEFAULTENCODING.
func checkType(header http.Header) error {
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	charset := strings.ToLower(params["charset"])
	if err != nil || kind != syncml.ContentType || charset != "" && charset != "utf-8" || header.Get("Content-Encoding") != "" {
		return &refusal{status: http.StatusUnsupportedMediaType, text: "the content type must be " + syncml.ContentType + ", in UTF-8, not compressed"}
	}
	return nil
}
