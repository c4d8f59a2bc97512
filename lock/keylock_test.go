package lock

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestKeyLockForgetsWhatNobodyHolds(t *testing.T) {
	var l keyLock
	unlock, err := l.lock(t.Context(), "acme", "mac-1")
	require.NoError(t, err)
	other, err := l.lock(t.Context(), "globex", "mac-1")
	require.NoError(t, err, "another scope is another device")

	impatient, stop := context.WithCancel(t.Context())
	stop()
	_, err = l.lock(impatient, "acme", "mac-1")
	require.ErrorIs(t, err, context.Canceled)

	waiting := make(chan func())
	go func() {
		unlock, err := l.lock(context.WithoutCancel(t.Context()), "acme", "mac-1")
		assert.NoError(t, err)
		waiting <- unlock
	}()
	unlock()
	(<-waiting)()
	other()
	assert.Empty(t, l.held)
}
