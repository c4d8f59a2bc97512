package google

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/jwt"
)

const maxKeyFile = 64 << 10 // bytes; Google's have about 2,400

// Account is a service account, by its key file.
type Account struct {
	Project string // project_id; may be empty
	email   string
	keyID   string
	key     string // PEM
	tokens  string // URL of the token endpoint
}

// ReadAccount reads the JSON key file of a service account. Files of another type are refused: they can name programs to run and hosts to
// ask. No error has a part of the file in it.
func ReadAccount(name string) (Account, error) {
	f, err := os.Open(name)
	if err != nil {
		return Account{}, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return Account{}, err
	}
	var file struct {
		Type    string `json:"type"`
		Project string `json:"project_id"`
		KeyID   string `json:"private_key_id"`
		Key     string `json:"private_key"`
		Email   string `json:"client_email"`
		Tokens  string `json:"token_uri"`
	}
	if len(text) > maxKeyFile || Decode(text, &file) != nil {
		return Account{}, fmt.Errorf("must be a JSON file of at most %d bytes", maxKeyFile)
	}
	switch {
	case file.Type != "service_account":
		return Account{}, errors.New("type must be service_account: create a key of a service account, in JSON")
	case file.Email == "":
		return Account{}, errors.New("client_email is missing")
	case !isRSA(file.Key):
		return Account{}, errors.New("private_key must be an RSA key in PEM (PKCS #8)")
	}
	if err := CheckHost(file.Tokens); err != nil {
		return Account{}, fmt.Errorf("token_uri %w", err)
	}
	return Account{file.Project, file.Email, file.KeyID, file.Key, file.Tokens}, nil
}

func isRSA(text string) bool {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return false
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	_, ok := key.(*rsa.PrivateKey)
	return err == nil && ok
}

// Tokens gives access tokens of the scope, each for as long as it is good. It asks for one with this client; it has no context of its own.
func (a Account) Tokens(client *http.Client, scope string) oauth2.TokenSource {
	c := &jwt.Config{
		Email: a.email, PrivateKey: []byte(a.key), PrivateKeyID: a.keyID, Scopes: []string{scope}, TokenURL: a.tokens,
	}
	return c.TokenSource(context.WithValue(context.Background(), oauth2.HTTPClient, client))
}

// CheckHost says what is wrong with the URL of a service: it must be https, or http to this machine, as stand-ins are.
func CheckHost(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("must be a URL like https://host, without a query")
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return errors.New("must begin with https://")
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
