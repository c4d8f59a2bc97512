package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// within polls for something that a process beside the test does.
func within(t *testing.T, happened func() bool) {
	t.Helper()
	require.Eventually(t, happened, time.Minute, 100*time.Millisecond)
}
