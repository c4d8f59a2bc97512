package windows

import (
	"bytes"
	"context"
	"sync"
)

// Sessions keeps the state of each device's sessions between its messages, as bytes that the handler alone reads, up to a few hundred KiB.
// They hold no PIN and nothing else that a device returned, but nonces, which are good for one use each, and what commands say. The methods
// may be called concurrently; all replicas must see the same.
type Sessions interface {
	// Load returns the state and its version; none and 0 for a device that has none. It may be forgotten when it was not saved for 90 days.
	Load(ctx context.Context, scope, device string) (state []byte, version int64, err error)
	// Save replaces the state of that version, or is the first when the version is 0; its version is one higher then. An error that wraps
	// ErrConflict says that the stored one has another version. It is durable when Save returns.
	Save(ctx context.Context, scope, device string, state []byte, version int64) error
}

// newSessions returns a Sessions in memory.
func newSessions() Sessions { return &memory{states: map[[2]string]saved{}} }

type memory struct {
	mu     sync.Mutex
	states map[[2]string]saved
}

type saved struct {
	state   []byte
	version int64
}

// Load implements Sessions.
func (m *memory) Load(_ context.Context, scope, device string) ([]byte, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.states[[2]string{scope, device}]
	return bytes.Clone(s.state), s.version, nil
}

// Save implements Sessions.
func (m *memory) Save(_ context.Context, scope, device string, state []byte, version int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := [2]string{scope, device}
	if m.states[key].version != version {
		return ErrConflict
	}
	m.states[key] = saved{bytes.Clone(state), version + 1}
	return nil
}

// turns lets one message of a device at a time through this process. That saves the conflicts which overlapping repeats would cost; between
// replicas the version of the state decides.
type turns struct {
	mu   sync.Mutex
	held map[[2]string]*turn
}

type turn struct {
	free  chan struct{} // holds one token while nobody has the turn
	users int
}

// take waits for the device's turn or for the end of ctx, and returns the function that gives it back.
func (t *turns) take(ctx context.Context, scope, device string) (release func(), err error) {
	key := [2]string{scope, device}
	t.mu.Lock()
	if t.held == nil {
		t.held = map[[2]string]*turn{}
	}
	mine := t.held[key]
	if mine == nil {
		mine = &turn{free: make(chan struct{}, 1)}
		mine.free <- struct{}{}
		t.held[key] = mine
	}
	mine.users++
	t.mu.Unlock()

	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.users--; mine.users == 0 {
			delete(t.held, key)
		}
	}
	select {
	case <-mine.free:
		return func() { mine.free <- struct{}{}; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
