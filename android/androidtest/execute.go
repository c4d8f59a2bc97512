package androidtest

import (
	"errors"
	"slices"
)

// execute does what a command says, through the methods of DevicePolicyManager, and puts what they said into a result.
func (d *Device) execute(c command, s secrets) outcome {
	switch c.Name {
	case cmdLock:
		return d.executeLock(c)
	case cmdReset, cmdClear:
		return d.executeReset(c, s)
	case cmdProvision:
		return d.executeProvision(c, s)
	case cmdRevoke:
		return d.executeRevoke(c)
	default: // token_status, report_state: the state block is the answer
		return succeeded()
	}
}

// The codes that several commands have.
const (
	codeOK       = "OK"
	codeMismatch = "TOKEN_MISMATCH"
	codeUnknown  = "UNKNOWN"
	codeStale    = "STALE"
	codeEscrow   = "ESCROW_DISABLED"
)

func (d *Device) executeLock(c command) outcome {
	profile := c.Args.Scope == "profile"
	if profile && !d.cfg.Mode.profile() {
		return failed("MANAGEMENT_MODE", "there is no work profile that the agent owns")
	}
	detail := ""
	if c.Args.Message != nil {
		if err := d.SetLockScreenInfo(*c.Args.Message); err != nil {
			detail = "the message cannot be shown: " + err.Error()
		}
	}
	if err := d.LockNow(d.cfg.Mode.profile() && !profile, c.Args.EvictCEKey); err != nil {
		return thrown(err)
	}
	o := outcome{state: stateSucceeded, code: codeOK, detail: detail}
	if state := d.State(); profile && !state.Secure || !profile && d.Passcode() == "" {
		o.code = "NO_SECURE_LOCK"
	}
	return o
}

func (d *Device) executeReset(c command, s secrets) outcome {
	passcode := ""
	if c.Name == cmdReset {
		passcode = s.Passcode
		if passcode == "" {
			return failed("ILLEGAL_ARGUMENT", "reset_password without a passcode")
		}
	}
	var ok bool
	var err error
	if c.Args.Method == "direct" {
		ok, err = d.resetPassword(passcode, flags(c.Args.Flags), c.ID)
	} else {
		if o, ready := d.tokenReady(c.Args.TokenID); !ready {
			return o
		}
		if reasons := Validate(passcode, d.cfg.APILevel, d.cfg.Policy); len(reasons) > 0 {
			return outcome{state: stateFailed, code: "INVALID_VALUE", validation: reasons}
		}
		ok, err = d.resetWithToken(passcode, s.Token, flags(c.Args.Flags), c.ID)
	}
	switch {
	case err != nil:
		return d.learnt(thrown(err))
	case !ok:
		return d.whyNot(c, passcode)
	}
	if slices.Contains(c.Args.Flags, "lock_now") {
		if err := d.LockNow(false, false); err != nil {
			return outcome{state: stateSucceeded, code: codeOK, detail: "set, but not locked: " + err.Error()}
		}
	}
	return succeeded()
}

// whyNot finds out what a false of the platform meant.
func (d *Device) whyNot(c command, passcode string) outcome {
	if reasons := Validate(passcode, d.cfg.APILevel, d.cfg.Policy); len(reasons) > 0 {
		return outcome{state: stateFailed, code: "INVALID_VALUE", validation: reasons}
	}
	d.mu.Lock()
	other := d.platform.owner == otherOwner
	d.mu.Unlock()
	switch {
	case other:
		return failed("PASSWORD_OWNED_BY_OTHER_ADMIN", "")
	case d.cfg.NoSecureLock:
		return failed("UNSUPPORTED", "no secure lock screen")
	case c.Args.Method == "direct":
		return failed("ILLEGAL_STATE", "resetPassword returned false")
	}
	return failed(codeMismatch, "resetPasswordWithToken returned false")
}

func flags(names []string) Flags {
	var f Flags
	if slices.Contains(names, "require_entry") {
		f |= RequireEntry
	}
	if slices.Contains(names, "do_not_ask_credentials_on_boot") {
		f |= DoNotAskCredentialsOnBoot
	}
	return f
}

// tokenReady is what an agent finds out before it uses a token.
func (d *Device) tokenReady(id string) (outcome, bool) {
	active, err := d.IsResetPasswordTokenActive()
	if err != nil {
		return thrown(err), false
	}
	state := d.State()
	switch {
	case active && state.TokenID == id:
		return outcome{}, true
	case active:
		return failed(codeMismatch, "another token is set"), false
	case state.Token == TokenPending:
		return failed("TOKEN_NOT_ACTIVE", "pending: somebody must type the passcode"), false
	}
	return failed("TOKEN_NOT_SET", ""), false
}

// executeProvision sets a token. The ID of the token before is forgotten first, durably, since the call removes that token, and the new one is
// noted afterwards. After a crash in between nobody knows which token is set, and an active one does not keep the command from being done over.
func (d *Device) executeProvision(c command, s secrets) outcome {
	active, err := d.IsResetPasswordTokenActive()
	if err != nil {
		return thrown(err)
	}
	id := d.State().TokenID
	if active && id == c.Args.TokenID {
		return succeeded()
	}
	if active && id != "" && !c.Args.Replace {
		return failed("TOKEN_ALREADY_ACTIVE", "")
	}
	d.mu.Lock()
	d.agent.tokenID = ""
	d.mu.Unlock()
	ok, err := d.SetResetPasswordToken(s.Token)
	if err != nil {
		return d.learnt(thrown(err))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !ok {
		return failed("UNSUPPORTED", "setResetPasswordToken returned false")
	}
	if d.crash(CrashSettingToken) {
		return outcome{}
	}
	d.agent.tokenID = c.Args.TokenID
	if d.platform.token.pending {
		return outcome{state: stateSucceeded, code: codeOK, detail: "pending: somebody must type the passcode"}
	}
	return succeeded()
}

// learnt keeps what an answer says of the device for good.
func (d *Device) learnt(o outcome) outcome {
	if o.code == codeEscrow {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.agent.escrowRefused, d.agent.tokenID = true, ""
	}
	return o
}

// executeRevoke is done also when no token is set: that is what was asked for.
func (d *Device) executeRevoke(c command) outcome {
	if id := d.State().TokenID; id != "" && id != c.Args.TokenID {
		return failed(codeMismatch, "another token is set")
	}
	if _, err := d.ClearResetPasswordToken(); err != nil {
		return thrown(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.agent.tokenID = ""
	return succeeded()
}

// thrown is the result for an exception of the platform.
func thrown(err error) outcome {
	o := outcome{state: stateFailed, code: codeUnknown, exception: err.Error()}
	var e *Exception
	if !errors.As(err, &e) {
		return o
	}
	switch {
	case e.Message == msgEscrow:
		o.code = codeEscrow
	case e.Message == msgNoSlots:
		o.code = "WEAVER_EXHAUSTED"
	case e.Class == NoSuchMethodError || e.Message == msgAdminDead || e.Message == msgOwnerDead:
		o.code = "API_LEVEL"
	case e.Message == msgNoProfileReset:
		o.code = "MANAGEMENT_MODE"
	case e.Class == SecurityException:
		o.code = "NOT_OWNER"
	case e.Class == IllegalStateException:
		o.code = "ILLEGAL_STATE"
	case e.Class == UnsupportedOperationException:
		o.code = "UNSUPPORTED"
	default:
		o.code = "ILLEGAL_ARGUMENT"
	}
	return o
}
