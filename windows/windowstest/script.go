package windowstest

// Fault is one thing that goes wrong once. It is made by a function of this package and given to [Device.Script].
type Fault struct {
	kind kind
	n    int // the client's MsgID; 0: the next message
	uri  string
	code int
}

type kind int

const (
	loseRequest kind = iota
	loseAnswer
	repeatMessage
	splitPackages
	noFinal
	restartInSequence
	restartAfter
	refuse
	refuseAtomic
	failRollback
	wrongDigest
	staleNonce
	abort
	lateResults
	holdResults
)

// LoseRequest loses the device's message with MsgID n (0: the next one) before the server sees it. The device sends it again, with the
// same MsgID and the same bytes; after three tries the session is over.
func LoseRequest(n int) Fault { return Fault{kind: loseRequest, n: n} }

// LoseAnswer loses the answer to the device's message n (0: the next one). The device sends that message again, as in [LoseRequest].
func LoseAnswer(n int) Fault { return Fault{kind: loseAnswer, n: n} }

// RepeatMessage sends message n (0: the next one) twice. The two answers must be the same, byte for byte.
func RepeatMessage(n int) Fault { return Fault{kind: repeatMessage, n: n} }

// SplitPackages makes the device send every package of the next session over several messages: each command, or status with its
// results, in a message of its own, and Final only in the last.
func SplitPackages() Fault { return Fault{kind: splitPackages} }

// NoFinal makes the device leave out Final in the next session, but for the package that begins it.
func NoFinal() Fault { return Fault{kind: noFinal} }

// RestartInSequence restarts the device after the first command of the next Sequence: the session is over, and nothing was said of it.
func RestartInSequence() Fault { return Fault{kind: restartInSequence} }

// RestartAfter restarts the device when it has executed the commands that answered its message n (0: the next that brings commands). What
// they did holds, and nothing was said of it.
func RestartAfter(n int) Fault { return Fault{kind: restartAfter, n: n} }

// Refuse answers the next command for uri with the code, instead of executing it.
func Refuse(uri string, code int) Fault { return Fault{kind: refuse, uri: uri, code: code} }

// RefuseAtomic answers the next command for uri that is in an Atomic with the code, so that the Atomic fails.
func RefuseAtomic(uri string, code int) Fault { return Fault{kind: refuseAtomic, uri: uri, code: code} }

// FailRollback keeps the next Atomic that fails from being rolled back: what it had done stays, these commands get 516, and the Atomic
// itself gets the code: 507 as OMA's representation protocol has it, or 516.
func FailRollback(code int) Fault { return Fault{kind: failRollback, code: code} }

// WrongDigest makes the next digest with another secret.
func WrongDigest() Fault { return Fault{kind: wrongDigest} }

// StaleNonce makes the next digest with the nonce before the newest.
func StaleNonce() Fault { return Fault{kind: staleNonce} }

// Abort adds Alert 1223 to message n (0: the next one). What else the message says still counts.
func Abort(n int) Fault { return Fault{kind: abort, n: n} }

// LateResults sends the next Results in a message after that with their statuses, in the same package.
func LateResults() Fault { return Fault{kind: lateResults} }

// HoldResults keeps the next Results back until the first message of the session after, where they belong to nothing.
func HoldResults() Fault { return Fault{kind: holdResults} }

// Script adds faults to those that still wait. Each waits for its next occasion; one occasion uses up one fault of its kind.
func (d *Device) Script(faults ...Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.script = append(d.script, faults...)
}

// strikes uses up the first fault of the kind that fits message n.
func (d *Device) strikes(k kind, n int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.take(func(f Fault) bool { return f.kind == k && (f.n == 0 || f.n == n) })
	return ok
}

// take uses up the first fault that fits. The caller holds mu.
func (d *Device) take(fits func(Fault) bool) (Fault, bool) {
	for i, f := range d.script {
		if fits(f) {
			d.script = append(d.script[:i:i], d.script[i+1:]...)
			return f, true
		}
	}
	return Fault{}, false
}
