package agent

import (
	"context"
	"sync"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Hub wakes the long polls of this process, and then calls another waker, which reaches the devices that hold no poll open here. Share
// one between [Platform] and the handler's [Config].
type Hub struct {
	next lock.Waker

	mu      sync.Mutex
	waiting map[address]*waiter
}

// address is what a device is known by.
type address struct{ scope, id string }

// waiter is one long poll.
type waiter struct {
	woken chan struct{}    // has room for one: a wake-up that comes while the poll is busy is not lost
	gone  chan struct{}    // closed when a later poll of the device took its place
	ripe  <-chan time.Time // when it may end for that
}

// ripening is how long a poll lasts at least when another takes its place.
const ripening = time.Second

// NewHub makes a hub with another waker behind it, nil for none.
func NewHub(next lock.Waker) *Hub {
	return &Hub{next: next, waiting: map[address]*waiter{}}
}

// Wake implements lock.Waker. Without a waker behind it, a device that holds no poll open in this process gives an error of the class
// "no_poll": it comes by itself.
func (h *Hub) Wake(ctx context.Context, d lock.Device) error {
	h.mu.Lock()
	w, polls := h.waiting[address{d.Scope, d.ID}]
	h.mu.Unlock()
	if polls {
		select {
		case w.woken <- struct{}{}:
		default: // it has been woken and has not looked yet
		}
	}
	switch {
	case h.next != nil: // also when it polls: the connection may be a dead one that nobody has noticed
		return h.next.Wake(ctx, d)
	case !polls:
		return noPoll{}
	default:
		return nil
	}
}

// join makes w the device's poll, and ends the one before: a device that polls again has left the old connection.
func (h *Hub) join(d lock.Device) (w *waiter, leave func()) {
	w = &waiter{woken: make(chan struct{}, 1), gone: make(chan struct{}), ripe: time.After(ripening)}
	if h == nil {
		return w, func() {}
	}
	at := address{d.Scope, d.ID}
	h.mu.Lock()
	defer h.mu.Unlock()
	if old, polls := h.waiting[at]; polls {
		close(old.gone)
	}
	h.waiting[at] = w
	return w, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.waiting[at] == w {
			delete(h.waiting, at)
		}
	}
}

// noPoll says that nobody was there to be woken.
type noPoll struct{}

func (noPoll) Error() string       { return "the device holds no poll open here: it comes by itself" }
func (noPoll) WakeOutcome() string { return "no_poll" }
