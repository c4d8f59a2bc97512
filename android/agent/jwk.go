package agent

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// b64 is base64url without padding, of which every value has one form (RFC 7515, section 2).
var b64 = base64.RawURLEncoding.Strict()

// jwk is a public P-256 key as the contract writes it (RFC 7517, RFC 7518 section 6.2.1).
type jwk struct {
	Curve string `json:"crv"`
	Type  string `json:"kty"`
	X     string `json:"x"`
	Y     string `json:"y"`
	KeyID string `json:"kid,omitempty"`
	Use   string `json:"use,omitempty"`
	Alg   string `json:"alg,omitempty"`
}

// coordinate is the size of a coordinate of P-256, in bytes.
const coordinate = 32

// key returns the public key, checked to be a point of the curve.
func (j jwk) key() (*ecdsa.PublicKey, error) {
	if j.Type != "EC" || j.Curve != "P-256" {
		return nil, &DecodeError{Field: "jwk", Rule: RuleKey}
	}
	point := []byte{4} // uncompressed (SEC 1, section 2.3.4)
	for _, text := range []string{j.X, j.Y} {
		b, err := b64.DecodeString(text)
		if err != nil || len(b) != coordinate {
			return nil, &DecodeError{Field: "jwk", Rule: RuleKey}
		}
		point = append(point, b...)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, &DecodeError{Field: "jwk", Rule: RuleKey}
	}
	return key, nil
}

// formatJWK is the key without an ID.
func formatJWK(key *ecdsa.PublicKey) (jwk, error) {
	point, err := key.Bytes()
	if err != nil || key.Curve != elliptic.P256() {
		return jwk{}, &DecodeError{Field: "jwk", Rule: RuleKey}
	}
	return jwk{
		Curve: "P-256", Type: "EC",
		X: b64.EncodeToString(point[1 : 1+coordinate]), Y: b64.EncodeToString(point[1+coordinate:]),
	}, nil
}

// thumbprint names the key (RFC 7638, section 3): a hash of the members that make it, in their order, and no others.
func (j jwk) thumbprint() string {
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":%q,"kty":%q,"x":%q,"y":%q}`, j.Curve, j.Type, j.X, j.Y))
	return b64.EncodeToString(sum[:])
}
