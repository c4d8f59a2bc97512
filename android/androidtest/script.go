package androidtest

import "slices"

// Fault is one thing that goes wrong once.
type Fault int

// The faults. Each waits for its next occasion, and an occasion uses up one of its kind.
const (
	LoseCommands      Fault = iota // the server has answered a poll with commands, and the device sees at most what Inject put there
	Tamper                         // somebody changes the next command on its way
	LoseResults                    // the results never reach the server: they are sent again
	LoseReceipt                    // the server takes the results, but its answer never arrives: they are sent again
	RepeatResults                  // the results are sent twice
	HoldResults                    // the results stay on their way until Flush
	CrashBefore                    // the agent crashes after it noted that it executes, and before it does
	CrashAfter                     // the agent crashes after it executed, and before it notes the result
	CrashSettingToken              // the agent crashes after setResetPasswordToken, and before it notes which token is set
)

type script map[Fault]int

// Script adds faults to those that still wait.
func (d *Device) Script(faults ...Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range faults {
		d.script[f]++
	}
}

// strikes uses up one fault of the kind, if there is one.
func (d *Device) strikes(f Fault) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.script[f] == 0 {
		return false
	}
	d.script[f]--
	return true
}

// Flush lets the results go that HoldResults held: the next poll sends them, late.
func (d *Device) Flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.agent.outbox = append(d.agent.outbox, d.agent.held...)
	d.agent.held = nil
}

// Inject makes the next poll find these commands too, as if the server had sent them: one of another device, one of long ago, one that
// somebody changed or made.
func (d *Device) Inject(jws ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.agent.injected = append(d.agent.injected, slices.Clone(jws)...)
}
