package agent_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/android/androidtest"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store"
)

// TestOrderReachesAnOpenPoll: the ledger's loop wakes the hub, and the hub the poll that waits.
func TestOrderReachesAnOpenPoll(t *testing.T) {
	w := newWorld(t, store.NewMemory(), func(c *agent.Config) { c.Recheck = time.Hour })
	h := w.handset(androidtest.Config{Passcode: personal})
	running, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = w.svc.Run(running) }()
	defer func() { stop(); <-ended }()

	polled := make(chan error, 1)
	go func() {
		n, err := h.Poll(t.Context(), time.Minute)
		assert.Equal(t, 1, n)
		polled <- err
	}()
	a := h.must(lock.KindLock)
	w.svc.Kick()
	require.NoError(t, <-polled)
	assert.Equal(t, lock.StateConfirmed, w.get(a.ID).State)
	assert.True(t, h.State().Locked)
}

// asked is a device that should be asked something.
type asked struct{ id lock.ID }

func (a *asked) Query(context.Context, lock.Device) (agent.Query, error) {
	if a.id == "" {
		return agent.Query{}, nil
	}
	return agent.Query{ID: a.id, Command: "token_status"}, nil
}

func (a *asked) Answered(_ context.Context, _ lock.Device, id lock.ID) error {
	if id != a.id {
		return lock.ErrNotOurs
	}
	a.id = ""
	return nil
}

func TestQuestionIsAnsweredOnce(t *testing.T) {
	q := &asked{id: "0193506e-3c2a-7a31-9d0c-1f0f6c5d2a10"}
	w := newWorld(t, store.NewMemory(), func(c *agent.Config) { c.Queries = q })
	h := w.handset(androidtest.Config{})
	h.Script(androidtest.LoseResults)
	_, err := h.Poll(t.Context(), 0)
	require.ErrorIs(t, err, androidtest.ErrCut)
	require.NotEmpty(t, q.id)
	h.polls()
	require.Empty(t, q.id)
	require.Zero(t, h.polls())
	assert.Equal(t, "none", h.fact(android.FactTokenState))
}
