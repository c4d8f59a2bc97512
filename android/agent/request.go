package agent

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
	"time"
)

// claims is what a device signs to make one request.
type claims struct {
	V      int    `json:"v"`
	Device string `json:"dev"`
	Method string `json:"htm"`
	URL    string `json:"htu"` // path and query, as they are sent
	Issued string `json:"iat"`
	ID     string `json:"jti"`
	Body   string `json:"bh"` // base64url of the SHA-256 of the body
}

// caller is a device that made a request.
type caller struct {
	Enrolled

	body   []byte
	issued time.Time // when the device signed the request, by its clock
}

// authenticated finds out which device a request is from, and reads its body. It reads that before it looks for the device: whoever sends it
// decides how long it takes, and the keys may be others then. It checks from the cheap to the dear, and remembers the request last, so that
// nobody else can use up a device's request IDs.
func (h *handler) authenticated(ctx context.Context, r *http.Request) (caller, error) {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Device") {
		return caller{}, unauthorized(codeSignature, &DecodeError{Field: "Authorization", Rule: RuleMissing})
	}
	e, err := parseJWS(text, typRequest)
	if err != nil {
		return caller{}, unauthorized(codeSignature, err)
	}
	dev := r.PathValue("dev")
	if e.kid != dev {
		return caller{}, unauthorized(codeSignature, &DecodeError{Field: "kid", Rule: RuleOtherAsked})
	}
	body, err := read(r)
	if err != nil {
		return caller{}, err
	}
	enrolled, err := h.device(ctx, dev)
	if err != nil {
		return caller{}, err
	}
	payload, err := e.verify(enrolled.Key)
	if err != nil {
		return caller{}, unauthorized(codeSignature, err)
	}
	c, err := readClaims(payload)
	if err != nil {
		return caller{}, unauthorized(codeSignature, err)
	}
	issued, err := h.fits(c, r)
	if err != nil {
		return caller{}, err
	}
	sum := sha256.Sum256(body)
	if subtle.ConstantTimeCompare([]byte(c.Body), []byte(b64.EncodeToString(sum[:]))) != 1 {
		return caller{}, unauthorized(codeSignature, &DecodeError{Field: "bh", Rule: RuleOtherAsked})
	}
	fresh, err := h.Requests.Once(ctx, dev, c.ID, issued.Add(h.Skew+time.Minute)) // somewhat longer than it would be accepted
	switch {
	case err != nil:
		return caller{}, err
	case !fresh:
		return caller{}, unauthorized("replayed", nil)
	}
	return caller{Enrolled: enrolled, body: body, issued: issued}, nil
}

// codeSignature is what a device learns of a request that is not signed as it must be. Why is in the log.
const codeSignature = "bad_signature"

func unauthorized(code string, cause error) error {
	text := map[string]string{
		codeSignature:  "the request is not signed by this device for this request",
		"clock_skew":   "the device's clock is off: take server_time, and repeat",
		"replayed":     "the request was made before: every attempt needs a jti of its own",
		"not_enrolled": string(ErrNotEnrolled),
	}[code]
	return &refusal{status: http.StatusUnauthorized, code: code, text: text, cause: cause}
}

// device is an enrolled device.
func (h *handler) device(ctx context.Context, id string) (Enrolled, error) {
	enrolled, err := h.Enrollments.Device(ctx, id)
	switch {
	case errors.Is(err, ErrNotEnrolled):
		return Enrolled{}, unauthorized("not_enrolled", nil)
	case err != nil:
		return Enrolled{}, err
	case enrolled.Key == nil || enrolled.Device.ID != id: // a wrong record is no reason to believe anybody
		return Enrolled{}, errors.New("the record of an enrolled device has no key, or names another device")
	}
	return enrolled, nil
}

// readClaims reads the payload of a request.
func readClaims(payload []byte) (claims, error) {
	var c claims
	if err := decode(payload, &c); err != nil {
		return claims{}, err
	}
	if c.V != contractVersion {
		return claims{}, &DecodeError{Field: "v", Rule: RuleVersion}
	}
	if len(c.ID) < 16 || len(c.ID) > 64 || strings.Trim(c.ID, requestID) != "" {
		return claims{}, &DecodeError{Field: "jti", Rule: RuleValue}
	}
	return c, nil
}

const requestID = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"

// fits compares what was signed with what was asked, and returns when it was signed.
func (h *handler) fits(c claims, r *http.Request) (time.Time, error) {
	other := ""
	switch {
	case c.Device != r.PathValue("dev"):
		other = "dev"
	case c.Method != r.Method:
		other = "htm"
	case c.URL != r.URL.RequestURI():
		other = "htu"
	}
	if other != "" {
		return time.Time{}, unauthorized(codeSignature, &DecodeError{Field: other, Rule: RuleOtherAsked})
	}
	return h.timely(c.Issued)
}

// timely checks a time of the device's against the server's.
func (h *handler) timely(iat string) (time.Time, error) {
	issued, err := instant("iat", iat)
	if err != nil {
		return time.Time{}, unauthorized(codeSignature, err)
	}
	if issued.Sub(h.Now()).Abs() > h.Skew {
		return time.Time{}, unauthorized("clock_skew", nil)
	}
	return issued, nil
}
