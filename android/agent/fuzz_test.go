package agent

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/latchkey-mdm/latchkey/lock"
)

// fuzzKey is the same in every process, so that a seed stays valid.
func fuzzKey(t testing.TB) *ecdsa.PrivateKey {
	seed := sha256.Sum256([]byte("a key for fuzzing"))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signFixed signs with a fixed nonce, since a fuzz target must do the same for the same input. k = 1: r is the base point's x.
func signFixed(key *ecdsa.PrivateKey, text string) string {
	sum := sha256.Sum256([]byte(text))
	n := elliptic.P256().Params().N
	r := new(big.Int).Mod(elliptic.P256().Params().Gx, n)
	raw, _ := key.Bytes()
	s := new(big.Int).Mul(r, new(big.Int).SetBytes(raw))
	s.Add(s, new(big.Int).SetBytes(sum[:])).Mod(s, n)
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + b64.EncodeToString(signature)
}

// FuzzEnvelope parses what a device sends as a JWS: a request, an enrolment, a state, a result. The signature is always right, so that what
// is behind it is reached; without a header, the input is the whole text.
func FuzzEnvelope(f *testing.F) {
	key := fuzzKey(f)
	public, err := formatJWK(&key.PublicKey)
	if err != nil {
		f.Fatal(err)
	}
	embedded, err := json.Marshal(public)
	if err != nil {
		f.Fatal(err)
	}
	named := func(typ string) string { return `{"alg":"ES256","typ":"` + typ + `","kid":"dev-1"}` }
	f.Add(named(typRequest), `{"v":1,"dev":"dev-1","htm":"GET","htu":"/","iat":"2026-11-21T16:00:00Z","jti":"0193506e-3c2a-7a31","bh":"x"}`)
	f.Add(named(typState), `{"v":1,"typ":"android.dpc.state","dev":"dev-1","iat":"2026-11-21T16:00:00Z","device":{"api":34,"token":{"state":"active"}}}`)
	f.Add(named(typResult), `{"v":1,"typ":"android.dpc.result","id":"0193506e-3c2a-7a31-9d0c-1f0f6c5d2a10","dev":"dev-1","state":"succeeded","code":"OK"}`)
	f.Add(`{"alg":"ES256","typ":"android-enroll+jws","jwk":`+string(embedded)+`}`,
		`{"v":1,"typ":"android.dpc.enroll","code":"c","iat":"2026-11-21T16:00:00Z","agreement_key":`+string(embedded)+`,"device":{}}`)
	f.Add(`{"alg":"none","typ":"android-request+jws","kid":"dev-1"}`, `{}`)
	f.Add(`{"alg":"ES256","typ":"android-request+jws","kid":"dev-1","crit":["b64"],"b64":false}`, `{}`)
	f.Add(`{"alg":"ES256","typ":"android-request+jws","kid":"dev-2","kid":"dev-1"}`, strings.Repeat("[", 100))
	f.Add("", "eyJhbGciOiJub25lIn0..")
	f.Add("", "a.b.c.d")
	f.Fuzz(func(t *testing.T, header, payload string) {
		text := payload
		if header != "" {
			text = signFixed(key, b64.EncodeToString([]byte(header))+"."+b64.EncodeToString([]byte(payload)))
		}
		e := Enrolled{Device: lock.Device{Scope: "acme", ID: "dev-1"}, Key: &key.PublicKey}
		for _, typ := range []string{typRequest, typState, typResult, typEnroll} {
			checkEnvelope(t, text, typ, e.Key)
		}
		if _, s, err := openState(text, e); err != nil {
			mustBeDecodeError(t, err)
		} else if _, set := s.Facts["agreement_key"]; set {
			t.Fatal("a state set the agreement key")
		}
		if _, err := openResult(text, e); err != nil {
			mustBeDecodeError(t, err)
		}
		if found, _, err := parseEnrollment(text); err != nil {
			mustBeDecodeError(t, err)
		} else if found.Code == "" || found.AgreementKey == "" || found.SigningKey == nil {
			t.Fatal("an enrolment without its core")
		}
	})
}

// checkEnvelope parses a text as a JWS of one type, and says what must hold of one that is accepted.
func checkEnvelope(t *testing.T, text, typ string, signer *ecdsa.PublicKey) {
	accepted, err := parseJWS(text, typ)
	if err != nil {
		mustBeDecodeError(t, err)
		return
	}
	checkHeader(t, typ, text)
	if (accepted.key != nil) != (typ == typEnroll) {
		t.Fatalf("%s: a key in the header", typ)
	}
	if _, err := accepted.verify(&otherKey.PublicKey); err == nil {
		t.Fatal("verified by a key that did not sign")
	}
	payload, err := accepted.verify(signer)
	if err != nil {
		mustBeDecodeError(t, err)
		return
	}
	if c, err := readClaims(payload); err != nil {
		mustBeDecodeError(t, err)
	} else if c.V != 1 || len(c.ID) < 16 {
		t.Fatal("a claim that the contract does not have")
	}
}

// otherKey has signed nothing.
var otherKey = func() *ecdsa.PrivateKey {
	seed := sha256.Sum256([]byte("another key"))
	key, _ := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	return key
}()

// checkHeader reads the header in another way than the code does: whatever was accepted has these members, with these values.
func checkHeader(t *testing.T, typ, text string) {
	first, _, _ := strings.Cut(text, ".")
	raw, err := b64.DecodeString(first)
	if err != nil {
		t.Fatal("a header that is not base64url")
	}
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil {
		t.Fatal("a header that is no object")
	}
	signer := "kid"
	if typ == typEnroll {
		signer = "jwk"
	}
	for name, value := range members {
		if name != "alg" && name != "typ" && name != signer && !(value == nil || value == "") {
			t.Fatalf("a header with %s", name)
		}
	}
	if members["alg"] != "ES256" || members["typ"] != typ || members[signer] == nil {
		t.Fatal("a header without its core")
	}
	if len(text) > maxJWS {
		t.Fatal("too large")
	}
}

func mustBeDecodeError(t *testing.T, err error) {
	var decoding *DecodeError
	if !errors.As(err, &decoding) || decoding.Rule == "" {
		t.Fatalf("not a *DecodeError: %v", err)
	}
}

// FuzzResult reads the payload of a result, and compares what the ledger is told with a plain reading of it.
func FuzzResult(f *testing.F) {
	head := `{"v":1,"typ":"android.dpc.result","id":"0193506e-3c2a-7a31-9d0c-1f0f6c5d2a10","dev":"dev-1",`
	for _, tail := range []string{
		`"state":"succeeded","code":"OK"}`,
		`"state":"succeeded","code":"TOKEN_NOT_ACTIVE"}`,
		`"state":"failed","code":"INVALID_VALUE","validation":["TOO_SHORT"],"observed":{"api":"25"}}`,
		`"state":"rejected","code":"STALE","detail":"48291573","device":{"api":34,"token":{"id":"t"},"policy":{"quality":0}}}`,
		`"state":"received","code":"ACCEPTED","executed_at":null,"received_at":"2026-11-21T16:00:00Z"}`,
		`"state":"failed","code":"UNKNOWN","id":"twice"}`,
		`"state":"failed","code":7,"detail":[[[[[[[[[]]]]]]]]]}`,
	} {
		f.Add([]byte(head + tail))
	}
	f.Add([]byte("\xff"))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		r, err := readResult(payload)
		if r.ID != "" && !isID(string(r.ID)) {
			t.Fatal("an ID that is none")
		}
		if err != nil {
			mustBeDecodeError(t, err)
			return
		}
		checkResult(t, payload, r)
	})
}

// checkResult compares a result with a plain reading of its payload.
func checkResult(t *testing.T, payload []byte, r result) {
	members := map[string]any{}
	if err := json.Unmarshal(payload, &members); err != nil {
		t.Fatal("accepted what is no object")
	}
	success := members["state"] == "succeeded" && (members["code"] == "OK" || members["code"] == "NO_SECURE_LOCK")
	report := r.report(lock.Device{Scope: "acme", ID: "dev-1"})
	if (report.Outcome == lock.Acknowledged) != success {
		t.Fatalf("%v %v is %s", members["state"], members["code"], report.Outcome)
	}
	if report.Scope != "acme" || report.Device != "dev-1" || len(report.Facts) > 5 {
		t.Fatal("a report of another device, or with too many facts")
	}
	for name, value := range report.Facts {
		if len(value) > 256 || !utf8.ValidString(value) || digitRun.MatchString(value) || value != clean(value) {
			t.Fatalf("fact %s is not fit for the ledger", name)
		}
	}
	if _, set := r.Known["agreement_key"]; set || !slices.IsSorted(r.Skipped) {
		t.Fatal("a result set the agreement key, or its skipped fields are not in order")
	}
}
