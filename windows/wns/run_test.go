package wns_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/windows/wns"
	"github.com/latchkey-mdm/latchkey/windows/wns/wnstest"
)

// TestRun has lock.Service.Run wake a device: the order stands whatever WNS says, with the reason beside its state.
func TestRun(t *testing.T) {
	for class, spoil := range map[wns.Class]func(*harness){
		"sent":                  func(*harness) {},
		wns.ClassNoChannel:      func(h *harness) { delete(h.channels.of, "pc") },
		wns.ClassExpired:        func(h *harness) { h.server.Script(wnstest.CallPush, push(410)); h.channels.of["pc"] = h.uri },
		wns.ClassBadCredentials: func(h *harness) { h.server.Script(wnstest.CallToken, push(400)) },
		wns.ClassUnreachable:    func(h *harness) { h.server.Script(wnstest.CallPush, wnstest.Answer{Dropped: true}) },
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
			ordered := f.Lock(pc())
			require.Eventually(t, func() bool { return f.Get(ordered.ID).WakeOutcome == string(class) }, 20*time.Second, 2*time.Millisecond)
			stop()
			require.NoError(t, <-ended)
			assert.Equal(t, lock.StateQueued, f.Get(ordered.ID).State)
			assertNoSecret(t, log.String())
		})
	}
}

// logs is what was logged.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
