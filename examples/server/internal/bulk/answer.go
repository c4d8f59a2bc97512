package bulk

import (
	"context"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/lock"
)

// screensOff marks the items of a page whose device did what it was told and stays open all the same, because it has no passcode. No more
// than its action says so, and that is read for the confirmed phones alone.
func (b *Batches) screensOff(ctx context.Context, batch string, items []Item) error {
	at := map[lock.ID]*Item{}
	own := lock.Filter{Scope: b.Scope, Batch: batch, Kinds: []lock.Kind{lock.KindLock}, Limit: chunk}
	var found []lock.Action
	for i, item := range items {
		switch {
		case item.Outcome != Confirmed || item.Platform != agent.PlatformName:
			continue
		case item.Joined:
			a, err := b.DB.Ledger.Get(ctx, item.Action)
			if err != nil {
				return err
			}
			found = append(found, a)
		default:
			own.Devices = append(own.Devices, item.Device)
		}
		at[item.Action] = &items[i]
	}
	if len(own.Devices) > 0 { // one action each
		page, err := b.DB.Ledger.List(ctx, own)
		if err != nil {
			return err
		}
		found = append(found, page...)
	}
	for _, a := range found {
		if i := at[a.ID]; i != nil && a.Facts["code"] == string(agent.CodeNoSecureLock) {
			i.Code, i.Reason = string(android.CodeNoSecureLock), "No passcode is set on it: only its screen went off, and anybody can switch it on again."
		}
	}
	return nil
}
