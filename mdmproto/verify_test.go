package mdmproto

import (
	"bytes"
	"crypto"
	_ "crypto/md5" // refused, so it must be there to sign
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/smallstep/pkcs7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rsaKey makes a 2048-bit key.
func rsaKey(tb testing.TB) crypto.Signer {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(tb, err)
	return key
}

// refusedBy is the rule that a header broke.
func refusedBy(t *testing.T, v Verifier, header string, body []byte) Rule {
	t.Helper()
	cert, err := v.Verify(header, body)
	require.Error(t, err)
	assert.Nil(t, cert)
	var refused *SignatureError
	require.ErrorAs(t, err, &refused)
	return refused.Rule
}

func TestVerifyAlgorithms(t *testing.T) {
	ca, body := newCA(t), message(t, "idle")
	for name, key := range map[string]crypto.Signer{"RSA": rsaKey(t), "ECDSA": newKey(t)} {
		mac := ca.issue(t, device(7), key)
		for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
			t.Run(name+" "+hash.String(), func(t *testing.T) {
				header := signing{by: []identity{mac}, certs: []*x509.Certificate{mac.cert}, hash: hash, body: body}.header(t)
				cert, err := verifier(ca).Verify(header, body)
				require.NoError(t, err)
				assert.True(t, mac.cert.Equal(cert))
				assert.Equal(t, RuleContent, refusedBy(t, verifier(ca), header, []byte("another body")))
			})
		}
		t.Run(name+" MD5", func(t *testing.T) {
			header := signing{by: []identity{mac}, certs: []*x509.Certificate{mac.cert}, hash: crypto.MD5, body: body}.header(t)
			assert.Equal(t, RuleAlgorithm, refusedBy(t, verifier(ca), header, body))
		})
	}
}

func TestVerifyVectors(t *testing.T) {
	v, body := vectors(t)
	paths, err := filepath.Glob("testdata/signatures/*.b64")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			header, err := os.ReadFile(path)
			require.NoError(t, err)
			cert, err := v.Verify(string(header), body)
			require.NoError(t, err)
			assert.Contains(t, path, cert.Subject.CommonName)
			assert.Equal(t, RuleContent, refusedBy(t, v, string(header), append(body[:len(body):len(body)], ' ')))
		})
	}
}

// vectors are signatures that another implementation made with keys that are gone.
func vectors(tb testing.TB) (Verifier, []byte) {
	tb.Helper()
	text, err := os.ReadFile("testdata/signatures/ca.pem")
	require.NoError(tb, err)
	block, _ := pem.Decode(text)
	ca, err := x509.ParseCertificate(block.Bytes)
	require.NoError(tb, err)
	body, err := os.ReadFile("testdata/signatures/body.plist")
	require.NoError(tb, err)
	v := verifier(identity{cert: ca})
	v.Now = func() time.Time { return now.AddDate(1, 0, 0) }
	return v, body
}

func TestVerifyAttached(t *testing.T) {
	ca, body := newCA(t), message(t, "idle")
	mac := ca.issue(t, device(7), newKey(t))
	s := signing{by: []identity{mac}, certs: []*x509.Certificate{mac.cert}, body: body, attached: body}
	_, err := verifier(ca).Verify(s.header(t), body)
	require.NoError(t, err)

	assert.Equal(t, RuleContent, refusedBy(t, verifier(ca), s.header(t), []byte("other")), "attached to another body")
	s.attached = []byte("other")
	assert.Equal(t, RuleContent, refusedBy(t, verifier(ca), s.header(t), body), "signs the body, carries another")
}

func TestVerifyShape(t *testing.T) {
	ca, body := newCA(t), message(t, "idle")
	mac, second := ca.issue(t, device(7), newKey(t)), ca.issue(t, device(8), newKey(t))
	good := signing{by: []identity{mac}, certs: []*x509.Certificate{mac.cert}, body: body}
	with := func(change func(*signing)) string { s := good; change(&s); return s.header(t) }
	many := make([]*x509.Certificate, maxCertificates+1)
	for i := range many {
		many[i] = mac.cert
	}
	trailing := append(good.der(t), 0)
	tests := []struct {
		name, header string
		rule         Rule
	}{
		{"no header", "", RuleMissing},
		{"not base64", "%%%", RuleEncoding},
		{"URL base64", strings.NewReplacer("+", "-", "/", "_").Replace(good.header(t)) + "-_", RuleEncoding},
		{"garbage", base64.StdEncoding.EncodeToString([]byte("garbage")), RuleSyntax},
		{"truncated", base64.StdEncoding.EncodeToString(good.der(t)[:300]), RuleSyntax},
		{"a byte after it", base64.StdEncoding.EncodeToString(trailing), RuleTrailing},
		{"a certificate alone", base64.StdEncoding.EncodeToString(mac.cert.Raw), RuleSyntax},
		{"no signer", with(func(s *signing) { s.by = nil }), RuleSigner},
		{"two signers", with(func(s *signing) {
			s.by = append(s.by, second)
			s.certs = append(s.certs, second.cert)
		}), RuleSigner},
		{"one signer twice", with(func(s *signing) { s.by = []identity{mac, mac} }), RuleSigner},
		{"no certificate", with(func(s *signing) { s.certs = nil }), RuleCertificates},
		{"another's certificate", with(func(s *signing) { s.certs = []*x509.Certificate{second.cert} }), RuleCertificates},
		{"nine certificates", with(func(s *signing) { s.certs = many }), RuleCertificates},
		{"no signed attributes", with(func(s *signing) { s.bare = true }), RuleAttributes},
		{"no content type", with(func(s *signing) { s.without = "1.2.840.113549.1.9.3" }), RuleAttributes},
		{"another content type", with(func(s *signing) { s.kind = pkcs7.OIDSignedData }), RuleAttributes},
		{"no message digest", with(func(s *signing) { s.without = "1.2.840.113549.1.9.4" }), RuleAttributes},
		{"two message digests", with(func(s *signing) { s.twice = true }), RuleAttributes},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.rule, refusedBy(t, verifier(ca), tt.header, body))
		})
	}
}

func TestVerifyWithoutSigningTime(t *testing.T) {
	ca, body := newCA(t), message(t, "idle")
	mac := ca.issue(t, device(7), newKey(t))
	s := signing{by: []identity{mac}, certs: []*x509.Certificate{mac.cert}, body: body, without: "1.2.840.113549.1.9.5"}
	_, err := verifier(ca).Verify(s.header(t), body)
	require.NoError(t, err)
}

// The attributes that one message signed, sent as the body of another without attributes, must not pass.
func TestVerifyAttributesAsBody(t *testing.T) {
	ca := newCA(t)
	mac := ca.issue(t, device(7), newKey(t))
	good := signing{by: []identity{mac}, certs: []*x509.Certificate{mac.cert}, body: message(t, "idle"), hash: crypto.SHA256, at: now, kind: pkcs7.OIDData}
	h := crypto.SHA256.New()
	h.Write(good.body)
	swapped := good
	swapped.bare = true
	swapped.body = der(t, wrap(0, 17, good.attributes(t, h.Sum(nil))...))
	assert.Equal(t, RuleAttributes, refusedBy(t, verifier(ca), swapped.header(t), swapped.body))
}

func TestVerifyImpostor(t *testing.T) {
	ca, rogue, body := newCA(t), newCA(t), message(t, "idle")
	mac := ca.issue(t, device(7), newKey(t))
	impostor := rogue.issue(t, device(7), newKey(t)) // the same issuer name and serial number
	require.Equal(t, mac.cert.RawIssuer, impostor.cert.RawIssuer)
	tests := []struct {
		name  string
		certs []*x509.Certificate
		rule  Rule
	}{
		{"first", []*x509.Certificate{impostor.cert, mac.cert}, RuleCertificates},
		{"last", []*x509.Certificate{mac.cert, impostor.cert}, RuleCertificates},
		{"alone", []*x509.Certificate{impostor.cert}, RuleChain},
		{"with its CA", []*x509.Certificate{impostor.cert, rogue.cert}, RuleChain},
		{"behind the real one", []*x509.Certificate{mac.cert}, RuleSignature},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := signing{by: []identity{impostor}, certs: tt.certs, body: body}
			assert.Equal(t, tt.rule, refusedBy(t, verifier(ca), s.header(t), body))
		})
	}
}

func TestVerifyTime(t *testing.T) {
	minutes := func(n int) time.Time { return now.Add(time.Duration(n) * time.Minute) }
	year := now.AddDate(1, 0, 0)
	tests := []struct {
		name                string
		notBefore, notAfter time.Time
		signedAt            time.Time
		skew                time.Duration
		rule                Rule // "" accepted
	}{
		{"valid", minutes(-1), year, now, 0, ""},
		{"device clock behind, no skew", minutes(-1), year, minutes(-3), 0, RuleSigningTime},
		{"device clock behind, within skew", minutes(-1), year, minutes(-3), 5 * time.Minute, ""},
		{"device clock behind, beyond skew", minutes(-1), year, minutes(-10), 5 * time.Minute, RuleSigningTime},
		{"device clock ahead, within skew", minutes(-9), minutes(1), minutes(2), 5 * time.Minute, ""},
		{"certificate from the future, no skew", minutes(3), year, minutes(3), 0, RuleChain},
		{"certificate from the future, within skew", minutes(3), year, now, 5 * time.Minute, ""},
		{"certificate from the future, beyond skew", minutes(10), year, minutes(10), 5 * time.Minute, RuleChain},
		{"expired, signing time backdated", minutes(-60), minutes(-1), minutes(-30), 5 * time.Minute, RuleChain},
	}
	ca, key, body := newCA(t), newKey(t), message(t, "idle")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			template := device(7)
			template.NotBefore, template.NotAfter = tt.notBefore, tt.notAfter
			mac := ca.issue(t, template, key)
			header := signing{by: []identity{mac}, certs: []*x509.Certificate{mac.cert}, body: body, at: tt.signedAt}.header(t)
			v := verifier(ca)
			v.Skew = tt.skew
			if tt.rule != "" {
				assert.Equal(t, tt.rule, refusedBy(t, v, header, body))
				return
			}
			cert, err := v.Verify(header, body)
			require.NoError(t, err)
			assert.Equal(t, mac.cert.NotAfter, cert.NotAfter, "the certificate as it is")
		})
	}
}

func TestVerifyChain(t *testing.T) {
	ca, body := newCA(t), message(t, "idle")
	template := *ca.cert
	template.SerialNumber, template.Subject.CommonName, template.RawSubject = big.NewInt(2), "Issuing CA", nil
	issuing := ca.issue(t, &template, newKey(t))
	mac := issuing.issue(t, device(7), newKey(t))
	header := signing{by: []identity{mac}, certs: []*x509.Certificate{mac.cert, issuing.cert}, body: body}.header(t)
	v := verifier(ca)
	assert.Equal(t, RuleChain, refusedBy(t, v, header, body), "only configured intermediates count")

	v.Intermediates = x509.NewCertPool()
	v.Intermediates.AddCert(issuing.cert)
	_, err := v.Verify(header, body)
	require.NoError(t, err)

	assert.Equal(t, RuleConfig, refusedBy(t, Verifier{}, header, body), "never the system's roots")

	fromDevice := mac.issue(t, device(9), newKey(t))
	header = signing{by: []identity{fromDevice}, certs: []*x509.Certificate{fromDevice.cert, mac.cert}, body: body}.header(t)
	assert.Equal(t, RuleChain, refusedBy(t, v, header, body), "a device is no CA")
}

func TestVerifyErrorsSayWhy(t *testing.T) {
	ca, body := newCA(t), message(t, "idle")
	template := device(7)
	template.NotAfter = now.Add(-time.Minute)
	mac := ca.issue(t, template, newKey(t))
	_, err := verifier(ca).Verify(signing{by: []identity{mac}, certs: []*x509.Certificate{mac.cert}, body: body}.header(t), body)
	var invalid x509.CertificateInvalidError
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, x509.Expired, invalid.Reason)
}

// A foreign certificate's key is not used, and a key that is costly to use is refused whoever signed the certificate.
func TestVerifyCostlyKey(t *testing.T) {
	ca, rogue, body := newCA(t), newCA(t), message(t, "idle")
	costly := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 60_000, 1), E: 1<<31 - 1}
	for name, issuer := range map[string]identity{"foreign": rogue, "ours": ca} {
		t.Run(name, func(t *testing.T) {
			raw, err := x509.CreateCertificate(rand.Reader, device(7), issuer.cert, costly, issuer.key)
			require.NoError(t, err)
			cert, err := x509.ParseCertificate(raw)
			require.NoError(t, err)
			header := signing{by: []identity{{cert, newKey(t)}}, certs: []*x509.Certificate{cert}, body: body}.header(t)
			require.Less(t, len(header), maxHeader)
			assert.Equal(t, RuleAlgorithm, refusedBy(t, verifier(ca), header, body))
		})
	}
}

// A hostile header costs little, whatever is in it.
func TestVerifyBoundedWork(t *testing.T) {
	ca, body := newCA(t), message(t, "idle")
	nested := func(n int) []byte { return bytes.Repeat([]byte{0x30, 0x80}, n) }
	flat := append([]byte{0x30, 0x80}, bytes.Repeat([]byte{0x05, 0x00}, 6_000)...)
	tests := []struct {
		name   string
		der    []byte
		rule   Rule
		within uint64
	}{
		{"64 KiB of indefinite lengths", append([]byte{0x30, 0x80}, bytes.Repeat([]byte{0x05, 0x00}, 32_000)...), RuleSize, 16 << 10},
		{"nested indefinite lengths", nested(6_000), RuleDepth, 64 << 10},
		{"6,000 objects", append(flat, 0, 0), RuleElements, 64 << 10},
		{"1,490 objects", append(append([]byte{0x30, 0x80}, bytes.Repeat([]byte{0x05, 0x00}, 1_490)...), 0, 0), RuleSyntax, 1 << 20},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			header := base64.StdEncoding.EncodeToString(tt.der)
			var rule Rule
			spent := allocated(func() { rule = refusedBy(t, verifier(ca), header, body) })
			assert.Equal(t, tt.rule, rule)
			assert.Less(t, spent, tt.within, "bytes allocated")
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	ca, body := newCA(b), message(b, "idle")
	for name, key := range map[string]crypto.Signer{"RSA-2048": rsaKey(b), "P-256": newKey(b)} {
		mac := ca.issue(b, device(7), key)
		header := signing{by: []identity{mac}, certs: []*x509.Certificate{mac.cert}, body: body}.header(b)
		v := verifier(ca)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := v.Verify(header, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
