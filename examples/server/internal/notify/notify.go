// Package notify tells approvers that something waits for a second person: by a line in the log, and by a message to a webhook.
//
// A message is a JSON object (Message) in a POST, without any secret; its Idempotency-Key is the ID of the event that it tells of, the same
// when it is sent again. It is repeated a few times, with pauses, for as long as nobody answers with 2xx; an answer from 400 to 499 other
// than 408 and 429 ends that at once. A message that is never taken is lost, and the request is not: it is durable, and waits on the page
// for approvals.
package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

const (
	waiting = 1000             // messages that wait to be sent
	workers = 4                // messages that are sent at a time
	timeout = 10 * time.Second // of one attempt
)

// pauses are those between the attempts to send a message.
var pauses = [...]time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute}

// Config is what a Notifier is made of.
type Config struct {
	URL     string       // of the webhook; empty: there is only the log
	BaseURL string       // of the console, which messages lead to
	Client  *http.Client // nil: one of its own, which checks certificates and follows no redirect
	Logger  *slog.Logger // nil: slog.Default
}

// Notifier tells approvers. It is safe for concurrent use.
type Notifier struct {
	Config
	queue chan Message
	pause func(context.Context, time.Duration) error
}

// New returns a Notifier. It starts nothing: call Run.
func New(cfg Config) *Notifier {
	if cfg.Client == nil {
		cfg.Client = &http.Client{
			Timeout:       timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return &Notifier{Config: cfg, queue: make(chan Message, waiting), pause: pause}
}

// Message is what a webhook gets.
type Message struct {
	Type     string    `json:"type"` // "approval_wanted"
	ID       lock.ID   `json:"id"`   // of the event, which an approval of a reveal names as its request
	What     string    `json:"what"` // "lock", "reveal" or "bulk"
	ActionID lock.ID   `json:"action_id,omitempty"`
	DeviceID string    `json:"device_id,omitempty"`
	Batch    string    `json:"batch,omitempty"`
	Devices  string    `json:"devices,omitempty"` // of a batch: how many
	By       string    `json:"requested_by"`
	Reason   string    `json:"reason,omitempty"`
	Ticket   string    `json:"ticket,omitempty"`
	Time     time.Time `json:"time"`
	URL      string    `json:"url"` // the page where it is approved or rejected
}

func (n *Notifier) message(e lock.Event) Message {
	m := Message{
		Type: "approval_wanted", ID: e.ID, What: "lock", ActionID: e.Action, DeviceID: e.Device, By: e.Actor.ID, Reason: e.Reason, Ticket: e.Ticket,
		Time: e.Time, URL: n.BaseURL + "/approvals",
	}
	switch {
	case e.Type == lock.EventRevealRequested:
		m.What = "reveal"
	case e.Type == lock.EventBatchOpened:
		m.What, m.Batch, m.Devices = "bulk", e.Facts["batch"], e.Facts["devices"]
	case e.Order != nil:
		m.Ticket = e.Order.Ticket
	}
	return m
}

// Tell logs that something waits, and leaves a message to Run. It never blocks: when too many wait already, the message is left out, and
// that is logged.
func (n *Notifier) Tell(ctx context.Context, e lock.Event) {
	m := n.message(e)
	n.Logger.InfoContext(ctx, "waits for a second person", slog.String("what", m.What), slog.String("action", string(m.ActionID)),
		slog.String("device", m.DeviceID), slog.String("batch", m.Batch), slog.String("requested_by", m.By), slog.String("ticket", m.Ticket))
	if n.URL == "" {
		return
	}
	select {
	case n.queue <- m:
	default:
		n.Logger.WarnContext(ctx, "approvers are not told: too many messages wait", slog.String("event", string(m.ID)))
	}
}

// Run sends messages until ctx ends.
func (n *Notifier) Run(ctx context.Context) {
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case m := <-n.queue:
					n.deliver(ctx, m)
				}
			}
		})
	}
	running.Wait()
}

// deliver sends one message, again after each pause.
func (n *Notifier) deliver(ctx context.Context, m Message) {
	for attempt := 0; ; attempt++ {
		err := n.send(ctx, m)
		if err == nil || ctx.Err() != nil {
			return
		}
		var refused *refusal
		if errors.As(err, &refused) && refused.final() || attempt == len(pauses) {
			n.Logger.WarnContext(ctx, "approvers were not told: the request waits on the approvals page",
				slog.String("event", string(m.ID)), slog.Int("attempts", attempt+1), slog.Any("error", err))
			return
		}
		if n.pause(ctx, pauses[attempt]) != nil {
			return
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// refusal is an answer other than 2xx.
type refusal struct{ status int }

// Error names the status.
func (r *refusal) Error() string { return fmt.Sprintf("the webhook answered %d", r.status) }

// final reports whether the same message would be refused again.
func (r *refusal) final() bool {
	return r.status < http.StatusInternalServerError && r.status != http.StatusRequestTimeout && r.status != http.StatusTooManyRequests
}

// send makes one attempt. Its error does not have the address, which may have a secret of the webhook's.
func (n *Notifier) send(ctx context.Context, m Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("the webhook's address is malformed")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", string(m.ID))
	res, err := n.Client.Do(req)
	if err != nil {
		var where *url.Error
		if errors.As(err, &where) {
			err = where.Err
		}
		return fmt.Errorf("the webhook cannot be reached: %w", err)
	}
	_ = res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return &refusal{res.StatusCode}
	}
	return nil
}
