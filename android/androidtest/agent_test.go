package androidtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/androidtest"
)

func enrolled(t *testing.T, cfg androidtest.Config) (*server, *androidtest.Device) {
	t.Helper()
	s := newServer(t)
	d := newDevice(t, cfg)
	require.NoError(t, d.Enroll(t.Context(), s.http.URL, "code"))
	return s, d
}

func poll(t *testing.T, d *androidtest.Device) int {
	t.Helper()
	n, err := d.Poll(t.Context(), 0)
	require.NoError(t, err)
	return n
}

// TestEnvelope has what a careful server never sends.
func TestEnvelope(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(s *server, c map[string]any)
		want string // state and code
	}{
		"as it should be":      {func(*server, map[string]any) {}, "succeeded OK"},
		"fields of the future": {func(_ *server, c map[string]any) { c["colour"] = "blue" }, "succeeded OK"},
		"another version":      {func(_ *server, c map[string]any) { c["v"] = 2 }, "rejected UNSUPPORTED_VERSION"},
		"another device":       {func(_ *server, c map[string]any) { c["dev"] = "dev-9" }, "rejected WRONG_DEVICE"},
		"another user":         {func(_ *server, c map[string]any) { c["user"] = 10 }, "rejected WRONG_DEVICE"},
		"no expiry":            {func(_ *server, c map[string]any) { delete(c, "exp") }, "rejected EXPIRED"},
		"expired":              {func(_ *server, c map[string]any) { c["exp"] = "2026-01-01T00:00:00Z" }, "rejected EXPIRED"},
		"no number":            {func(_ *server, c map[string]any) { delete(c, "seq") }, "rejected STALE"},
		"unknown command":      {func(_ *server, c map[string]any) { c["cmd"] = "wipe" }, "rejected UNKNOWN_COMMAND"},
		"secret for nobody":    {func(_ *server, c map[string]any) { c["args"] = map[string]any{"secret": "a.b.c.d.e"} }, "rejected DECRYPT_FAILED"},
		"precondition":         {func(_ *server, c map[string]any) { c["pre"] = map[string]any{"max_api": 25} }, "failed PRECONDITION_FAILED"},
		"forged":               {func(s *server, _ map[string]any) { s.forges = true }, "rejected BAD_SIGNATURE"},
	} {
		t.Run(name, func(t *testing.T) {
			s, d := enrolled(t, androidtest.Config{})
			command := s.command("report_state", map[string]any{})
			c.edit(s, command)
			s.queue(command)
			require.Equal(t, 1, poll(t, d))
			require.Len(t, s.results, 1)
			assert.Equal(t, c.want, s.results[0]["state"].(string)+" "+s.results[0]["code"].(string))
		})
	}
}

func TestSameIDGetsTheSameResult(t *testing.T) {
	s, d := enrolled(t, androidtest.Config{Passcode: old})
	command := s.command("lock", map[string]any{"scope": "device"})
	s.queue(command)
	poll(t, d)
	require.True(t, d.Type(old))
	command["seq"] = 2
	s.queue(command)
	poll(t, d)
	require.Len(t, s.results, 2)
	assert.False(t, d.State().Locked, "it is not executed again")
	assert.Equal(t, s.results[0]["rid"], s.results[1]["rid"])
	assert.Nil(t, s.results[0]["duplicate"])
	assert.Equal(t, true, s.results[1]["duplicate"])
}

func TestRefusalThatIsNotKept(t *testing.T) {
	s, d := enrolled(t, androidtest.Config{})
	stale := s.command("report_state", map[string]any{})
	stale["seq"] = 0
	s.queue(stale)
	poll(t, d)
	stale["seq"] = 1
	s.queue(stale)
	poll(t, d)
	assert.Equal(t, []any{"STALE", "OK"}, s.codes())
}

func TestAfterACrashOnlySuccessIsFinal(t *testing.T) {
	s, d := enrolled(t, androidtest.Config{APILevel: 24, Mode: admin})
	command := s.command("reset_password", map[string]any{"method": "direct", "secret": s.secret(t, `{"new_password":"73915280"}`)})
	s.queue(command)
	d.Script(androidtest.CrashAfter)
	_, err := d.Poll(t.Context(), 0)
	require.ErrorIs(t, err, androidtest.ErrCrashed)
	require.Equal(t, code, d.Passcode())

	command["seq"] = 2
	s.queue(command)
	poll(t, d)
	assert.Equal(t, []any{"UNKNOWN", "UNKNOWN"}, s.codes(), "an admin cannot set over what the first attempt set")
}

func TestStateIsSentWhenItChanges(t *testing.T) {
	s, d := enrolled(t, androidtest.Config{Passcode: old})
	poll(t, d)
	require.Zero(t, s.states, "the enrolment said it")
	d.Reboot()
	poll(t, d)
	require.Equal(t, 1, s.states)
	poll(t, d)
	require.Equal(t, 1, s.states)
	d.Type(old)
	poll(t, d)
	assert.Equal(t, 2, s.states)
}

func TestChangeEndsALongPoll(t *testing.T) {
	s, d := enrolled(t, androidtest.Config{Passcode: old})
	done := make(chan error, 1)
	go func() {
		_, err := d.Poll(t.Context(), time.Minute)
		done <- err
	}()
	<-s.waiting
	d.Type(old)
	require.NoError(t, <-done)
	assert.Equal(t, 1, s.states)
}

func TestRunGoesOnUntilItIsTold(t *testing.T) {
	s, d := enrolled(t, androidtest.Config{Passcode: old})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx, time.Minute, time.Millisecond) }()
	<-s.waiting
	d.Reboot()
	<-s.waiting
	stop()
	require.ErrorIs(t, <-done, context.Canceled)
	require.Error(t, d.Run(t.Context(), 0, 0), "a pause of nothing would never let go")
}
