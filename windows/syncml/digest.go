package syncml

import (
	"crypto/md5" //nolint:gosec // the protocol's digest, inside TLS
	"encoding/base64"
)

// Inner is the part of a [Digest] that the user's name and password make: base64 of MD5 of "user:password". It is all that a server needs to
// check digests, and it is as good as the password: seal it.
func Inner(user, password string) string { return hash([]byte(user + ":" + password)) }

// Digest is the Data of a Cred of type syncml:auth-md5: base64 of MD5 of "inner:nonce". The nonce is the bytes that NextNonce encodes.
// Compare digests in constant time. Specification: OMA-TS-DM_Security-V1_2, section 5.3.
func Digest(inner string, nonce []byte) string {
	return hash(append([]byte(inner+":"), nonce...))
}

func hash(b []byte) string {
	sum := md5.Sum(b)
	return base64.StdEncoding.EncodeToString(sum[:])
}
