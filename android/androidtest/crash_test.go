package androidtest_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/androidtest"
)

// crashes makes the agent crash while it executes the command.
func crashes(t *testing.T, s *server, d *androidtest.Device, command map[string]any, fault androidtest.Fault) {
	t.Helper()
	s.queue(command)
	d.Script(fault)
	_, err := d.Poll(t.Context(), 0)
	require.ErrorIs(t, err, androidtest.ErrCrashed)
}

// with is a copy of a command with another member.
func with(command map[string]any, name string, value any) map[string]any {
	edited := maps.Clone(command)
	edited[name] = value
	return edited
}

// interrupted are commands whose mark must outlive a crash.
func interrupted(t *testing.T, s *server) map[string]map[string]any {
	secret := s.secret(t, fmt.Sprintf(`{"token":%q}`, base64.StdEncoding.EncodeToString(token)))
	const id = "0193506e-3c2a-7a31-9d0c-1f0f6c5d2a10"
	return map[string]map[string]any{
		"lock":            s.command("lock", map[string]any{"scope": "device"}),
		"provision_token": s.command("provision_token", map[string]any{"token_id": id, "secret": secret}),
		"reset_password": s.command("reset_password", map[string]any{
			"method": "direct", "secret": s.secret(t, `{"new_password":"73915280"}`),
		}),
	}
}

func TestMarkedCommandIsUnknownWhateverComesOfIt(t *testing.T) {
	for _, name := range []string{"lock", "provision_token", "reset_password"} {
		for what, edit := range map[string]func(map[string]any) map[string]any{
			"its number is low":    func(c map[string]any) map[string]any { return with(c, "seq", 0) },
			"its deadline is over": func(c map[string]any) map[string]any { return with(with(c, "seq", 9), "exp", "2026-01-01T00:00:00Z") },
			"its number is equal":  func(c map[string]any) map[string]any { return c },
		} {
			t.Run(name+", "+what, func(t *testing.T) {
				s, d := enrolled(t, androidtest.Config{APILevel: 26, TargetSDK: 25, Passcode: old})
				command := interrupted(t, s)[name]
				crashes(t, s, d, command, androidtest.CrashAfter)
				d.Reboot()
				s.queue(edit(command))
				poll(t, d)
				require.Equal(t, []any{"UNKNOWN", "UNKNOWN"}, s.codes())
				require.True(t, d.Type(d.Passcode()))
				s.queue(with(command, "seq", 10))
				poll(t, d)
				assert.Equal(t, []any{"UNKNOWN", "UNKNOWN", "OK"}, s.codes(), "it is still executed when it can be")
			})
		}
	}
}

func TestMarkOutlivesRestarts(t *testing.T) {
	for _, fault := range []androidtest.Fault{androidtest.CrashBefore, androidtest.CrashAfter} {
		for _, name := range []string{"lock", "provision_token", "reset_password"} {
			t.Run(fmt.Sprint(name, fault), func(t *testing.T) {
				s, d := enrolled(t, androidtest.Config{APILevel: 26, TargetSDK: 25, Passcode: old})
				command := interrupted(t, s)[name]
				crashes(t, s, d, command, fault)
				d.Reboot()
				d.Reboot()
				poll(t, d)
				require.Equal(t, []any{"UNKNOWN"}, s.codes(), "it is said once")
				require.True(t, d.Type(d.Passcode()))
				s.queue(with(command, "seq", 9))
				poll(t, d)
				assert.Equal(t, []any{"UNKNOWN", "OK"}, s.codes())
			})
		}
	}
}

func TestCrashBetweenTokenAndNote(t *testing.T) {
	s, d := enrolled(t, androidtest.Config{})
	command := interrupted(t, s)["provision_token"]
	crashes(t, s, d, command, androidtest.CrashSettingToken)
	require.Equal(t, androidtest.TokenActive, d.State().Token)
	require.Empty(t, d.State().TokenID, "nobody knows which token that is")
	s.queue(with(command, "seq", 9))
	poll(t, d)
	assert.Equal(t, []any{"UNKNOWN", "OK"}, s.codes())
	assert.Equal(t, "0193506e-3c2a-7a31-9d0c-1f0f6c5d2a10", d.State().TokenID)
	assert.Equal(t, "true", said(d.ResetPasswordWithToken(code, token, 0)), "with the same bytes")
}

func TestResultThatIsNeverAcknowledgedIsDropped(t *testing.T) {
	s, d := enrolled(t, androidtest.Config{})
	s.deaf = true
	s.queue(s.command("report_state", map[string]any{}))
	for range 5 {
		poll(t, d)
	}
	assert.Equal(t, []any{"OK", "OK", "OK"}, s.codes())
}

func TestResultThatIsRefusedAloneIsDropped(t *testing.T) {
	s, d := enrolled(t, androidtest.Config{})
	s.hates = "UNKNOWN_COMMAND"
	s.queue(s.command("wipe", map[string]any{}))
	s.queue(s.command("report_state", map[string]any{}))
	for range 2 {
		_, err := d.Poll(t.Context(), 0)
		require.ErrorContains(t, err, "400")
	}
	poll(t, d)
	assert.Equal(t, []any{"OK"}, s.codes())
}

func TestServersWrongClockIsForgotten(t *testing.T) {
	s, d := enrolled(t, androidtest.Config{})
	s.clock = "2200-01-01T00:00:00Z"
	poll(t, d)
	s.clock = "2026-11-21T16:00:00Z"
	poll(t, d)
	s.queue(s.command("report_state", map[string]any{}))
	poll(t, d)
	assert.Equal(t, []any{"OK"}, s.codes())
}

func TestNumbersAreThoseOfOneDeviceID(t *testing.T) {
	s, d := enrolled(t, androidtest.Config{})
	s.queue(with(s.command("report_state", map[string]any{}), "seq", 900))
	poll(t, d)
	low := s.command("report_state", map[string]any{})
	s.queue(low)
	poll(t, d)
	require.Equal(t, []any{"OK", "STALE"}, s.codes())
	require.Equal(t, map[string]any{"seq": "900"}, s.results[1]["observed"])

	s.device = "dev-2"
	require.NoError(t, d.Enroll(t.Context(), s.http.URL, "code"))
	s.queue(with(low, "dev", "dev-2"))
	poll(t, d)
	assert.Equal(t, []any{"OK", "STALE", "OK"}, s.codes(), "the numbers of another ID begin anew")

	s.device = "dev-1"
	require.NoError(t, d.Enroll(t.Context(), s.http.URL, "code"))
	s.queue(with(s.command("report_state", map[string]any{}), "seq", 899))
	poll(t, d)
	assert.Equal(t, "STALE", s.codes()[3], "and the first are remembered")
}
