package mdmtest_test

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
)

const pin = "024680"

func locked(t *testing.T, cfg mdmtest.Config) (*mdmtest.Mac, *server) {
	t.Helper()
	mac, srv := enrolled(t, cfg)
	srv.push("l-1", "DeviceLock", map[string]any{"PIN": pin})
	_, err := mac.Poll(t.Context())
	require.NoError(t, err)
	return mac, srv
}

func TestALockedMacIsSilent(t *testing.T) {
	mac, srv := locked(t, mdmtest.Config{UserName: "alice"})
	srv.log()
	require.Equal(t, mdmtest.Locked, mac.State())
	tests := map[string]func() error{
		"Poll":              func() error { _, err := mac.Poll(t.Context()); return err },
		"PollUser":          func() error { _, err := mac.PollUser(t.Context()); return err },
		"Enroll":            func() error { return mac.Enroll(t.Context(), srv.enrollURL()) },
		"Renew":             func() error { return mac.Renew(t.Context(), srv.enrollURL()) },
		"TokenUpdate":       func() error { return mac.TokenUpdate(t.Context()) },
		"CheckOut":          func() error { return mac.CheckOut(t.Context()) },
		"GetBootstrapToken": func() error { _, err := mac.GetBootstrapToken(t.Context()); return err },
		"Poll after reboot": func() error { mac.Reboot(); _, err := mac.Poll(t.Context()); return err },
	}
	for name, act := range tests {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, act(), mdmtest.ErrLocked)
			kinds, _ := srv.log()
			assert.Empty(t, kinds)
		})
	}
}

func TestOnlyTheRightPINOpens(t *testing.T) {
	mac, srv := locked(t, mdmtest.Config{})
	srv.log()
	assert.False(t, mac.Type("24680"), "leading zeros count")
	assert.False(t, mac.Type("999999"))
	assert.Equal(t, 2, mac.WrongTries())
	assert.True(t, mac.Type(pin))
	assert.False(t, mac.Type(pin), "nothing asks for a PIN any more")

	_, err := mac.Poll(t.Context())
	require.NoError(t, err)
	kinds, _ := srv.log()
	assert.Equal(t, []string{"Idle"}, kinds)
}

func TestTooManyWrongTriesDelayTheRightPIN(t *testing.T) {
	var hours atomic.Int64
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return start.Add(time.Duration(hours.Load()) * time.Hour) }
	mac, _ := locked(t, mdmtest.Config{TriesBeforeDelay: 2, Clock: clock})
	mac.Type("111111")
	require.Zero(t, mac.DelayedUntil())
	mac.Type("222222")
	require.Equal(t, start.Add(time.Hour), mac.DelayedUntil())

	assert.False(t, mac.Type(pin))
	assert.Equal(t, 2, mac.WrongTries(), "a PIN that is not read is no try")
	hours.Store(1)
	assert.True(t, mac.Type(pin))
}

func TestAppleSiliconBefore115IsDeactivated(t *testing.T) {
	mac, srv := locked(t, mdmtest.Config{AppleSilicon: true, OSVersion: "11.4"})
	assert.Equal(t, mdmtest.Deactivated, mac.State())
	assert.False(t, mac.Type(pin))
	_, err := mac.Poll(t.Context())
	require.ErrorIs(t, err, mdmtest.ErrLocked)
	require.Len(t, mac.Locks(), 1)

	t.Run("a wiped one enrols anew", func(t *testing.T) {
		mac.Wipe()
		require.Equal(t, mdmtest.Unlocked, mac.State())
		require.NoError(t, mac.Enroll(t.Context(), srv.enrollURL()))
		_, err := mac.Poll(t.Context())
		assert.NoError(t, err)
	})
}

func TestMessageResultNeedsSomethingToShow(t *testing.T) {
	tests := map[string]struct {
		cfg  mdmtest.Config
		keys map[string]any
		want any
	}{
		"nothing":                {mdmtest.Config{}, nil, nil},
		"message":                {mdmtest.Config{}, map[string]any{"Message": "hi"}, "Success"},
		"message on 10.13":       {mdmtest.Config{OSVersion: "10.13"}, map[string]any{"Message": "hi"}, nil},
		"phone on Intel":         {mdmtest.Config{}, map[string]any{"PhoneNumber": "1"}, nil},
		"phone on Apple silicon": {mdmtest.Config{AppleSilicon: true}, map[string]any{"PhoneNumber": "1"}, "Success"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			mac, srv := enrolled(t, tc.cfg)
			keys := map[string]any{"PIN": pin}
			for k, v := range tc.keys {
				keys[k] = v
			}
			srv.push("l-1", "DeviceLock", keys)
			_, err := mac.Poll(t.Context())
			require.NoError(t, err)
			_, msgs := srv.log()
			assert.Equal(t, tc.want, msgs[1].Body["MessageResult"])
		})
	}
}

func TestAPINOfAnotherLengthIsRefused(t *testing.T) {
	mac, srv := enrolled(t, mdmtest.Config{})
	srv.push("short", "DeviceLock", map[string]any{"PIN": "1234"})
	srv.push("none", "DeviceLock", nil)
	_, err := mac.Poll(t.Context())
	require.NoError(t, err)
	kinds, _ := srv.log()
	assert.Equal(t, []string{"Idle", "Error short", "Error none"}, kinds)
	assert.Equal(t, mdmtest.Unlocked, mac.State())
}

func TestTheLogShowsNoPIN(t *testing.T) {
	mac, _ := locked(t, mdmtest.Config{})
	require.Equal(t, pin, mac.Locks()[0].PIN)
	asJSON, err := json.Marshal(mac.Commands())
	require.NoError(t, err)
	assert.NotContains(t, string(asJSON), pin)
	assert.NotContains(t, fmt.Sprintf("%v %+v", mac.Commands(), mac.Commands()), pin)
}
