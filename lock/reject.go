package lock

import "context"

// Reject declines a request: a held order is cancelled, and a request to reveal is over, also one that was approved and not used yet. It
// takes the same arguments and gives the same errors as Approve, and needs the same right; one may reject what one asked for oneself.
func (s *Service) Reject(ctx context.Context, actor Actor, id, request ID, reason string) (Action, error) {
	if err := checkText("reason", reason, 1024, false); err != nil {
		return Action{}, err
	}
	return s.decide(ctx, decision{actor: actor, reason: reason, verb: VerbApprove, order: EventRejected, reveal: EventRevealRejected}, id, request)
}
