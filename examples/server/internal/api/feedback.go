package api

import (
	"net/http"

	"github.com/latchkey-mdm/latchkey/lock"
)

// feedbackRequest says what a PIN did on its device.
type feedbackRequest struct {
	Outcome string `json:"outcome"`
	Note    string `json:"note"`
}

// outcome is feedback in the words of the API.
func outcome(f lock.Feedback) string {
	if f == lock.FeedbackWrongPIN {
		return "wrong_pin"
	}
	return string(f)
}

// giveFeedback records what a PIN did on its device.
func (a *api) giveFeedback(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	var body feedbackRequest
	if err := read(r, &body); err != nil {
		return err
	}
	for _, f := range []lock.Feedback{lock.FeedbackWorked, lock.FeedbackWrongPIN, lock.FeedbackOther} {
		if body.Outcome != outcome(f) {
			continue
		}
		act, err := a.Service.Feedback(r.Context(), actor, lock.ID(r.PathValue("id")), f, body.Note)
		if err != nil {
			return err
		}
		write(w, http.StatusOK, newAction(act))
		return nil
	}
	return invalid("outcome", `must be "worked", "wrong_pin" or "other"`)
}
