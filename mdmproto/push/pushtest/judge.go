package pushtest

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxPayload = 4096 // bytes
	pathBegin  = "/3/device/"
)

// tokenOf is the token in a path; nil when there is none that is hexadecimal.
func tokenOf(path string) []byte {
	token, ok := strings.CutPrefix(path, pathBegin)
	if !ok || token == "" {
		return nil
	}
	b, err := hex.DecodeString(token)
	if err != nil {
		return nil
	}
	return b
}

// expiration is apns-expiration; zero when it is absent or no time.
func expiration(h http.Header) time.Time {
	seconds, err := strconv.ParseInt(h.Get("Apns-Expiration"), 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// judge says what is wrong with a push; 0 when nothing is.
func (s *Server) judge(p Push, protocol int) (status int, reason string) {
	topic := p.Header.Get("Apns-Topic")
	switch {
	case protocol != 2:
		return http.StatusHTTPVersionNotSupported, "HTTPVersion"
	case p.Method != http.MethodPost:
		return http.StatusMethodNotAllowed, "MethodNotAllowed"
	case p.Path == pathBegin:
		return http.StatusBadRequest, "MissingDeviceToken"
	case !strings.HasPrefix(p.Path, pathBegin):
		return http.StatusNotFound, "BadPath"
	case p.Token == nil:
		return http.StatusBadRequest, "BadDeviceToken"
	case repeated(p.Header):
		return http.StatusBadRequest, "DuplicateHeaders"
	case topic == "":
		return http.StatusBadRequest, "MissingTopic"
	case topic != topicOf(p.Certificate):
		return http.StatusBadRequest, "TopicDisallowed"
	case topic != s.topic:
		return http.StatusBadRequest, "DeviceTokenNotForTopic"
	case p.Header.Get("Apns-Push-Type") != "mdm":
		return http.StatusBadRequest, "InvalidPushType"
	}
	return judgeRest(p)
}

func judgeRest(p Push) (status int, reason string) {
	priority := p.Header.Get("Apns-Priority")
	switch {
	case p.Header.Get("Apns-Expiration") != "" && expiration(p.Header).IsZero():
		return http.StatusBadRequest, "BadExpirationDate"
	case priority != "" && priority != "5" && priority != "10":
		return http.StatusBadRequest, "BadPriority"
	case len(p.Payload) > maxPayload:
		return http.StatusRequestEntityTooLarge, "PayloadTooLarge"
	}
	var payload map[string]any
	if json.Unmarshal(p.Payload, &payload) != nil || payload["mdm"] == nil {
		return http.StatusBadRequest, "PayloadEmpty"
	}
	return 0, ""
}

// repeated says that a header of APNs is there twice.
func repeated(h http.Header) bool {
	for name, values := range h {
		if strings.HasPrefix(name, "Apns-") && len(values) > 1 {
			return true
		}
	}
	return false
}
