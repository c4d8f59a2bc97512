package agent_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/lock"
)

// delivers brings the phone an action.
func (s *site) delivers(id lock.ID) {
	c := lockCommand(s.t)
	c.ID = id
	s.ledger.add(c)
	require.Equal(s.t, 200, s.do(s.phone.request(s.t, "GET", "commands", nil)).Code)
}

// progress has the phone say codes of actions that are neither success nor failure.
func (s *site) progress(id string, codes ...string) {
	for _, code := range codes {
		acked(s.t, s.report(resultOf(id, "received", code)))
	}
}

// recorded is how many of the reports that the ledger got are of an action, or of any.
func (s *site) recorded(id lock.ID) int {
	n := 0
	for _, r := range s.ledger.reports {
		if id == "" || r.Action == id {
			n++
		}
	}
	return n
}

// other is the ID of an action that this process did not deliver.
func other(n int) string { return fmt.Sprintf("0193506e-3c2a-7a31-9d0c-1f0f6c5d%04x", n) }

func TestProgressIsRecordedOnceForEachDelivery(t *testing.T) {
	s := newSite(t)
	s.delivers(actionID)
	s.progress(actionID, "ACCEPTED", "ACCEPTED")
	assert.Equal(t, 1, s.recorded(actionID))
	s.delivers(actionID)
	s.progress(actionID, "ACCEPTED")
	assert.Equal(t, 2, s.recorded(actionID))
}

// Whatever else a device says, of actions that it ended long ago too: it cannot have more recorded of the one that it has.
func TestProgressCannotFillTheLedger(t *testing.T) {
	var mu sync.Mutex
	clock := now
	s := newSite(t, func(c *agent.Config) {
		c.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return clock }
		c.Skew = 2 * time.Hour
	})
	s.delivers(actionID)
	for range 2 {
		s.progress(actionID, "ACCEPTED", "A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8")
		for n := range 70 {
			s.progress(other(n), "ACCEPTED")
		}
	}
	assert.Equal(t, 8, s.recorded(actionID))
	assert.Equal(t, 16, s.recorded(""), "eight of all others together")
	for n, want := range []int{16, 17} {
		mu.Lock()
		clock = clock.Add(time.Hour/2 + time.Duration(n))
		mu.Unlock()
		s.progress(other(70), "ACCEPTED")
		assert.Equal(t, want, s.recorded(""), "an hour")
	}
}

// What another process delivered is answered here, too: what says nothing new takes no room from what does.
func TestProgressOfAnotherIsRecordedWhenItIsNew(t *testing.T) {
	for name, c := range map[string]struct {
		codes []string
		want  int
	}{
		"the same again":          {[]string{"A", "A", "A", "A", "A", "A", "A", "A", "UNKNOWN"}, 2},
		"another, and as before":  {[]string{"A", "UNKNOWN", "A", "UNKNOWN"}, 4},
		"to and fro, without end": {[]string{"A", "B", "A", "B", "A", "B", "A", "B", "A", "B", "A", "B"}, 8},
		"always another":          {[]string{"A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9"}, 8},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.progress(other(1), c.codes...)
			assert.Equal(t, c.want, s.recorded(""))
		})
	}
}

// Of results that come together, one is the later.
func TestProgressThatComesTogetherIsRecordedOnce(t *testing.T) {
	s := newSite(t)
	s.delivers(actionID)
	var all sync.WaitGroup
	for range 8 {
		r := s.phone.request(t, "POST", "results", map[string]any{"v": 1, "results": []string{
			sign(t, s.phone.signing, "android-result+jws", "dev-1", resultOf(actionID, "received", "ACCEPTED")),
		}})
		all.Go(func() { s.do(r) })
	}
	all.Wait()
	assert.Equal(t, 1, s.recorded(actionID))
}
