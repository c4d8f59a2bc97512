package agent

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// The types of what is signed.
const (
	typEnroll  = "android-enroll+jws"
	typRequest = "android-request+jws"
	typResult  = "android-result+jws"
	typState   = "android-state+jws"
	typCommand = "android-cmd+jws"
)

// maxJWS bounds one signed message.
const maxJWS = 16 << 10

// protected is a JWS header of the contract (RFC 7515, section 4). It has no other members: no crit, no x5c, no jku, no b64.
type protected struct {
	Alg string `json:"alg"`
	Typ string `json:"typ"`
	Kid string `json:"kid"`
	JWK *jwk   `json:"jwk"`
}

// envelope is a JWS whose header is as the contract has it, and whose signature nobody has checked.
type envelope struct {
	kid    string
	key    *ecdsa.PublicKey // of typEnroll: the key in the header
	signed *jose.JSONWebSignature
}

// parseJWS reads a compact JWS of one type. One of typEnroll carries the key that signed it; any other names its signer, and carries none.
func parseJWS(text, typ string) (envelope, error) {
	if len(text) > maxJWS {
		return envelope{}, &DecodeError{Field: "jws", Rule: RuleSize}
	}
	first, _, _ := strings.Cut(text, ".")
	raw, err := b64.DecodeString(first)
	if err != nil {
		return envelope{}, &DecodeError{Field: "jws", Rule: RuleEncoding}
	}
	var h protected
	if err := decode(raw, &h); err != nil {
		return envelope{}, &DecodeError{Field: "jws", Rule: RuleHeader}
	}
	switch {
	case h.Alg != string(jose.ES256):
		return envelope{}, &DecodeError{Field: "jws", Rule: RuleAlgorithm}
	case h.Typ != typ, (typ == typEnroll) != (h.JWK != nil), (typ == typEnroll) != (h.Kid == ""):
		return envelope{}, &DecodeError{Field: "jws", Rule: RuleHeader}
	}
	e := envelope{kid: h.Kid}
	if h.JWK != nil {
		if e.key, err = h.JWK.key(); err != nil {
			return envelope{}, err
		}
	}
	if e.signed, err = jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.ES256}); err != nil {
		return envelope{}, &DecodeError{Field: "jws", Rule: RuleSyntax}
	}
	return e, nil
}

// verify returns the payload if the key signed it.
func (e envelope) verify(key *ecdsa.PublicKey) ([]byte, error) {
	payload, err := e.signed.Verify(key)
	if err != nil {
		return nil, &DecodeError{Field: "jws", Rule: RuleSignature}
	}
	return payload, nil
}

// newSigner signs commands with a key.
func newSigner(k Key) (jose.Signer, error) {
	if k.private == nil {
		return nil, errors.New("the zero key")
	}
	options := (&jose.SignerOptions{}).WithType(typCommand)
	key := jose.JSONWebKey{Key: k.private(), KeyID: k.ID()}
	return jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
}

// sign makes a compact JWS.
func sign(s jose.Signer, payload []byte) (string, error) {
	signed, err := s.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign a command: %w", err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("sign a command: %w", err)
	}
	if len(text) > maxJWS {
		return "", fmt.Errorf("sign a command: it would have %d bytes, at most %d", len(text), maxJWS)
	}
	return text, nil
}
