package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/lock"
)

// lockCommand is what the codec makes of a lock of dev-1.
func lockCommand(t testing.TB) lock.Command {
	a := lock.Action{ID: "0193506e-3c2a-7a31-9d0c-1f0f6c5d2a10", Kind: lock.KindLock, NotAfter: now.Add(time.Hour)}
	body, err := agent.Platform(nil).Codec.Encode(lock.Order{Action: a, Device: device("dev-1")})
	require.NoError(t, err)
	return lock.Command{ID: a.ID, Body: body}
}

func TestPollBringsTheSignedCommand(t *testing.T) {
	s := newSite(t)
	s.records.seq = 41
	s.ledger.add(lockCommand(t))
	header, payload := s.command(s.do(s.phone.request(t, "GET", "commands?wait=50", nil)))
	assert.Equal(t, "ES256", header.Algorithm)
	assert.Equal(t, s.key.ID(), header.KeyID)
	assert.Equal(t, "android-cmd+jws", header.ExtraHeaders["typ"])
	assert.Nil(t, header.JSONWebKey)
	assert.JSONEq(t, `{"v":1,"typ":"android.dpc.command","id":"0193506e-3c2a-7a31-9d0c-1f0f6c5d2a10","dev":"dev-1","user":0,"seq":42,
		"iat":"2026-11-21T16:00:00Z","exp":"2026-11-21T17:00:00Z","cmd":"lock","pre":{},"args":{"scope":"device","evict_ce_key":false,"message":null}}`, string(payload))
	conforms(t, "command", payload)
}

func TestPollWithoutCommandIsEmpty(t *testing.T) {
	w := newSite(t).do(newSite(t).phone.request(t, "GET", "commands", nil))
	assert.Equal(t, http.StatusUnauthorized, w.Code, "another server does not know the phone's key")
	s := newSite(t)
	w = s.do(s.phone.request(t, "GET", "commands", nil))
	assert.Equal(t, http.StatusNoContent, w.Code)
	assert.Empty(t, w.Body.Bytes())
	assert.Zero(t, s.records.seq, "nothing is written for it")
}

// overtaken has another command numbered while the poll looks, so often.
func (s *site) overtaken(times int64) {
	looks := int64(0)
	s.ledger.next = func(d lock.Device) (lock.Command, error) {
		if looks++; looks <= times {
			return lockCommand(s.t), s.records.Raise(s.t.Context(), d.ID, looks)
		}
		return lockCommand(s.t), nil
	}
}

// Whatever was numbered since the poll looked is newer than the command that it took. It looks again, once: what is numbered without end does
// not hold it.
func TestPollThatWasOvertaken(t *testing.T) {
	for times, want := range map[int64]int{1: http.StatusOK, 2: http.StatusNoContent} {
		t.Run(fmt.Sprint(times), func(t *testing.T) {
			s := newSite(t)
			s.overtaken(times)
			w := s.do(s.phone.request(t, "GET", "commands", nil))
			require.Equal(t, want, w.Code)
			if want == http.StatusNoContent {
				w = s.do(s.phone.request(t, "GET", "commands", nil))
			}
			_, payload := s.command(w)
			assert.Contains(t, string(payload), fmt.Sprintf(`"seq":%d,`, times+1))
		})
	}
}

func TestEachDeliveryHasAnotherNumber(t *testing.T) {
	s := newSite(t)
	var numbers []int64
	for range 2 {
		s.ledger.add(lockCommand(t))
		_, payload := s.command(s.do(s.phone.request(t, "GET", "commands", nil)))
		var c struct{ Seq int64 }
		require.NoError(t, json.Unmarshal(payload, &c))
		numbers = append(numbers, c.Seq)
	}
	assert.Equal(t, []int64{1, 2}, numbers)
}

func TestPollThatCannotBeAnsweredIsRepeated(t *testing.T) {
	for name, fail := range map[string]func(*site){
		"the ledger": func(s *site) {
			s.ledger.next = func(lock.Device) (lock.Command, error) { return lock.Command{}, errStore }
		},
		"the number":  func(s *site) { s.ledger.add(lockCommand(s.t)); s.records.noNumber = true },
		"the command": func(s *site) { s.ledger.add(lock.Command{ID: "x", Body: []byte("not of this codec")}) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			fail(s)
			w := s.do(s.phone.request(t, "GET", "commands", nil))
			assert.Equal(t, http.StatusServiceUnavailable, w.Code)
			assert.Equal(t, "unavailable", problem(t, w))
		})
	}
}

func TestSealedCommandDoesNotStopTheOthers(t *testing.T) {
	q := &queries{query: agent.Query{ID: "0193506e-3c2a-7a31-9d0c-1f0f6c5d2a11", Command: "report_state"}}
	s := newSite(t, func(c *agent.Config) { c.Queries = q })
	s.ledger.next = func(lock.Device) (lock.Command, error) { return lock.Command{}, lock.ErrSealed }
	_, payload := s.command(s.do(s.phone.request(t, "GET", "commands", nil)))
	conforms(t, "command", payload)
	assert.Contains(t, string(payload), `"cmd":"report_state"`)
	assert.Contains(t, s.log.String(), "cannot be made")
}

// queries asks one question.
type queries struct {
	query    agent.Query
	answered []lock.ID
	err      error
}

func (q *queries) Query(context.Context, lock.Device) (agent.Query, error) { return q.query, q.err }

func (q *queries) Answered(_ context.Context, _ lock.Device, id lock.ID) error {
	if id != q.query.ID {
		return lock.ErrNotOurs
	}
	q.answered = append(q.answered, id)
	return q.err
}

func TestQueryMustBeOne(t *testing.T) {
	s := newSite(t, func(c *agent.Config) {
		c.Queries = &queries{query: agent.Query{ID: "0193506e-3c2a-7a31-9d0c-1f0f6c5d2a11", Command: "wipe"}}
	})
	assert.Equal(t, http.StatusServiceUnavailable, s.do(s.phone.request(t, "GET", "commands", nil)).Code)
}

// poll begins a long poll in a bubble.
func (s *site) poll(ctx context.Context, wait string) <-chan *httptest.ResponseRecorder {
	answer := make(chan *httptest.ResponseRecorder, 1)
	r := s.phone.request(s.t, "GET", "commands?wait="+wait, nil).WithContext(ctx)
	go func() { answer <- s.do(r) }()
	synctest.Wait()
	return answer
}

func TestLongPollIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		begun := time.Now()
		answer := s.poll(t.Context(), "50")
		s.ledger.add(lockCommand(t))
		require.NoError(t, s.hub.Wake(t.Context(), device("dev-1")))
		w := <-answer
		assert.Equal(t, http.StatusOK, w.Code)
		assert.Zero(t, time.Since(begun), "in the bubble's time: at once")
	})
}

// A wake-up while the poll looks at the ledger, which is after it looked and before it waits, must not get lost.
func TestWakeUpWhileThePollLooksIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		begun, looks := time.Now(), 0
		s.ledger.next = func(d lock.Device) (lock.Command, error) {
			if looks++; looks > 1 {
				return lockCommand(t), nil
			}
			return lock.Command{}, s.hub.Wake(t.Context(), d)
		}
		w := <-s.poll(t.Context(), "50")
		assert.Equal(t, http.StatusOK, w.Code)
		assert.Zero(t, time.Since(begun))
	})
}

func TestLongPollLooksAgainWithoutBeingWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, func(c *agent.Config) { c.Hub = nil })
		begun := time.Now()
		answer := s.poll(t.Context(), "50")
		s.ledger.add(lockCommand(t))
		w := <-answer
		assert.Equal(t, http.StatusOK, w.Code)
		assert.Equal(t, 15*time.Second, time.Since(begun))
	})
}

func TestLongPollEnds(t *testing.T) {
	for _, c := range []struct {
		name   string
		end    func(s *site, cancel func())
		after  time.Duration
		status int
	}{
		{"when its time is up", func(*site, func()) {}, 50 * time.Second, 204},
		{"when the device hangs up", func(_ *site, cancel func()) { cancel() }, 0, 204},
		{"when the device polls anew", func(s *site, _ func()) { s.do(s.phone.request(s.t, "GET", "commands", nil)) }, time.Second, 204},
		{"when the device was enrolled anew", func(s *site, _ func()) { s.add("dev-1") }, 15 * time.Second, 401},
		{"when the device is removed", func(s *site, _ func()) {
			s.records.mu.Lock()
			defer s.records.mu.Unlock()
			delete(s.records.devices, "dev-1")
		}, 15 * time.Second, 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				begun := time.Now()
				answer := s.poll(ctx, "50")
				c.end(s, cancel)
				w := <-answer
				assert.Equal(t, c.status, w.Code)
				assert.Equal(t, c.after, time.Since(begun))
			})
		})
	}
}
