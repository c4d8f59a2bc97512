package mdmtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"time"

	"github.com/smallstep/pkcs7"
)

// KeyType is the kind of key that a Mac makes for its identity.
type KeyType int

const (
	// RSA2048 is what a real Mac makes; a Keysize in the profile overrides its size.
	RSA2048 KeyType = iota
	// P256 signs much faster. SCEP envelopes answers to an RSA key, so that the request is signed by a throw-away RSA key and only
	// the CSR inside carries the P-256 key: the SCEP server must not insist that both are the same, else use [Mac.Seed].
	P256
)

// Identity is a device certificate with its key, ECDSA or RSA.
type Identity struct {
	Cert *x509.Certificate
	Key  crypto.Signer
}

// Seed gives the Mac an identity that its next enrolment uses instead of SCEP, once.
func (m *Mac) Seed(id Identity) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seed = &id
}

// Identity returns the identity in use, or ErrNotEnrolled.
func (m *Mac) Identity() (Identity, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.enrolment == nil {
		return Identity{}, ErrNotEnrolled
	}
	return m.enrolment.id, nil
}

// sign returns the value of Mdm-Signature for the body: base64 of a CMS SignedData in DER with the signer's certificate.
func (id Identity) sign(body []byte, digest crypto.Hash, attached bool) (string, error) {
	sd, err := pkcs7.NewSignedData(body)
	if err != nil {
		return "", fmt.Errorf("mdmtest: sign: %w", err)
	}
	sd.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if digest == crypto.SHA1 {
		sd.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA1)
	}
	if err := sd.AddSigner(id.Cert, id.Key, pkcs7.SignerInfoConfig{}); err != nil {
		return "", fmt.Errorf("mdmtest: sign: %w", err)
	}
	if !attached {
		sd.Detach()
	}
	der, err := sd.Finish()
	if err != nil {
		return "", fmt.Errorf("mdmtest: sign: %w", err)
	}
	return base64.StdEncoding.EncodeToString(der), nil
}

func newKey(kind KeyType, rsaBits int) (crypto.Signer, error) {
	if kind == P256 {
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if rsaBits == 0 {
		rsaBits = 2048
	}
	return rsa.GenerateKey(rand.Reader, rsaBits)
}

// selfSigned wraps the key in a certificate of its own, with which a client signs its first SCEP message (RFC 8894, 2.3).
func selfSigned(key crypto.Signer, subject pkix.Name) (Identity, error) {
	now := time.Now() // the CMS library stamps signatures with it
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      subject,
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return Identity{}, err
	}
	cert, err := x509.ParseCertificate(der)
	return Identity{Cert: cert, Key: key}, err
}
