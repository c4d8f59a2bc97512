package amapitest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const (
	tokenPath       = "/token"
	email           = "latchkey@example.iam.gserviceaccount.com"
	scopeManagement = "https://www.googleapis.com/auth/androidmanagement"
	scopeMessaging  = "https://www.googleapis.com/auth/firebase.messaging"
)

// Project is the project of the service account.
const Project = "latchkey-test"

// grant is what an access token is good for.
type grant struct {
	scope string
	until time.Time
}

// WriteCredentials writes the key file of the service account, whose tokens this server gives.
func (s *Server) WriteCredentials(file string) error {
	der, err := x509.MarshalPKCS8PrivateKey(s.cfg.Key)
	if err != nil {
		return err
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": Project, "private_key_id": "1", "client_email": email, "token_uri": s.URL() + tokenPath,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// Revoke ends all access tokens.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// grant checks an assertion (RFC 7523) and gives a token for an hour.
func (s *Server) grant(body []byte) Answer {
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		return Answer{Status: http.StatusBadRequest, Body: `{"error":"unsupported_grant_type"}`}
	}
	scope := s.asserted(form.Get("assertion"))
	if scope != scopeManagement && scope != scopeMessaging {
		return Answer{Status: http.StatusBadRequest, Body: `{"error":"invalid_grant"}`}
	}
	token := "ya29." + rand.Text()
	s.tokens[token] = grant{scope, time.Now().Add(time.Hour)} // as the client's library takes it
	a := result(map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 3600})
	a.Header = map[string]string{"Content-Type": "application/json"}
	return a
}

// asserted is the scope of an assertion that the service account signed; empty: it did not.
func (s *Server) asserted(assertion string) string {
	signed, signature, found := cutLast(assertion, ".")
	if !found {
		return ""
	}
	sum := sha256.Sum256([]byte(signed))
	sig, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || rsa.VerifyPKCS1v15(&s.cfg.Key.PublicKey, crypto.SHA256, sum[:], sig) != nil {
		return ""
	}
	header, payload, _ := strings.Cut(signed, ".")
	var h struct {
		Alg string `json:"alg"`
	}
	var claims struct {
		Iss   string `json:"iss"`
		Aud   string `json:"aud"`
		Scope string `json:"scope"`
		Iat   int64  `json:"iat"`
		Exp   int64  `json:"exp"`
	}
	now := time.Now() // as the client's library takes it
	switch {
	case !part(header, &h) || !part(payload, &claims) || h.Alg != "RS256":
	case claims.Iss != email || claims.Aud != s.URL()+tokenPath:
	case claims.Exp <= now.Unix() || claims.Exp-claims.Iat > 3600+60:
	default:
		return claims.Scope
	}
	return ""
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func part(text string, into any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && json.Unmarshal(raw, into) == nil
}
