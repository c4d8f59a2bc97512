package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// commandsAnswer is what a poll brings.
type commandsAnswer struct {
	V          int      `json:"v"`
	Commands   []string `json:"commands"`
	ServerTime string   `json:"server_time"`
}

// commands answers a poll: with the command that waits, with the one that comes within the time that the device waits, or without one.
func (h *handler) commands(ctx context.Context, r *http.Request) (any, error) {
	wait, err := waitOf(r)
	if err != nil {
		return nil, err
	}
	c, err := h.authenticated(ctx, r)
	if err != nil {
		return nil, err
	}
	enrolled := c.Enrolled
	w, leave := h.Hub.join(enrolled.Device) // before the first look: what comes after that wakes
	defer leave()
	end := time.NewTimer(wait)
	defer end.Stop()
	for {
		signed, err := h.look(ctx, enrolled)
		if err != nil {
			return nil, err
		}
		if signed != "" {
			return commandsAnswer{V: contractVersion, Commands: []string{signed}, ServerTime: stamp(h.Now())}, nil
		}
		if !h.pause(ctx, w, end.C) {
			return nil, nil
		}
		if enrolled, err = h.again(ctx, enrolled); err != nil {
			return nil, err
		}
	}
}

// look is next, which it repeats once, and at once, when that was overtaken: by a newer command, and then this one comes again; or by other
// keys. What is overtaken twice is left to the next look.
func (h *handler) look(ctx context.Context, e Enrolled) (string, error) {
	for range 2 {
		signed, err := h.next(ctx, e)
		if !errors.Is(err, errOvertaken) {
			return signed, err
		}
		if e, err = h.again(ctx, e); err != nil {
			return "", err
		}
	}
	return "", nil
}

// again is the device as it is now. It may have been enrolled anew: nothing is encrypted to old keys, nor given to who held them.
func (h *handler) again(ctx context.Context, before Enrolled) (Enrolled, error) {
	now, err := h.device(ctx, before.Device.ID)
	if err == nil && !now.Key.Equal(before.Key) {
		err = unauthorized("not_enrolled", nil)
	}
	return now, err
}

// pause waits until there is a reason to look again; false when the poll is over.
func (h *handler) pause(ctx context.Context, w *waiter, end <-chan time.Time) bool {
	again := time.NewTimer(h.Recheck)
	defer again.Stop()
	select {
	case <-w.woken:
		return true
	case <-again.C:
		return true
	case <-w.gone: // but not at once: two that share one identity would end each other's poll without a pause
		select {
		case <-w.ripe:
		case <-ctx.Done():
		}
		return false
	case <-end:
		return false
	case <-ctx.Done():
		return false
	}
}

func waitOf(r *http.Request) (time.Duration, error) {
	text := r.URL.Query().Get("wait")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if wait := time.Duration(n) * time.Second; err == nil && n >= 0 && wait <= maxWait {
		return wait, nil
	}
	return 0, bad(&DecodeError{Field: "wait", Rule: RuleValue})
}

// next is the signed command that the device should get now, "" when there is none: an order first, then a question.
//
// The last number was read before the command is taken, and the command gets the one after it or none: of two polls at the same time, the
// one that took its command first must not carry the higher number, or a command that was withdrawn meanwhile would pass for the newer one.
func (h *handler) next(ctx context.Context, e Enrolled) (string, error) {
	d := e.Device
	cmd, err := h.Service.Next(ctx, d)
	switch {
	case errors.Is(err, lock.ErrSealed): // the rest of the device's commands must not wait for it
		h.Logger.ErrorContext(ctx, "a command waits and cannot be made", slog.String("device", d.ID), slog.Any("error", err))
	case err != nil:
		return "", err
	case cmd.ID != "":
		h.spoken.of(d).delivered(cmd.ID)
		return h.seal(ctx, e, cmd.Body)
	}
	if h.Queries == nil {
		return "", nil
	}
	q, err := h.Queries.Query(ctx, d)
	if err != nil || q.ID == "" {
		return "", err
	}
	if q.Command != cmdReportState && q.Command != cmdTokenStatus {
		return "", errors.New("a query must be " + cmdReportState + " or " + cmdTokenStatus)
	}
	body, err := json.Marshal(command{
		V: contractVersion, Typ: typeCommand, ID: q.ID, Device: d.ID, Name: q.Command, Args: struct{}{},
		Expiry: stamp(h.Now().Add(queryExpiry)),
	})
	if err != nil {
		return "", fmt.Errorf("make a query: %w", err)
	}
	return h.seal(ctx, e, body)
}

// queryExpiry is how long a device may take to answer a question.
const queryExpiry = time.Hour

// errOvertaken says that another command of the device was numbered since this one was taken.
var errOvertaken = errors.New("another command was numbered meanwhile")

// seal numbers and signs a command that leaves now.
func (h *handler) seal(ctx context.Context, e Enrolled, body []byte) (string, error) {
	seq, err := h.Requests.Number(ctx, e.Device.ID, e.Last)
	if err != nil {
		return "", err
	}
	if seq == 0 {
		return "", errOvertaken
	}
	var c command
	c.Args = &json.RawMessage{}
	if err := json.Unmarshal(body, &c); err != nil {
		return "", errors.New("a command was not made by this platform's codec")
	}
	c.Seq, c.Issued = seq, stamp(h.Now())
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("sign a command: %w", err)
	}
	return sign(h.signer, payload)
}
