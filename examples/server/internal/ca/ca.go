// Package ca is the device certificate authority of the server: it issues the certificates with which devices sign what they say,
// over SCEP (RFC 8894), each for a one-time code. Its key lies sealed in the database, so that whoever has the file alone cannot issue.
//
// A code is made for a new enrolment (NewChallenge) or for one device to renew its certificate (NewRenewal), and is used up in the
// same transaction that records the certificate. Codes are kept as SHA-256 and never logged.
package ca

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/secret"
	"github.com/latchkey-mdm/latchkey/pin"
)

const (
	// leafYears is long because nothing renews a device's certificate by itself yet: a link of NewRenewal does, one device at a time. A
	// device whose certificate has expired cannot be reached any more, and must be enrolled again by hand.
	leafYears = 5
	// caYears is how long there is a CA at all. A device's certificate never outlives it.
	caYears = 20
	// backdate lets devices whose clock is behind use their certificate at once.
	backdate = time.Hour
)

// Error is a condition that callers tell apart with errors.Is.
type Error string

// Error returns the text of the condition.
func (e Error) Error() string { return string(e) }

const (
	// ErrCode: there is no such enrolment code, or it has expired or been used.
	ErrCode Error = "the enrolment code is unknown, used or expired: ask for a new link"
	// ErrUnknown: the certificate is none that this CA has a record of.
	ErrUnknown Error = "no record of this certificate"
)

// Config is what a CA is made of.
type Config struct {
	DB     *db.DB           // required
	Sealer pin.Sealer       // required; its keys are durable
	Now    func() time.Time // nil: time.Now
}

// CA issues device certificates. It is safe for concurrent use.
type CA struct {
	db   *db.DB
	now  func() time.Time
	cert *x509.Certificate
	key  *rsa.PrivateKey
}

// Open loads the CA, or makes it at the first start. A key that cannot be opened is an error which wraps that of the Sealer.
func Open(ctx context.Context, cfg Config) (*CA, error) {
	c := &CA{db: cfg.DB, now: cfg.Now}
	if c.now == nil {
		c.now = time.Now
	}
	kept, err := secret.Open(ctx, cfg.DB, cfg.Sealer, secret.DeviceCA, func() (secret.Pair, error) { return create(c.now()) })
	if err != nil {
		return nil, err
	}
	if c.cert, err = x509.ParseCertificate(kept.Public); err != nil {
		return nil, fmt.Errorf("device CA: read its certificate: %w", err)
	}
	if c.key, err = x509.ParsePKCS1PrivateKey([]byte(kept.Private.Expose())); err != nil {
		return nil, errors.New("device CA: its key is not readable")
	}
	return c, nil
}

// Certificate is the CA's own.
func (c *CA) Certificate() *x509.Certificate { return c.cert }

// create makes a key and a certificate of its own. SCEP encrypts to it, which takes an RSA key.
func create(now time.Time) (secret.Pair, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return secret.Pair{}, err
	}
	serial, err := newSerial()
	if err != nil {
		return secret.Pair{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{Organization: []string{"Latchkey"}, CommonName: "Latchkey device CA"},
		NotBefore:    now.Add(-backdate), NotAfter: now.AddDate(caYears, 0, 0),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return secret.Pair{}, err
	}
	private, err := pin.Bytes(x509.MarshalPKCS1PrivateKey(key))
	return secret.Pair{Public: der, Private: private}, err
}

// Renews returns the device whose certificate this one was issued to replace, and "" when it was issued for a new enrolment. A
// certificate that is not on record is ErrUnknown.
func (c *CA) Renews(ctx context.Context, cert *x509.Certificate) (device string, err error) {
	sum := sha256.Sum256(cert.Raw)
	err = c.db.Readers.QueryRowContext(ctx, `SELECT renews FROM server_certificates WHERE sha256 = $1`, sum[:]).Scan(&device)
	if errors.Is(err, sql.ErrNoRows) {
		return "", ErrUnknown
	}
	return device, err
}

// newSerial draws a serial number of 127 bits.
func newSerial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
}
