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
	mu    sync.Mutex
	woken []Wakeup
	err   error
}

var _ lock.Waker = (*Waker)(nil)

// Wakeup is one call of Wake.
type Wakeup struct {
	Device lock.Device
	At     time.Time // by time.Now: the bubble's clock in a synctest bubble
}

// WakeError is an error of a class: pass it to Fail.
type WakeError string

// Error returns the class in words.
func (e WakeError) Error() string { return "wake-up failed: " + string(e) }

// WakeOutcome is the class.
func (e WakeError) WakeOutcome() string { return string(e) }

// Wake is lock.Waker's.
func (w *Waker) Wake(_ context.Context, d lock.Device) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.woken = append(w.woken, Wakeup{Device: d, At: time.Now()})
	return w.err
}

// Fail makes every further Wake return err, after it was recorded; nil: succeed again.
func (w *Waker) Fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
}

// Woken returns the calls so far, the first one first.
func (w *Waker) Woken() []Wakeup {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.woken)
}
