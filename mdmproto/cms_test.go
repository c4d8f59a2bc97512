package mdmproto

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/smallstep/pkcs7"
	"github.com/stretchr/testify/require"
)

// now is the server's time in these tests.
var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// An identity is a certificate with its key.
type identity struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// newKey makes a P-256 key.
func newKey(tb testing.TB) crypto.Signer {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	return key
}

// newCA makes a device CA.
func newCA(tb testing.TB) identity {
	tb.Helper()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Device CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: now.AddDate(-10, 0, 0), NotAfter: now.AddDate(10, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}
	return identity{ca, nil}.issue(tb, ca, newKey(tb))
}

// issue signs a certificate; a CA without a key signs itself.
func (ca identity) issue(tb testing.TB, template *x509.Certificate, key crypto.Signer) identity {
	tb.Helper()
	signer := ca.key
	if signer == nil {
		signer = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), signer)
	require.NoError(tb, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(tb, err)
	return identity{cert, key}
}

// device is the template of a device certificate.
func device(serial int64) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "Mac"},
		NotBefore: now.AddDate(0, 0, -1), NotAfter: now.AddDate(1, 0, 0),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

// A signing describes one Mdm-Signature, good or bad.
type signing struct {
	by       []identity // signers
	certs    []*x509.Certificate
	hash     crypto.Hash // 0: SHA-256
	body     []byte      // what is signed
	attached []byte
	at       time.Time             // signing time; zero: now
	bare     bool                  // no signed attributes
	twice    bool                  // message digest twice
	kind     asn1.ObjectIdentifier // content type attribute; nil: data
	without  string                // object identifier of an attribute to leave out
	oid      pkix.AlgorithmIdentifier
}

type cmsAttribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

type cmsSigner struct {
	Version int
	Issuer  struct {
		Name   asn1.RawValue
		Serial *big.Int
	}
	Digest     pkix.AlgorithmIdentifier
	Attributes asn1.RawValue `asn1:"optional"`
	Signature  pkix.AlgorithmIdentifier
	Value      []byte
}

type cmsContent struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"optional"`
}

type cmsData struct {
	Version int
	Digests []pkix.AlgorithmIdentifier `asn1:"set"`
	Content cmsContent
	Certs   asn1.RawValue
	Signers []cmsSigner `asn1:"set"`
}

// der marshals a value that must be good.
func der(tb testing.TB, v any) []byte {
	tb.Helper()
	b, err := asn1.Marshal(v)
	require.NoError(tb, err)
	return b
}

// wrap gives bytes a constructed tag.
func wrap(class, tag int, parts ...[]byte) asn1.RawValue {
	return asn1.RawValue{Class: class, Tag: tag, IsCompound: true, Bytes: bytes.Join(parts, nil)}
}

// attributes are the signed attributes, in order of their encoding.
func (s signing) attributes(tb testing.TB, digest []byte) [][]byte {
	tb.Helper()
	all := []struct {
		id    asn1.ObjectIdentifier
		value any
	}{
		{pkcs7.OIDAttributeContentType, s.kind},
		{pkcs7.OIDAttributeMessageDigest, digest},
		{pkcs7.OIDAttributeSigningTime, s.at.UTC()},
		{pkcs7.OIDAttributeMessageDigest, bytes.Repeat([]byte{0xff}, len(digest))},
	}
	if !s.twice {
		all = all[:3]
	}
	var out [][]byte
	for _, a := range all {
		if a.id.String() != s.without {
			out = append(out, der(tb, cmsAttribute{a.id, wrap(asn1.ClassUniversal, asn1.TagSet, der(tb, a.value))}))
		}
	}
	slices.SortFunc(out, bytes.Compare)
	return out
}

// signer signs for one identity.
func (s signing) signer(tb testing.TB, id identity) cmsSigner {
	tb.Helper()
	sum := func(b []byte) []byte { h := s.hash.New(); h.Write(b); return h.Sum(nil) }
	out := cmsSigner{Version: 1, Digest: s.oid, Signature: pkix.AlgorithmIdentifier{Algorithm: pkcs7.OIDEncryptionAlgorithmECDSAP256}}
	if _, ok := id.key.(*rsa.PrivateKey); ok {
		out.Signature.Algorithm = pkcs7.OIDEncryptionAlgorithmRSA
	}
	out.Issuer.Name, out.Issuer.Serial = asn1.RawValue{FullBytes: id.cert.RawIssuer}, id.cert.SerialNumber
	signed := s.body
	if !s.bare {
		attrs := s.attributes(tb, sum(s.body))
		signed = der(tb, wrap(asn1.ClassUniversal, asn1.TagSet, attrs...))
		out.Attributes = wrap(asn1.ClassContextSpecific, 0, attrs...)
	}
	var err error
	out.Value, err = id.key.Sign(rand.Reader, sum(signed), s.hash)
	require.NoError(tb, err)
	return out
}

// der is the CMS message.
func (s signing) der(tb testing.TB) []byte {
	tb.Helper()
	if s.hash == 0 {
		s.hash = crypto.SHA256
	}
	if s.kind == nil {
		s.kind = pkcs7.OIDData
	}
	if s.at.IsZero() {
		s.at = now
	}
	s.oid.Algorithm = map[crypto.Hash]asn1.ObjectIdentifier{
		crypto.MD5: {1, 2, 840, 113549, 2, 5}, crypto.SHA1: pkcs7.OIDDigestAlgorithmSHA1, crypto.SHA256: pkcs7.OIDDigestAlgorithmSHA256,
		crypto.SHA384: pkcs7.OIDDigestAlgorithmSHA384, crypto.SHA512: pkcs7.OIDDigestAlgorithmSHA512,
	}[s.hash]
	data := cmsData{Version: 1, Digests: []pkix.AlgorithmIdentifier{s.oid}, Content: cmsContent{Type: pkcs7.OIDData}}
	if s.attached != nil {
		data.Content.Content = wrap(asn1.ClassContextSpecific, 0, der(tb, s.attached))
	}
	var certs [][]byte
	for _, c := range s.certs {
		certs = append(certs, c.Raw)
	}
	data.Certs = wrap(asn1.ClassContextSpecific, 0, certs...)
	for _, id := range s.by {
		data.Signers = append(data.Signers, s.signer(tb, id))
	}
	return der(tb, cmsContent{pkcs7.OIDSignedData, wrap(asn1.ClassContextSpecific, 0, der(tb, data))})
}

// header is the Mdm-Signature.
func (s signing) header(tb testing.TB) string {
	tb.Helper()
	return base64.StdEncoding.EncodeToString(s.der(tb))
}

// verifier trusts one CA at the tests' time.
func verifier(ca identity) Verifier {
	v := Verifier{Roots: x509.NewCertPool(), Now: func() time.Time { return now }}
	v.Roots.AddCert(ca.cert)
	return v
}
