package lock_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

// replica is one process: a service of its own on the store that all share, with a clock of its own.
type replica struct {
	name string
	w    *fleet
	f    *locktest.Fixture
	door *door
	skew time.Duration
	ring *pin.Keyring // nil: as at first
	run  *lock.Ticker
}

// start is also what happens after a process died.
func (r *replica) start(t *rapid.T) {
	r.f = locktest.New(t, r.w.ledger, func(c *lock.Config) {
		r.door = &door{Faulty: c.Store.(*locktest.Faulty)}
		c.Store, c.Sealer, c.Now = r.door, spy{r, r.w.ledger}, r.now
		c.Platforms[0].Codec = r.w.codec
		c.Logger = slog.New(slog.NewTextHandler(r.w.log, nil))
		r.w.desk.configure(c)
	})
	r.run = nil
}

func (r *replica) now() time.Time { return r.w.clock.Now().Add(r.skew) }

// codec is the test platform with PINs so long that they are found wherever they stand, and cannot be there by chance.
type codec struct{ locktest.Codec }

const codeLength = 12

func (c *codec) Plan(d lock.Device, r lock.Request) lock.Plan {
	p := c.Codec.Plan(d, r)
	if !p.NoPIN {
		p.Policy.Length = codeLength
	}
	return p
}

// mishap is what goes wrong with one call, at which of its commits or, when it is overtakes, of its dealings with the store.
type mishap struct {
	kind string
	at   int
}

const (
	hiccup    = "repeats commit %d, which failed"
	lostReply = "repeats commit %d, whose answer got lost"
	diesFirst = "dies before commit %d"
	diesAfter = "dies after commit %d"
	overtakes = "is overtaken at step %d"
)

func (m mishap) String() string {
	if m.kind == "" {
		return ""
	}
	return ", which " + fmt.Sprintf(m.kind, m.at)
}

// mishap draws one; most calls go well.
func (w *fleet) mishap(t *rapid.T, kinds ...string) mishap {
	if w.inner || rapid.IntRange(0, 3).Draw(t, "goes wrong") < 3 {
		return mishap{}
	}
	m := mishap{kind: rapid.SampledFrom(kinds).Draw(t, "mishap"), at: rapid.IntRange(1, 2).Draw(t, "at commit")}
	if m.kind == overtakes {
		m.at += rapid.IntRange(0, 6).Draw(t, "later")
	}
	return m
}

// call asks one process for something, and says what became of it. A process that dies tells nobody, and is started again.
func (w *fleet) call(t *rapid.T, r *replica, act func(*lock.Service) error) (how string, err error) {
	return w.endure(t, r, w.mishap(t, hiccup, lostReply, diesFirst, diesAfter, overtakes), act)
}

// callAtOnce is call for what deals with the store from several goroutines, so that nothing can happen in the middle of it.
func (w *fleet) callAtOnce(t *rapid.T, r *replica, act func(*lock.Service) error) (how string, err error) {
	return w.endure(t, r, w.mishap(t, hiccup, lostReply, diesFirst, diesAfter), act)
}

func (w *fleet) endure(t *rapid.T, r *replica, m mishap, act func(*lock.Service) error) (how string, err error) {
	r.door.plan(m, func() { w.meanwhile(t, r) })
	err = act(r.f.Service)
	happened, died := r.door.settle()
	if err != nil {
		w.ledger.scan("an error", fmt.Sprintf("%v %+v", err, err))
	}
	if died {
		require.ErrorIs(t, err, locktest.ErrFault, "I9: a commit that failed is an error")
		r.start(t)
	} else {
		require.NotErrorIs(t, err, locktest.ErrFault)
	}
	if !happened {
		m = mishap{}
	}
	return " at " + r.name + m.String(), err
}

// door is what a process sees of the store.
type door struct {
	*locktest.Faulty

	mu       sync.Mutex
	mishap   mishap
	inner    func()
	commits  int
	calls    int
	happened bool
	dead     bool
}

func (d *door) plan(m mishap, inner func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mishap, d.inner, d.commits, d.calls, d.happened, d.dead = m, inner, 0, 0, false, false
}

// settle ends the mishap and reports whether it came to it, and whether the process died.
func (d *door) settle() (happened, died bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.FailBefore(0)
	d.FailAfter(0)
	d.mishap = mishap{}
	return d.happened, d.dead
}

// enter lets a call through, or not. The other processes do not wait for it.
func (d *door) enter() error {
	d.mu.Lock()
	if d.dead {
		d.mu.Unlock()
		return locktest.ErrFault
	}
	d.calls++
	now := d.mishap.kind == overtakes && d.calls == d.mishap.at
	d.happened = d.happened || now
	d.mu.Unlock()
	if now {
		d.inner()
	}
	return nil
}

func (d *door) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.commits++
	now := d.mishap.kind
	if d.commits != d.mishap.at {
		now = ""
	}
	switch now {
	case hiccup:
		d.FailBefore(1)
	case lostReply:
		d.FailAfter(1)
	case diesFirst:
		d.FailBefore(locktest.Forever)
	case diesAfter:
		d.FailAfter(locktest.Forever)
	}
	d.happened = d.happened || now != "" && now != overtakes
	d.dead = now == diesFirst || now == diesAfter
	d.mu.Unlock()
	return d.Faulty.Commit(ctx, changes)
}

func (d *door) Get(ctx context.Context, id lock.ID) (lock.Action, error) {
	if err := d.enter(); err != nil {
		return lock.Action{}, err
	}
	return d.Faulty.Get(ctx, id)
}

func (d *door) List(ctx context.Context, f lock.Filter) ([]lock.Action, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	return d.Faulty.List(ctx, f)
}

func (d *door) Events(ctx context.Context, f lock.EventFilter) ([]lock.Event, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	return d.Faulty.Events(ctx, f)
}

// Seal and Open are those of the key that the process has now.
func (r *replica) Seal(ctx context.Context, secret pin.PIN, b pin.Binding) (pin.Box, error) {
	return r.keys().Seal(ctx, secret, b)
}

func (r *replica) Open(ctx context.Context, box pin.Box, b pin.Binding) (pin.PIN, error) {
	return r.keys().Open(ctx, box, b)
}

func (r *replica) keys() *pin.Keyring {
	if r.ring == nil {
		r.ring = locktest.Keyring("k0", "k1", "k2")
	}
	return r.ring
}

// run is one look of a process at what is due. Wake-ups succeed or fail as they like.
func (w *fleet) run(t *rapid.T) {
	r := w.at(t)
	fails := rapid.SampledFrom([]string{"", "", "unreachable", "certificate expired"}).Draw(t, "wake-ups")
	r.f.Waker.Fail(nil)
	if fails != "" {
		r.f.Waker.Fail(locktest.WakeFailure{Class: fails, Provider: fails != "unreachable"})
	}
	if r.run == nil {
		r.run = r.f.Service.NewTicker()
		require.NoError(t, r.run.Mend(t.Context()))
	}
	m := w.mishap(t, hiccup, lostReply, diesFirst, diesAfter)
	r.door.plan(m, nil)
	before := len(r.f.Waker.Woken())
	r.run.Tick(t.Context())
	woken := len(r.f.Waker.Woken()) - before
	happened, died := r.door.settle()
	if !happened {
		m = mishap{}
	}
	w.says("%s runs%s, and sends %d wake-ups (%s)", r.name, m, woken, strings.TrimSpace("errors: "+fails))
	if died {
		r.start(t)
	}
}

// expected tells the errors that an act may meet from those that it may not.
func expected(err error, is ...error) bool {
	for _, one := range append(is, locktest.ErrFault) {
		if errors.Is(err, one) {
			return true
		}
	}
	return err == nil
}
