package api

import (
	"context"
	"time"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/handset"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
)

// capability is what an act would do on a device, by the rules of its Android.
type capability struct {
	Act    android.Act    `json:"act"`
	Scope  android.Scope  `json:"scope"`
	Effect android.Effect `json:"effect"`
	Method android.Method `json:"method,omitempty"`
	Code   android.Code   `json:"code,omitempty"`
	Text   string         `json:"text"`
}

// resetToken is what is known of the token that a passcode reset needs.
type resetToken struct {
	State android.TokenState `json:"state"`        // empty: the device has not said
	ID    string             `json:"id,omitempty"` // the action that provided it
	At    *time.Time         `json:"at,omitempty"` // when the device said so
}

// phone is what only an Android device has.
type phone struct {
	Mode         android.Mode `json:"mode,omitempty"`
	APILevel     int          `json:"api_level,omitempty"`
	Capabilities []capability `json:"capabilities,omitempty"` // of one device; not in lists
	Token        *resetToken  `json:"token,omitempty"`        // as well
}

// newPhone describes an Android device as lists have it. It is zero for any other.
func newPhone(d inventory.Device) phone {
	if d.Platform != inventory.AgentPlatform {
		return phone{}
	}
	return phone{Mode: android.Mode(d.Mode), APILevel: d.APILevel}
}

// whole adds what its facts and the ledger tell, which only one device has.
func (a *api) whole(ctx context.Context, actor lock.Actor, p phone, d inventory.Device) (phone, error) {
	if d.Platform != inventory.AgentPlatform {
		return p, nil
	}
	foreign, err := handset.Foreign(ctx, a.Service, actor, d.Device)
	if err != nil {
		return p, err
	}
	facts := android.FromDevice(d.Device)
	for _, v := range handset.Capabilities(facts, foreign) {
		p.Capabilities = append(p.Capabilities, capability(v))
	}
	p.Token = &resetToken{State: facts.Token, ID: facts.TokenID, At: when(d.Facts[string(android.FactTokenState)].At)}
	return p, nil
}
