package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/androidtest"
)

// phone enrols a simulated Android device with a code of the API.
func (s *site) phone(t testing.TB, cfg androidtest.Config) *androidtest.Device {
	t.Helper()
	phone, err := androidtest.New(cfg)
	require.NoError(t, err)
	require.NoError(t, phone.Enroll(t.Context(), s.url, s.androidCode(t)))
	return phone
}

func (s *site) androidCode(t testing.TB) string {
	t.Helper()
	return s.must(t, http.StatusCreated, http.MethodPost, "/api/v1/enrollments", object{"platform": "android"}).text("code")
}

// polls lets the phone talk to the server until something is as it should be.
func polls(t *testing.T, phone *androidtest.Device, until func() bool) {
	t.Helper()
	within(t, func() bool {
		_, err := phone.Poll(t.Context(), 0)
		require.NoError(t, err)
		return until()
	})
}

// hasToken lets the phone get a reset token that is as far as it can be.
func hasToken(t *testing.T, phone *androidtest.Device, state androidtest.TokenState) {
	t.Helper()
	polls(t, phone, func() bool { return phone.State().Token == state })
	polls(t, phone, func() bool { return true }) // says so
}

// reset orders a new passcode, lets the phone obey, and returns the passcode.
func (s *site) reset(t *testing.T, phone *androidtest.Device, order object) string {
	t.Helper()
	id := s.must(t, http.StatusAccepted, http.MethodPost, "/api/v1/devices/"+phone.ID()+"/reset-passcode", order).text("id")
	polls(t, phone, func() bool { return s.action(t, id).text("state") == "confirmed" })
	return s.reveal(t, id)
}

// ofKind are the actions of a kind.
func (s *site) ofKind(t testing.TB, kind string) (found []object) {
	t.Helper()
	for _, a := range s.must(t, http.StatusOK, http.MethodGet, "/api/v1/actions", nil).list("items") {
		if a.text("kind") == kind {
			found = append(found, a)
		}
	}
	return found
}

func (s *site) device(t testing.TB, id string) object {
	t.Helper()
	return s.must(t, http.StatusOK, http.MethodGet, "/api/v1/devices/"+id, nil)
}

// From the code to the passcode that opens the phone, also before its first unlock; the token came by itself, and once.
func TestAndroidPasscodeIsReset(t *testing.T) {
	s := open(t, nil)
	phone := s.phone(t, androidtest.Config{APILevel: 34, Serial: "R5CT", Name: "Ada's Pixel"})
	hasToken(t, phone, androidtest.TokenActive)
	d := s.device(t, phone.ID())
	assert.Equal(t, "android", d.text("platform"))
	assert.Equal(t, "Android 14 (API 34)", d.text("os_version"))
	for _, locked := range []bool{false, true} {
		if locked {
			phone.Reboot()
			require.True(t, phone.State().Locked)
		}
		code := s.reset(t, phone, object{"reason": "forgot it"})
		require.True(t, phone.State().Locked, "it was locked with it")
		assert.False(t, phone.Type(code+"0"))
		assert.True(t, phone.Type(code))
	}
	tokens := s.ofKind(t, "provision-token")
	require.Len(t, tokens, 1)
	assert.Equal(t, "latchkey", tokens[0].text("requested_by"))
}

// A token waits until the user has typed the passcode, is lost when the phone restarts before that, and is made anew.
func TestAndroidTokenWaitsForItsUser(t *testing.T) {
	s := open(t, nil)
	phone := s.phone(t, androidtest.Config{APILevel: 33, Passcode: "2580"})
	hasToken(t, phone, androidtest.TokenPending)
	first := phone.State().TokenID
	path := "/api/v1/devices/" + phone.ID() + "/reset-passcode"
	s.must(t, http.StatusUnprocessableEntity, http.MethodPost, path, object{"reason": "forgot it"})

	phone.Reboot()
	s.advance(2 * time.Minute) // no sooner than that
	hasToken(t, phone, androidtest.TokenPending)
	assert.NotEqual(t, first, phone.State().TokenID)
	require.True(t, phone.Type("2580"))
	hasToken(t, phone, androidtest.TokenActive)
	assert.True(t, phone.Type(s.reset(t, phone, object{"reason": "forgot it"})))
}

// Before Android 8 there is no token, and none is tried.
func TestAndroid7IsResetWithoutToken(t *testing.T) {
	s := open(t, nil)
	owner := s.phone(t, androidtest.Config{APILevel: 25, Passcode: "2580"})
	assert.True(t, owner.Type(s.reset(t, owner, object{"reason": "forgot it"})))
	admin := s.phone(t, androidtest.Config{APILevel: 25, Mode: androidtest.DeviceAdmin, Passcode: "2580"})
	s.must(t, http.StatusUnprocessableEntity, http.MethodPost, "/api/v1/devices/"+admin.ID()+"/reset-passcode", object{"reason": "forgot it"})
	for _, phone := range []*androidtest.Device{owner, admin} {
		polls(t, phone, func() bool { return true })
	}
	assert.Empty(t, s.ofKind(t, "provision-token"))
}

// A wiped phone is the same device with other keys, and its code was good for one.
func TestAndroidPhoneEnrolsAgain(t *testing.T) {
	s := open(t, nil)
	phone := s.phone(t, androidtest.Config{Serial: "R5CT"})
	hasToken(t, phone, androidtest.TokenActive)
	id := phone.ID()
	phone.FactoryReset()
	code := s.androidCode(t)
	require.NoError(t, phone.Enroll(t.Context(), s.url, code))
	require.NoError(t, phone.Enroll(t.Context(), s.url, code), "its answer was lost")
	assert.Equal(t, id, phone.ID())
	thief, err := androidtest.New(androidtest.Config{Serial: "R5CT"})
	require.NoError(t, err)
	require.ErrorContains(t, thief.Enroll(t.Context(), s.url, code), "403")
	hasToken(t, phone, androidtest.TokenActive)
	assert.True(t, phone.Type(s.reset(t, phone, object{"reason": "forgot it"})))
}

// The server stops although a phone waits for a command.
func TestServerStopsDespiteLongPolls(t *testing.T) {
	s := open(t, nil)
	phone := s.phone(t, androidtest.Config{APILevel: 25, Mode: androidtest.DeviceAdmin}) // for which there is nothing to do
	d := s.open(t)
	taken := func() (n int) {
		require.NoError(t, d.Readers.QueryRowContext(t.Context(), `SELECT count(*) FROM server_agent_requests`).Scan(&n))
		return n
	}
	before := taken()
	polled := make(chan error, 1)
	go func() {
		_, err := phone.Poll(t.Context(), time.Minute)
		polled <- err
	}()
	within(t, func() bool { return taken() > before })
	assert.Empty(t, polled, "it waits")
	s.stop()
	assert.Eventually(t, func() bool { return len(polled) > 0 }, time.Minute, time.Millisecond)
}
