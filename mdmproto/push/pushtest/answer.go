package pushtest

import (
	"encoding/json"
	"maps"
	"net/http"
	"time"
)

// Answer is how a push is answered. The zero Answer checks it and accepts it.
type Answer struct {
	Status    int
	Reason    string // of the JSON body, which is {"reason": Reason}
	Timestamp time.Time
	Header    http.Header     // more headers, as Retry-After and Location
	Body      string          // in place of the JSON body
	Cut       Cut             // how the connection fails, in place of an answer
	Wait      <-chan struct{} // nil, or nothing happens before it is closed
}

// Cut is how a connection fails.
type Cut string

// The ways of a connection to fail.
const (
	CutHang   Cut = "hang"    // no answer until the client gives up
	CutStall  Cut = "stall"   // Status and Body, which does not end until the client gives up
	CutReset  Cut = "reset"   // the connection is reset
	CutGoAway Cut = "go-away" // the server closes the connection with Reason, and says that it has seen the push
	CutUnseen Cut = "unseen"  // the same, and that it has not seen the push: the client may send it again
)

// answer does as it is told.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, a Answer) {
	switch a.Cut {
	case CutHang:
		s.hang(r)
		return
	case CutReset, CutGoAway, CutUnseen:
		cut(r, a)
		return
	}
	maps.Copy(w.Header(), a.Header)
	w.Header().Set("Apns-Id", "00000000-0000-4000-8000-000000000000")
	body := []byte(a.Body)
	if a.Body == "" && a.Status != http.StatusOK {
		w.Header().Set("Content-Type", "application/json")
		body = reasonOf(a)
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(body)
	if a.Cut == CutStall {
		_ = http.NewResponseController(w).Flush()
		s.hang(r)
	}
}

// hang waits until the client gives up, or the server ends.
func (s *Server) hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.closed:
	}
}

// reasonOf is the body of an answer that says why.
func reasonOf(a Answer) []byte {
	fields := map[string]any{"reason": a.Reason}
	if !a.Timestamp.IsZero() {
		fields["timestamp"] = a.Timestamp.UnixMilli()
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return nil // cannot be: a text and a number
	}
	return body
}
