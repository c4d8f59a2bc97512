package agent_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/lock"
)

func TestHubSaysThatNobodyWasThere(t *testing.T) {
	err := agent.NewHub(nil).Wake(t.Context(), device("dev-1"))
	var class interface{ WakeOutcome() string }
	require.ErrorAs(t, err, &class)
	assert.Equal(t, "no_poll", class.WakeOutcome())
}

// wakes counts.
type wakes struct {
	n   int
	err error
}

func (w *wakes) Wake(context.Context, lock.Device) error { w.n++; return w.err }

func TestHubCallsTheWakerBehindIt(t *testing.T) {
	next := &wakes{err: errStore}
	require.ErrorIs(t, agent.NewHub(next).Wake(t.Context(), device("dev-1")), errStore)
	assert.Equal(t, 1, next.n)
}
