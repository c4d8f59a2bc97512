package mdmtest_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/groob/plist"
	"github.com/smallstep/pkcs7"
	"github.com/smallstep/scep"
)

// server is a small MDM server: profile, SCEP, and one endpoint that serves a scripted queue. It removes a command with its result.
type server struct {
	*httptest.Server
	caCert *x509.Certificate
	caKey  *rsa.PrivateKey

	mu         sync.Mutex
	queue      []map[string]any // command envelopes, oldest first
	requests   []request        // all that passed the signature check
	fail       []int            // what becomes of the next requests to /mdm: 0 passes, cut breaks the connection, else the status
	challenges map[string]bool  // one-time
	owner      map[string][32]byte
	scepLine   int // length of the longest request line on /scep
	caps       string
	rights     int
	bootstrap  []byte
}

// request is what the server understood of a message.
type request struct {
	Kind        string // MessageType, or Status
	Body        map[string]any
	ContentType string
	Raw         []byte
	Digest      string // OID of the CMS digest
	Attached    bool   // the CMS holds the body
}

// caKey is shared by all servers, because it takes long to make.
var caKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })

// newServer starts a server on the loopback interface.
func newServer() *server {
	s := unstarted()
	s.Server = httptest.NewServer(s.Config.Handler)
	return s
}

// unstarted returns a server without a listener; its handler is called directly.
func unstarted() *server {
	key := caKey()
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Device CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature,
	}
	s := &server{
		caKey: key, caCert: must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)))),
		challenges: map[string]bool{}, owner: map[string][32]byte{}, caps: "POSTPKIOperation\nSHA-256\nAES\nDES3\n", rights: 1044,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /enroll", s.enroll)
	mux.HandleFunc("/scep", s.scep)
	mux.HandleFunc("PUT /mdm", s.mdm)
	s.Server = &httptest.Server{URL: "http://mdm.test", Config: &http.Server{Handler: mux}}
	return s
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// enrollURL is good for one certificate.
func (s *server) enrollURL() string { return s.URL + "/enroll?code=" + rand.Text() }

func (s *server) enroll(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	challenge := r.URL.Query().Get("code")
	s.challenges[challenge] = true
	_, _ = w.Write(s.profile(challenge))
}

func (s *server) profile(challenge string) []byte {
	return must(plist.Marshal(map[string]any{"PayloadType": "Configuration", "PayloadContent": []any{
		map[string]any{"PayloadType": "com.apple.security.root", "PayloadContent": []byte("ignored")},
		map[string]any{
			"PayloadType": "com.apple.mdm", "IdentityCertificateUUID": "SCEP-1", "Topic": "com.apple.mgmt.test", "ServerURL": s.URL + "/mdm",
			"SignMessage": true, "AccessRights": s.rights, "CheckOutWhenRemoved": true,
			"ServerCapabilities": []any{"com.apple.mdm.per-user-connections"},
		},
		map[string]any{"PayloadType": "com.apple.security.scep", "PayloadUUID": "SCEP-1", "PayloadContent": map[string]any{
			"URL": s.URL + "/scep", "Challenge": challenge, "Key Type": "RSA", "Keysize": 2048,
			"Subject": []any{[]any{[]any{"O", "Test"}}, []any{[]any{"CN", "%SerialNumber%"}}},
		}},
	}}))
}

func (s *server) scep(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scepLine = max(s.scepLine, len(r.RequestURI))
	switch r.URL.Query().Get("operation") {
	case "GetCACaps":
		_, _ = io.WriteString(w, s.caps)
	case "GetCACert":
		w.Header().Set("Content-Type", "application/x-x509-ca-cert")
		_, _ = w.Write(s.caCert.Raw)
	case "PKIOperation":
		der := must(io.ReadAll(r.Body))
		if r.Method == http.MethodGet {
			der = must(base64.URLEncoding.DecodeString(r.URL.Query().Get("message")))
		} else if !bytes.Equal(der, []byte(r.URL.Query().Get("message"))) {
			http.Error(w, "body and message differ", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/x-pki-message")
		_, _ = w.Write(s.certify(der))
	}
}

func (s *server) certify(der []byte) []byte {
	msg := must(scep.ParsePKIMessage(der))
	if err := msg.DecryptPKIEnvelope(s.caCert, s.caKey); err != nil {
		panic(err)
	}
	if !s.challenges[msg.ChallengePassword] {
		return must(msg.Fail(s.caCert, s.caKey, scep.BadRequest)).Raw
	}
	delete(s.challenges, msg.ChallengePassword)
	cert := s.issue(msg.CSR.Subject, msg.CSR.PublicKey)
	return must(msg.Success(s.caCert, s.caKey, cert)).Raw
}

func (s *server) issue(subject pkix.Name, key any) *x509.Certificate {
	tmpl := &x509.Certificate{
		SerialNumber: must(rand.Int(rand.Reader, big.NewInt(1<<62))), Subject: subject,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, tmpl, s.caCert, key, s.caKey))))
}

func (s *server) mdm(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse(w) {
		return
	}
	req, cert, err := s.verify(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	udid, _ := req.Body["UDID"].(string)
	fingerprint := sha256.Sum256(cert.Raw)
	if req.Kind == "Authenticate" {
		s.owner[udid] = fingerprint
	}
	if s.owner[udid] != fingerprint {
		http.Error(w, "certificate of another enrolment", http.StatusBadRequest)
		return
	}
	s.requests = append(s.requests, req)
	_, _ = w.Write(s.answer(req))
}

const cut = -1

func (s *server) refuse(w http.ResponseWriter) bool {
	if len(s.fail) == 0 {
		return false
	}
	code := s.fail[0]
	s.fail = s.fail[1:]
	if code == cut {
		panic(http.ErrAbortHandler)
	}
	if code != 0 {
		http.Error(w, "refused", code)
	}
	return code != 0
}

func (s *server) verify(r *http.Request) (request, *x509.Certificate, error) {
	raw := must(io.ReadAll(r.Body))
	p7, err := pkcs7.Parse(must(base64.StdEncoding.DecodeString(r.Header.Get("Mdm-Signature"))))
	if err != nil {
		return request{}, nil, err
	}
	attached := len(p7.Content) > 0
	p7.Content = raw
	if err := p7.Verify(); err != nil {
		return request{}, nil, err
	}
	signer := p7.GetOnlySigner()
	if err := signer.CheckSignatureFrom(s.caCert); err != nil {
		return request{}, nil, err
	}
	var body map[string]any
	if err := plist.NewXMLDecoder(bytes.NewReader(raw)).Decode(&body); err != nil {
		return request{}, nil, err
	}
	kind, _ := body["MessageType"].(string)
	if kind == "" {
		kind, _ = body["Status"].(string)
	}
	digest := p7.Signers[0].DigestAlgorithm.Algorithm.String()
	return request{kind, body, r.Header.Get("Content-Type"), raw, digest, attached}, signer, nil
}

func (s *server) answer(req request) []byte {
	switch {
	case req.Kind == "SetBootstrapToken":
		s.bootstrap, _ = req.Body["BootstrapToken"].([]byte)
	case req.Kind == "GetBootstrapToken" && s.bootstrap != nil:
		return must(plist.Marshal(map[string]any{"BootstrapToken": s.bootstrap}))
	}
	if _, checkIn := req.Body["MessageType"]; checkIn {
		return nil
	}
	id, _ := req.Body["CommandUUID"].(string)
	if req.Kind != "NotNow" && len(s.queue) > 0 && s.queue[0]["CommandUUID"] == id {
		s.queue = s.queue[1:]
	} else if req.Kind == "NotNow" {
		return nil // offered again at the next Idle
	}
	if len(s.queue) == 0 {
		return nil
	}
	return must(plist.Marshal(s.queue[0]))
}

// push queues a command; keys are those of the dictionary Command.
func (s *server) push(id, requestType string, keys map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	command := map[string]any{"RequestType": requestType}
	for k, v := range keys {
		command[k] = v
	}
	s.queue = append(s.queue, map[string]any{"CommandUUID": id, "Command": command})
}

func (s *server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// log returns the accepted messages since the last call, each as its kind and command, and the messages themselves.
func (s *server) log() (kinds []string, all []request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		kind := r.Kind
		if id, ok := r.Body["CommandUUID"]; ok {
			kind = fmt.Sprintf("%s %s", kind, id)
		}
		kinds = append(kinds, kind)
	}
	all, s.requests = s.requests, nil
	return kinds, all
}
