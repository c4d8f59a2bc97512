package androidtest

// Type is a person who types a passcode into whatever asks for it: the lock screen, the lock of the work profile, or the prompt to
// confirm the credential. It reports whether that passcode opened something; then the user is unlocked, a pending token is active,
// and a REQUIRE_ENTRY is done with. On a device without a passcode the empty one opens, as a swipe does.
func (d *Device) Type(passcode string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := &d.platform
	if p.broken {
		return false
	}
	opened := false
	if p.person.passcode == passcode {
		opened = true
		p.screenOn, p.keyguard, p.person.unlocked = true, false, true
		d.verified(&p.person)
		if p.work.passcode == "" { // it shares this lock, or its own asks for nothing
			p.work.unlocked = true
			d.verified(&p.work)
		}
	}
	if p.separate && p.work.passcode == passcode && !p.keyguard {
		opened = true
		p.workLock, p.work.unlocked = false, true
		d.verified(&p.work)
	}
	return opened && !p.broken
}

// verified is what follows when somebody typed the passcode of a user.
func (d *Device) verified(u *user) {
	if u != d.managed() {
		return
	}
	p := &d.platform
	d.changed() // unlocked, and maybe more
	if u.passcode == "" {
		return // a swipe proves nothing
	}
	p.strong, p.owner = false, noOwner
	if p.token.pending && !d.activate() {
		p.broken, p.keyguard = true, true
	}
}

// SetPasscode is the person who changes the passcode of the device in the settings, or sets the first one (current is empty), or
// removes it (next is empty). It reports whether Android took it: the device must be open, current right, and next within the policy
// where the policy is about this lock.
func (d *Device) SetPasscode(current, next string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := &d.platform
	if !d.inHand() || current != p.person.passcode || d.managed() == &p.person && d.refusesPerson(next) {
		return false
	}
	if current != "" {
		d.verified(&p.person)
	}
	p.person = user{passcode: next, kind: kindOf(next), by: byPerson, unlocked: true}
	d.changed()
	return true
}

// SetWorkPasscode is the person who gives the work profile a lock of its own, changes it, or (next is empty) goes back to the lock of
// the device. Current is the lock that holds for the profile until now. It reports whether Android took it.
func (d *Device) SetWorkPasscode(current, next string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := &d.platform
	own := d.cfg.Mode.profile() && d.cfg.APILevel >= levelN // else the profile has no lock of its own
	if !own || !d.inHand() || current != d.managed().passcode || next != "" && d.refusesPerson(next) {
		return false
	}
	if current != "" {
		d.verified(d.managed())
	}
	p.separate = next != ""
	p.work = user{passcode: next, kind: kindOf(next), by: byPerson, unlocked: true}
	p.workLock = false
	d.changed()
	return true
}

// inHand says whether a person is past the lock screen.
func (d *Device) inHand() bool {
	p := &d.platform
	return !p.broken && !p.keyguard && p.person.unlocked && !d.cfg.NoSecureLock
}

func (d *Device) refusesPerson(next string) bool {
	return len(Validate(next, d.cfg.APILevel, d.cfg.Policy)) > 0
}

// Reboot restarts the device: memory is lost, with it a pending token, and the storage of every user with a passcode stays closed until
// somebody types it (direct boot). The agent runs already then.
func (d *Device) Reboot() {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := &d.platform
	p.boots++
	p.screenOn, p.keyguard = true, p.broken || p.person.passcode != ""
	p.person.unlocked = p.person.passcode == ""
	p.workLock = p.separate && p.work.passcode != ""
	p.work.unlocked = !p.workLock && p.person.unlocked
	if p.token.pending {
		p.token.pending, p.token.value = false, nil
	}
	d.restartAgent()
	d.changed()
}

// Offline takes the network away, or gives it back. Everything that would talk returns ErrOffline meanwhile.
func (d *Device) Offline(off bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.platform.offline = off
}

// Pause switches the work profile off, as a person may, or on again. An agent in a profile that is off does not run; in the other
// modes nothing happens.
func (d *Device) Pause(off bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.platform.paused = off && d.cfg.Mode.profile()
}
