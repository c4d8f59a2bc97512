package wnstest

import (
	"io"
	"net/http"
	"strings"
)

const maxPush = 5000 // bytes

// push is a channel. It answers as WNS documents.
func (s *Server) push(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxPush+1))
	uri := s.web.URL + r.URL.RequestURI()
	status, wake := s.accept(w.Header(), r, uri, string(body), err)
	w.Header().Set("X-WNS-Msg-ID", "4C1A2B3D")
	if status != http.StatusOK {
		w.Header().Set("X-WNS-Error-Description", "about "+uri)
	}
	w.WriteHeader(status)
	if wake != nil {
		wake()
	}
}

// accept gives the status of the answer, sets its headers, and says what wakes the device.
func (s *Server) accept(h http.Header, r *http.Request, uri, body string, unread error) (int, func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	c := s.channels[uri]
	switch {
	case r.Method != http.MethodPost:
		return http.StatusMethodNotAllowed, nil
	case !bearer || !s.tokens[token]:
		return http.StatusUnauthorized, nil
	case len(body) > maxPush:
		return http.StatusRequestEntityTooLarge, nil
	case unread != nil, malformed(r, len(body)):
		return http.StatusBadRequest, nil
	case c == nil:
		return http.StatusNotFound, nil
	case c.expired:
		return http.StatusGone, nil
	}
	kept := r.Header.Get("X-WNS-Cache-Policy") == "cache"
	connection, status := "connected", "received"
	if c.offline {
		connection = "disconnected"
	}
	if c.offline && !kept {
		status = "dropped"
	}
	if r.Header.Get("X-WNS-RequestForStatus") == "true" {
		h.Set("X-WNS-DeviceConnectionStatus", connection)
	}
	h.Set("X-WNS-Status", status)
	if status == "dropped" {
		return http.StatusOK, nil
	}
	s.pushes = append(s.pushes, Push{Channel: uri, Header: r.Header.Clone(), Body: body})
	if c.offline {
		return http.StatusOK, nil
	}
	return http.StatusOK, c.wake
}

// malformed reports a request that is no raw notification: no chunks, no Expect, a length that is right.
func malformed(r *http.Request, length int) bool {
	return r.Header.Get("X-WNS-Type") != "wns/raw" || r.Header.Get("Content-Type") != "application/octet-stream" ||
		r.ContentLength != int64(length) || length == 0 || len(r.TransferEncoding) > 0 || r.Header.Get("Expect") != ""
}
