package ca

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/smallstep/pkcs7"
	"github.com/smallstep/scep"

	"github.com/latchkey-mdm/latchkey/mdmproto"
)

const (
	// maxMessage bounds a SCEP message; real ones have three to five kilobytes.
	maxMessage = 12 << 10
	// maxBusy is how many messages are worked on at a time.
	maxBusy  = 2
	capsText = "POSTPKIOperation\nSHA-1\nSHA-256\nAES\nDES3\nRenewal\nSCEPStandard\n"
)

// Bound tells which device a certificate belongs to.
type Bound interface {
	// BoundTo returns the enrolled device that uses this certificate now, and "" when there is none.
	BoundTo(ctx context.Context, cert *x509.Certificate) (device string, err error)
}

// SCEP returns the endpoint for GetCACaps, GetCACert and PKIOperation (RFC 8894), the last with PKCSReq and a one-time code, or with
// RenewalReq signed by the certificate that is in use. It answers 400 to what is no SCEP message, 413 to one that is too large, 503
// when nothing could be recorded, and a SCEP failure to what is refused; why is logged, without the message.
func (c *CA) SCEP(bound Bound, logger *slog.Logger) http.Handler {
	return &scepHandler{ca: c, bound: bound, logger: logger, busy: make(chan struct{}, maxBusy)}
}

type scepHandler struct {
	ca     *CA
	bound  Bound
	logger *slog.Logger
	busy   chan struct{}
}

// ServeHTTP implements http.Handler.
func (h *scepHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, POST")
		http.Error(w, "use GET or POST", http.StatusMethodNotAllowed)
		return
	}
	switch r.URL.Query().Get("operation") {
	case "GetCACaps":
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, capsText)
	case "GetCACert":
		w.Header().Set("Content-Type", "application/x-x509-ca-cert")
		_, _ = w.Write(h.ca.cert.Raw)
	case "PKIOperation":
		h.operate(w, r)
	default:
		http.Error(w, "the operation must be GetCACaps, GetCACert or PKIOperation", http.StatusBadRequest)
	}
}

// operate answers one message.
func (h *scepHandler) operate(w http.ResponseWriter, r *http.Request) {
	der, status := readMessage(r)
	if status != http.StatusOK {
		http.Error(w, "the message is missing, not readable, or larger than 12 KiB", status)
		return
	}
	select {
	case h.busy <- struct{}{}:
		defer func() { <-h.busy }()
	case <-r.Context().Done():
		return
	}
	answer, err := h.answer(r.Context(), der)
	switch {
	case errors.Is(err, errMessage):
		h.logger.WarnContext(r.Context(), "SCEP message refused", slog.Int("size", len(der)))
		http.Error(w, "not a SCEP message that this server understands", http.StatusBadRequest)
	case err != nil:
		h.logger.ErrorContext(r.Context(), "SCEP request failed", slog.Any("error", err))
		w.Header().Set("Retry-After", "30")
		http.Error(w, "temporarily unavailable: try again later", http.StatusServiceUnavailable)
	default:
		w.Header().Set("Content-Type", "application/x-pki-message")
		_, _ = w.Write(answer) //nolint:gosec // DER that was signed here, not a page
	}
}

// readMessage takes the message from the body of a POST, or from the query of a GET, where clients write either base64 alphabet.
func readMessage(r *http.Request) (der []byte, status int) {
	if r.Method == http.MethodPost {
		der, err := io.ReadAll(io.LimitReader(r.Body, maxMessage+1))
		if err != nil {
			return nil, http.StatusBadRequest
		}
		return der, checkSize(len(der))
	}
	text := strings.NewReplacer("-", "+", "_", "/", " ", "+", "\n", "", "\r", "").Replace(r.URL.Query().Get("message"))
	der, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, http.StatusBadRequest
	}
	return der, checkSize(len(der))
}

func checkSize(n int) (status int) {
	switch {
	case n == 0:
		return http.StatusBadRequest
	case n > maxMessage:
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusOK
}

// errMessage says that something is no SCEP message, or one of a kind that is not served.
var errMessage = errors.New("not an acceptable SCEP message")

// answer opens a message and returns the CertRep to it. The library was not written for hostile input everywhere, hence the net.
func (h *scepHandler) answer(ctx context.Context, der []byte) (answer []byte, err error) {
	defer func() {
		if recover() != nil {
			answer, err = nil, errMessage
		}
	}()
	signer, err := checkShape(der)
	if err != nil {
		return nil, err
	}
	msg, err := scep.ParsePKIMessage(der)
	if err != nil || msg.MessageType != scep.PKCSReq && msg.MessageType != scep.RenewalReq {
		return nil, errMessage
	}
	cert, err := h.certify(ctx, msg, signer)
	if errors.Is(err, ErrCode) || errors.Is(err, errRequest) {
		// One answer for all reasons, so that it tells nothing about how the envelope opened.
		h.logger.WarnContext(ctx, "certificate refused", slog.Any("error", err))
		return raw(msg.Fail(h.ca.cert, h.ca.key, scep.BadRequest))
	}
	if err != nil {
		return nil, err
	}
	h.logger.InfoContext(ctx, "certificate issued",
		slog.String("serial", cert.SerialNumber.Text(16)), slog.Time("not_after", cert.NotAfter))
	return raw(msg.Success(h.ca.cert, h.ca.key, cert))
}

func raw(msg *scep.PKIMessage, err error) ([]byte, error) {
	if err != nil {
		return nil, fmt.Errorf("make the SCEP answer: %w", err)
	}
	return msg.Raw, nil
}

// checkShape admits messages of one signer with one certificate, to whose RSA key the answer will be encrypted.
func checkShape(der []byte) (*x509.Certificate, error) {
	if mdmproto.CheckBER(der) != nil {
		return nil, errMessage
	}
	p7, err := pkcs7.Parse(der)
	if err != nil || len(p7.Signers) != 1 || len(p7.Certificates) != 1 || mdmproto.CheckBER(p7.Content) != nil {
		return nil, errMessage // what it holds is a message too: the envelope
	}
	signer := p7.GetOnlySigner()
	if signer == nil {
		return nil, errMessage
	}
	key, ok := signer.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < 1024 || key.N.BitLen() > 4096 {
		return nil, errMessage
	}
	return signer, nil
}

// unwrap opens the envelope. A ciphertext that does not fill its blocks makes the library panic, which must look like any other fault.
func (c *CA) unwrap(msg *scep.PKIMessage) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return msg.DecryptPKIEnvelope(c.cert, c.key) == nil
}

// certify opens the envelope and issues what is asked for, if there is a right to it.
func (h *scepHandler) certify(ctx context.Context, msg *scep.PKIMessage, signer *x509.Certificate) (*x509.Certificate, error) {
	if !h.ca.unwrap(msg) {
		return nil, errRequest // not why: that would be an oracle of the CA's key
	}
	if msg.ChallengePassword != "" {
		return h.ca.issue(ctx, msg.CSR, grant{code: msg.ChallengePassword})
	}
	if msg.MessageType != scep.RenewalReq {
		return nil, ErrCode
	}
	device, err := h.bound.BoundTo(ctx, signer)
	if err != nil {
		return nil, err
	}
	if device == "" {
		return nil, fmt.Errorf("%w: renewal without a certificate in use", errRequest)
	}
	return h.ca.issue(ctx, msg.CSR, grant{renews: device})
}
