package pushtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// authority issues the certificates of both sides.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority() (*authority, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "APNs stand-in"}, NotBefore: long(-1), NotAfter: long(1),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a := &authority{}
	der, key, err := a.issue(template)
	if err != nil {
		return nil, err
	}
	a.key = key
	a.cert, err = x509.ParseCertificate(der)
	return a, err
}

// long is a time that no test sees.
func long(decades int) time.Time { return time.Now().AddDate(10*decades, 0, 0) }

// issue signs a certificate for a new key, its own when there is no authority yet.
func (a *authority) issue(template *x509.Certificate) ([]byte, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("pushtest: make a key: %w", err)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, nil, fmt.Errorf("pushtest: make a certificate: %w", err)
	}
	return der, key, nil
}

// host is the certificate of this machine's loopback address.
func (a *authority) host() (tls.Certificate, error) {
	der, key, err := a.issue(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: long(-1), NotAfter: long(1),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// Certificate makes a push certificate for a topic, with its key after it, in PEM. The server takes it, unless it has expired.
func (s *Server) Certificate(topic string, expires time.Time) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, fmt.Errorf("pushtest: make a serial number: %w", err)
	}
	der, key, err := s.authority.issue(&x509.Certificate{
		SerialNumber: serial, NotBefore: long(-1), NotAfter: expires, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		Subject: pkix.Name{CommonName: "APSP:" + topic, ExtraNames: []pkix.AttributeTypeAndValue{{Type: uid(), Value: topic}}},
	})
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("pushtest: encode the key: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
}

// uid is the attribute of the subject that has the topic.
func uid() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1} }

// topicOf is the UID of a certificate.
func topicOf(c *x509.Certificate) string {
	for _, name := range c.Subject.Names {
		if name.Type.Equal(uid()) {
			topic, _ := name.Value.(string)
			return topic
		}
	}
	return ""
}
