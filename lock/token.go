package lock

import "context"

// ClearPasscode orders that the device's passcode is removed. Once the device acknowledged it, what was reset before is released.
// Otherwise it is as ResetPasscode, and takes the same lane.
func (s *Service) ClearPasscode(ctx context.Context, actor Actor, r Request) (Action, error) {
	return s.order(ctx, actor, KindClearPasscode, VerbReset, r, Target{})
}

// ProvisionToken orders that the device gets a new token, which a later passcode reset needs (see Plan.Uses). The action keeps it; nobody
// gets to see it. Neither limits nor a second person hold it, because it opens nothing by itself. Otherwise it is as Lock.
func (s *Service) ProvisionToken(ctx context.Context, actor Actor, r Request) (Action, error) {
	return s.order(ctx, actor, KindProvisionToken, VerbProvision, r, Target{})
}

// RevokeToken orders that the device forgets the token that it got by an action of KindProvisionToken: of. Its acknowledgement confirms the
// order and releases that action in one commit; not one that a Sender's provider may still deliver, before its deadline: revoke that once
// more then. Otherwise it is as ProvisionToken, and takes the same lane. An action of another device, of another kind, or one whose token
// cannot be on the device is an *InputError.
func (s *Service) RevokeToken(ctx context.Context, actor Actor, of ID, r Request) (Action, error) {
	ended, err := s.cfg.Store.Get(ctx, of)
	if err != nil {
		return Action{}, err
	}
	return s.order(ctx, actor, KindRevokeToken, VerbProvision, r, Target{Action: &ended})
}
