package windows

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"unicode/utf8"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// visit is one message of a device, and what becomes of it.
type visit struct {
	cert *x509.Certificate
	body []byte
	gone func() error // the device has hung up

	Enrolled

	kept    lock.ID // the action that awaits a PIN, for which the body was sealed
	state   *omadm.State
	version int64
	*omadm.Exchange

	heard  bool    // the ledger's commands were spoken of
	resume lock.ID // whose next part may follow
	learnt Learnt
}

// serve answers a message. What it says is sealed first, where it may hold a PIN, and durable before anything is answered.
func (h *handler) serve(ctx context.Context, v *visit) ([]byte, error) {
	if v.cert == nil && !h.DigestAlone {
		return nil, forbidden("a client certificate is required")
	}
	if v.cert != nil {
		if err := h.identify(ctx, v, ""); err != nil {
			return nil, err
		}
		if err := h.keep(ctx, v); err != nil { // before it is read: what cannot be read may still hold the PIN
			return nil, err
		}
	}
	m, err := syncml.Decode(v.body)
	if err != nil {
		return nil, bad(err)
	}
	if v.cert == nil {
		if err := h.identify(ctx, v, m.Header.Source.URI); err != nil {
			return nil, err
		}
	}
	if m.Header.Source.URI != v.ID {
		return nil, forbidden("the message is not of the device that this certificate belongs to")
	}
	release, err := h.turns.take(ctx, v.Device.Scope, v.Device.ID)
	if err != nil {
		return nil, err
	}
	defer release()
	return h.converse(ctx, v, m)
}

// identify finds the device by its certificate, or by what it says it is.
func (h *handler) identify(ctx context.Context, v *visit, id string) (err error) {
	if v.Enrolled, err = h.Devices.Device(ctx, v.cert, id); err != nil {
		return enrolled(err)
	}
	if v.cert == nil && v.Inner == "" {
		return forbidden("a client certificate is required")
	}
	return nil
}

// keep seals the body for an action that awaits a PIN, if the body may hold one.
func (h *handler) keep(ctx context.Context, v *visit) (err error) {
	if utf8.Valid(v.body) && !bytes.Contains(v.body, []byte("Results")) { // the element that brings what was asked for
		return nil
	}
	v.kept, err = h.Service.Keep(ctx, v.Device, v.body)
	return err
}

// converse takes the message's step in its session.
func (h *handler) converse(ctx context.Context, v *visit, m *syncml.Message) ([]byte, error) {
	if err := h.load(ctx, v); err != nil {
		return nil, err
	}
	var err error
	v.Exchange, err = v.state.Receive(omadm.Input{
		Message: m, Now: h.Now(), Proof: omadm.Proof{Certificate: v.cert != nil, User: v.User, Inner: v.Inner},
	})
	switch {
	case err != nil:
		return nil, bad(err)
	case v.Replay != nil:
		return v.Replay, nil
	}
	if v.Fresh { // before anything is done on the strength of a nonce, no other message can use it
		if err := h.save(ctx, v); err != nil {
			return nil, err
		}
	}
	if v.Trusted {
		if err := h.act(ctx, v); err != nil {
			return nil, err
		}
	}
	answer, err := v.Close()
	if err != nil {
		return nil, fmt.Errorf("make the answer: %w", err)
	}
	return answer, h.save(ctx, v)
}

// act makes durable what a device says, then gives it what waits for it.
func (h *handler) act(ctx context.Context, v *visit) error {
	if v.cert == nil {
		if err := h.keep(ctx, v); err != nil {
			return err
		}
	}
	if err := h.hear(ctx, v); err != nil {
		return err
	}
	if err := h.learn(ctx, v); err != nil {
		return err
	}
	if !v.May {
		return nil
	}
	if err := v.gone(); err != nil { // a command would leave for nobody
		return err
	}
	return h.offer(ctx, v)
}

// load reads the device's state. One that cannot be read is begun anew: the device must not be shut out for it.
func (h *handler) load(ctx context.Context, v *visit) error {
	stored, version, err := h.Sessions.Load(ctx, v.Device.Scope, v.Device.ID)
	if err != nil {
		return fmt.Errorf("session state: %w", err)
	}
	v.state, v.version = &omadm.State{}, version
	if len(stored) == 0 {
		return nil
	}
	if err := json.Unmarshal(stored, v.state); err != nil {
		h.Logger.ErrorContext(ctx, "a session state cannot be read: its sessions begin anew",
			slog.String("device", v.Device.ID), slog.Int("size", len(stored)))
		v.state = &omadm.State{}
	}
	return nil
}

func (h *handler) save(ctx context.Context, v *visit) error {
	state, err := json.Marshal(v.state)
	if err != nil {
		return fmt.Errorf("session state: %w", err)
	}
	if err := h.Sessions.Save(ctx, v.Device.Scope, v.Device.ID, state, v.version); err != nil {
		return fmt.Errorf("session state: %w", err)
	}
	v.version++
	return nil
}

// hear passes on what the device says of commands.
func (h *handler) hear(ctx context.Context, v *visit) error {
	for _, a := range v.Answers {
		id, step, ours := SplitRef(a.Ref)
		var err error
		switch {
		case ours:
			err = h.report(ctx, v, id, Interpret(step, a.Note, a))
		case a.Ref == probeRef:
			v.note(ReadProbe(a))
		case h.Commands != nil:
			err = h.Commands.Done(ctx, v.Device, a)
		}
		if err != nil {
			return err
		}
	}
	return h.stray(ctx, v)
}

// report makes durable what was said of an action.
func (h *handler) report(ctx context.Context, v *visit, id lock.ID, s Said) error {
	v.heard = true
	v.note(s.Learn)
	if s.Report.Outcome == "" {
		return nil
	}
	r := s.Report
	r.Scope, r.Device, r.Action = v.Device.Scope, v.Device.ID, id
	err := h.Service.Report(ctx, r)
	var input *lock.InputError
	switch {
	case errors.Is(err, lock.ErrNotOurs), errors.Is(err, lock.ErrWrongDevice), errors.As(err, &input):
		// To refuse it would make the device repeat it for ever. A PIN in it is in the body that was kept.
		h.Logger.ErrorContext(ctx, "an answer does not fit the ledger",
			slog.String("device", v.Device.ID), slog.String("action", string(id)), slog.Any("error", err))
		return nil
	case err != nil:
		return err
	}
	if h.Reported != nil {
		h.Reported(ctx, r)
	}
	if s.More {
		v.resume = id
	}
	return nil
}

// stray takes a PIN that answers nothing the session knows of: its state was lost, or the device says late what it had to say. It belongs to
// the action that waits for one.
func (h *handler) stray(ctx context.Context, v *visit) error {
	if v.kept == "" || len(v.Stray) == 0 {
		return nil
	}
	s := Interpret(stepAsk, "", omadm.Answer{Replies: []omadm.Reply{{Verb: syncml.VerbGet, Items: v.Stray}}})
	if s.Report.Outcome == "" {
		return nil
	}
	s.Report.Outcome = lock.Progress // of what else the command did, nothing is said
	s.Report.Findings = append(s.Report.Findings, lock.Finding{
		Code: "pin_by_circumstance", Level: lock.LevelInfo,
		Text: "The device returned a new PIN in a message that answers no command, and this order was waiting for one. " +
			"If that PIN does not open the device, order another.",
	})
	return h.report(ctx, v, v.kept, s)
}
