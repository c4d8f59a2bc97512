package agent_test

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/android/androidtest"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store"
)

// slowly holds one number back.
type slowly struct {
	agent.Requests

	armed            atomic.Bool
	entered, release chan struct{}
}

func (s *slowly) Number(ctx context.Context, device string, last int64) (int64, error) {
	if s.armed.CompareAndSwap(true, false) {
		close(s.entered)
		<-s.release
	}
	return s.Requests.Number(ctx, device, last)
}

// A poll that is slow to get its number must not bring an order that was cancelled meanwhile as the newest.
func TestCancelledResetDoesNotRunAfterWhatWasOrderedLater(t *testing.T) {
	for _, later := range []lock.Kind{lock.KindClearPasscode, lock.KindResetPasscode} {
		t.Run(string(later), func(t *testing.T) {
			slow := &slowly{entered: make(chan struct{}), release: make(chan struct{})}
			w := newWorld(t, store.NewMemory(), func(c *agent.Config) { slow.Requests, c.Requests = c.Requests, slow })
			h := w.handset(androidtest.Config{Passcode: personal})
			h.carriedOut(lock.KindProvisionToken)
			require.True(t, h.Type(personal))
			h.polls()

			cancelled := h.must(lock.KindResetPasscode)
			slow.armed.Store(true)
			first := make(chan androidtest.Answer, 1)
			go func() { first <- h.do(androidtest.Request{Path: h.path("commands?wait=0")}) }()
			<-slow.entered
			_, err := w.svc.Cancel(t.Context(), admin(), cancelled.ID, "not needed any more")
			require.NoError(t, err)
			require.Equal(t, lock.StateConfirmed, h.carriedOut(later).State)
			passcode := h.Passcode()
			close(slow.release)
			h.Inject(sent(t, <-first)...)
			h.polls()
			assert.Equal(t, passcode, h.Passcode())
			h.remembered()
		})
	}
}

// sent are the commands of a poll's answer.
func sent(t *testing.T, ans androidtest.Answer) []string {
	t.Helper()
	var got struct{ Commands []string }
	if len(ans.Body) > 0 {
		require.NoError(t, json.Unmarshal(ans.Body, &got))
	}
	return got.Commands
}

func TestDeviceThatGetsANewIDTakesCommands(t *testing.T) {
	h := ready(t)
	for range 3 {
		h.carriedOut(lock.KindLock)
	}
	w := newWorld(t, store.NewMemory())
	w.prefix = "other-"
	require.NoError(t, h.Enroll(t.Context(), w.server.URL, "code-of-R5C1"))
	moved := &handset{Device: h.Device, w: w}
	require.Equal(t, "other-R5C1", moved.ID())
	assert.Equal(t, lock.StateConfirmed, moved.carriedOut(lock.KindLock).State)
}

func TestRestoredCounterIsHealed(t *testing.T) {
	h := ready(t)
	for range 3 {
		h.carriedOut(lock.KindLock)
	}
	h.w.mu.Lock()
	h.w.sequence[h.ID()] = 0
	h.w.mu.Unlock()
	reset := h.carriedOut(lock.KindResetPasscode)
	require.Equal(t, lock.StateIssued, reset.State)
	require.Equal(t, "STALE", h.w.code(reset.ID))
	h.polls()
	assert.Equal(t, lock.StateConfirmed, h.w.get(reset.ID).State)
	h.opens(reset.ID)
}

func TestRepeatedEnrolmentChangesNothing(t *testing.T) {
	h := ready(t)
	token := lock.ID(h.fact(android.FactTokenID))
	reset := h.must(lock.KindResetPasscode)
	h.Script(androidtest.LoseCommands)
	_, err := h.Poll(t.Context(), 0)
	require.ErrorIs(t, err, androidtest.ErrCut)

	require.NoError(t, h.Enroll(t.Context(), h.w.server.URL, "code-of-R5C1"))
	assert.Equal(t, lock.StateConfirmed, h.w.get(token).State, "the token is still one that may be used")
	assert.Equal(t, lock.StateIssued, h.w.get(reset.ID).State)
	h.polls()
	assert.Equal(t, lock.StateConfirmed, h.w.get(reset.ID).State)
	h.opens(reset.ID)
}

func TestTokenThatWasNotNotedIsSetAgain(t *testing.T) {
	for name, passcode := range map[string]string{"active at once": "", "pending": personal} {
		for _, first := range []bool{true, false} {
			t.Run(name+map[bool]string{true: ", the first", false: ", another"}[first], func(t *testing.T) {
				h := newWorld(t, store.NewMemory()).handset(androidtest.Config{Passcode: passcode})
				if !first {
					h.carriedOut(lock.KindProvisionToken)
					require.True(t, h.Type(passcode))
					h.polls()
				}
				token := h.must(lock.KindProvisionToken, force)
				h.Script(androidtest.CrashSettingToken)
				_, err := h.Poll(t.Context(), 0)
				require.ErrorIs(t, err, androidtest.ErrCrashed)
				require.True(t, h.Type(passcode), "which makes a pending token active")
				require.Empty(t, h.State().TokenID, "nobody knows which it is")
				h.polls()
				require.True(t, h.Type(passcode))
				h.polls()
				require.Equal(t, lock.StateConfirmed, h.w.get(token.ID).State)
				require.Equal(t, string(token.ID), h.fact(android.FactTokenID))
				reset := h.carriedOut(lock.KindResetPasscode)
				require.Equal(t, lock.StateConfirmed, reset.State)
				h.opens(reset.ID)
			})
		}
	}
}

func TestConfirmedResetKeepsNoEarlierWords(t *testing.T) {
	h := ready(t)
	reset := h.must(lock.KindResetPasscode)
	h.Script(androidtest.CrashAfter)
	_, err := h.Poll(t.Context(), 0)
	require.ErrorIs(t, err, androidtest.ErrCrashed)
	h.Script(androidtest.LoseCommands)
	_, err = h.Poll(t.Context(), 0)
	require.ErrorIs(t, err, androidtest.ErrCut)
	require.NotEmpty(t, h.w.get(reset.ID).Facts["detail"])
	h.polls()
	facts := h.w.get(reset.ID).Facts
	assert.Equal(t, "OK", facts["code"])
	assert.Empty(t, facts["detail"])
}

func TestEscrowThatIsDestroyedIsLearnt(t *testing.T) {
	h := ready(t)
	h.DestroyEscrow()
	reset := h.carriedOut(lock.KindResetPasscode)
	assert.Equal(t, lock.StateRefused, reset.State)
	assert.Equal(t, "ESCROW_DISABLED", h.w.code(reset.ID))
	assert.Equal(t, "unsupported", h.fact(android.FactTokenState))
	assert.Equal(t, personal, h.Passcode())
	_, err := h.order(lock.KindResetPasscode)
	require.Error(t, err)
}
