package android

// Act is something to be done to a device.
type Act string

// The acts.
const (
	ActLock      Act = "lock"      // lock the screen
	ActReset     Act = "reset"     // set a new passcode
	ActClear     Act = "clear"     // remove the passcode
	ActProvision Act = "provision" // set a reset token
)

// Method is the way in which a passcode is reset.
type Method string

// The methods.
const (
	MethodDirect Method = "direct" // DevicePolicyManager.resetPassword
	MethodToken  Method = "token"  // DevicePolicyManager.resetPasswordWithToken
)

// Effect is what an act will do.
type Effect string

// The effects.
const (
	EffectWorks     Effect = "works"
	EffectFails     Effect = "fails"
	EffectScreenOff Effect = "screen_off" // ActLock: the screen goes off, and anybody may switch it on again
	EffectUnknown   Effect = "unknown"    // what is known of the device does not tell
)

// Verdict is what an act will do to a device, and why.
type Verdict struct {
	Act    Act
	Scope  Scope
	Effect Effect
	Method Method // ActReset, ActClear: the way that is taken, or would have to be
	Code   Code
	Text   string // one sentence for the administrator
}
