package amapitest

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const maxBody = 1 << 20 // bytes

// Config is how a stand-in is set up.
type Config struct {
	Now func() time.Time // nil: time.Now
	// Quota is how many calls of the Android Management API are answered in 100 seconds; the others get 429. 0: no limit.
	Quota int
	// RetryAfter is what such an answer says, in whole seconds. 0: nothing.
	RetryAfter time.Duration
	// WholeSeconds has operations tell their duration without its fraction.
	WholeSeconds bool
	Key          *rsa.PrivateKey // of the service account; nil: a new one, which takes a moment to make
	Listener     net.Listener    // nil: a free port of the loopback interface. Its address must be one of this machine
}

// Call is one of the endpoints.
type Call string

// The endpoints.
const (
	CallToken  Call = "token"
	CallIssue  Call = "issueCommand"
	CallGet    Call = "get"
	CallList   Call = "list"
	CallCancel Call = "cancel"
	CallSend   Call = "send" // of Firebase Cloud Messaging
)

// Request is what was asked.
type Request struct {
	Call   Call // empty: none of the endpoints
	Method string
	Path   string
	Query  url.Values
	Body   []byte
}

// Answer is how a call is answered in place of the usual.
type Answer struct {
	Status  int               // 0: as usual
	Word    string            // of google.rpc.Code, as UNAVAILABLE; empty: the body is none of Google's
	Code    string            // errorCode among the details, as UNREGISTERED
	Field   string            // fieldViolations among the details, as message.token
	Header  map[string]string // more headers, as Retry-After and Location
	Body    string            // in place of Google's; with Status 200 too
	Dropped bool              // the connection ends, and nothing was done
	Lost    bool              // the connection ends after all was done
	Wait    <-chan struct{}   // nil, or nothing happens before it is closed or the client gives up
}

// Server is the stand-in.
type Server struct {
	cfg Config
	web *http.Server

	mu       sync.Mutex
	closed   chan struct{}
	scripts  map[Call][]Answer
	requests []Request
	tokens   map[string]grant
	devices  map[string]*device
	calls    []time.Time // of the quota's window
	pushes   []Push
	fcm      messages
}

// Start serves until Close.
func Start(c Config) (*Server, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Key == nil {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		c.Key = key
	}
	if c.Listener == nil {
		listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("amapitest: listen: %w", err)
		}
		c.Listener = listener
	}
	s := &Server{
		cfg: c, closed: make(chan struct{}), scripts: map[Call][]Answer{}, tokens: map[string]grant{},
		devices: map[string]*device{}, fcm: messages{dead: map[string]bool{}},
	}
	s.web = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = s.web.Serve(c.Listener) }() // ends with Close
	return s, nil
}

// URL is the host for a client's configuration.
func (s *Server) URL() string { return "http://" + s.cfg.Listener.Addr().String() }

// Close ends the server, its connections, and what waits.
func (s *Server) Close() {
	close(s.closed)
	_ = s.web.Close()
}

// Script says how calls are answered: the first with the first answer, and so on; after the last it is as usual again.
func (s *Server) Script(c Call, answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts[c] = slices.Clone(answers)
}

// Requests returns all requests so far to these endpoints, or to all, in the order of their arrival.
func (s *Server) Requests(calls ...Call) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Request
	for _, r := range s.requests {
		if len(calls) == 0 || slices.Contains(calls, r.Call) {
			found = append(found, r)
		}
	}
	return found
}

// callOf finds the endpoint of a request, and the resource that its path names.
func callOf(method, path string) (c Call, name string) {
	name, ours := strings.CutPrefix(path, "/v1/")
	issued, isIssue := strings.CutSuffix(name, ":issueCommand")
	cancelled, isCancel := strings.CutSuffix(name, ":cancel")
	device, isList := strings.CutSuffix(name, "/operations")
	post, get := method == http.MethodPost, method == http.MethodGet
	switch {
	case post && path == tokenPath:
		return CallToken, ""
	case !ours:
		return "", ""
	case post && strings.HasPrefix(name, "projects/") && strings.HasSuffix(name, "/messages:send"):
		return CallSend, name
	case post && isIssue:
		return CallIssue, issued
	case post && isCancel:
		return CallCancel, cancelled
	case get && isList:
		return CallList, device
	case get && strings.Contains(name, "/operations/"):
		return CallGet, name
	}
	return "", ""
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return
	}
	call, name := callOf(r.Method, r.URL.Path)
	a := s.take(Request{call, r.Method, r.URL.Path, r.URL.Query(), body})
	if a.Wait != nil {
		select {
		case <-a.Wait:
		case <-r.Context().Done():
		case <-s.closed:
		}
	}
	if a.Dropped {
		panic(http.ErrAbortHandler)
	}
	if a.Status == 0 {
		header := a.Header
		lost := a.Lost
		a = s.usual(call, name, r, body)
		a.Header, a.Lost = merge(a.Header, header), lost
	}
	if a.Lost {
		panic(http.ErrAbortHandler)
	}
	reply(w, a)
}

func merge(a, b map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range []map[string]string{a, b} {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}

// take records a request and finds its script.
func (s *Server) take(r Request) (a Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	if queue := s.scripts[r.Call]; len(queue) > 0 {
		a, s.scripts[r.Call] = queue[0], queue[1:]
	}
	return a
}

// usual does what is asked.
func (s *Server) usual(call Call, name string, r *http.Request, body []byte) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if call == CallToken {
		return s.grant(body)
	}
	if a := s.admit(call, r); a.Status != 0 {
		return a
	}
	switch call {
	case CallIssue:
		return s.issue(name, body)
	case CallGet:
		return s.get(name)
	case CallList:
		return s.list(name, r.URL.Query())
	case CallCancel:
		return s.cancel(name)
	case CallSend:
		return s.send(body)
	case CallToken:
	}
	return Answer{Status: http.StatusNotFound} // Google's is a page of HTML
}

// admit checks the access token, and the quota.
func (s *Server) admit(call Call, r *http.Request) Answer {
	want := scopeManagement
	if call == CallSend {
		want = scopeMessaging
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	g, known := s.tokens[token]
	switch {
	case !known || !time.Now().Before(g.until):
		return problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	case g.scope != want:
		return problem(http.StatusForbidden, "PERMISSION_DENIED")
	}
	if s.cfg.Quota == 0 || call == CallSend {
		return Answer{}
	}
	now := s.cfg.Now()
	s.calls = slices.DeleteFunc(s.calls, func(at time.Time) bool { return now.Sub(at) >= 100*time.Second })
	if len(s.calls) >= s.cfg.Quota {
		a := problem(http.StatusTooManyRequests, "RESOURCE_EXHAUSTED")
		if s.cfg.RetryAfter > 0 {
			a.Header = map[string]string{"Retry-After": fmt.Sprintf("%d", int(s.cfg.RetryAfter.Seconds()))}
		}
		return a
	}
	s.calls = append(s.calls, now)
	return Answer{}
}

func problem(status int, word string) Answer { return Answer{Status: status, Word: word} }

// result is an answer of 200 with this value.
func result(v any) Answer {
	body, err := json.Marshal(v)
	if err != nil {
		return Answer{Status: http.StatusInternalServerError} // cannot be: maps of texts and numbers
	}
	return Answer{Status: http.StatusOK, Body: string(body)}
}

func reply(w http.ResponseWriter, a Answer) {
	for name, value := range a.Header {
		w.Header().Set(name, value)
	}
	body := a.Body
	if body == "" && a.Word != "" {
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		body = failure(a).Body
	}
	w.WriteHeader(cmp.Or(a.Status, http.StatusOK))
	_, _ = io.WriteString(w, body)
}

// failure is the body of an error.
func failure(a Answer) Answer {
	details := []any{}
	if a.Code != "" {
		details = append(details, map[string]any{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": a.Code})
	}
	if a.Field != "" {
		details = append(details, map[string]any{
			"@type":           "type.googleapis.com/google.rpc.BadRequest",
			"fieldViolations": []any{map[string]any{"field": a.Field, "description": "Invalid value"}},
		})
	}
	return result(map[string]any{"error": map[string]any{
		"code": a.Status, "message": "A text that nobody should rely on.", "status": a.Word, "details": details,
	}})
}
