package mdmtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
)

// scripted returns an enrolled Mac with a script, and a DeviceLock that waits for it.
func scripted(t *testing.T, faults ...mdmtest.Fault) (*mdmtest.Mac, *server) {
	t.Helper()
	mac, srv := enrolled(t, mdmtest.Config{})
	mac.Script(faults...)
	srv.push("l-1", "DeviceLock", map[string]any{"PIN": pin})
	return mac, srv
}

// poll polls once and returns what the server saw of it.
func poll(t *testing.T, mac *mdmtest.Mac, srv *server) ([]string, error) {
	t.Helper()
	_, err := mac.Poll(t.Context())
	kinds, _ := srv.log()
	return kinds, err
}

func TestNotNowIsOfferedAgain(t *testing.T) {
	mac, srv := scripted(t, mdmtest.NotNow, mdmtest.NotNow)
	for range 2 {
		kinds, err := poll(t, mac, srv)
		require.NoError(t, err)
		require.Equal(t, []string{"Idle", "NotNow l-1"}, kinds, "a NotNow is not kept")
		require.Equal(t, mdmtest.Unlocked, mac.State())
	}
	kinds, err := poll(t, mac, srv)
	require.NoError(t, err)
	assert.Equal(t, []string{"Idle", "Acknowledged l-1"}, kinds)
	assert.Equal(t, mdmtest.Locked, mac.State())
	assert.Len(t, mac.Deliveries("l-1"), 3)
	assert.Len(t, mac.Locks(), 1)
}

func TestRefusedLocks(t *testing.T) {
	t.Run("Error with its chain", func(t *testing.T) {
		mac, srv := scripted(t)
		mac.Refuse(
			mdmtest.ErrorItem{Code: 12078, Domain: "MCMDMErrorDomain", Description: "top"},
			mdmtest.ErrorItem{Code: 1, Domain: "below"},
		)
		_, err := mac.Poll(t.Context())
		require.NoError(t, err)
		kinds, msgs := srv.log()
		require.Equal(t, []string{"Idle", "Error l-1"}, kinds)
		chain := msgs[1].Body["ErrorChain"].([]any)
		require.Len(t, chain, 2)
		assert.EqualValues(t, 12078, chain[0].(map[string]any)["ErrorCode"])
		assert.Equal(t, mdmtest.Unlocked, mac.State())
	})
	t.Run("CommandFormatError", func(t *testing.T) {
		mac, srv := scripted(t, mdmtest.FormatError)
		kinds, err := poll(t, mac, srv)
		require.NoError(t, err)
		assert.Equal(t, []string{"Idle", "CommandFormatError l-1"}, kinds)
	})
}

func TestALostCommandHasNoEffect(t *testing.T) {
	mac, srv := scripted(t, mdmtest.LoseCommand)
	kinds, err := poll(t, mac, srv)
	require.ErrorIs(t, err, mdmtest.ErrCut)
	require.Equal(t, []string{"Idle"}, kinds)
	require.Equal(t, mdmtest.Unlocked, mac.State())

	_, err = poll(t, mac, srv)
	require.NoError(t, err)
	deliveries := mac.Deliveries("l-1")
	require.Len(t, deliveries, 2)
	assert.Empty(t, deliveries[0].Status)
	assert.Equal(t, "Acknowledged", deliveries[1].Status)
	assert.Equal(t, deliveries[0].PIN, deliveries[1].PIN)
}

func TestAnAnswerThatWasNotConfirmedComesAgain(t *testing.T) {
	tests := map[string]struct {
		fault  mdmtest.Fault
		before []string // what the server got before the lock
	}{
		"lost answer":  {mdmtest.LoseAnswer, []string{"Idle"}},
		"lost receipt": {mdmtest.LoseReceipt, []string{"Idle", "Acknowledged l-1"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			mac, srv := scripted(t, tc.fault)
			kinds, err := poll(t, mac, srv)
			require.ErrorIs(t, err, mdmtest.ErrCut)
			require.Equal(t, tc.before, kinds)
			require.Equal(t, mdmtest.Locked, mac.State(), "it obeyed all the same")

			mac.Reboot()
			require.True(t, mac.Type(pin))
			kinds, err = poll(t, mac, srv)
			require.NoError(t, err)
			assert.Equal(t, []string{"Acknowledged l-1", "Idle"}, kinds)
			assert.Len(t, mac.Deliveries("l-1"), 1)
		})
	}
}

func TestARepeatedAnswer(t *testing.T) {
	mac, srv := scripted(t, mdmtest.RepeatAnswer)
	_, err := mac.Poll(t.Context())
	require.NoError(t, err)
	kinds, msgs := srv.log()
	require.Equal(t, []string{"Idle", "Acknowledged l-1", "Acknowledged l-1"}, kinds)
	assert.Equal(t, msgs[1].Raw, msgs[2].Raw)
}

func TestAHeldAnswerWaitsForFlush(t *testing.T) {
	mac, srv := scripted(t, mdmtest.HoldAnswer)
	kinds, err := poll(t, mac, srv)
	require.NoError(t, err)
	require.Equal(t, []string{"Idle"}, kinds)
	require.Equal(t, mdmtest.Locked, mac.State())

	_, err = mac.Flush(t.Context())
	require.NoError(t, err)
	kinds, _ = srv.log()
	require.Equal(t, []string{"Acknowledged l-1"}, kinds)
	_, err = mac.Flush(t.Context())
	require.NoError(t, err)
	kinds, _ = srv.log()
	assert.Empty(t, kinds, "it leaves once")
}

func TestTheDeviceComesBackBeforeItsHeldAnswer(t *testing.T) {
	mac, srv := scripted(t, mdmtest.HoldAnswer)
	_, err := poll(t, mac, srv)
	require.NoError(t, err)
	require.True(t, mac.Type(pin))
	kinds, err := poll(t, mac, srv)
	require.NoError(t, err)
	assert.Equal(t, []string{"Idle", "Acknowledged l-1"}, kinds, "the server asked again")
	assert.Equal(t, mdmtest.Locked, mac.State())
}

func TestRebootSendsTheHeldAnswerFirst(t *testing.T) {
	mac, srv := scripted(t, mdmtest.HoldAnswer)
	_, err := poll(t, mac, srv)
	require.NoError(t, err)
	mac.Reboot()
	require.Equal(t, mdmtest.Locked, mac.State())
	require.True(t, mac.Type(pin))
	kinds, err := poll(t, mac, srv)
	require.NoError(t, err)
	assert.Equal(t, []string{"Acknowledged l-1", "Idle"}, kinds)
}

func TestTrailingIdle(t *testing.T) {
	t.Run("after the answer", func(t *testing.T) {
		mac, srv := scripted(t, mdmtest.TrailingIdle)
		kinds, err := poll(t, mac, srv)
		require.NoError(t, err)
		assert.Equal(t, []string{"Idle", "Acknowledged l-1", "Idle"}, kinds)
		assert.Equal(t, mdmtest.Locked, mac.State())
	})
	t.Run("after a lost answer the command comes again, without effect", func(t *testing.T) {
		mac, srv := scripted(t, mdmtest.LoseAnswer, mdmtest.TrailingIdle)
		kinds, err := poll(t, mac, srv)
		require.ErrorIs(t, err, mdmtest.ErrCut)
		assert.Equal(t, []string{"Idle", "Idle"}, kinds)
		assert.Len(t, mac.Deliveries("l-1"), 2)
		assert.Len(t, mac.Locks(), 1)
	})
}

func TestAWipeForgetsWhatWasToBeSent(t *testing.T) {
	mac, srv := scripted(t, mdmtest.LoseAnswer)
	_, err := poll(t, mac, srv)
	require.ErrorIs(t, err, mdmtest.ErrCut)
	before, _, err := mac.Push()
	require.NoError(t, err)

	mac.Wipe()
	_, err = mac.Poll(t.Context())
	require.ErrorIs(t, err, mdmtest.ErrNotEnrolled)
	srv.set(func() { srv.queue = nil })
	require.NoError(t, mac.Enroll(t.Context(), srv.enrollURL()))
	kinds, err := poll(t, mac, srv)
	require.NoError(t, err)
	assert.Equal(t, []string{"Authenticate", "TokenUpdate", "Idle"}, kinds)
	after, _, err := mac.Push()
	require.NoError(t, err)
	assert.NotEqual(t, before, after)
}

func TestALostNotNowIsNotKept(t *testing.T) {
	mac, srv := scripted(t, mdmtest.NotNow, mdmtest.LoseAnswer)
	_, err := poll(t, mac, srv)
	require.ErrorIs(t, err, mdmtest.ErrCut)
	kinds, err := poll(t, mac, srv)
	require.NoError(t, err)
	assert.Equal(t, []string{"Idle", "Acknowledged l-1"}, kinds)
}

func TestACommandInReplyToALateAnswerHasNoEffect(t *testing.T) {
	mac, srv := scripted(t, mdmtest.HoldAnswer)
	_, err := poll(t, mac, srv)
	require.NoError(t, err)
	srv.push("l-2", "DeviceLock", map[string]any{"PIN": "135791"})
	_, err = mac.Flush(t.Context())
	require.NoError(t, err)
	kinds, _ := srv.log()
	assert.Equal(t, []string{"Acknowledged l-1"}, kinds)
	assert.Len(t, mac.Deliveries("l-2"), 1)
	assert.True(t, mac.Type(pin))
}

func TestALockInReplyToAKeptAnswerEndsTheSession(t *testing.T) {
	mac, srv := scripted(t, mdmtest.LoseAnswer)
	_, err := poll(t, mac, srv)
	require.ErrorIs(t, err, mdmtest.ErrCut)
	mac.Type("999999")
	require.True(t, mac.Type(pin))
	srv.push("l-2", "DeviceLock", map[string]any{"PIN": "135791"})
	kinds, err := poll(t, mac, srv)
	require.NoError(t, err)
	assert.Equal(t, []string{"Acknowledged l-1", "Acknowledged l-2"}, kinds)
	assert.Zero(t, mac.WrongTries(), "counted anew for each lock")
	assert.False(t, mac.Type(pin))
	assert.True(t, mac.Type("135791"))
}

func TestARenewalKeepsWhatWasToBeSent(t *testing.T) {
	mac, srv := scripted(t, mdmtest.LoseAnswer)
	_, err := poll(t, mac, srv)
	require.ErrorIs(t, err, mdmtest.ErrCut)
	require.True(t, mac.Type(pin))
	require.NoError(t, mac.Renew(t.Context(), srv.enrollURL()))
	kinds, err := poll(t, mac, srv)
	require.NoError(t, err)
	assert.Equal(t, []string{"Authenticate", "TokenUpdate", "Acknowledged l-1", "Idle"}, kinds)
}
