package androidtest

// LockNow is DevicePolicyManager.lockNow: on the instance of the parent when parent is true (profile modes alone), and with
// FLAG_EVICT_CREDENTIAL_ENCRYPTION_KEY when evict is true. Where no passcode is set it only turns the screen off. In a work profile
// with a lock of its own it locks that profile alone, and the screen stays on.
func (d *Device) LockNow(parent, evict bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cfg.NoForceLock && d.cfg.Mode == DeviceAdmin {
		return throw(SecurityException, msgNotActiveAdmin)
	}
	if evict {
		if exception := d.mayEvict(parent); exception != nil {
			return exception
		}
	}
	p := &d.platform
	p.strong = true
	if d.cfg.Mode.profile() && p.separate && !parent {
		p.workLock = p.work.passcode != ""
	} else {
		p.screenOn = false
		p.keyguard = p.person.passcode != ""
		p.workLock = p.separate && p.work.passcode != ""
	}
	if evict {
		p.work.unlocked = false
		p.evictions++
	}
	d.changed()
	return nil
}

func (d *Device) mayEvict(parent bool) *Exception {
	switch {
	case d.cfg.APILevel < levelO:
		return throw(NoSuchMethodError, "lockNow(int)")
	case !d.cfg.Mode.profile():
		return throw(SecurityException, "Only profile owner admins can set FLAG_EVICT_CREDENTIAL_ENCRYPTION_KEY")
	case parent:
		return throw(IllegalArgumentException, "Cannot set FLAG_EVICT_CREDENTIAL_ENCRYPTION_KEY for the parent")
	case d.cfg.NoFileEncrypt:
		return throw(UnsupportedOperationException, "FLAG_EVICT_CREDENTIAL_ENCRYPTION_KEY only applies to FBE devices")
	}
	return nil
}

// SetLockScreenInfo is DevicePolicyManager.setDeviceOwnerLockScreenInfo (API 24): the message stays until it is set again. A device
// owner and the profile owner of a company's device may.
func (d *Device) SetLockScreenInfo(message string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.cfg.APILevel < levelN:
		return throw(NoSuchMethodError, "setDeviceOwnerLockScreenInfo")
	case d.cfg.Mode != DeviceOwner && d.cfg.Mode != CompanyProfileOwner:
		return throw(SecurityException, msgNotOwner)
	}
	d.platform.message = message
	return nil
}
