package lock

import "context"

// Orders has the verbs that may take part in a transaction of the caller's: ordering and Cancel. It has no Reveal, because a rollback
// would undo the record of a disclosure, and nothing for transports.
type Orders struct {
	svc Service
}

// In returns the ordering verbs on a store that is bound to the caller's transaction (InTx of a concrete store). What they do is
// durable, and found by Run within a second, once the caller commits; call Kick then to have it found at once. A denial is recorded in
// the same transaction, and so is that an order was refused because of an earlier PIN: commit also then, or it is not on record.
//
// The limits judge an order after the commit, when Run finds it: until then it is held. Of one that waits for a second person by
// Config.SecondPerson nobody is told (Config.Notify), because it may be rolled back: Requests lists it.
func (s *Service) In(store Store) *Orders {
	cfg := s.cfg
	cfg.Store = store
	return &Orders{svc: Service{cfg: cfg, platforms: s.platforms, kick: make(chan struct{}, 1), bound: true}}
}

// Lock is Service.Lock in the caller's transaction.
func (o *Orders) Lock(ctx context.Context, actor Actor, r Request) (Action, error) {
	return o.svc.Lock(ctx, actor, r)
}

// LostMode is Service.LostMode in the caller's transaction.
func (o *Orders) LostMode(ctx context.Context, actor Actor, r Request) (Action, error) {
	return o.svc.LostMode(ctx, actor, r)
}

// ResetPasscode is Service.ResetPasscode in the caller's transaction.
func (o *Orders) ResetPasscode(ctx context.Context, actor Actor, r Request) (Action, error) {
	return o.svc.ResetPasscode(ctx, actor, r)
}

// ClearPasscode is Service.ClearPasscode in the caller's transaction.
func (o *Orders) ClearPasscode(ctx context.Context, actor Actor, r Request) (Action, error) {
	return o.svc.ClearPasscode(ctx, actor, r)
}

// ProvisionToken is Service.ProvisionToken in the caller's transaction.
func (o *Orders) ProvisionToken(ctx context.Context, actor Actor, r Request) (Action, error) {
	return o.svc.ProvisionToken(ctx, actor, r)
}

// RevokeToken is Service.RevokeToken in the caller's transaction.
func (o *Orders) RevokeToken(ctx context.Context, actor Actor, of ID, r Request) (Action, error) {
	return o.svc.RevokeToken(ctx, actor, of, r)
}

// Unlock is Service.Unlock in the caller's transaction.
func (o *Orders) Unlock(ctx context.Context, actor Actor, of ID, r Request) (Action, error) {
	return o.svc.Unlock(ctx, actor, of, r)
}

// Cancel is Service.Cancel in the caller's transaction.
func (o *Orders) Cancel(ctx context.Context, actor Actor, id ID, reason string) (Action, error) {
	return o.svc.Cancel(ctx, actor, id, reason)
}
