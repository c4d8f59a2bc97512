package androidtest

// Flags are the flags of resetPassword and resetPasswordWithToken.
type Flags int

// The flags, with the platform's numbers.
const (
	RequireEntry              Flags = 0x1 // no other admin may reset until it is typed; biometrics are off until then
	DoNotAskCredentialsOnBoot Flags = 0x2 // a device owner's alone; ignored from others
)

// The levels that changed what an agent may do: of the device, and of the Android that the agent was built for.
const (
	levelM = 23
	levelN = 24
	levelO = 26
	levelR = 30
	levelT = 33
)

// Who set a passcode, where it was no command.
const (
	byPerson   = "user"
	byPlatform = "platform"
)

// ResetPassword is DevicePolicyManager.resetPassword, called by the agent: it sets the passcode of the user that the agent
// manages, or clears it when password is empty. It reports false, or an *Exception, where the level of the device does.
func (d *Device) ResetPassword(password string, flags Flags) (bool, error) {
	return d.resetPassword(password, flags, byPlatform)
}

func (d *Device) resetPassword(password string, flags Flags, by string) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var may bool
	var exception *Exception
	switch {
	case d.cfg.APILevel >= levelR:
		may, exception = d.mayResetSince11()
	case d.cfg.APILevel >= levelN:
		may, exception = d.mayResetSince7(password)
	default:
		may, exception = d.mayResetBefore7()
	}
	if exception != nil {
		return false, exception
	}
	if !may {
		return false, nil
	}
	return d.resetInternal(password, flags, func() (bool, *Exception) { return true, d.store(password, by, false) })
}

// mayResetBefore7: every admin may, over an existing passcode too, but not in a managed profile.
func (d *Device) mayResetBefore7() (bool, *Exception) {
	switch {
	case d.cfg.Mode.profile():
		return false, throw(SecurityException, msgNoProfileReset)
	case d.cfg.Mode == DeviceAdmin && d.cfg.NoResetPolicy:
		return false, throw(SecurityException, msgNotActiveAdmin)
	}
	return true, nil
}

// mayResetSince7 is the order of API 24 to 29. An agent that was built for 6 or older is told false instead of an exception.
func (d *Device) mayResetSince7(password string) (bool, *Exception) {
	refuse := func(class Class, message string) (bool, *Exception) {
		if d.cfg.TargetSDK <= levelM {
			return false, nil
		}
		return false, throw(class, message)
	}
	api, owner := d.cfg.APILevel, d.cfg.Mode.owner()
	admin := !owner && (!d.cfg.ResetPermission || api < 29)
	switch {
	case d.cfg.NoSecureLock && api >= 29:
		return false, nil
	case d.cfg.Mode.profile() && password == "":
		return false, throw(SecurityException, "You can not clear the active password for a managed profile. ")
	case owner && api >= levelO && d.cfg.TargetSDK >= levelO:
		return false, throw(SecurityException, msgOwnerDead)
	case admin && d.cfg.NoResetPolicy:
		return false, throw(SecurityException, msgNotActiveAdmin)
	case !owner && password == "":
		return refuse(SecurityException, "Cannot call with null password")
	case !owner && d.secure() && api >= 29:
		return refuse(SecurityException, "Cannot change current password")
	case !owner && d.secure():
		return refuse(SecurityException, "Admin cannot change current password")
	case d.cfg.ManagedProfile:
		return refuse(IllegalStateException, "Cannot reset password on user has managed profile")
	case !d.managed().unlocked:
		return refuse(IllegalStateException, "Cannot reset password when user is locked")
	}
	return true, nil
}

// mayResetSince11: resetPassword is dead, but for a system app with the RESET_PASSWORD permission where no passcode is set.
func (d *Device) mayResetSince11() (bool, *Exception) {
	switch {
	case d.cfg.NoSecureLock:
		return false, nil
	case d.cfg.ResetPermission && d.secure():
		return false, throw(SecurityException, "Cannot change current password")
	case d.cfg.ResetPermission:
		return true, nil
	case d.cfg.Mode.owner() && d.cfg.TargetSDK < levelO:
		return false, nil
	case d.cfg.Mode.owner():
		return false, throw(SecurityException, msgAdminDead)
	case d.cfg.NoResetPolicy:
		return false, throw(SecurityException, msgNotActiveAdmin)
	case d.cfg.TargetSDK <= levelM:
		return false, nil
	}
	return false, throw(SecurityException, msgAdminDead)
}

// resetInternal is what resetPassword and resetPasswordWithToken share: the policy first, then who may, then the act, then the flags.
func (d *Device) resetInternal(password string, flags Flags, set func() (bool, *Exception)) (bool, error) {
	p := &d.platform
	if d.refusedByPolicy(password) || p.owner == otherOwner {
		return false, nil
	}
	if flags&DoNotAskCredentialsOnBoot != 0 && d.cfg.Mode == DeviceOwner {
		p.doNotAsk = true
	}
	ok, exception := set()
	if exception != nil {
		return false, exception
	}
	p.owner = noOwner
	if flags&RequireEntry != 0 {
		p.owner, p.strong = agentOwner, true
	}
	return ok, nil
}

// refusedByPolicy leaves four characters at least, before API 30, to the call that stores the passcode.
func (d *Device) refusedByPolicy(password string) bool {
	if d.cfg.APILevel >= levelR {
		return len(validateMetrics(password, d.cfg.APILevel, d.cfg.Policy)) > 0
	}
	return len(validateQuality(password, d.cfg.APILevel, d.cfg.Policy)) > 0
}

// tooShort is the exception of the call that stores a passcode, before API 30.
func (d *Device) tooShort(password string) *Exception {
	if d.cfg.APILevel < levelR && password != "" && measure(password, d.cfg.APILevel).length < minPassword {
		return throw(IllegalArgumentException, msgTooShort)
	}
	return nil
}

// store puts a passcode on the managed user. On a work profile it makes the lock of the profile a separate one.
func (d *Device) store(password, by string, withToken bool) *Exception {
	if exception := d.tooShort(password); exception != nil {
		return exception
	}
	p := &d.platform
	if d.cfg.Mode.profile() && !p.separate {
		p.separate, p.work.unlocked = true, p.person.unlocked
	}
	u := d.managed()
	u.passcode, u.kind, u.by = password, kindOf(password), by
	if withToken && d.cfg.APILevel == levelR && password != "" {
		u.kind = Password // Android 11 asks for digits with the text keyboard
	}
	d.changed()
	if password != "" {
		return nil
	}
	if withToken && d.cfg.APILevel >= levelR {
		u.unlocked = true
	}
	if u == &p.work {
		p.workLock = false
	} else {
		p.keyguard = false
	}
	return nil
}

// UntrustedReset gives the managed user a new passcode without knowing the old one or a token, as a component of the system may: from
// API 28 on, that replaces the synthetic password, and a token that was active opens nothing any more.
func (d *Device) UntrustedReset(passcode string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.managed()
	u.passcode, u.kind, u.by = passcode, kindOf(passcode), byPlatform
	d.platform.token.obsolete = d.platform.token.active && d.cfg.APILevel >= 28
	d.changed()
}
