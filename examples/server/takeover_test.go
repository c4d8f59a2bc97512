package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
)

// Somebody enrols in the name of a locked Mac: he gets none of its secrets, and raises the alarm. The PIN is kept. That he cannot slip
// through by hanging up between the binding of his certificate and what follows from it is TestNoAnswerWithoutARecord of inventory.
func TestTakeOverRaisesTheAlarm(t *testing.T) {
	s := open(t, nil)
	mac := s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})
	require.NoError(t, mac.SetBootstrapToken(t.Context(), []byte("the Mac's own")))
	id := s.lock(t, mac, object{"reason": "stolen"}).text("id")
	poll(t, mac)
	require.Equal(t, "confirmed", s.action(t, id).text("state"))
	require.Empty(t, s.alarms(t))

	impostor := s.enrol(t, mdmtest.Config{UDID: mac.Config().UDID, KeyType: mdmtest.P256})
	token, err := impostor.GetBootstrapToken(t.Context())
	require.NoError(t, err)
	assert.Empty(t, token)
	assert.Empty(t, impostor.Locks())
	assert.Equal(t, "released", s.action(t, id).text("state"))
	assert.Equal(t, []string{id}, s.alarms(t))
	assert.True(t, mac.Type(s.reveal(t, id)), "and the PIN opens the Mac")
}

// alarms returns the actions that alarms are about.
func (s *site) alarms(t *testing.T) []string {
	t.Helper()
	var about []string
	for _, e := range s.feed(t, "?type="+string(lock.EventAlarm)) {
		about = append(about, e.text("other_action_id"))
	}
	return about
}
