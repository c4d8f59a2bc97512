package api

import (
	"context"
	"time"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/handset"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows"
)

// capability is what an act would do on a device, by the rules of its Android or Windows.
type capability struct {
	Act    string         `json:"act"`
	Scope  android.Scope  `json:"scope,omitempty"` // of Android
	Effect string         `json:"effect"`
	Method android.Method `json:"method,omitempty"`
	Code   string         `json:"code,omitempty"`
	Text   string         `json:"text"`
}

// resetToken is what is known of the token that a passcode reset needs.
type resetToken struct {
	State android.TokenState `json:"state"`        // empty: the device has not said
	ID    string             `json:"id,omitempty"` // the action that provided it
	At    *time.Time         `json:"at,omitempty"` // when the device said so
}

// particular is what only an Android or Windows device has.
type particular struct {
	Mode         android.Mode `json:"mode,omitempty"`
	APILevel     int          `json:"api_level,omitempty"`
	Class        string       `json:"class,omitempty"`
	Edition      string       `json:"edition,omitempty"`
	Build        string       `json:"build,omitempty"`
	Capabilities []capability `json:"capabilities,omitempty"` // of one device; not in lists
	Token        *resetToken  `json:"token,omitempty"`        // as well
}

// newParticular describes a device as lists have it. It is zero for a Mac.
func newParticular(d inventory.Device) particular {
	switch d.Platform {
	case inventory.AgentPlatform:
		return particular{Mode: android.Mode(d.Mode), APILevel: d.APILevel}
	case inventory.ComputerPlatform:
		return particular{Class: d.Class, Edition: d.Edition, Build: d.Build}
	}
	return particular{}
}

// whole adds what its facts and the ledger tell, which only one device has.
func (a *api) whole(ctx context.Context, actor lock.Actor, p particular, d inventory.Device) (particular, error) {
	switch d.Platform {
	case inventory.AgentPlatform:
		return a.wholePhone(ctx, actor, p, d)
	case inventory.ComputerPlatform:
		for _, v := range windows.Capabilities(windows.FromDevice(d.Device)) {
			p.Capabilities = append(p.Capabilities, capability{Act: string(v.Act), Effect: string(v.Effect), Code: string(v.Code), Text: v.Text})
		}
	}
	return p, nil
}

func (a *api) wholePhone(ctx context.Context, actor lock.Actor, p particular, d inventory.Device) (particular, error) {
	foreign, err := handset.Foreign(ctx, a.Service, actor, d.Device)
	if err != nil {
		return p, err
	}
	facts := android.FromDevice(d.Device)
	for _, v := range handset.Capabilities(facts, foreign) {
		p.Capabilities = append(p.Capabilities, capability{string(v.Act), v.Scope, string(v.Effect), v.Method, string(v.Code), v.Text})
	}
	p.Token = &resetToken{State: facts.Token, ID: facts.TokenID, At: when(d.Facts[string(android.FactTokenState)].At)}
	return p, nil
}
