package push_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/mdmproto/push"
	"github.com/latchkey-mdm/latchkey/mdmproto/push/pushtest"
	"github.com/latchkey-mdm/latchkey/store"
)

// TestRun has lock.Service.Run wake devices, and APNs fail in every way: the order stands, with the reason beside its state.
func TestRun(t *testing.T) {
	for class, spoil := range map[push.Class]func(*harness){
		"sent":                 func(*harness) {},
		push.ClassNoToken:      func(h *harness) { h.tokens.edit("mac", func(c *push.Channel) { *c = push.Channel{} }) },
		push.ClassUnregistered: func(h *harness) { h.apns.Script(nil, pushtest.Answer{Status: 410, Reason: "Unregistered"}) },
		push.ClassBadToken:     func(h *harness) { h.apns.Script(nil, pushtest.Answer{Status: 400, Reason: "BadDeviceToken"}) },
		push.ClassBadTopic: func(h *harness) {
			h.tokens.edit("mac", func(c *push.Channel) { c.Topic = "com.apple.mgmt.External.old" })
		},
		push.ClassBadCertificate: func(h *harness) { h.apns.Script(nil, pushtest.Answer{Status: 403, Reason: "BadCertificate"}) },
		push.ClassTooLarge:       func(h *harness) { h.apns.Script(nil, pushtest.Answer{Status: 413, Reason: "PayloadTooLarge"}) },
		push.ClassThrottled:      func(h *harness) { h.apns.Script(nil, pushtest.Answer{Status: 429, Reason: "TooManyRequests"}) },
		push.ClassUnavailable:    func(h *harness) { h.apns.Script(nil, pushtest.Answer{Status: 503, Reason: "Shutdown"}) },
		push.ClassUnreachable:    func(h *harness) { h.apns.Script(nil, pushtest.Answer{Cut: pushtest.CutReset}) },
		push.ClassRejected:       func(h *harness) { h.apns.Script(nil, pushtest.Answer{Status: 404, Reason: "BadPath"}) },
	} {
		t.Run(string(class), func(t *testing.T) {
			h := newHarness(t)
			h.device("mac")
			spoil(h)
			ledger := &watched{store.NewMemory(), make(chan struct{}, 1), make(chan lock.Event, 100)}
			f := locktest.New(t, ledger, func(c *lock.Config) { c.Platforms[0].Waker = h.waker })
			ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
			ended := make(chan error, 1)
			go func() { ended <- f.Service.Run(ctx) }()
			<-ledger.looked
			d := locktest.Device("mac")
			ordered := f.Lock(d)
			var woken lock.Event
			select {
			case woken = <-ledger.woken:
			case <-ctx.Done():
				require.Fail(t, "no wake-up was recorded")
			}
			stop()
			require.NoError(t, <-ended)

			assert.Equal(t, string(class), woken.Facts["outcome"])
			now := f.Get(ordered.ID)
			assert.Equal(t, lock.StateQueued, now.State)
			assert.Equal(t, string(class), now.WakeOutcome)
			assert.Equal(t, f.PIN(ordered.ID), f.Deliver(d).PIN, "the device gets it when it comes by itself")
		})
	}
}

// watched tells when Run has looked for what is due, and of each wake-up that is on record.
type watched struct {
	*store.Memory
	looked chan struct{}
	woken  chan lock.Event
}

func (w *watched) List(ctx context.Context, f lock.Filter) ([]lock.Action, error) {
	found, err := w.Memory.List(ctx, f)
	if !f.DueBefore.IsZero() {
		select {
		case w.looked <- struct{}{}:
		default:
		}
	}
	return found, err
}

func (w *watched) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	errs, err := w.Memory.Commit(ctx, changes)
	for i, c := range changes {
		for _, e := range c.Events {
			if e.Type == lock.EventWoken && err == nil && errs[i] == nil {
				w.woken <- e
			}
		}
	}
	return errs, err
}
