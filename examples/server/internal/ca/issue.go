package ca

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
)

// errRequest says that a certificate request is not acceptable. Its cause stays inside: the sender learns no more than that.
var errRequest = errors.New("the certificate request is not acceptable")

// grant is what entitles to a certificate: a code, or the certificate of an enrolled device that is to be replaced.
type grant struct {
	code   string
	renews string // without a code: the device
}

// issue certifies the key of a request and uses the code up, both in one commit. The same code with the same key gives the same
// certificate again, since its answer may have been lost. ErrCode and errRequest refuse.
func (c *CA) issue(ctx context.Context, csr *x509.CertificateRequest, g grant) (cert *x509.Certificate, err error) {
	if err := checkRequest(csr); err != nil {
		return nil, fmt.Errorf("%w: %w", errRequest, err)
	}
	signed, err := c.sign(pkix.Name{Organization: []string{"Latchkey"}, CommonName: csr.Subject.CommonName}, csr.PublicKey)
	if err != nil {
		return nil, err
	}
	var der []byte
	sum := sha256.Sum256(signed)
	err = c.db.Write(ctx, func(tx *sql.Tx) (err error) {
		der = signed
		if g.code != "" {
			earlier, err := c.consume(ctx, tx, &g, sum)
			if err != nil {
				return err
			}
			if earlier != nil {
				der = earlier
				return nil
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO server_certificates (sha256, der, renews, issued_at) VALUES ($1, $2, $3, $4)`,
			sum[:], der, g.renews, db.Micros(c.now()))
		return err
	})
	if err != nil {
		return nil, err
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	if !sameKey(cert, csr) { // the code was used up by another key
		return nil, ErrCode
	}
	return cert, nil
}

// consume takes the code for a certificate, or returns the certificate that took it before.
func (c *CA) consume(ctx context.Context, tx *sql.Tx, g *grant, sum [sha256.Size]byte) (earlier []byte, err error) {
	var expires int64
	err = tx.QueryRowContext(ctx, `SELECT c.renews, c.expires_at, i.der FROM server_challenges c
		LEFT JOIN server_certificates i ON i.sha256 = c.issued WHERE c.sha256 = $1`, hashCode(g.code)).Scan(&g.renews, &expires, &earlier)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, ErrCode
	case err != nil || earlier != nil:
		return earlier, err
	case db.Micros(c.now()) >= expires:
		return nil, ErrCode
	}
	done, err := tx.ExecContext(ctx, `UPDATE server_challenges SET issued = $1 WHERE sha256 = $2 AND issued IS NULL`, sum[:], hashCode(g.code))
	if err != nil {
		return nil, err
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return nil, errors.Join(ErrCode, err)
	}
	return nil, nil
}

// IssueTo certifies, in the caller's transaction, a key that was made here for a device, and returns the certificate (DER), whose common name
// is the device's ID. There is nothing else in its subject: Windows looks for a certificate by the whole of that. It serves for no enrolment.
func (c *CA) IssueTo(ctx context.Context, tx *sql.Tx, device string, key crypto.PublicKey) (der []byte, err error) {
	if der, err = c.sign(pkix.Name{CommonName: device}, key); err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	sum := sha256.Sum256(der)
	_, err = tx.ExecContext(ctx, `INSERT INTO server_certificates (sha256, der, renews, issued_at) VALUES ($1, $2, $3, $4)`,
		sum[:], der, device, db.Micros(c.now()))
	return der, err
}

// sign makes the certificate. The common name may be the device's own words and identifies nobody.
func (c *CA) sign(subject pkix.Name, key crypto.PublicKey) ([]byte, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	now := c.now()
	ends := now.AddDate(leafYears, 0, 0)
	if ends.After(c.cert.NotAfter) {
		ends = c.cert.NotAfter
	}
	subject.CommonName = strings.ToValidUTF8(subject.CommonName[:min(len(subject.CommonName), 64)], "")
	return x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		NotBefore:    now.Add(-backdate), NotAfter: ends,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, c.cert, key, c.key)
}

// checkRequest admits RSA keys of 2048 to 4096 bits and the NIST curves, with the proof that the sender has the key.
func checkRequest(csr *x509.CertificateRequest) error {
	switch key := csr.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < 2048 || bits > 4096 {
			return errors.New("an RSA key must have 2048 to 4096 bits")
		}
	case *ecdsa.PublicKey:
	default:
		return errors.New("the key must be RSA or ECDSA")
	}
	return csr.CheckSignature()
}

func sameKey(cert *x509.Certificate, csr *x509.CertificateRequest) bool {
	switch key := csr.PublicKey.(type) {
	case *rsa.PublicKey:
		return key.Equal(cert.PublicKey)
	case *ecdsa.PublicKey:
		return key.Equal(cert.PublicKey)
	}
	return false
}
