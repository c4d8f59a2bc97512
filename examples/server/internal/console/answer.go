package console

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/latchkey-mdm/latchkey/lock"
)

// answerTime is how long an answer of a device stays on the screen: the PIN has to be found in it.
const answerTime = 2 * time.Minute

// answerPage asks why somebody wants to see what a device answered, which may have its PIN.
func (c *console) answerPage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	data, err := c.answerOf(r, a)
	if err != nil {
		return err
	}
	return c.askToReveal(w, r, a, data)
}

// answerOf is lock.ErrNotFound when no answer of the action is kept.
func (c *console) answerOf(r *http.Request, a lock.Actor) (revealData, error) {
	action, err := c.Service.Get(r.Context(), a, lock.ID(r.PathValue("id")))
	if err != nil {
		return revealData{}, err
	}
	if !keepsAnswer(action) {
		return revealData{}, lock.ErrNotFound
	}
	data, err := c.toReveal(r, a, action)
	data.Path, data.What, data.Seconds = "answer", "answer of the device", int(answerTime/time.Second)
	return data, err
}

// revealAnswer shows the whole of what the device answered, once it is recorded who asked, and why: for a PIN that could not be read from it.
func (c *console) revealAnswer(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	data, err := c.answerOf(r, a)
	if err != nil {
		return err
	}
	data.Reason, data.Ticket = r.PostFormValue("reason"), r.PostFormValue("ticket")
	body, err := c.Service.RevealAnswer(r.Context(), a, data.Action.ID, data.Reason, data.Ticket)
	if err != nil {
		return c.notRevealed(w, r, data, err)
	}
	data.Answer = readable(body)
	return c.render(w, r, http.StatusOK, "reveal", "Answer of the device", data)
}

// strayOf is the action that keeps the answers of a device which no order waits for, when nobody has looked at the newest of them.
func (c *console) strayOf(ctx context.Context, a lock.Actor, device string) (lock.ID, error) {
	kept, err := c.Service.List(ctx, a, lock.Filter{Scope: c.Scope, Devices: []string{device}, Kinds: []lock.Kind{lock.KindEscrow}, Limit: 100})
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(kept, keepsAnswer)
	if i < 0 {
		return "", nil
	}
	last, err := c.Service.Events(ctx, a, lock.EventFilter{
		Action: kept[i].ID, Types: []lock.EventType{lock.EventOrdered, lock.EventSecretAdded, lock.EventRevealed}, Newest: true, Limit: 1,
	})
	if err != nil || len(last) == 0 || last[0].Type == lock.EventRevealed {
		return "", err
	}
	return kept[i].ID, nil
}

// answersIn marks the events by which somebody was shown the answer of a device, and not its PIN. Actions are those of the events.
func answersIn(events []lock.Event, actions ...lock.Action) map[lock.ID]bool {
	shown := map[lock.ID]bool{}
	for _, e := range events {
		for _, a := range actions {
			if e.Type == lock.EventRevealed && a.ID == e.Action &&
				slices.ContainsFunc(a.Secrets, func(s lock.Secret) bool { return s.N == e.Secret && s.Name == "body" }) {
				shown[e.ID] = true
			}
		}
	}
	return shown
}

// answers is answersIn for events of any actions. Those of actions that the actor may not see stay as they are.
func (c *console) answers(ctx context.Context, a lock.Actor, events []lock.Event) (map[lock.ID]bool, error) {
	actions := map[lock.ID]lock.Action{}
	for _, e := range events {
		seen := e.Type == lock.EventRevealed && c.Approvals.May(ctx, a, lock.VerbView, lock.Target{Device: lock.Device{Scope: c.Scope, ID: e.Device}})
		if _, known := actions[e.Action]; known || !seen {
			continue
		}
		action, err := c.Service.Get(ctx, a, e.Action)
		if err != nil {
			return nil, err
		}
		actions[e.Action] = action
	}
	return answersIn(events, slices.Collect(maps.Values(actions))...), nil
}

// line is one of an answer. Marked: the new PIN is there, or should be.
type line struct {
	Text   string
	Marked bool
}

// readable is an answer for people: each element of it on a line of its own, and nothing that is no text.
func readable(body []byte) []line {
	text := strings.ToValidUTF8(string(body), string(utf8.RuneError))
	var lines []line
	near := false
	for each := range strings.SplitSeq(strings.ReplaceAll(text, "><", ">\n<"), "\n") {
		names, data := strings.Contains(each, "NewPINValue"), strings.HasPrefix(strings.TrimSpace(each), "<Data>")
		near = near || names
		lines = append(lines, line{each, names || near && data})
		near = near && !data
	}
	return lines
}
