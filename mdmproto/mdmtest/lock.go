package mdmtest

import "time"

const deviceLock = "DeviceLock"

// pinLength is what the schema of DeviceLock asks for: a six-character PIN.
const pinLength = 6

// takesPIN tells whether DeviceLock locks this Mac with a PIN; Apple silicon before macOS 11.5 is deactivated instead.
func (m *Mac) takesPIN() bool { return !m.cfg.AppleSilicon || m.version.atLeast(11, 5) }

// answerLock follows the script, else obeys.
func (m *Mac) answerLock(o order) (status string, keys map[string]any) {
	if r, ok := m.nextReply(); ok {
		if r.status == statusError {
			return r.status, map[string]any{"ErrorChain": chain(r.chain...)}
		}
		return r.status, nil
	}
	if m.takesPIN() && len(o.PIN) != pinLength { // what a Mac does without one is not documented; this one refuses
		return statusError, map[string]any{"ErrorChain": chain(ErrorItem{
			Code: 12008, Domain: "MCMDMErrorDomain", Description: "The PIN must have six characters.",
		})}
	}
	keys = map[string]any{}
	if o.Message != "" && m.version.atLeast(10, 14) || o.PhoneNumber != "" && m.cfg.AppleSilicon && m.version.atLeast(11, 5) {
		keys["MessageResult"] = "Success"
	}
	return statusAcknowledged, keys
}

// lock takes hold: from here on the Mac is silent.
func (m *Mac) lock(o order) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wrong, m.delayed = 0, time.Time{}
	m.state, m.pin = Locked, o.PIN
	if !m.takesPIN() {
		m.state, m.pin = Deactivated, ""
	}
}

// Type types a PIN at the locked Mac and tells whether that opened it. It returns false, and counts nothing, when the Mac asks
// for no PIN or while it refuses every PIN after too many wrong ones (Config.TriesBeforeDelay).
func (m *Mac) Type(pin string) bool {
	now := m.cfg.Clock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state != Locked || now.Before(m.delayed) {
		return false
	}
	if pin != m.pin {
		m.wrong++
		if n := m.cfg.TriesBeforeDelay; n > 0 && m.wrong%n == 0 {
			m.delayed = now.Add(m.cfg.Delay)
		}
		return false
	}
	m.state, m.pin = Unlocked, ""
	return true
}

// WrongTries returns the number of wrong PINs since the Mac was locked last.
func (m *Mac) WrongTries() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.wrong
}

// DelayedUntil returns the time until which the Mac refuses every PIN ("try again later"), or the zero time when it refused
// none yet.
func (m *Mac) DelayedUntil() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.delayed
}

// Reboot restarts the Mac: connections are closed, and an answer that was held becomes one that is sent with the next Poll. A
// locked Mac comes up locked.
func (m *Mac) Reboot() {
	m.conversation.Lock()
	defer m.conversation.Unlock()
	m.client.CloseIdleConnections()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.outbox, m.held = append(m.outbox, m.held...), nil
}

// Wipe erases the Mac: unlocked, not enrolled, nothing to send. Serial, UDID and the log of commands stay; Enroll enrols it again.
func (m *Mac) Wipe() {
	m.conversation.Lock()
	defer m.conversation.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.enrolment = nil // with the next one its unsent answers go
	m.state, m.pin, m.wrong, m.delayed = Unlocked, "", 0, time.Time{}
}
