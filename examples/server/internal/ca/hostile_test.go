package ca_test

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/smallstep/pkcs7"
	"github.com/smallstep/scep"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/mdmproto"
)

func TestEndpointRefuses(t *testing.T) {
	w := newWorld(t)
	good := newRequester(t, keys()[0]).request(t, w, scep.PKCSReq, w.code()).Raw
	for name, c := range map[string]struct {
		method, query string
		body          []byte
		status        int
	}{
		"no operation":            {http.MethodGet, "", nil, http.StatusBadRequest},
		"unknown operation":       {http.MethodGet, "operation=GetNextCACert", nil, http.StatusBadRequest},
		"method":                  {http.MethodDelete, "operation=GetCACaps", nil, http.StatusMethodNotAllowed},
		"empty message":           {http.MethodPost, pkiOperation, nil, http.StatusBadRequest},
		"no base64":               {http.MethodGet, "operation=PKIOperation&message=!!!!", nil, http.StatusBadRequest},
		"oversize":                {http.MethodPost, pkiOperation, make([]byte, 12<<10+1), http.StatusRequestEntityTooLarge},
		"no CMS":                  {http.MethodPost, pkiOperation, []byte("hello"), http.StatusBadRequest},
		"truncated":               {http.MethodPost, pkiOperation, good[:len(good)-20], http.StatusBadRequest},
		"signature broken":        {http.MethodPost, pkiOperation, flip(good, len(good)-5), http.StatusBadRequest},
		"nested to the last byte": {http.MethodPost, pkiOperation, nested(12 << 10), http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			answer, err := w.exchange(c.method, c.query, c.body)
			require.NoError(t, err)
			assert.Equal(t, c.status, answer.status, string(answer.body))
			assert.NotEmpty(t, strings.TrimSpace(string(answer.body)))
		})
	}
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 0x40
	return b
}

// nested is a BER value of sequences inside sequences, which costs its parser the most.
func nested(size int) []byte {
	var b []byte
	for len(b) < size-4 {
		n := len(b)
		switch {
		case n < 0x80:
			b = append([]byte{0x30, byte(n)}, b...)
		case n < 0x100:
			b = append([]byte{0x30, 0x81, byte(n)}, b...)
		default:
			b = append([]byte{0x30, 0x82, byte(n >> 8), byte(n)}, b...)
		}
	}
	return b
}

// envelope is the EnvelopedData of a request, as far as it matters here (RFC 5652, 6.1).
type envelope struct {
	Type    asn1.ObjectIdentifier
	Content struct {
		Version    int
		Recipients asn1.RawValue
		Encrypted  struct {
			Type      asn1.ObjectIdentifier
			Algorithm asn1.RawValue
			Content   asn1.RawValue
		}
	} `asn1:"explicit,tag:0"`
}

// An envelope that cannot be opened is refused in the same words, whichever part of it is wrong: else each answer would tell a little
// about the CA's key.
func TestBadEnvelopesLookAlike(t *testing.T) {
	w := newWorld(t)
	r := newRequester(t, keys()[0])
	for name, spoil := range map[string]func(*envelope){
		"ciphertext that does not fill its blocks": func(e *envelope) {
			text := &e.Content.Encrypted.Content
			text.Bytes, text.FullBytes = text.Bytes[:len(text.Bytes)-1], nil
		},
		"no ciphertext": func(e *envelope) { e.Content.Encrypted.Content = asn1.RawValue{Class: 2, Tag: 0} },
		"key for somebody else": func(e *envelope) {
			raw := bytes.Clone(e.Content.Recipients.FullBytes)
			raw[len(raw)-1] ^= 1
			e.Content.Recipients.FullBytes = raw
		},
	} {
		t.Run(name, func(t *testing.T) {
			der, err := pkcs7.Encrypt([]byte("no request"), []*x509.Certificate{w.Certificate()})
			require.NoError(t, err)
			var e envelope
			_, err = asn1.Unmarshal(der, &e)
			require.NoError(t, err)
			spoil(&e)
			der, err = asn1.Marshal(e)
			require.NoError(t, err)
			answer, err := w.exchange(http.MethodPost, pkiOperation, r.sign(t, der))
			require.NoError(t, err)
			assert.Nil(t, r.open(t, w, answer))
		})
	}
}

// sign makes a SCEP message of any content.
func (r requester) sign(t *testing.T, content []byte) []byte {
	t.Helper()
	signed, err := pkcs7.NewSignedData(content)
	require.NoError(t, err)
	oid := func(last int) asn1.ObjectIdentifier { return asn1.ObjectIdentifier{2, 16, 840, 1, 113733, 1, 9, last} }
	require.NoError(t, signed.AddSigner(r.cert, r.signer, pkcs7.SignerInfoConfig{ExtraSignedAttributes: []pkcs7.Attribute{
		{Type: oid(2), Value: scep.PKCSReq}, {Type: oid(5), Value: scep.SenderNonce("0123456789abcdef")}, {Type: oid(7), Value: scep.TransactionID("t")},
	}}))
	der, err := signed.Finish()
	require.NoError(t, err)
	return der
}

// The work for the worst message is bounded: counted in bytes, since time depends on the machine.
func TestWorstMessageCostsBoundedWork(t *testing.T) {
	w := newWorld(t)
	message := nested(12 << 10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	answer, err := w.exchange(http.MethodPost, pkiOperation, message)
	require.NoError(t, err)
	assert.Equal(t, http.StatusBadRequest, answer.status)
	runtime.ReadMemStats(&after)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

func TestContentTypes(t *testing.T) {
	w := newWorld(t)
	for operation, want := range map[string]string{"GetCACert": "application/x-x509-ca-cert", "GetCACaps": "text/plain"} {
		answer, err := w.exchange(http.MethodGet, "operation="+operation, nil)
		require.NoError(t, err)
		assert.Equal(t, want, answer.kind)
		if operation == "GetCACert" {
			assert.Equal(t, w.Certificate().Raw, answer.body)
		} else {
			assert.Contains(t, string(answer.body), "POSTPKIOperation\n")
		}
	}
}

func TestEnroll(t *testing.T) {
	w := newWorld(t)
	h := w.Enroll(mdmproto.Profile{
		Identifier: "com.example", ServerURL: "https://example.com/mdm", SCEPURL: "https://example.com/scep", Topic: "com.apple.mgmt.x",
	}, nil)
	code := w.code()
	for name, c := range map[string]struct {
		query  string
		status int
	}{
		"good":    {"?code=" + code, http.StatusOK},
		"again":   {"?code=" + code, http.StatusOK},
		"none":    {"", http.StatusForbidden},
		"empty":   {"?code=", http.StatusForbidden},
		"unknown": {"?code=AAAA", http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			res := serve(h, c.query)
			assert.Equal(t, c.status, res.Code)
			if c.status == http.StatusOK {
				assert.Equal(t, "application/x-apple-aspen-config", res.Header().Get("Content-Type"))
				assert.Contains(t, res.Body.String(), code)
			}
		})
	}
}

// Hostile messages are answered, whatever they hold.
func FuzzSCEP(f *testing.F) {
	f.Add([]byte("hello"))
	f.Add(nested(1 << 10))
	f.Add([]byte{0x30, 0x80, 0, 0})
	h := newFuzzHandler(f)
	f.Fuzz(func(t *testing.T, message []byte) {
		res := post(h, message)
		assert.Contains(t, []int{http.StatusOK, http.StatusBadRequest, http.StatusRequestEntityTooLarge}, res.Code)
	})
}
