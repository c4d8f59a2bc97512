package lock

import "context"

// Feedback is what a person says of a PIN that was tried on its device.
type Feedback string

// What a PIN did.
const (
	FeedbackWorked   Feedback = "worked"    // it opened the device
	FeedbackWrongPIN Feedback = "wrong-pin" // the device did not take it
	FeedbackOther    Feedback = "other"     // neither: the device was open, or showed something else
)

// Feedback records what a PIN did on its device, and reorders the candidates: one that worked comes first, one that was wrong last, until
// something newer is known; other changes no order. It changes no state and hides nothing. The note is optional; what may be a PIN in it,
// as many digits as the PIN has or more in a row, is not kept. ErrNotFound when the action has no PIN.
func (s *Service) Feedback(ctx context.Context, actor Actor, id ID, f Feedback, note string) (Action, error) {
	switch f {
	case FeedbackWorked, FeedbackWrongPIN, FeedbackOther:
	default:
		return Action{}, &InputError{Field: "feedback", Rule: "must be worked, wrong-pin or other"}
	}
	if err := checkText("note", note, 1024, false); err != nil {
		return Action{}, err
	}
	a, err := s.cfg.Store.Get(ctx, id)
	if err != nil {
		return Action{}, err
	}
	if err := s.allow(ctx, actor, VerbFeedback, Target{Device: a.Device, Action: &a}); err != nil {
		return Action{}, err
	}
	if !a.hasSecret(SecretPIN) {
		return Action{}, ErrNotFound
	}
	return s.update(ctx, a, func(a Action) (Change, error) {
		after, err := s.afterOthers(ctx, a)
		if err != nil {
			return Change{}, err
		}
		return s.act(a, Event{
			Type: EventFeedback, Time: after, Actor: actor, Reason: s.withholdText(ctx, a, note), Facts: map[string]string{"outcome": string(f)},
		})
	})
}
