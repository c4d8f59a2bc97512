package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
)

// lockedAndOpened locks the Mac, lets somebody open it who knows the PIN from elsewhere, and returns the action and its PIN.
func (s *site) lockedAndOpened(t *testing.T, mac *mdmtest.Mac, order object) (id, code string) {
	t.Helper()
	id = s.lock(t, mac, order).text("id")
	poll(t, mac)
	locks := mac.Locks()
	code = locks[len(locks)-1].PIN
	require.True(t, mac.Type(code))
	s.advance(2 * time.Minute)
	poll(t, mac)
	require.Equal(t, "released", s.action(t, id).text("state"))
	return id, code
}

func TestKeptPINLocksAgain(t *testing.T) {
	s := open(t, nil)
	mac := s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})
	first, code := s.lockedAndOpened(t, mac, object{"reason": "lost"})
	kept, again := s.lockedAndOpened(t, mac, object{"reason": "lost again", "pin": object{"mode": "keep"}})
	assert.Equal(t, code, again, "the Mac got the same PIN")
	assert.Equal(t, first, s.action(t, kept).text("kept_from"))
	rotated, other := s.lockedAndOpened(t, mac, object{"reason": "lost for good"})
	assert.NotEqual(t, code, other)
	assert.Empty(t, s.action(t, rotated).text("kept_from"))
	s.replays(t)
}

func TestShownPINIsKeptForAReasonOnly(t *testing.T) {
	s := open(t, nil)
	mac := s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})
	first, code := s.lockedAndOpened(t, mac, object{"reason": "lost"})
	require.Equal(t, code, s.reveal(t, first))
	assert.Equal(t, true, s.action(t, first)["disclosed"])

	path := "/api/v1/devices/" + mac.Config().UDID + "/lock"
	refused := s.must(t, http.StatusUnprocessableEntity, http.MethodPost, path, object{"pin": object{"mode": "keep"}})
	assert.Equal(t, "blocked", refused.text("code"))
	assert.Contains(t, refused.text("detail"), "pin_disclosed")
	guessed := s.must(t, http.StatusUnprocessableEntity, http.MethodPost, path, object{"pin": object{"mode": "supplied", "value": code}})
	assert.Equal(t, "disclosed", guessed.text("reason"))
	require.Empty(t, s.must(t, http.StatusOK, http.MethodGet, "/api/v1/actions?live=true", nil).list("items"))

	for _, choice := range []object{{"mode": "keep"}, {"mode": "supplied", "value": code}} {
		choice["reuse_reason"] = "it is engraved"
		id, again := s.lockedAndOpened(t, mac, object{"reason": "lost", "pin": choice})
		assert.Equal(t, code, again)
		assert.Equal(t, "it is engraved", s.action(t, id).text("reuse_reason"))
	}
	s.replays(t)
}

func TestPINIsNotKeptAcrossAWipe(t *testing.T) {
	s := open(t, nil)
	mac := s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})
	s.lockedAndOpened(t, mac, object{"reason": "lost"})
	mac.Wipe()
	require.NoError(t, mac.Enroll(t.Context(), s.link(t, "")))
	refused := s.must(t, http.StatusUnprocessableEntity, http.MethodPost, "/api/v1/devices/"+mac.Config().UDID+"/lock",
		object{"pin": object{"mode": "keep"}})
	assert.Contains(t, refused.text("detail"), "pin_re_enrolled")
}

func TestFeedbackReordersThePINs(t *testing.T) {
	s := open(t, nil)
	mac := s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})
	first, _ := s.lockedAndOpened(t, mac, object{"reason": "lost"})
	second, _ := s.lockedAndOpened(t, mac, object{"reason": "lost"})
	require.Equal(t, []string{second, first}, s.candidates(t, mac))
	say := func(id, outcome string) {
		t.Helper()
		said := s.must(t, http.StatusOK, http.MethodPost, "/api/v1/actions/"+id+"/feedback", object{"outcome": outcome, "note": "at the desk"})
		assert.Equal(t, outcome, said.text("feedback"))
	}
	say(second, "other")
	say(second, "wrong_pin")
	assert.Equal(t, []string{first, second}, s.candidates(t, mac), "tried in vain")
	say(first, "worked")
	assert.Equal(t, []string{first, second}, s.candidates(t, mac), "somebody opened the Mac with it")
	assert.Equal(t, "somebody opened the device with it",
		s.must(t, http.StatusOK, http.MethodGet, "/api/v1/devices/"+mac.Config().UDID+"/pins", nil).list("items")[0].text("reason"))
	s.replays(t)
}
