package lock

import "context"

// deeds are the kinds of order in words, as in "A lock is under way".
var deeds = map[Kind]string{
	KindLock:           "A lock",
	KindLostMode:       "Lost mode",
	KindUnlock:         "An unlock",
	KindResetPasscode:  "A passcode reset",
	KindClearPasscode:  "A removal of the passcode",
	KindProvisionToken: "A reset token",
	KindRevokeToken:    "A revocation",
}

// beside finds what an order would do while another one is live in its lane: of is the action that it would end, if it ends one. PINs are
// not compared: only an order, which is on record, does that.
func (s *Service) beside(ctx context.Context, actor Actor, r Request, of *Action) ([]Finding, error) {
	live, found, err := s.inLane(ctx, r.Device, r.Kind.lane())
	if err != nil || !found {
		return nil, err
	}
	under := deeds[live.Kind] + " is under way"
	if live.Kind.lane() == KindLock.lane() {
		under += " or holds"
	}
	joins := Finding{Code: "live_order", Level: LevelInfo, Text: under + ": the order would join it."}
	if r.Kind == KindLock {
		joins.Code = "live_lock"
	}
	switch {
	case live.Kind != r.Kind || of != nil && live.Of != of.ID:
		return []Finding{{Code: "busy", Level: LevelBlock, Text: under + ": this order would be refused."}}, nil
	case r.PIN.IsZero():
	case live.Supplied && live.By.ID == actor.ID:
		joins.Field, joins.Text = "pin", under+": the order would join it if it has this PIN, and be refused if it has another one."
	default:
		return []Finding{{
			Code: "busy", Level: LevelBlock, Field: "pin",
			Text: under + ", with a PIN that you did not choose: an order with a PIN of your own would be refused.",
		}}, nil
	}
	return []Finding{joins}, nil
}
