package windowstest

// Type is somebody who types a PIN at the lock screen. It returns whether the device is open then.
func (d *Device) Type(pin string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if pin == d.pin {
		d.locked = false
	}
	return !d.locked
}

// SignIn is somebody who signs in; who was signed in before is signed out. It returns [ErrDenied] while DenyLocalLogOn denies the user.
// Who is signed in already stays so until the next restart.
func (d *Device) SignIn(user string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.denies(user) {
		return ErrDenied
	}
	d.signedIn = user
	return nil
}

// Restart is somebody who restarts the device: at once, or when the session under way is over.
func (d *Device) Restart() {
	d.conversation.Lock()
	defer d.conversation.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.boot()
}

// Disconnect is somebody who disconnects the account: every session from the next one on says so, with Alert 1226.
func (d *Device) Disconnect() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.leaving = true
}

// Set writes the value of a node from the device's side, as Group Policy or a person would; the node is made when there is none.
func (d *Device) Set(uri, value string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	uri = canonical(uri)
	if n := d.tree.leaf(uri); n != nil {
		n.value = value
		return
	}
	d.tree.add(node{uri: uri, value: value, format: "chr", typed: true, access: setting})
}

// Get returns the value of a node that can be written, and whether there is one. It reads no new PIN.
func (d *Device) Get(uri string) (string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.tree.leaf(canonical(uri))
	if n == nil || n.access&canReplace == 0 {
		return "", false
	}
	return n.value, true
}
