package agent_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// slow is a body that has something done before it ends.
type slow func()

func (s slow) Read([]byte) (int, error) { s(); return 0, io.EOF }

// Whoever holds the keys of before gets nothing, however long the body of its request takes.
func TestStalledPollGetsNothingAfterReenrolment(t *testing.T) {
	s := newSite(t)
	s.ledger.add(lockCommand(t))
	r := s.phone.request(t, "GET", "commands", nil)
	r.Body = io.NopCloser(slow(func() { s.add("dev-1") }))
	w := s.do(r)
	assert.Equal(t, http.StatusUnauthorized, w.Code)
	assert.Equal(t, "bad_signature", problem(t, w))
	assert.Len(t, s.ledger.commands, 1)
}

// What was made for the keys of before gets no number.
func TestPollOvertakenByAnEnrolmentIsRefused(t *testing.T) {
	s := newSite(t)
	s.ledger.next = func(d lock.Device) (lock.Command, error) {
		s.add(d.ID)
		_, err := s.records.Number(t.Context(), d.ID, 0)
		return lockCommand(t), err
	}
	w := s.do(s.phone.request(t, "GET", "commands", nil))
	assert.Equal(t, http.StatusUnauthorized, w.Code)
	assert.Equal(t, "not_enrolled", problem(t, w))
}

// It does not sit out the time until the next look with a command in its hand, and asks no more than once for each.
func TestLongPollThatWasOvertakenGoesOn(t *testing.T) {
	for times, want := range map[int64]time.Duration{1: 0, 2: 15 * time.Second} {
		t.Run(fmt.Sprint(times), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				s.overtaken(times)
				begun := time.Now()
				assert.Equal(t, http.StatusOK, (<-s.poll(t.Context(), "50")).Code)
				assert.Equal(t, want, time.Since(begun))
			})
		})
	}
}

// A poll that goes on goes by what is known then: the facts, which a command is made from, and the last number.
func TestLongPollGoesByWhatIsKnownNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		begun, answer := time.Now(), s.poll(t.Context(), "50")
		s.records.mu.Lock()
		now := s.records.devices["dev-1"]
		now.Device.Facts = map[string]lock.Fact{"mode": {Value: "profile_owner"}}
		s.records.devices["dev-1"], s.records.seq = now, 41
		s.records.mu.Unlock()
		var mode string
		s.ledger.mu.Lock()
		s.ledger.next = func(d lock.Device) (lock.Command, error) {
			mode = d.Facts["mode"].Value
			return lockCommand(t), nil
		}
		s.ledger.mu.Unlock()
		_, payload := s.command(<-answer)
		assert.Equal(t, 15*time.Second, time.Since(begun), "at the next look")
		var c struct{ Seq int64 }
		require.NoError(t, json.Unmarshal(payload, &c))
		assert.Equal(t, int64(42), c.Seq)
		assert.Equal(t, "profile_owner", mode)
	})
}

// A poll that ended because of the next one leaves that where it can be woken.
func TestPollThatWasReplacedLeavesTheNextOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		first, next := s.poll(t.Context(), "50"), s.poll(t.Context(), "50")
		require.Equal(t, http.StatusNoContent, (<-first).Code)
		begun := time.Now()
		s.ledger.add(lockCommand(t))
		require.NoError(t, s.hub.Wake(t.Context(), device("dev-1")))
		assert.Equal(t, http.StatusOK, (<-next).Code)
		assert.Zero(t, time.Since(begun))
	})
}

// Two that share one identity do not end each other's polls without a pause; a poll that lasted already ends at once.
func TestPollThatIsReplacedLastsASecond(t *testing.T) {
	for name, c := range map[string]struct{ age, want time.Duration }{
		"young": {0, time.Second}, "old": {3 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				first := s.poll(t.Context(), "50")
				time.Sleep(c.age) // of the bubble
				begun := time.Now()
				s.poll(t.Context(), "0")
				assert.Equal(t, http.StatusNoContent, (<-first).Code)
				assert.Equal(t, c.want, time.Since(begun))
			})
		})
	}
}
