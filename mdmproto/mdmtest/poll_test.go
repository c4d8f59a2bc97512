package mdmtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
)

func TestPollRunsTheQueueDown(t *testing.T) {
	mac, srv := enrolled(t, mdmtest.Config{})
	srv.push("c-1", "SecurityInfo", nil)
	srv.push("c-2", "InstallProfile", nil)

	s, err := mac.Poll(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []int{200, 200, 200}, s.Statuses)
	kinds, msgs := srv.log()
	require.Equal(t, []string{"Idle", "Acknowledged c-1", "Error c-2"}, kinds)
	assert.Equal(t, "application/x-apple-aspen-mdm; charset=UTF-8", msgs[0].ContentType)

	t.Run("unknown commands name themselves", func(t *testing.T) {
		assert.Equal(t, "InstallProfile", msgs[2].Body["RequestType"])
		first, ok := msgs[2].Body["ErrorChain"].([]any)[0].(map[string]any)
		require.True(t, ok)
		assert.EqualValues(t, 12021, first["ErrorCode"])
		assert.Equal(t, "MCMDMErrorDomain", first["ErrorDomain"])
	})
}

func TestDeviceInformationDependsOnTheVersion(t *testing.T) {
	queries := []any{
		"OSVersion", "SerialNumber", "SupportsiOSAppInstalls", "PINRequiredForDeviceLock", "ProvisioningUDID", "IsAppleSilicon", "Nonsense",
	}
	tests := map[string]struct {
		cfg  mdmtest.Config
		want map[string]any
	}{
		"10.15 knows no later query": {
			mdmtest.Config{Serial: "S", UDID: "U", OSVersion: "10.15.7"},
			map[string]any{"OSVersion": "10.15.7", "SerialNumber": "S"},
		},
		"11.2 on Apple silicon takes no PIN": {
			mdmtest.Config{Serial: "S", UDID: "U", OSVersion: "11.2", AppleSilicon: true},
			map[string]any{"OSVersion": "11.2", "SerialNumber": "S", "SupportsiOSAppInstalls": true, "PINRequiredForDeviceLock": false},
		},
		"12 on Intel": {
			mdmtest.Config{Serial: "S", UDID: "U", OSVersion: "12.0"},
			map[string]any{
				"OSVersion": "12.0", "SerialNumber": "S", "SupportsiOSAppInstalls": false, "PINRequiredForDeviceLock": true,
				"ProvisioningUDID": "U", "IsAppleSilicon": false,
			},
		},
		"26 on Apple silicon": {
			mdmtest.Config{Serial: "S", UDID: "01234567-89AB-CDEF-0123-456789ABCDEF", AppleSilicon: true},
			map[string]any{
				"OSVersion": "26.1", "SerialNumber": "S", "SupportsiOSAppInstalls": true, "PINRequiredForDeviceLock": true,
				"ProvisioningUDID": "00008112-0123456789ABCDEF", "IsAppleSilicon": true,
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			mac, srv := enrolled(t, tc.cfg)
			srv.push("di", "DeviceInformation", map[string]any{"Queries": queries})
			_, err := mac.Poll(t.Context())
			require.NoError(t, err)
			_, msgs := srv.log()
			assert.Equal(t, tc.want, msgs[1].Body["QueryResponses"])
		})
	}
}

func TestSecurityInfoDependsOnTheChip(t *testing.T) {
	tests := map[string]struct {
		cfg           mdmtest.Config
		has, hasNever string
	}{
		"Intel":         {mdmtest.Config{}, "FirmwarePasswordStatus", "IsRecoveryLockEnabled"},
		"Apple silicon": {mdmtest.Config{AppleSilicon: true}, "IsRecoveryLockEnabled", "FirmwarePasswordStatus"},
		"Apple silicon 11.4": {
			mdmtest.Config{AppleSilicon: true, OSVersion: "11.4"}, "BootstrapTokenAllowedForAuthentication", "IsRecoveryLockEnabled",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			mac, srv := enrolled(t, tc.cfg)
			srv.push("si", "SecurityInfo", nil)
			_, err := mac.Poll(t.Context())
			require.NoError(t, err)
			_, msgs := srv.log()
			assert.Contains(t, msgs[1].Body["SecurityInfo"], tc.has)
			assert.NotContains(t, msgs[1].Body["SecurityInfo"], tc.hasNever)
		})
	}
}

func TestAWrongTypeIsACommandFormatError(t *testing.T) {
	mac, srv := enrolled(t, mdmtest.Config{})
	srv.push("l-1", "DeviceLock", map[string]any{"PIN": 24680})
	_, err := mac.Poll(t.Context())
	require.NoError(t, err)
	kinds, _ := srv.log()
	assert.Equal(t, []string{"Idle", "CommandFormatError l-1"}, kinds)
	assert.Equal(t, mdmtest.Unlocked, mac.State())
}

func TestAnAnswerIsKeptUntilTheServerTakesIt(t *testing.T) {
	for name, fate := range map[string]int{"503": 503, "broken connection": cut} {
		t.Run(name, func(t *testing.T) {
			mac, srv := enrolled(t, mdmtest.Config{})
			srv.set(func() { srv.fail = []int{0, fate, fate} })
			srv.push("si", "SecurityInfo", nil)
			_, err := mac.Poll(t.Context())
			require.Error(t, err)
			kinds, _ := srv.log()
			require.Equal(t, []string{"Idle"}, kinds)
			_, err = mac.Poll(t.Context())
			require.Error(t, err, "and again")

			_, err = mac.Poll(t.Context())
			require.NoError(t, err)
			kinds, _ = srv.log()
			assert.Equal(t, []string{"Acknowledged si", "Idle"}, kinds, "the answer goes first")
		})
	}
}

func TestPollUserNeverLocks(t *testing.T) {
	mac, srv := enrolled(t, mdmtest.Config{UserName: "alice"})
	srv.push("l-1", "DeviceLock", map[string]any{"PIN": "024680"})
	s, err := mac.PollUser(t.Context())
	require.NoError(t, err)
	require.Len(t, s.Commands, 1)
	assert.True(t, s.Commands[0].User)
	assert.Equal(t, "Error", s.Commands[0].Status)
	_, msgs := srv.log()
	assert.Equal(t, "alice", msgs[1].Body["UserShortName"])
	assert.Equal(t, mdmtest.Unlocked, mac.State())

	t.Run("nobody is there", func(t *testing.T) {
		mac, _ := enrolled(t, mdmtest.Config{})
		_, err := mac.PollUser(t.Context())
		assert.ErrorIs(t, err, mdmtest.ErrNotEnrolled)
	})
}

func TestTheServerRemovesTheMac(t *testing.T) {
	mac, srv := enrolled(t, mdmtest.Config{})
	srv.set(func() { srv.fail = []int{400, 401} })
	var status *mdmtest.StatusError
	_, err := mac.Poll(t.Context())
	require.ErrorAs(t, err, &status)
	s, err := mac.Poll(t.Context())
	require.ErrorAs(t, err, &status, "400 has not removed it")
	assert.Equal(t, []int{401}, s.Statuses)
	_, err = mac.Poll(t.Context())
	assert.ErrorIs(t, err, mdmtest.ErrNotEnrolled)
}

func TestAServerWithoutEndIsNoEndlessLoop(t *testing.T) {
	mac, srv := enrolled(t, mdmtest.Config{})
	for range 200 {
		srv.push("again", "Nonsense", nil)
	}
	_, err := mac.Poll(t.Context())
	assert.ErrorContains(t, err, "more than 100 commands")
}
