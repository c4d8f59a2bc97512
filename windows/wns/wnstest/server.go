package wnstest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// What the token endpoint takes.
const (
	ClientID = "ms-app://S-1-15-2-1111111111-2222222222"
	Secret   = "wns-client-SECRET-f4c3" //nolint:gosec // of a stand-in
)

// Call is one of the two things that are asked of WNS.
type Call string

// The calls.
const (
	CallToken Call = "token"
	CallPush  Call = "push"
)

// Answer replaces an answer.
type Answer struct {
	Status  int
	Header  map[string]string
	Body    string
	Dropped bool            // there is none: the connection ends
	Wait    <-chan struct{} // it comes when this is closed, or the request ends; with no Status, the usual answer comes then
}

// Push is a notification that was taken.
type Push struct {
	Channel string
	Header  http.Header
	Body    string
}

// Server is the stand-in. It is safe for concurrent use.
type Server struct {
	web *httptest.Server

	mu       sync.Mutex
	channels map[string]*channel // by its address
	tokens   map[string]bool     // that are good
	lifetime int                 // of a token, in seconds
	calls    map[Call]int
	pushes   []Push
	script   map[Call][]Answer
}

// channel is that of a device.
type channel struct {
	wake    func()
	offline bool
	expired bool
}

// Start begins to serve on a free port. Close ends it.
func Start() *Server {
	s := &Server{
		channels: map[string]*channel{}, tokens: map[string]bool{}, lifetime: 86400, calls: map[Call]int{}, script: map[Call][]Answer{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/accesstoken.srf", s.serve(CallToken, s.token))
	mux.HandleFunc("/", s.serve(CallPush, s.push))
	s.web = httptest.NewTLSServer(mux)
	return s
}

// Close ends it, once all requests are answered.
func (s *Server) Close() { s.web.Close() }

// TokenURL is the address of the token endpoint.
func (s *Server) TokenURL() string { return s.web.URL + "/accesstoken.srf" }

// Host is the host and port of all channels.
func (s *Server) Host() string { return strings.TrimPrefix(s.web.URL, "https://") }

// Transport trusts the stand-in's certificate.
func (s *Server) Transport() http.RoundTripper { return s.web.Client().Transport }

// Channel makes a channel, and returns its address. Its device is online; wake is called for each notification before the answer to it is
// complete, so it returns soon; it may be nil.
func (s *Server) Channel(wake func()) (uri string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	uri = fmt.Sprintf("%s/?token=Chan-%d-FACEFF5%%2b", s.web.URL, len(s.channels)+1)
	s.channels[uri] = &channel{wake: wake}
	return uri
}

// Expire ends a channel.
func (s *Server) Expire(uri string) { s.change(uri, func(c *channel) { c.expired = true }) }

// Disconnect takes the channel's device off the network. What is sent to it is kept, if it may be.
func (s *Server) Disconnect(uri string) { s.change(uri, func(c *channel) { c.offline = true }) }

func (s *Server) change(uri string, edit func(*channel)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channels[uri]; c != nil {
		edit(c)
	}
}

// Revoke makes all access tokens worthless, as WNS does when a secret is replaced.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// Lifetime sets how long the access tokens are said to be good that are given from now on, in seconds.
func (s *Server) Lifetime(seconds int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lifetime = seconds
}

// Script sets the next answers to a call; after them it answers as usual.
func (s *Server) Script(c Call, answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script[c] = append(s.script[c], answers...)
}

// Calls is how often something was asked.
func (s *Server) Calls(c Call) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[c]
}

// Pushes are the notifications that were taken, in order.
func (s *Server) Pushes() []Push {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.pushes)
}

// serve counts a call, and answers by the script or as usual.
func (s *Server) serve(c Call, usual http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, scripted := s.next(c)
		if a.Wait != nil {
			select {
			case <-a.Wait:
			case <-r.Context().Done():
				return
			}
		}
		switch {
		case a.Dropped:
			panic(http.ErrAbortHandler)
		case !scripted || a.Status == 0:
			usual(w, r)
			return
		}
		for name, value := range a.Header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(a.Status)
		_, _ = w.Write([]byte(a.Body)) // whoever is gone does not read it
	}
}

func (s *Server) next(c Call) (a Answer, scripted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[c]++
	if len(s.script[c]) == 0 {
		return Answer{}, false
	}
	a, s.script[c] = s.script[c][0], s.script[c][1:]
	return a, true
}

// token is the endpoint of login.live.com.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	want := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {ClientID}, "client_secret": {Secret}, "scope": {"notify.windows.com"},
	}
	if r.Method != http.MethodPost || r.ParseForm() != nil || r.PostForm.Encode() != want.Encode() || r.URL.RawQuery != "" ||
		r.Header.Get("Authorization") != "" {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"error":"invalid_client","error_description":"%s"}`, Secret)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	token := fmt.Sprintf("EgAaAQMAAAAE-T0KEN-%d", s.calls[CallToken])
	s.tokens[token] = true
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"access_token":"%s","token_type":"bearer","expires_in":%d}`, token, s.lifetime)
}
