package mdmproto

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"github.com/smallstep/pkcs7"
)

const (
	maxCertificates = 8
	maxRSABits      = 8192 // a larger key costs the verifier more than the signer
)

// Verifier checks the Mdm-Signature header: base64 of a CMS SignedData over the body, made with the device's identity.
// Only Roots is required. It may be used concurrently.
//
// A valid signature proves which certificate signed this body, some time. It does not prove that the certificate belongs
// to the device that the body names (compare the SHA-256 of its Raw with the enrolment), nor that the body is fresh: there
// is no nonce in it, and protection against replay comes from the command's ID.
//
// Specification: Apple, Device Management, MDM payload, SignMessage; RFC 5652.
type Verifier struct {
	Roots         *x509.CertPool   // the device CA; nil: every signature is refused
	Intermediates *x509.CertPool   // between Roots and devices; those that a message brings are not used
	Now           func() time.Time // the server's time; nil: time.Now
	// Skew is how much device, CA and server may differ in time: a certificate may begin that much later than now, and the
	// device's signing time may be that much outside its validity. An expired certificate stays expired. Zero: none.
	Skew time.Duration
}

// Verify returns the certificate whose key signed exactly this body: detached, or attached with the body as its
// content. The device CA issued it, and it is valid now, for any key usage. The error is a *SignatureError; answer it
// with 400, never with 401, which unenrols. The work is bounded whatever the header holds: at most 16 KiB are decoded,
// and no key of a certificate that the CA did not issue is used.
func (v Verifier) Verify(header string, body []byte) (*x509.Certificate, error) {
	if v.Roots == nil {
		return nil, &SignatureError{Rule: RuleConfig} // x509 would take the system's
	}
	msg, err := parseSignature(header)
	if err != nil {
		return nil, err
	}
	signer, rule := checkShape(msg, body)
	if rule != "" {
		return nil, &SignatureError{Rule: rule}
	}
	if err := v.checkChain(signer); err != nil {
		return nil, &SignatureError{Rule: RuleChain, Err: err}
	}
	// The library compares the signing time with the certificate's validity before anything else. It is handed a wider
	// copy, and no other certificate to choose from; what counts is the chain check above, at the server's time.
	wide := *signer
	wide.NotBefore, wide.NotAfter = signer.NotBefore.Add(-v.Skew), signer.NotAfter.Add(v.Skew)
	msg.Certificates, msg.Content = []*x509.Certificate{&wide}, body
	if err := msg.Verify(); err != nil {
		return nil, &SignatureError{Rule: verifyRule(err)} // its text may hold a digest of the body
	}
	return signer, nil
}

// parseSignature decodes the header, after it was found to be small and plain.
func parseSignature(header string) (msg *pkcs7.PKCS7, err error) {
	switch {
	case header == "":
		return nil, &SignatureError{Rule: RuleMissing}
	case len(header) > maxHeader:
		return nil, &SignatureError{Rule: RuleSize}
	}
	der, err := base64.StdEncoding.DecodeString(header)
	if err != nil {
		return nil, &SignatureError{Rule: RuleEncoding}
	}
	if _, rule := walkBER(der); rule != "" {
		return nil, &SignatureError{Rule: rule}
	}
	defer func() { // the last net
		if recover() != nil {
			msg, err = nil, &SignatureError{Rule: RuleSyntax}
		}
	}()
	if msg, err = pkcs7.Parse(der); err != nil {
		return nil, &SignatureError{Rule: RuleSyntax}
	}
	return msg, nil
}

// checkShape holds what the library's Verify lets pass, and finds the signer's certificate.
func checkShape(msg *pkcs7.PKCS7, body []byte) (*x509.Certificate, Rule) {
	switch {
	case len(msg.Signers) != 1:
		return nil, RuleSigner
	case len(msg.Certificates) > maxCertificates:
		return nil, RuleCertificates
	case len(msg.Content) > 0 && !bytes.Equal(msg.Content, body):
		return nil, RuleContent
	}
	signer := msg.GetOnlySigner()
	if signer == nil {
		return nil, RuleCertificates
	}
	for _, c := range msg.Certificates { // issuer and serial number name the signer, so they must name one certificate
		if bytes.Equal(c.RawIssuer, signer.RawIssuer) && c.SerialNumber.Cmp(signer.SerialNumber) == 0 && !c.Equal(signer) {
			return nil, RuleCertificates
		}
	}
	if rule := checkAttributes(msg); rule != "" {
		return nil, rule
	}
	return signer, checkAlgorithm(signer, msg.Signers[0].DigestAlgorithm.Algorithm)
}

// checkAttributes requires content type (data) and message digest, each once. Without them the signature would be over
// whatever bytes came as the body, and the attributes of an earlier message could be sent as a body.
func checkAttributes(msg *pkcs7.PKCS7) Rule {
	var seen []string
	for _, attr := range msg.Signers[0].AuthenticatedAttributes {
		id := attr.Type.String()
		if slices.Contains(seen, id) {
			return RuleAttributes
		}
		seen = append(seen, id)
	}
	var contentType asn1.ObjectIdentifier
	if err := msg.UnmarshalSignedAttribute(pkcs7.OIDAttributeContentType, &contentType); err != nil || !contentType.Equal(pkcs7.OIDData) {
		return RuleAttributes
	}
	if !slices.Contains(seen, pkcs7.OIDAttributeMessageDigest.String()) {
		return RuleAttributes
	}
	return ""
}

// checkAlgorithm admits RSA and ECDSA with the SHA family. SHA-1 is what some devices sign with; it is of no use to
// somebody who does not choose the body.
func checkAlgorithm(signer *x509.Certificate, digest asn1.ObjectIdentifier) Rule {
	switch digest.String() {
	case pkcs7.OIDDigestAlgorithmSHA1.String(), pkcs7.OIDDigestAlgorithmSHA256.String(),
		pkcs7.OIDDigestAlgorithmSHA384.String(), pkcs7.OIDDigestAlgorithmSHA512.String():
	default:
		return RuleAlgorithm
	}
	switch key := signer.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return ""
	case *rsa.PublicKey:
		if key.N.BitLen() <= maxRSABits {
			return ""
		}
	}
	return RuleAlgorithm
}

// checkChain asks whether the device CA issued the certificate, and whether it is valid now.
func (v Verifier) checkChain(signer *x509.Certificate) error {
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	at := now()
	if early := signer.NotBefore.Sub(at); early > 0 && early <= v.Skew {
		at = signer.NotBefore
	}
	_, err := signer.Verify(x509.VerifyOptions{
		Roots:         v.Roots,
		Intermediates: v.Intermediates,
		CurrentTime:   at,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	return err
}

// verifyRule says which rule the library's error stands for.
func verifyRule(err error) Rule {
	if _, ok := errors.AsType[*pkcs7.MessageDigestMismatchError](err); ok {
		return RuleContent
	}
	if _, ok := errors.AsType[*pkcs7.SigningTimeNotValidError](err); ok {
		return RuleSigningTime
	}
	return RuleSignature
}
