package notify

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// hook is a webhook that answers with some statuses, the last of them for ever.
type hook struct {
	*httptest.Server
	mu       sync.Mutex
	statuses []int
	got      []Message
	keys     []string
	told     chan struct{} // each message
}

func newHook(t *testing.T, statuses ...int) *hook {
	t.Helper()
	h := &hook{statuses: statuses, told: make(chan struct{}, 100)}
	h.Server = httptest.NewTLSServer(h)
	t.Cleanup(h.Close)
	return h
}

// ServeHTTP implements http.Handler.
func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var m Message
	if json.NewDecoder(r.Body).Decode(&m) != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	h.got, h.keys = append(h.got, m), append(h.keys, r.Header.Get("Idempotency-Key"))
	status := h.statuses[0]
	if len(h.statuses) > 1 {
		h.statuses = h.statuses[1:]
	}
	if status == http.StatusFound {
		w.Header().Set("Location", h.URL+"/elsewhere")
	}
	w.WriteHeader(status)
	h.told <- struct{}{}
}

// notifier sends to a hook, without pauses.
func notifier(t *testing.T, h *hook, logs *strings.Builder) (n *Notifier, paused *[]time.Duration) {
	t.Helper()
	client := h.Client()
	client.CheckRedirect = New(Config{}).Client.CheckRedirect
	n = New(Config{URL: h.URL + "/secret-path", BaseURL: "https://mdm.example.com", Client: client, Logger: slog.New(slog.NewTextHandler(logs, nil))})
	paused = &[]time.Duration{}
	n.pause = func(_ context.Context, d time.Duration) error {
		*paused = append(*paused, d)
		return nil
	}
	return n, paused
}

var wanted = lock.Event{
	ID: "e1", Action: "a1", Type: lock.EventRevealRequested, Device: "mac", Actor: lock.Actor{ID: "ada"}, Reason: "owner is here", Ticket: "4711",
	Time: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC),
}

func TestMessages(t *testing.T) {
	for name, c := range map[string]struct {
		event lock.Event
		want  Message
	}{
		"reveal": {wanted, Message{What: "reveal", ActionID: "a1", DeviceID: "mac", Ticket: "4711"}},
		"lock": {
			lock.Event{Type: lock.EventOrdered, Action: "a1", Device: "mac", Order: &lock.Action{Ticket: "4711"}},
			Message{What: "lock", ActionID: "a1", DeviceID: "mac", Ticket: "4711"},
		},
		"bulk": {
			lock.Event{Type: lock.EventBatchOpened, Facts: map[string]string{"batch": "b1", "devices": "70"}},
			Message{What: "bulk", Batch: "b1", Devices: "70"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.Type, c.want.URL = "approval_wanted", "https://mdm.example.com/approvals"
			c.want.ID, c.want.By, c.want.Reason, c.want.Time = c.event.ID, c.event.Actor.ID, c.event.Reason, c.event.Time
			assert.Equal(t, c.want, New(Config{BaseURL: "https://mdm.example.com"}).message(c.event))
		})
	}
}

// Run sends what was told, over TLS.
func TestRun(t *testing.T) {
	h := newHook(t, http.StatusNoContent)
	var logs strings.Builder
	n, _ := notifier(t, h, &logs)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { n.Run(ctx); close(ended) }()
	n.Tell(t.Context(), wanted)
	<-h.told
	cancel()
	<-ended
	assert.Equal(t, []Message{n.message(wanted)}, h.got)
	assert.Equal(t, []string{"e1"}, h.keys)
	assert.Contains(t, logs.String(), "waits for a second person")
}

func TestAttemptsAreBounded(t *testing.T) {
	all := pauses[:]
	for name, c := range map[string]struct {
		statuses []int
		attempts int
		pauses   []time.Duration
		told     bool
	}{
		"taken at once":       {[]int{200}, 1, nil, true},
		"taken in the end":    {[]int{503, 429, 204}, 3, all[:2], true},
		"never taken":         {[]int{500}, 5, all, false},
		"refused for ever":    {[]int{410}, 1, nil, false},
		"elsewhere, not gone": {[]int{302}, 1, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHook(t, c.statuses...)
			var logs strings.Builder
			n, paused := notifier(t, h, &logs)
			n.deliver(t.Context(), n.message(wanted))
			assert.Len(t, h.got, c.attempts)
			assert.ElementsMatch(t, c.pauses, *paused)
			assert.Equal(t, !c.told, strings.Contains(logs.String(), "were not told"))
			assert.NotContains(t, logs.String(), "secret-path", "the address may have a secret")
		})
	}
}

func TestNobodyIsThere(t *testing.T) {
	h := newHook(t, 200)
	var logs strings.Builder
	n, paused := notifier(t, h, &logs)
	h.Close()
	n.deliver(t.Context(), n.message(wanted))
	assert.Len(t, *paused, len(pauses))
	assert.Contains(t, logs.String(), "cannot be reached")
	assert.NotContains(t, logs.String(), "secret-path")
}

// A stranger's certificate is not taken.
func TestCertificateIsChecked(t *testing.T) {
	h := newHook(t, 200)
	n := New(Config{URL: h.URL})
	require.ErrorContains(t, n.send(t.Context(), Message{}), "certificate")
	assert.Empty(t, h.got)
}

func TestTellNeverBlocks(t *testing.T) {
	var logs strings.Builder
	n := New(Config{URL: "https://mdm.example.com", Logger: slog.New(slog.NewTextHandler(&logs, nil))})
	for range waiting + 1 {
		n.Tell(t.Context(), wanted)
	}
	assert.Equal(t, 1, strings.Count(logs.String(), "too many messages wait"))
	assert.Len(t, n.queue, waiting)
	quiet := New(Config{Logger: slog.New(slog.DiscardHandler)})
	quiet.Tell(t.Context(), wanted)
	assert.Empty(t, quiet.queue, "nobody would take it")
}
