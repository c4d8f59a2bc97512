package console

import (
	"net/http"
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
