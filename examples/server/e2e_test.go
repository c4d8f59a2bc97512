package main

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
)

// The whole way of a Mac: enrolled, known, locked, opened with the PIN that was kept, and seen open again.
func TestMacIsLockedAndOpened(t *testing.T) {
	s := open(t, nil)
	mac := s.enrol(t, mdmtest.Config{OSVersion: "15.1", AppleSilicon: true, UserName: "ada", Name: "Ada's MacBook"})
	udid := mac.Config().UDID

	known := s.must(t, http.StatusOK, http.MethodGet, "/api/v1/devices/"+udid, nil)
	assert.Equal(t, "15.1", known.text("os_version"))
	assert.Equal(t, true, known["apple_silicon"])
	assert.Equal(t, mac.Config().Serial, known.text("serial_number"))
	assert.Equal(t, "managed", known.text("state"))

	a := s.lock(t, mac, object{"reason": "stolen", "ticket": "4711", "message": "Please call us.", "phone_number": "+1 408 555 0100"})
	id := a.text("id")
	assert.Equal(t, "queued", a.text("state"))
	assert.NotContains(t, a, "pin")
	code := s.reveal(t, id)
	require.Regexp(t, `^[0-9]{6}$`, code, "the PIN can be read while the lock waits")

	mac.Script(mdmtest.TrailingIdle)
	poll(t, mac)
	require.Equal(t, mdmtest.Locked, mac.State())
	require.Len(t, mac.Locks(), 1)
	delivered := mac.Locks()[0]
	assert.Equal(t, id, delivered.CommandUUID, "the action's ID is the command's")
	assert.Equal(t, code, delivered.PIN, "the sealed PIN is the one that was sent")
	assert.Equal(t, "Please call us.", delivered.Message)
	assert.Equal(t, "+1 408 555 0100", delivered.PhoneNumber)
	locked := s.action(t, id)
	assert.InDelta(t, 1, locked["deliveries"], 0)
	assert.NotEmpty(t, locked.text("issued_at"))
	assert.Equal(t, "confirmed", locked.text("state"), "the trailing Idle changes nothing")
	assert.Equal(t, map[string]any{"MessageResult": "Success"}, locked["device_answers"])
	assert.Equal(t, "locked", s.must(t, http.StatusOK, http.MethodGet, "/api/v1/devices/"+udid, nil).text("state"))

	require.False(t, mac.Type("000000"))
	require.True(t, mac.Type(s.reveal(t, id)), "the revealed PIN opens the Mac")
	poll(t, mac)
	assert.Equal(t, "confirmed", s.action(t, id).text("state"), "an Idle within the guard is no evidence")
	s.advance(61 * time.Second)
	poll(t, mac)
	opened := s.action(t, id)
	assert.Equal(t, "released", opened.text("state"))
	assert.Equal(t, "poll", opened.text("evidence"))
	assert.NotEmpty(t, opened.text("released_at"))
	assert.Equal(t, code, s.reveal(t, id), "and the PIN is still there")
	assert.Len(t, mac.Locks(), 1)
	s.replays(t)
}

// replays proves that every action in the ledger is what its events say, and that every chain verifies. It returns the actions.
func (s *site) replays(t testing.TB) []lock.Action {
	t.Helper()
	d, err := db.Open(context.Background(), s.source, nil) // the test may be cleaning up
	require.NoError(t, err)
	defer func() { assert.NoError(t, d.Close()) }()
	return replayLedger(t, d.Ledger)
}

// A thousand orders at once, under several keys, are one lock.
func TestManyOrdersAreOneLock(t *testing.T) {
	s := open(t, nil)
	mac := s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})
	path := "/api/v1/devices/" + mac.Config().UDID + "/lock"
	orders := 1000
	if testing.Short() { // the race detector needs fewer
		orders = 200
	}
	ids := make(chan string, orders)
	for i := range orders {
		go func() {
			var header []string
			if key := []string{"", "again", "again", fmt.Sprintf("key-%d", i%20)}[i%4]; key != "" {
				header = []string{"Idempotency-Key", key}
			}
			status, answer, err := s.request(t.Context(), http.MethodPost, path, object{"reason": "stolen"}, header...)
			if err != nil || status != http.StatusAccepted && status != http.StatusOK {
				ids <- fmt.Sprint(status, answer, err)
				return
			}
			ids <- answer.text("id")
		}()
	}
	distinct := map[string]bool{}
	for range orders {
		distinct[<-ids] = true
	}
	require.Len(t, distinct, 1, "every order was answered, and with the same lock")

	poll(t, mac)
	require.Len(t, mac.Locks(), 1, "the Mac got one DeviceLock")
	id := mac.Locks()[0].CommandUUID
	require.True(t, distinct[id])
	require.True(t, mac.Type(s.reveal(t, id)))
	s.advance(2 * time.Minute)
	poll(t, mac)
	require.Equal(t, "released", s.action(t, id).text("state"))

	again := s.must(t, http.StatusOK, http.MethodPost, path, object{"reason": "stolen"}, "Idempotency-Key", "again")
	assert.Equal(t, id, again.text("id"), "the key of a joined order leads to the same action, also after its release")
	poll(t, mac)
	assert.Len(t, mac.Locks(), 1, "and locks nothing")
	s.replays(t)
}

// A server that stops keeps what it has, and the next one goes on.
func TestRestartKeepsEverything(t *testing.T) {
	s := open(t, nil)
	mac := s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})
	id := s.lock(t, mac, object{"reason": "stolen"}).text("id")
	code := s.reveal(t, id)
	s.stop()

	actions := s.replays(t)
	require.Len(t, actions, 1)
	assert.Equal(t, lock.StateQueued, actions[0].State)

	again := reopen(t, s)
	assert.Equal(t, code, again.reveal(t, id))
	_, err := mac.Poll(context.Background())
	assert.Error(t, err, "the first server is gone")
}
