package agent

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// resultsMessage is what a device reports.
type resultsMessage struct {
	V       int      `json:"v"`
	Results []string `json:"results"`
}

// resultsAnswer names the results that the device need not keep any more.
type resultsAnswer struct {
	V     int       `json:"v"`
	Acked []lock.ID `json:"acked"`
}

const maxResults = 16

// results makes what a device reports durable, one after the other. It acknowledges all or none: a device that gets 503 sends all of them
// again, and those that were durable already are recorded once.
func (h *handler) results(ctx context.Context, r *http.Request) (any, error) {
	c, err := h.authenticated(ctx, r)
	if err != nil {
		return nil, err
	}
	var m resultsMessage
	if err := decode(c.body, &m); err != nil {
		return nil, bad(err)
	}
	switch {
	case m.V != contractVersion:
		return nil, bad(&DecodeError{Field: "v", Rule: RuleVersion})
	case len(m.Results) == 0 || len(m.Results) > maxResults:
		return nil, bad(&DecodeError{Field: "results", Rule: RuleValue})
	}
	answer := resultsAnswer{V: contractVersion, Acked: []lock.ID{}}
	for _, text := range m.Results {
		id, err := h.take(ctx, c, text)
		if err != nil {
			return nil, err
		}
		if id != "" {
			answer.Acked = append(answer.Acked, id)
		}
	}
	return answer, nil
}

// take makes one result durable. One that cannot be understood is noted, and acknowledged all the same if its ID can be read: the device would
// repeat it for ever, and the command comes again because nothing was recorded.
func (h *handler) take(ctx context.Context, c caller, text string) (lock.ID, error) {
	r, err := openResult(text, c.Enrolled)
	if err != nil {
		h.Logger.WarnContext(ctx, "a result could not be understood", slog.String("device", c.Device.ID),
			slog.String("action", string(r.ID)), slog.Int("size", len(text)), slog.Any("error", err))
		return r.ID, nil
	}
	if len(r.Skipped) > 0 {
		h.Logger.InfoContext(ctx, "a result has fields that were left out", slog.String("device", c.Device.ID),
			slog.String("action", string(r.ID)), slog.Any("fields", r.Skipped))
	}
	if r.Highest > 0 {
		if err := h.Requests.Raise(ctx, c.Device.ID, r.Highest); err != nil {
			return "", err
		}
	}
	r.At = h.since(c, r.At)
	return r.ID, h.record(ctx, c.Enrolled, r)
}

// since is when something was that a device gave a time of: as long before its request came as the device's clock says, whatever that clock
// shows. It is never later than now: what the device says later must be able to replace it.
func (h *handler) since(c caller, said time.Time) time.Time {
	age := c.issued.Sub(said) - time.Second // either may be cut to whole seconds
	if said.IsZero() || age < 0 {
		return h.Now()
	}
	return h.Now().Add(-age)
}

// record tells the ledger of a result, unless it is one that tells nothing new.
func (h *handler) record(ctx context.Context, e Enrolled, r result) error {
	d, report := e.Device, r.report(e.Device)
	progress := report.Outcome == lock.Progress
	said := h.spoken.of(d)
	said.Lock()
	defer said.Unlock()
	switch {
	case said.alarmed(r.ID):
		return nil
	case progress && said.repeats(r.ID, r.Code, h.Now()):
		return h.learn(ctx, e, r)
	}
	switch err := h.Service.Report(ctx, report); {
	case errors.Is(err, lock.ErrWrongDevice): // recorded as an alarm
		said.alarm(r.ID)
		h.Logger.WarnContext(ctx, "result of another device's command", slog.String("device", d.ID), slog.String("action", string(r.ID)))
		return nil
	case errors.Is(err, lock.ErrNotOurs):
		return h.answered(ctx, e, r)
	case err != nil:
		return err
	}
	if progress {
		said.progress(r.ID, r.Code)
	}
	return h.learn(ctx, e, r)
}

// answered passes on what may be the answer to a question.
func (h *handler) answered(ctx context.Context, e Enrolled, r result) error {
	if h.Queries != nil {
		if err := h.learn(ctx, e, r); err != nil {
			return err
		}
		err := h.Queries.Answered(ctx, e.Device, r.ID)
		if !errors.Is(err, lock.ErrNotOurs) {
			return err
		}
	}
	h.Logger.InfoContext(ctx, "result of an unknown command", slog.String("device", e.Device.ID), slog.String("action", string(r.ID)))
	return nil
}

// learn keeps what a result says of the device. A stored result that comes again tells of a state that is long gone.
func (h *handler) learn(ctx context.Context, e Enrolled, r result) error {
	if r.Known == nil || r.Duplicate {
		return nil
	}
	err := h.Enrollments.State(ctx, e.Device, State{Facts: r.Known, At: r.At, Key: e.Key})
	if errors.Is(err, ErrNotEnrolled) {
		return unauthorized("not_enrolled", nil)
	}
	return err
}

// openResult verifies and reads one result. With an error, the ID is set if it could be read, also of one that another key signed: the request
// that brought it is proven to be the device's, and an ID is all that is believed of it.
func openResult(text string, e Enrolled) (result, error) {
	signed, err := parseJWS(text, typResult)
	if err != nil {
		return result{}, err
	}
	payload, err := signed.verify(e.Key)
	if err != nil {
		r, _ := readResult(signed.signed.UnsafePayloadWithoutVerification())
		return result{ID: r.ID}, err
	}
	r, err := readResult(payload)
	if err == nil && (signed.kid != e.Device.ID || r.Device != e.Device.ID) {
		err = &DecodeError{Field: "dev", Rule: RuleValue}
	}
	if err != nil {
		return result{ID: r.ID}, err
	}
	return r, nil
}

// stateMessage brings a state report.
type stateMessage struct {
	V     int    `json:"v"`
	State string `json:"state"`
}

// stateReport is what a device signs of its state.
type stateReport struct {
	version

	Device   string          `json:"dev"`
	Issued   string          `json:"iat"`
	FCMToken string          `json:"fcm_token"`
	Block    json.RawMessage `json:"device"`
}

// state keeps what a device says of itself.
func (h *handler) state(ctx context.Context, r *http.Request) (any, error) {
	c, err := h.authenticated(ctx, r)
	if err != nil {
		return nil, err
	}
	var m stateMessage
	if err := decode(c.body, &m); err != nil {
		return nil, bad(err)
	}
	if m.V != contractVersion {
		return nil, bad(&DecodeError{Field: "v", Rule: RuleVersion})
	}
	report, s, err := openState(m.State, c.Enrolled)
	if err != nil {
		return nil, bad(err)
	}
	if _, err := h.timely(report.Issued); err != nil {
		return nil, err
	}
	s.At = h.Now() // not by the device's clock: if that went back, all that the device says would be older than what is known
	switch err := h.Enrollments.State(ctx, c.Device, s); {
	case errors.Is(err, ErrNotEnrolled):
		return nil, unauthorized("not_enrolled", nil)
	default:
		return nil, err
	}
}

// openState verifies and reads a state report. Errors are *DecodeError.
func openState(text string, e Enrolled) (stateReport, State, error) {
	var m stateReport
	signed, err := parseJWS(text, typState)
	if err != nil {
		return m, State{}, err
	}
	payload, err := signed.verify(e.Key)
	if err != nil {
		return m, State{}, err
	}
	if err := decode(payload, &m); err != nil {
		return m, State{}, err
	}
	if err := m.check(typeState); err != nil {
		return m, State{}, err
	}
	if signed.kid != e.Device.ID || m.Device != e.Device.ID {
		return m, State{}, &DecodeError{Field: "dev", Rule: RuleValue}
	}
	if err := checkFCMToken(m.FCMToken); err != nil {
		return m, State{}, err
	}
	facts, err := strictState(m.Block)
	return m, State{FCMToken: m.FCMToken, Facts: facts, Key: e.Key}, err
}
