package amapitest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Push is a message of the enterprise's topic, as the body of a push request.
type Push struct {
	Operation string // that it tells of
	Body      []byte
}

// finish ends an operation, and has a notification of it wait.
func (s *Server) finish(o *operation) {
	o.done = true
	data, err := json.Marshal(o)
	if err != nil {
		return // cannot be: maps of texts and numbers
	}
	s.pushes = append(s.pushes, NewPush("COMMAND", strconv.Itoa(len(s.pushes)+1), s.cfg.Now(), data))
	s.pushes[len(s.pushes)-1].Operation = o.name
}

// NewPush makes a message.
func NewPush(notificationType, id string, published time.Time, data []byte) Push {
	body, err := json.Marshal(map[string]any{
		"message": map[string]any{
			"attributes": map[string]string{"notificationType": notificationType}, "data": base64.StdEncoding.EncodeToString(data),
			"messageId": id, "message_id": id,
			"publishTime": published.UTC().Format(time.RFC3339Nano), "publish_time": published.UTC().Format(time.RFC3339Nano),
		},
		"subscription": "projects/" + Project + "/subscriptions/latchkey", "deliveryAttempt": 1,
	})
	if err != nil {
		return Push{} // cannot be: maps of texts and numbers
	}
	return Push{Body: body}
}

// Pushes returns the notifications so far, the first first.
func (s *Server) Pushes() []Push {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.pushes)
}

// Deliver sends messages to a push endpoint, one after the other, and returns the statuses of its answers.
func Deliver(ctx context.Context, client *http.Client, endpoint string, pushes ...Push) ([]int, error) {
	var statuses []int
	for _, p := range pushes {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(p.Body))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Content-Type", "application/json")
		answer, err := client.Do(r)
		if err != nil {
			return nil, fmt.Errorf("amapitest: deliver: %w", err)
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxBody))
		_ = answer.Body.Close()
		statuses = append(statuses, answer.StatusCode)
	}
	return statuses, nil
}
