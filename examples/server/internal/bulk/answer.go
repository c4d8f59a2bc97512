package bulk

import (
	"context"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows"
)

// CodeLockedOut is the code of an item whose Windows device lets nobody sign in until it is unlocked. Others lock their screens.
const CodeLockedOut = "sign_in_lockout"

// screensOff marks the items of a page whose device did what it was told and stays open all the same, because it has no passcode, and those
// whose device lets nobody sign in. No more than its action says so, and that is read for the confirmed ones alone that are no Macs.
func (b *Batches) screensOff(ctx context.Context, batch string, items []Item) error {
	at := map[lock.ID]*Item{}
	own := lock.Filter{Scope: b.Scope, Batch: batch, Kinds: []lock.Kind{lock.KindLock}, Limit: chunk}
	var found []lock.Action
	for i, item := range items {
		switch {
		case item.Outcome != Confirmed || item.Platform != agent.PlatformName && item.Platform != windows.PlatformName:
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
		if i := at[a.ID]; i != nil {
			i.mark(a)
		}
	}
	return nil
}

// mark says of a confirmed item what its action did, where that is not what a lock of a Mac does.
func (i *Item) mark(a lock.Action) {
	switch {
	case i.Platform == windows.PlatformName && a.Talks:
		i.Code, i.Reason = CodeLockedOut, "Nobody can sign in on it until it is unlocked from here."
	case i.Platform == agent.PlatformName && a.Facts["code"] == string(agent.CodeNoSecureLock):
		i.Code, i.Reason = string(android.CodeNoSecureLock), "No passcode is set on it: only its screen went off, and anybody can switch it on again."
	}
}
