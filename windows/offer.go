package windows

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
)

const (
	probeRef = "probe"            // names the handler's own questions
	probeAge = 7 * 24 * time.Hour // after which they are asked again
)

// offer gives the device what waits for it: a command of the ledger, alone; else what else there is.
func (h *handler) offer(ctx context.Context, v *visit) error {
	works, err := h.works(ctx, v)
	if err != nil {
		return err
	}
	for i, w := range works {
		v.supersede(w.Ref)
		err := v.Send(w)
		var size *omadm.SizeError
		if i > 0 && (errors.As(err, &size) || errors.Is(err, omadm.ErrFull)) {
			return nil // what was left out is asked for again
		}
		if err != nil { // a device cannot help it
			h.Logger.ErrorContext(ctx, "a command cannot be sent",
				slog.String("device", v.Device.ID), slog.String("work", w.Ref), slog.Any("error", err))
		}
	}
	return nil
}

// supersede has nobody wait any more for the answer to an earlier part, when another delivery of the same action begins: said now, what the
// policies had would be taken for what they have, and that an earlier Atomic failed for the end of a lock-out that is in force.
func (v *visit) supersede(ref string) {
	id, step, _ := SplitRef(ref)
	var former []string
	switch step {
	case stepRead, stepReread, stepDenyAgain: // the other parts only follow the answer to the last of these
		former = []string{stepRead, stepReread, stepDeny, stepDenyAgain}
	case stepLook:
		former = []string{stepLook}
	}
	for _, step := range former {
		v.Forget(string(id) + "/" + step)
	}
}

// works chooses what leaves. While the ledger has anything, it is that alone: what a device says of it then settles it.
func (h *handler) works(ctx context.Context, v *visit) ([]omadm.Work, error) {
	w, err := h.command(ctx, v)
	var large *tooLarge
	if errors.As(err, &large) {
		if err := h.report(ctx, v, large.action, large.said()); err != nil {
			return nil, err
		}
	}
	switch {
	case errors.Is(err, lock.ErrSealed):
		h.Logger.ErrorContext(ctx, "a command waits and cannot be made", slog.String("device", v.Device.ID), slog.Any("error", err))
	case err != nil:
		return nil, err
	case w.Ref != "":
		return []omadm.Work{w}, nil
	}
	if v.Begins || v.heard { // once in a session, then, also of a device that answers nothing
		if h.Now().Sub(v.Device.Facts[string(FactBuild)].At) >= probeAge {
			return []omadm.Work{{Ref: probeRef, Commands: Probe()}}, nil
		}
	}
	if h.Commands == nil {
		return nil, nil
	}
	return h.Commands.Next(ctx, v.Device)
}

// command is the ledger's next one: the rest of what is under way, else the next order.
func (h *handler) command(ctx context.Context, v *visit) (omadm.Work, error) {
	d := v.Device
	d.Facts = maps.Clone(d.Facts) // with the room that this message has, which the codec goes by before anything is claimed
	d.Facts[factRoom] = lock.Fact{Value: strconv.Itoa(v.Room()), At: h.Now()}
	if v.resume != "" {
		cmd, err := h.Service.Resume(ctx, d, v.resume)
		if err != nil || cmd.ID != "" {
			return h.work(cmd, err)
		}
	}
	if v.Begins && !v.Beside { // it has come back: what it did not answer, or put off, is offered again
		return h.work(h.Service.Next(ctx, d))
	}
	return h.work(h.Service.NextQueued(ctx, d))
}

// work makes a session's work of a command, and none of the zero one.
func (h *handler) work(cmd lock.Command, err error) (omadm.Work, error) {
	if err != nil || cmd.ID == "" {
		return omadm.Work{}, err
	}
	part, err := ParsePart(cmd.Body)
	if err != nil {
		return omadm.Work{}, fmt.Errorf("command of action %s: %w", cmd.ID, err)
	}
	w := omadm.Work{Ref: string(cmd.ID) + "/" + part.Step, Commands: part.Commands}
	if len(part.Want) > 0 {
		want, err := json.Marshal(part.Want)
		if err != nil {
			return omadm.Work{}, fmt.Errorf("command of action %s: %w", cmd.ID, err)
		}
		w.Note = string(want)
	}
	return w, nil
}
