package agent

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
)

// enrollMessage is what a device signs to enrol.
type enrollMessage struct {
	version

	Code         string          `json:"code"`
	Issued       string          `json:"iat"`
	AgreementKey json.RawMessage `json:"agreement_key"`
	Serial       string          `json:"serial"`
	Name         string          `json:"name"`
	Model        string          `json:"model"`
	User         string          `json:"user"`
	FCMToken     string          `json:"fcm_token"`
	Device       json.RawMessage `json:"device"`
}

// enrollAnswer tells a device who it is, and whose commands it takes.
type enrollAnswer struct {
	V          int    `json:"v"`
	Device     string `json:"dev"`
	ServerTime string `json:"server_time"`
	Keys       []jwk  `json:"keys"`
}

const (
	maxCode  = 128
	maxText  = 255
	maxToken = 4096 // an FCM token
)

// enroll binds a device's keys. The body is signed by the key that is bound, which proves that the device has it.
func (h *handler) enroll(ctx context.Context, r *http.Request) (any, error) {
	body, err := read(r)
	if err != nil {
		return nil, err
	}
	e, m, err := parseEnrollment(string(bytes.TrimSpace(body)))
	if err != nil {
		return nil, bad(err)
	}
	if _, err := h.timely(m.Issued); err != nil {
		return nil, err
	}
	e.State.At = h.Now()
	// Whoever hangs up now must not escape what follows from an enrolment.
	ctx = context.WithoutCancel(ctx)
	d, settled, err := h.Enrollments.Enroll(ctx, e)
	if err != nil {
		return nil, enrollError(err)
	}
	if !settled {
		if err := h.Service.Seen(ctx, d, lock.EvidenceReenrolled); err != nil {
			return nil, err
		}
	}
	return enrollAnswer{V: contractVersion, Device: d.ID, ServerTime: stamp(h.Now()), Keys: h.keys}, nil
}

func enrollError(err error) error {
	var input *lock.InputError
	switch {
	case errors.Is(err, ErrCode):
		return &refusal{status: http.StatusForbidden, code: "bad_code", text: string(ErrCode)}
	case errors.As(err, &input):
		return bad(input)
	default:
		return err
	}
}

// parseEnrollment reads and verifies an enrolment. Errors are *DecodeError.
func parseEnrollment(text string) (Enrollment, enrollMessage, error) {
	var m enrollMessage
	e, err := parseJWS(text, typEnroll)
	if err != nil {
		return Enrollment{}, m, err
	}
	payload, err := e.verify(e.key)
	if err != nil {
		return Enrollment{}, m, err
	}
	if err := decode(payload, &m); err != nil {
		return Enrollment{}, m, err
	}
	if err := m.check(typeEnroll); err != nil {
		return Enrollment{}, m, err
	}
	found := Enrollment{
		Code: m.Code, SigningKey: e.key, FCMToken: m.FCMToken,
		Serial: label(m.Serial), Name: label(m.Name), Model: label(m.Model), User: label(m.User),
	}
	if m.Code == "" || len(m.Code) > maxCode || strings.ContainsFunc(m.Code, notVisible) {
		return Enrollment{}, m, &DecodeError{Field: "code", Rule: RuleValue}
	}
	if err := checkFCMToken(m.FCMToken); err != nil {
		return Enrollment{}, m, err
	}
	if found.AgreementKey, err = secondKey(m.AgreementKey, e.key); err != nil {
		return Enrollment{}, m, err
	}
	found.State.FCMToken, found.State.Key = m.FCMToken, e.key
	found.State.Facts, err = strictState(m.Device)
	return found, m, err
}

// secondKey is the key for what is secret. It cannot be the signing key: one key is for one purpose.
func secondKey(raw json.RawMessage, signing *ecdsa.PublicKey) (string, error) {
	var j jwk
	if decode(raw, &j) != nil {
		return "", &DecodeError{Field: "agreement_key", Rule: RuleKey}
	}
	key, err := j.key()
	if err != nil || key.Equal(signing) {
		return "", &DecodeError{Field: "agreement_key", Rule: RuleKey}
	}
	text, err := json.Marshal(jwk{Curve: j.Curve, Type: j.Type, X: j.X, Y: j.Y})
	return string(text), err
}

// label is a device's description of itself, fit for the ledger.
func label(s string) string { return cut(clean(s), maxText) }

func checkFCMToken(s string) error {
	if len(s) > maxToken || strings.ContainsFunc(s, notVisible) {
		return &DecodeError{Field: "fcm_token", Rule: RuleValue}
	}
	return nil
}

func notVisible(r rune) bool { return r <= ' ' || r > '~' }
