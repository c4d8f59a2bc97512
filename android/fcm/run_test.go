package fcm_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/amapi/amapitest"
	"github.com/latchkey-mdm/latchkey/android/fcm"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
)

// TestRun has lock.Service.Run wake a phone: the order stands whatever FCM says, with the reason beside its state.
func TestRun(t *testing.T) {
	for class, spoil := range map[fcm.Class]func(*harness){
		"sent":                  func(*harness) {},
		fcm.ClassNoToken:        func(h *harness) { h.tokens.of["phone"] = "" },
		fcm.ClassUnregistered:   func(h *harness) { h.google.Unregister(registration) },
		fcm.ClassBadCredentials: func(h *harness) { h.google.Script(amapitest.CallSend, amapitest.Answer{Status: 401}) },
		fcm.ClassUnavailable:    func(h *harness) { h.google.Script(amapitest.CallSend, amapitest.Answer{Status: 503}) },
		fcm.ClassUnreachable:    func(h *harness) { h.google.Script(amapitest.CallSend, amapitest.Answer{Dropped: true}) },
	} {
		t.Run(string(class), func(t *testing.T) {
			h := newHarness(t)
			spoil(h)
			log := &logs{}
			f := locktest.New(t, store.NewMemory(), func(c *lock.Config) {
				c.Platforms[0].Waker, c.Logger = h.waker, slog.New(slog.NewTextHandler(log, nil))
			})
			ctx, stop := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- f.Service.Run(ctx) }()
			ordered := f.Lock(phone())
			require.Eventually(t, func() bool { return f.Get(ordered.ID).WakeOutcome == string(class) }, 20*time.Second, 2*time.Millisecond)
			stop()
			require.NoError(t, <-ended)
			assert.Equal(t, lock.StateQueued, f.Get(ordered.ID).State)
			assert.Equal(t, f.PIN(ordered.ID), f.Deliver(phone()).PIN, "the device gets it when it comes by itself")
			assertNoToken(t, log.String())
			if class == "sent" {
				assert.Len(t, h.google.Messages(), 1)
			}
		})
	}
}
