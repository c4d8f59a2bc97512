package lock

import (
	"context"
	"sync"
)

// keyLock serialises the acts of this process on one device. It saves the retries that many orders for one device would cost; the
// store alone decides who wins, so replicas need no lock in common.
type keyLock struct {
	mu   sync.Mutex
	held map[[2]string]*keyHold
}

type keyHold struct {
	turn  chan struct{} // holds one token while free
	users int
}

// lock waits for the key's turn or for the end of ctx, and returns the function that gives it back.
func (l *keyLock) lock(ctx context.Context, scope, device string) (unlock func(), err error) {
	key := [2]string{scope, device}
	l.mu.Lock()
	if l.held == nil {
		l.held = map[[2]string]*keyHold{}
	}
	hold := l.held[key]
	if hold == nil {
		hold = &keyHold{turn: make(chan struct{}, 1)}
		hold.turn <- struct{}{}
		l.held[key] = hold
	}
	hold.users++
	l.mu.Unlock()

	leave := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if hold.users--; hold.users == 0 {
			delete(l.held, key)
		}
	}
	select {
	case <-hold.turn:
		return func() { hold.turn <- struct{}{}; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
