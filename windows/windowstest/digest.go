package windowstest

import (
	"crypto/md5" //nolint:gosec // the protocol's digest
	"encoding/base64"
	"slices"
)

const (
	typeMD5   = "syncml:auth-md5"
	formatB64 = "b64"
)

// digest is the credential of syncml:auth-md5, as OMA's security document has it.
func digest(user, secret string, nonce []byte) string {
	inner := hash([]byte(user + ":" + secret))
	return hash(append([]byte(inner+":"), nonce...))
}

func hash(b []byte) string {
	sum := md5.Sum(b)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// credentials returns the Cred of message n, and whether there is one: not without a user and a nonce, and not in a session that was
// accepted as a whole.
func (s *session) credentials(n int) (element, bool) {
	d := s.d
	d.mu.Lock()
	nonce, before := d.nonce, d.stale
	d.mu.Unlock()
	if s.user == "" || nonce == nil || s.accepted {
		return element{}, false
	}
	secret := s.secret
	if d.strikes(wrongDigest, n) {
		secret += "?"
	}
	if d.strikes(staleNonce, n) {
		nonce = before
	}
	return el("Cred",
		el("Meta", met("Format", formatB64), met("Type", typeMD5)),
		txt("Data", digest(s.user, secret, nonce)),
	), true
}

// challenge takes the nonce of a Chal: the next credential is made with it.
func (s *session) challenge(nonce []byte) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	s.d.stale, s.d.nonce = s.d.nonce, slices.Clone(nonce)
}

// chal reads a Chal element; the string is the rule that it breaks.
func chal(e element) ([]byte, string) {
	meta, _ := e.kid("Meta")
	nonce, err := base64.StdEncoding.DecodeString(meta.find("NextNonce"))
	switch {
	case meta.find("Type") != typeMD5:
		return nil, "Chal must be of type " + typeMD5
	case meta.find("Format") != formatB64:
		return nil, "Chal must be of format b64"
	case err != nil || len(nonce) < 16:
		return nil, "Chal must have a NextNonce of at least 16 bytes, in base64"
	}
	return nonce, ""
}
