package locktest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Waker wakes nobody and remembers all. It is safe for concurrent use.
type Waker struct {
	mu      sync.Mutex
	woken   []Wakeup
	play    play
	hanging int
	most    int
}

// play is how calls are to end.
type play struct {
	err     error
	scripts map[string][]error // by device
}

// next takes the outcome of a call from the device's script, or else the one of all.
func (p *play) next(device string) error {
	script, ok := p.scripts[device]
	if !ok {
		return p.err
	}
	if len(script) > 1 {
		p.scripts[device] = script[1:]
	}
	return script[0]
}

func (p *play) script(device string, outcomes []error) {
	if p.scripts == nil {
		p.scripts = map[string][]error{}
	}
	p.scripts[device] = outcomes
	if len(outcomes) == 0 {
		delete(p.scripts, device)
	}
}

var _ lock.Waker = (*Waker)(nil)

// Wakeup is one call of Wake.
type Wakeup struct {
	Device lock.Device
	At     time.Time // by time.Now: the bubble's clock in a synctest bubble
}

// ErrHang has Wake hang until its context ends, and then return the context's error: pass it to Fail or Script.
const ErrHang lock.Error = "the wake-up hangs"

// WakeError is an error of a class, which says nothing of the provider: pass it to Fail or Script.
type WakeError string

// Error returns the class in words.
func (e WakeError) Error() string { return "wake-up failed: " + string(e) }

// WakeOutcome is the class.
func (e WakeError) WakeOutcome() string { return string(e) }

// WakeFailure is an error that says all that lock.Waker knows of: pass it to Fail or Script.
type WakeFailure struct {
	Class    string
	After    time.Duration
	Provider bool
	Trouble  bool
	Answered bool
}

// Error returns the class in words.
func (e WakeFailure) Error() string { return "wake-up failed: " + e.Class }

// WakeOutcome is the class.
func (e WakeFailure) WakeOutcome() string { return e.Class }

// RetryAfter is After.
func (e WakeFailure) RetryAfter() time.Duration { return e.After }

// ProviderFailure is Provider.
func (e WakeFailure) ProviderFailure() bool { return e.Provider }

// ProviderTrouble is Trouble.
func (e WakeFailure) ProviderTrouble() bool { return e.Trouble }

// ProviderAnswered is Answered.
func (e WakeFailure) ProviderAnswered() bool { return e.Answered }

// Wake is lock.Waker's.
func (w *Waker) Wake(ctx context.Context, d lock.Device) error {
	err := w.next(d)
	if err != error(ErrHang) { //nolint:errorlint // the value itself is the instruction
		return err
	}
	w.hang(1)
	defer w.hang(-1)
	<-ctx.Done()
	return ctx.Err()
}

// next records the call and takes its outcome from the device's script, or else from Fail.
func (w *Waker) next(d lock.Device) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.woken = append(w.woken, Wakeup{Device: d, At: time.Now()})
	return w.play.next(d.ID)
}

func (w *Waker) hang(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hanging += n
	w.most = max(w.most, w.hanging)
}

// Fail makes every further Wake return err, after it was recorded; nil: succeed again.
func (w *Waker) Fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.play.err = err
}

// Script makes the further calls for one device end like this, one after the other, and all after the last like the last, whatever Fail
// says. Without outcomes the device is like any other again.
func (w *Waker) Script(device string, outcomes ...error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.play.script(device, outcomes)
}

// Woken returns the calls so far, the first one first.
func (w *Waker) Woken() []Wakeup {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.woken)
}

// MostHanging is how many calls hung at the same time at most.
func (w *Waker) MostHanging() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.most
}
