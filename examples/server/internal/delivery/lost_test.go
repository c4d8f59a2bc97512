package delivery_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/windows"
)

// newWindowsBench is a bench with a Windows phone that makes its PIN itself, whose reset is under way and to be mailed to its user.
func newWindowsBench(t *testing.T) (*bench, lock.Action) {
	t.Helper()
	b := newBenchWith(t, newPost(t, false, false), func(c *lock.Config) { c.Platforms = append(c.Platforms, windows.Platform(nil)) })
	d := locktest.Device("phone")
	d.Platform = windows.PlatformName
	d.Facts = map[string]lock.Fact{string(windows.FactClass): {Value: string(windows.ClassPhone)}}
	a, err := b.Service.ResetPasscode(t.Context(), locktest.Admin(), lock.Request{Device: d, Reason: "forgotten"})
	require.NoError(t, err)
	require.True(t, a.Returns)
	b.order(a, "", userMail)
	_, err = b.Service.Next(t.Context(), d)
	require.NoError(t, err)
	return b, a
}

// says reports what the device said, with the PIN or without.
func (b *bench) says(a lock.Action, outcome lock.Outcome, digits string) {
	b.t.Helper()
	r := lock.Report{Scope: a.Device.Scope, Device: a.Device.ID, Action: a.ID, Outcome: outcome}
	if digits != "" {
		var err error
		r.Secret, err = pin.Parse(digits)
		require.NoError(b.t, err)
	}
	require.NoError(b.t, b.Service.Report(b.t.Context(), r))
	b.Clock.Advance(2 * time.Second)
	b.work()
}

func TestPINThatTheDeviceMadeIsMailed(t *testing.T) {
	b, a := newWindowsBench(t)
	b.says(a, lock.Progress, "730194")
	assert.Empty(t, b.mailedTo(), "the device has not said that it is done")
	b.says(a, lock.Acknowledged, "")
	assert.Equal(t, []string{userMail}, b.mailedTo())
	_, code, err := b.d.Collect(t.Context(), b.token(userMail), stranger())
	require.NoError(t, err)
	assert.Equal(t, "730194", code.Expose())
}

func TestLostPINIsSaidAtOnce(t *testing.T) {
	b, a := newWindowsBench(t)
	b.says(a, lock.Acknowledged, "")
	waits := b.only(a)
	assert.Equal(t, delivery.Waiting, waits.State)
	assert.Contains(t, waits.Cause, "Reset the PIN again")
	assert.Empty(t, b.mailedTo())
	assert.Zero(t, waits.Attempts)

	b.Clock.Advance(23 * time.Hour)
	b.says(a, lock.Acknowledged, "730194")
	assert.Equal(t, []string{userMail}, b.mailedTo(), "it came late")
	sent := b.only(a)
	assert.Equal(t, delivery.Sent, sent.State)
	assert.Empty(t, sent.Cause)
}

func TestLostPINIsGivenUpAfterADay(t *testing.T) {
	b, a := newWindowsBench(t)
	b.says(a, lock.Acknowledged, "")
	b.Clock.Advance(25 * time.Hour)
	b.work()
	ended := b.only(a)
	assert.Equal(t, delivery.Void, ended.State)
	assert.Contains(t, ended.Cause, "nobody knows it")
	assert.Empty(t, b.mailedTo())
}
