package mdmtest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/smallstep/scep"
	"github.com/smallstep/scep/x509util"
)

// SCEPError is a refusal by the SCEP server, for example of a wrong or used challenge.
type SCEPError struct {
	FailInfo string // the digit of RFC 8894, 3.2.1.4.5: "2" is badRequest; empty when the answer is pending
}

// Error names the failInfo.
func (e *SCEPError) Error() string {
	if e.FailInfo == "" {
		return "mdmtest: the SCEP server answered pending, which a Mac does not wait for"
	}
	return fmt.Sprintf("mdmtest: the SCEP server refused the request: failInfo %q", e.FailInfo)
}

// requestIdentity makes a key and has it certified: GetCACaps, GetCACert, PKCSReq (RFC 8894).
func (m *Mac) requestIdentity(ctx context.Context, p *scepPayload) (Identity, error) {
	caps, err := m.exchange(ctx, "SCEP GetCACaps", http.MethodGet, withQuery(p.url, "GetCACaps", ""), nil)
	if err != nil {
		return Identity{}, err
	}
	cas, err := m.caCerts(ctx, p.url)
	if err != nil {
		return Identity{}, err
	}
	key, err := newKey(m.cfg.KeyType, p.keySize)
	if err != nil {
		return Identity{}, fmt.Errorf("mdmtest: make the identity key: %w", err)
	}
	csr, err := m.csr(p, key)
	if err != nil {
		return Identity{}, fmt.Errorf("mdmtest: make the certificate request: %w", err)
	}
	signer, err := m.scepSigner(key, csr.Subject)
	if err != nil {
		return Identity{}, fmt.Errorf("mdmtest: sign the SCEP request: %w", err)
	}
	req, err := scep.NewCSRRequest(csr, &scep.PKIMessage{
		MessageType: scep.PKCSReq,
		Recipients:  slices.DeleteFunc(slices.Clone(cas), notRSA),
		SignerCert:  signer.Cert,
		SignerKey:   signer.Key,
	})
	if err != nil {
		return Identity{}, fmt.Errorf("mdmtest: make the SCEP request: %w", err)
	}
	rep, err := m.pkiOperation(ctx, p.url, string(caps.Body), req.Raw)
	if err != nil {
		return Identity{}, err
	}
	cert, err := openCertRep(rep, req, cas, signer)
	if err != nil {
		return Identity{}, err
	}
	if pub, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !pub.Equal(cert.PublicKey) {
		return Identity{}, errors.New("mdmtest: the SCEP server certified another key than the one asked for")
	}
	return Identity{Cert: cert, Key: key}, nil
}

func (m *Mac) caCerts(ctx context.Context, base string) ([]*x509.Certificate, error) {
	res, err := m.exchange(ctx, "SCEP GetCACert", http.MethodGet, withQuery(base, "GetCACert", ""), nil)
	if err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	switch kind := res.Header.Get("Content-Type"); kind {
	case "application/x-x509-ca-cert":
		certs, err = x509.ParseCertificates(res.Body)
	case "application/x-x509-ca-ra-cert":
		certs, err = scep.CACerts(res.Body)
	default:
		err = fmt.Errorf("content type %q: want application/x-x509-ca-cert or application/x-x509-ca-ra-cert", kind)
	}
	if err == nil && len(certs) == 0 {
		err = errors.New("no certificate")
	}
	if err != nil {
		return nil, fmt.Errorf("mdmtest: SCEP GetCACert: %w", err)
	}
	return certs, nil
}

func (m *Mac) csr(p *scepPayload, key crypto.Signer) (*x509.CertificateRequest, error) {
	subject := m.subject(p.subject)
	der, err := x509util.CreateCertificateRequest(rand.Reader, &x509util.CertificateRequest{
		CertificateRequest: x509.CertificateRequest{Subject: subject},
		ChallengePassword:  p.challenge,
	}, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificateRequest(der)
}

// subject fills in the variables that a Mac knows, in the order of the payload.
func (m *Mac) subject(pairs [][2]string) pkix.Name {
	oids := map[string]asn1.ObjectIdentifier{
		"C": {2, 5, 4, 6}, "L": {2, 5, 4, 7}, "ST": {2, 5, 4, 8}, "O": {2, 5, 4, 10}, "OU": {2, 5, 4, 11}, "CN": {2, 5, 4, 3},
	}
	fill := strings.NewReplacer("%ComputerName%", m.cfg.Name, "%HardwareUUID%", m.cfg.UDID, "%SerialNumber%", m.cfg.Serial)
	var name pkix.Name
	for _, p := range pairs {
		if oid, ok := oids[p[0]]; ok {
			name.ExtraNames = append(name.ExtraNames, pkix.AttributeTypeAndValue{Type: oid, Value: fill.Replace(p[1])})
		}
	}
	return name
}

// scepSigner returns what signs the SCEP message and opens its answer: the new key, or for a P-256 key an RSA key made for this.
func (m *Mac) scepSigner(key crypto.Signer, subject pkix.Name) (Identity, error) {
	if _, ok := key.Public().(*rsa.PublicKey); !ok {
		var err error
		if key, err = newKey(RSA2048, 0); err != nil {
			return Identity{}, err
		}
	}
	return selfSigned(key, subject)
}

func notRSA(c *x509.Certificate) bool {
	_, ok := c.PublicKey.(*rsa.PublicKey)
	return !ok
}

func (m *Mac) pkiOperation(ctx context.Context, base, caps string, der []byte) ([]byte, error) {
	method, target, body := http.MethodGet, withQuery(base, "PKIOperation", base64.URLEncoding.EncodeToString(der)), []byte(nil)
	for _, c := range strings.Fields(caps) {
		if c == "POSTPKIOperation" || c == "SCEPStandard" {
			// The message goes into the body and, as real clients do, once more into the request line.
			method, target, body = http.MethodPost, withQuery(base, "PKIOperation", string(der)), der
		}
	}
	res, err := m.exchange(ctx, "SCEP PKIOperation", method, target, body)
	if err != nil {
		return nil, err
	}
	if kind := res.Header.Get("Content-Type"); kind != "application/x-pki-message" {
		return nil, fmt.Errorf("mdmtest: SCEP PKIOperation: content type %q: want application/x-pki-message", kind)
	}
	return res.Body, nil
}

func openCertRep(raw []byte, req *scep.PKIMessage, cas []*x509.Certificate, signer Identity) (*x509.Certificate, error) {
	rep, err := scep.ParsePKIMessage(raw, scep.WithCACerts(cas))
	if err != nil {
		return nil, fmt.Errorf("mdmtest: read the SCEP answer: %w", err)
	}
	switch {
	case rep.CertRepMessage == nil || rep.TransactionID != req.TransactionID || !bytes.Equal(rep.RecipientNonce, req.SenderNonce):
		return nil, errors.New("mdmtest: the SCEP answer belongs to another request: transaction ID or nonce differ")
	case rep.PKIStatus != scep.SUCCESS:
		return nil, &SCEPError{FailInfo: string(rep.FailInfo)}
	}
	if err := rep.DecryptPKIEnvelope(signer.Cert, signer.Key); err != nil {
		return nil, fmt.Errorf("mdmtest: open the SCEP answer: %w", err)
	}
	return rep.Certificate, nil
}

func withQuery(base, operation, message string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base // the request will fail with the reason
	}
	q := u.Query()
	q.Set("operation", operation)
	if message != "" {
		q.Set("message", message)
	}
	u.RawQuery = q.Encode()
	return u.String()
}
