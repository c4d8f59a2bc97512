package amapitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
)

// Message is what Firebase Cloud Messaging took for a device.
type Message struct {
	Token        string
	Data         map[string]string
	CollapseKey  string
	Priority     string
	TTL          string
	DirectBootOK bool
}

type messages struct {
	taken []Message
	dead  map[string]bool
}

// Messages returns the messages that were taken, in the order of their arrival.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.fcm.taken)
}

// Unregister ends a registration token: messages to it get 404 UNREGISTERED.
func (s *Server) Unregister(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fcm.dead[token] = true
}

var ttl = regexp.MustCompile(`^[0-9]{1,7}s$`)

// send checks a message and takes it.
func (s *Server) send(body []byte) Answer {
	var in struct {
		Message struct {
			Token   string            `json:"token"`
			Data    map[string]string `json:"data"`
			Android struct {
				CollapseKey  string `json:"collapseKey"`
				Priority     string `json:"priority"`
				TTL          string `json:"ttl"`
				DirectBootOK bool   `json:"directBootOk"`
			} `json:"android"`
		} `json:"message"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	m := &in.Message
	bad := d.Decode(&in) != nil || len(body) > 8192 || m.Android.Priority != "" && m.Android.Priority != "HIGH" && m.Android.Priority != "NORMAL"
	if seconds := 0; !bad && m.Android.TTL != "" {
		_, err := fmt.Sscanf(m.Android.TTL, "%ds", &seconds)
		bad = err != nil || !ttl.MatchString(m.Android.TTL) || seconds > 28*24*3600
	}
	switch {
	case bad:
		return Answer{Status: http.StatusBadRequest, Word: "INVALID_ARGUMENT", Code: "INVALID_ARGUMENT"}
	case m.Token == "":
		return Answer{Status: http.StatusBadRequest, Word: "INVALID_ARGUMENT", Code: "INVALID_ARGUMENT", Field: "message.token"}
	case s.fcm.dead[m.Token]:
		return Answer{Status: http.StatusNotFound, Word: "NOT_FOUND", Code: "UNREGISTERED"}
	}
	s.fcm.taken = append(s.fcm.taken, Message{
		m.Token, m.Data, m.Android.CollapseKey, m.Android.Priority, m.Android.TTL, m.Android.DirectBootOK,
	})
	return result(map[string]any{"name": fmt.Sprintf("projects/%s/messages/%d", Project, len(s.fcm.taken))})
}
