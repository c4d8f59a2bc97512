package console

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/approval"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/retention"
	"github.com/latchkey-mdm/latchkey/lock"
)

// revealTime is how long a PIN stays on the screen.
const revealTime = 30 * time.Second

type revealData struct {
	Action   lock.Action
	Guide    guide
	Away     bool // its device is not enrolled any more
	Reason   string
	Ticket   string
	Error    string
	Second   bool             // somebody else has to approve it first
	Asked    *approval.Reveal // one's own request; nil: there is none that matters any more
	MayBreak bool             // the glass
	Seconds  int
	Groups   []string // the PIN in groups of three; none before the reveal
	Spoken   string   // as one reads it out on the phone
	Path     string   // of the pages: reveal, or answer
	What     string   // is revealed
	Answer   []line   // the kept answer of the device; none before it is shown
}

// revealPage asks for the reason. It does not know the PIN.
func (c *console) revealPage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	data, err := c.revealOf(r, a)
	if err != nil {
		return err
	}
	return c.askToReveal(w, r, a, data)
}

func (c *console) askToReveal(w http.ResponseWriter, r *http.Request, a lock.Actor, data revealData) error {
	away, err := c.away(r.Context(), a, data.Action)
	if err != nil {
		return err
	}
	data.Away = away[data.Action.Device.ID]
	asked, ok, err := c.Approvals.RevealOf(r.Context(), a, data.Action)
	if err != nil {
		return err
	}
	if ok && asked.Fate != approval.Used {
		data.Asked, data.Reason, data.Ticket = &asked, asked.Reason, asked.Ticket
	}
	return c.render(w, r, http.StatusOK, "reveal", "Reveal the "+data.What, data)
}

func (c *console) revealOf(r *http.Request, a lock.Actor) (revealData, error) {
	action, err := c.withPIN(r, a)
	if err != nil {
		return revealData{}, err
	}
	return c.toReveal(r, a, action)
}

func (c *console) toReveal(r *http.Request, a lock.Actor, action lock.Action) (revealData, error) {
	g, err := c.guideTo(r.Context(), a, action)
	t := lock.Target{Device: action.Device, Action: &action}
	return revealData{
		Action: action, Guide: g, Path: "reveal", What: codeOf(action.Kind, action.Device), Seconds: int(revealTime / time.Second),
		Second:   c.Approvals.Needs(a, lock.VerbReveal, t),
		MayBreak: c.Approvals.May(r.Context(), a, lock.VerbBreakGlass, t),
	}, err
}

// withPIN is the action of a page, when it has a PIN.
func (c *console) withPIN(r *http.Request, a lock.Actor) (lock.Action, error) {
	action, err := c.Service.Get(r.Context(), a, lock.ID(r.PathValue("id")))
	switch {
	case err != nil:
		return action, err
	case !retention.HasPIN(action):
		return action, lock.ErrNotFound
	case retention.IsPurged(action):
		gone, err := retention.WhoPurged(r.Context(), c.Service, a, action)
		if err != nil {
			return action, err
		}
		return action, &purgedError{gone}
	}
	return action, nil
}

// reveal shows the PIN once it is recorded who asked, and why. The answer is kept nowhere. The script takes the PIN off the page when its
// time is over; a browser without scripts leaves the page.
func (c *console) reveal(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	data, err := c.revealOf(r, a)
	if err != nil {
		return err
	}
	data.Reason, data.Ticket = r.PostFormValue("reason"), r.PostFormValue("ticket")
	code, err := c.Service.Reveal(r.Context(), a, data.Action.ID, data.Reason, data.Ticket)
	if err != nil {
		return c.notRevealed(w, r, data, err)
	}
	data.Groups, data.Spoken = groups(code.Expose()), spoken(code.Expose())
	return c.render(w, r, http.StatusOK, "reveal", "PIN", data)
}

// notRevealed says why there is nothing to see, or not yet.
func (c *console) notRevealed(w http.ResponseWriter, r *http.Request, data revealData, err error) error {
	if errors.Is(err, lock.ErrPending) { // the page says what it waits for, and gives the PIN once it may
		http.Redirect(w, r, "/actions/"+string(data.Action.ID)+"/"+data.Path, http.StatusSeeOther)
		return nil
	}
	var input *lock.InputError
	if !errors.As(err, &input) {
		return err
	}
	data.Error = sentence(input.Field + " " + input.Rule)
	if strings.Contains(input.Rule, "PIN") { // it may be in there: do not send it back
		data.Reason, data.Ticket = "", ""
	}
	return c.render(w, r, http.StatusUnprocessableEntity, "reveal", "Reveal the "+data.What, data)
}

// groups cuts a PIN into groups of three characters.
func groups(digits string) []string {
	var parts []string
	for chunk := range slices.Chunk([]rune(digits), 3) {
		parts = append(parts, string(chunk))
	}
	return parts
}

// spoken is how a PIN is read out: "one two three — four five six".
func spoken(digits string) string {
	var parts []string
	for _, group := range groups(digits) {
		var words []string
		for _, r := range group {
			words = append(words, aloud(r))
		}
		parts = append(parts, strings.Join(words, " "))
	}
	return strings.Join(parts, " — ")
}

// aloud is how one character is read out.
func aloud(r rune) string {
	digits := [...]string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}
	switch {
	case r >= '0' && r <= '9':
		return digits[r-'0']
	case unicode.IsUpper(r):
		return "capital " + string(r)
	}
	return cmp.Or(symbols[r], string(r))
}

// symbols are what the symbols of passcodes are called.
var symbols = map[rune]string{
	'!': "exclamation mark", '"': "quotation mark", '#': "hash", '$': "dollar", '%': "percent", '&': "ampersand", '\'': "apostrophe",
	'(': "bracket open",
	')': "bracket close", '*': "asterisk", '+': "plus", ',': "comma", '-': "hyphen", '.': "full stop", '/': "slash", ':': "colon", ';': "semicolon",
	'<': "less than", '=': "equals", '>': "greater than", '?': "question mark", '@': "at", '[': "square bracket open", '\\': "backslash",
	']': "square bracket close", '^': "caret", '_': "underscore", '`': "backtick", '{': "curly bracket open", '|': "vertical bar",
	'}': "curly bracket close", '~': "tilde",
}
