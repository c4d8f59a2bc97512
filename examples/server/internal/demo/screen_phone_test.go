package demo

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/androidtest"
	"github.com/latchkey-mdm/latchkey/lock"
)

func TestPhones(t *testing.T) {
	phones, err := newPhones()
	require.NoError(t, err)
	modes := map[androidtest.Mode]int{}
	for _, phone := range phones {
		modes[phone.Config().Mode]++
		assert.Equal(t, phone.Config().Passcode, phone.Passcode())
	}
	assert.Len(t, phones, 6)
	assert.Len(t, modes, 4, "all ways to manage one")
}

func TestPhoneIsTypedOn(t *testing.T) {
	secure, err := androidtest.New(androidtest.Config{Passcode: Passcode})
	require.NoError(t, err)
	open, err := androidtest.New(androidtest.Config{})
	require.NoError(t, err)
	assert.Equal(t, Screen{Phone: true, Passcode: true}, phoneScreen(secure.State()))
	assert.Equal(t, Screen{Phone: true}, phoneScreen(open.State()))
	_, err = typeOn(open, "1234")
	require.ErrorAs(t, err, new(*lock.InputError))
	opened, err := typeOn(secure, Passcode)
	require.NoError(t, err)
	assert.True(t, opened, "where it asks for the passcode to let the agent have a token")

	for _, phone := range []*androidtest.Device{secure, open} {
		require.NoError(t, phone.LockNow(false, false))
	}
	assert.Equal(t, Screen{Phone: true, Passcode: true, Locked: true}, phoneScreen(secure.State()))
	assert.Equal(t, Screen{Phone: true, Off: true}, phoneScreen(open.State()), "anybody may turn it on")
	opened, err = typeOn(secure, "1234")
	require.NoError(t, err)
	assert.False(t, opened)
	for phone, passcode := range map[*androidtest.Device]string{secure: Passcode, open: ""} {
		opened, err := typeOn(phone, passcode)
		require.NoError(t, err)
		assert.True(t, opened)
	}
}
