package console

import (
	"context"
	"net/http"
	"slices"

	"github.com/latchkey-mdm/latchkey/lock"
)

// triedData is the page after a reveal, without the PIN: what came of it, and what to do next.
type triedData struct {
	Action lock.Action
	Guide  guide
	Said   lock.Feedback   // empty: that is the question
	Next   *lock.Candidate // after a wrong PIN: the next one that may open the device
	Reason string          // why the PIN was revealed, to go on with
}

// feedback records what the PIN did, and leads to what follows from it.
func (c *console) feedback(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	said, note := lock.Feedback(r.PostFormValue("feedback")), r.PostFormValue("note")
	action, err := c.Service.Feedback(r.Context(), a, lock.ID(r.PathValue("id")), said, note)
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/actions/"+string(action.ID)+"/feedback", http.StatusSeeOther)
	return nil
}

// feedbackPage asks what came of a reveal, or says what follows from the answer. Which of the two is read from the ledger, so that the
// page may be reloaded, and passed on to a colleague.
func (c *console) feedbackPage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	ctx := r.Context()
	action, err := c.withPIN(r, a)
	if err != nil {
		return err
	}
	data := triedData{Action: action}
	if data.Guide, err = c.guideTo(ctx, a, action); err != nil {
		return err
	}
	reveals, err := c.Service.Events(ctx, a, lock.EventFilter{
		Action: action.ID, Types: []lock.EventType{lock.EventRevealed}, Newest: true, Limit: 1,
	})
	if err != nil {
		return err
	}
	if len(reveals) == 0 || !reveals[0].Time.After(action.FeedbackAt) { // else it was revealed again since, to be tried again
		data.Said = opinion(action)
	}
	if len(reveals) > 0 && reveals[0].Actor.ID == a.ID {
		data.Reason = reveals[0].Reason
	}
	if data.Said == lock.FeedbackWrongPIN {
		if data.Next, err = c.next(ctx, a, action); err != nil {
			return err
		}
	}
	return c.render(w, r, http.StatusOK, "feedback", "What came of it", data)
}

// next is the PIN to try when that of an action was wrong: the first candidate that has left and that nobody tried in vain. Each try in
// vain costs a wait at the device, so that one which cannot open it is not proposed.
func (c *console) next(ctx context.Context, a lock.Actor, wrong lock.Action) (*lock.Candidate, error) {
	d, err := c.deviceOf(ctx, a, wrong)
	if err != nil {
		return nil, err
	}
	candidates, err := c.Service.Candidates(ctx, a, d.Device)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(candidates, func(c lock.Candidate) bool {
		left := c.Action.Deliveries > 0 || c.Action.Answers > 0
		return left && c.Feedback != lock.FeedbackWrongPIN
	})
	if i < 0 {
		return nil, nil //nolint:nilnil // there is none, which is no error
	}
	return &candidates[i], nil
}

// opinion is what a person said of a PIN, unless the command left again since: then the PIN may be on the device after all.
func opinion(a lock.Action) lock.Feedback {
	if a.Delivered.After(a.FeedbackAt) {
		return ""
	}
	return a.Feedback
}

// guide is what to tell whoever stands before the locked Mac.
type guide struct {
	Sketch  bool // of the locked screen
	Chip    string
	Effect  effect
	Message string // what this lock shows beside the field for the PIN
	Phone   string
	Said    string // what the Mac told about that
	Android bool   // it is a phone
	Windows bool
}

func guideOf(silicon *bool, a lock.Action) guide {
	return guide{Chip: chip(silicon), Effect: effectOf(a), Message: a.Message, Phone: a.PhoneNumber, Said: said(a)}
}

func (c *console) guideTo(ctx context.Context, actor lock.Actor, a lock.Action) (guide, error) {
	d, err := c.deviceOf(ctx, actor, a)
	g := guideOf(d.Silicon, a)
	g.Sketch, g.Android, g.Windows = true, isPhone(a.Device), isComputer(a.Device)
	return g, err
}
