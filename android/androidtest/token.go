package androidtest

import "crypto/subtle"

// TokenState is the life of the reset-password token, in the words of the agent contract.
type TokenState string

// The states of a token.
const (
	TokenNone        TokenState = "none"
	TokenPending     TokenState = "pending" // set over an existing passcode: in memory, until somebody types that passcode
	TokenActive      TokenState = "active"
	TokenUnsupported TokenState = "unsupported"
)

// escrowToken is the token as LockSettingsService keeps it.
type escrowToken struct {
	set      bool // a handle is remembered, whatever became of the token
	value    []byte
	pending  bool // in memory alone
	active   bool
	obsolete bool // active, but the synthetic password that it opens is gone
}

// minToken is the least length of a token in bytes.
const minToken = 32

// SetResetPasswordToken is DevicePolicyManager.setResetPasswordToken. It removes the previous token first, active or not. The new
// one is active at once where no passcode is set, else pending until the next [Device.Type], and lost at a reboot before that.
func (d *Device) SetResetPasswordToken(token []byte) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.cfg.APILevel < levelO:
		return false, throw(NoSuchMethodError, "setResetPasswordToken")
	case d.cfg.NoSecureLock:
		return false, nil
	case len(token) < minToken:
		return false, throw(IllegalArgumentException, "token must be at least 32-byte long")
	case !d.cfg.Mode.owner():
		return false, throw(SecurityException, msgNotOwner)
	}
	d.removeToken()
	if d.platform.noEscrow {
		return false, throw(SecurityException, msgEscrow)
	}
	d.platform.token = escrowToken{set: true, value: append([]byte(nil), token...), pending: true}
	if !d.secure() && !d.activate() {
		d.platform.token = escrowToken{}
		return false, throw(IllegalStateException, msgNoSlots)
	}
	return true, nil
}

// IsResetPasswordTokenActive is DevicePolicyManager.isResetPasswordTokenActive. It is false, not an exception, where no token was set.
func (d *Device) IsResetPasswordTokenActive() (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if exception := d.tokenCaller("isResetPasswordTokenActive"); exception != nil {
		return false, exception
	}
	return d.platform.token.active, nil
}

// ClearResetPasswordToken is DevicePolicyManager.clearResetPasswordToken. It reports whether there was one.
func (d *Device) ClearResetPasswordToken() (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if exception := d.tokenCaller("clearResetPasswordToken"); exception != nil {
		return false, exception
	}
	had := d.platform.token.set
	d.removeToken()
	return had, nil
}

// ResetPasswordWithToken is DevicePolicyManager.resetPasswordWithToken. A nil token is a NullPointerException. It reports false for
// many reasons alike: no token, a wrong one, a policy that is not met, another admin's REQUIRE_ENTRY.
func (d *Device) ResetPasswordWithToken(password string, token []byte, flags Flags) (bool, error) {
	return d.resetWithToken(password, token, flags, byPlatform)
}

func (d *Device) resetWithToken(password string, token []byte, flags Flags, by string) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if exception := d.tokenCaller("resetPasswordWithToken"); exception != nil {
		return false, exception
	}
	switch {
	case d.cfg.NoSecureLock:
		return false, nil
	case token == nil:
		return false, throw(NullPointerException, "")
	case !d.platform.token.set:
		return false, nil
	}
	return d.resetInternal(password, flags, func() (bool, *Exception) { return d.useToken(password, token, by) })
}

// useToken is LockSettingsService.setLockCredentialWithToken.
func (d *Device) useToken(password string, token []byte, by string) (bool, *Exception) {
	if exception := d.tooShort(password); exception != nil {
		return false, exception
	}
	t := &d.platform.token
	switch {
	case d.platform.noEscrow:
		return false, throw(SecurityException, msgEscrow)
	case !t.active && d.cfg.APILevel >= levelT:
		return false, nil
	case !t.active: // nothing guards against it: the file that is not there ends up in a hash
		return false, throw(NullPointerException, "")
	case t.obsolete || subtle.ConstantTimeCompare(t.value, token) != 1:
		return false, nil
	}
	return true, d.store(password, by, true)
}

func (d *Device) tokenCaller(method string) *Exception {
	switch {
	case d.cfg.APILevel < levelO:
		return throw(NoSuchMethodError, method)
	case !d.cfg.Mode.owner():
		return throw(SecurityException, msgNotOwner)
	}
	return nil
}

// DestroyEscrow destroys the escrow data of the managed user for good, as LockSettingsService does where nobody needs it any more: tokens are
// refused from then on, also one that was active.
func (d *Device) DestroyEscrow() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.platform.noEscrow = true
}

// activate makes a pending token one that can be used. It is false where Weaver has no slot left.
func (d *Device) activate() bool {
	if d.cfg.WeaverSlots > 0 && d.weaverUsed() >= d.cfg.WeaverSlots {
		return false
	}
	d.platform.token.pending, d.platform.token.active = false, true
	d.changed()
	return true
}

func (d *Device) removeToken() {
	if d.platform.token.active && d.cfg.WeaverLeaks && d.cfg.WeaverSlots > 0 {
		d.platform.leaked++
	}
	d.platform.token = escrowToken{}
}

func (d *Device) weaverUsed() int {
	switch {
	case d.cfg.WeaverSlots == 0:
		return 0
	case d.platform.token.active:
		return d.platform.leaked + 1
	}
	return d.platform.leaked
}

// tokenState is what the agent can know: it asks whether the token is active, and remembers whether it set one since the boot.
// That escrow is disabled shows only when a token was refused for it.
func (d *Device) tokenState() TokenState {
	switch t := d.platform.token; {
	case d.cfg.APILevel < levelO || !d.cfg.Mode.owner() || d.cfg.NoSecureLock || d.agent.escrowRefused:
		return TokenUnsupported
	case t.active:
		return TokenActive
	case t.pending:
		return TokenPending
	}
	return TokenNone
}
