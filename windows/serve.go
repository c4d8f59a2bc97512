package windows

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"
	"unicode/utf8"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// hold is how long another process may be at work on a message of the device: it gives up before. Their clocks may differ by half of that, since
// one that is ahead sees less of it. Where they differ by more, both may claim a command for the same message, and one of them for nobody: a
// reset that is burnt so says pin_may_be_lost when it lapses.
const hold = 2 * patience

// release is how long a hold may take to be given up.
const release = 5 * time.Second

var errHeld = errors.New("another process answers this device, or stopped while it did")

// visit is one message of a device, and what becomes of it.
type visit struct {
	cert *x509.Certificate
	body []byte
	gone func() error // the device has hung up

	Enrolled

	state   *omadm.State
	version int64
	*omadm.Exchange
	until time.Time // no other process answers the device before

	heard  bool    // the ledger's commands were spoken of
	unfit  bool    // but not as it can be true of them
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

// identify finds the device by its certificate, or by what it says it is. What comes with a certificate is kept before it is read: what cannot
// be read, or believed of a former device, may still hold the PIN.
func (h *handler) identify(ctx context.Context, v *visit, id string) (err error) {
	if v.Enrolled, err = h.Devices.Device(ctx, v.cert, id); err != nil {
		return enrolled(err)
	}
	if v.cert != nil {
		if err := h.keep(ctx, v); err != nil {
			return err
		}
	}
	switch {
	case v.Former:
		return forbidden(string(ErrNotEnrolled))
	case v.cert == nil && v.Inner == "":
		return forbidden("a client certificate is required")
	}
	return nil
}

// keep seals the body for an action that awaits a PIN, if the body may hold one.
func (h *handler) keep(ctx context.Context, v *visit) error {
	if utf8.Valid(v.body) && !bytes.Contains(v.body, []byte("Results")) { // the element that brings what was asked for
		return nil
	}
	_, err := h.Service.Keep(ctx, v.Device, v.body)
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
	if v.Trusted {
		if err := h.alone(ctx, v); err != nil {
			return nil, err
		}
	}
	answer, err := v.Close()
	if err != nil {
		return nil, fmt.Errorf("make the answer: %w", err)
	}
	return answer, h.save(ctx, v)
}

// alone acts on a message while no other process answers the device: before anything is done on the strength of a nonce, no other message can
// use it; and of two processes that have the same message, only the one that answers it claims a command. A process that stops in between
// leaves the device without an answer for as long as the hold lasts.
func (h *handler) alone(ctx context.Context, v *visit) error {
	if !v.Fresh && !v.May {
		return h.act(ctx, v)
	}
	v.until = h.Now().Add(hold)
	if err := h.save(ctx, v); err != nil {
		return err
	}
	v.until = time.Time{}
	err := h.act(ctx, v)
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), release) // the work may have used up all of its time
		defer cancel()
		if held := h.save(ctx, v); held != nil { // as it was, for the message to come again at once
			h.Logger.WarnContext(ctx, "a device is answered again only when the hold on its session ends", slog.String("device", v.Device.ID),
				slog.Duration("hold", hold), slog.Any("error", held))
		}
	}
	return err
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
	if !v.May || v.learnt.Gone {
		return nil
	}
	if err := v.gone(); err != nil { // a command would leave for nobody
		return err
	}
	return h.offer(ctx, v)
}

// stored is what is kept of a device's sessions between its messages.
type stored struct {
	*omadm.State
	Until time.Time `json:"until,omitzero"` // a process answers a message of the device, and no other does before
}

// load reads the device's state. One that cannot be read is begun anew: the device must not be shut out for it.
func (h *handler) load(ctx context.Context, v *visit) error {
	text, version, err := h.Sessions.Load(ctx, v.Device.Scope, v.Device.ID)
	if err != nil {
		return fmt.Errorf("session state: %w", err)
	}
	v.state, v.version = &omadm.State{}, version
	if len(text) == 0 {
		return nil
	}
	found := stored{State: v.state}
	if err := json.Unmarshal(text, &found); err != nil {
		h.Logger.ErrorContext(ctx, "a session state cannot be read: its sessions begin anew",
			slog.String("device", v.Device.ID), slog.Int("size", len(text)))
		v.state, found.Until = &omadm.State{}, time.Time{}
	}
	// What is further away than any clock may differ by was written by one that was wrong, and would shut the device out.
	if left := found.Until.Sub(h.Now()); 0 < left && left <= 2*hold {
		return errHeld
	}
	return nil
}

func (h *handler) save(ctx context.Context, v *visit) error {
	state, err := json.Marshal(stored{v.state, v.until})
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
		// To refuse it would make the device repeat it for ever.
		h.Logger.ErrorContext(ctx, "an answer does not fit the ledger",
			slog.String("device", v.Device.ID), slog.String("action", string(id)), slog.Any("error", err))
		v.unfit = true
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

// stray keeps a message with a PIN that belongs to no action that is known of: its session was forgotten, or the ledger is an older one. To
// attribute it by what else waits could make it the wrong PIN of another action; and that the message may be kept there tells nobody of it.
func (h *handler) stray(ctx context.Context, v *visit) error {
	said := []omadm.Reply{{Items: v.Stray}}
	if v.unfit {
		for _, a := range v.Answers {
			said = append(said, a.Replies...)
		}
	}
	made, found := onlyPIN(said)
	if !found {
		return nil
	}
	return h.Service.KeepStray(ctx, v.Device, v.body, made)
}

// onlyPIN is the PIN in some replies; found, but zero, when there are several, or one that cannot be read.
func onlyPIN(replies []omadm.Reply) (made pin.PIN, found bool) {
	for _, r := range replies {
		for _, item := range r.Items {
			code, doubtful := pinOf(r, item)
			switch {
			case code.IsZero() && !doubtful:
			case !found:
				made, found = code, true
			case !code.Equal(made):
				made = pin.PIN{}
			}
		}
	}
	return made, found
}
