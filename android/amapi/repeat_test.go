package amapi_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/amapi"
	"github.com/latchkey-mdm/latchkey/android/amapi/amapitest"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// ahead has Google's clock go ahead of ours, or behind.
func ahead(d time.Duration) func(*amapitest.Config) {
	return func(c *amapitest.Config) { c.Now = func() time.Time { return time.Now().Add(d) } }
}

// wholeSeconds is a Google that gives back durations without their fraction.
func wholeSeconds(c *amapitest.Config) { c.WholeSeconds = true }

// TestLostAnswer: Google took the command, and nobody heard of it. It is found again, and not issued twice, whatever Google's clock says.
func TestLostAnswer(t *testing.T) {
	for _, clock := range []time.Duration{-time.Minute, -50 * time.Millisecond, 0, 10 * time.Second, time.Minute} {
		t.Run(clock.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, h *harness) {
				h.google.Script(amapitest.CallIssue, amapitest.Answer{Lost: true})
				h.run()
				ordered := h.reset()
				first := h.await(ordered.ID, shows("unreachable"))
				assert.Empty(t, first.Ref)
				later(time.Minute)
				found := h.await(ordered.ID, named)
				assert.Equal(t, []string{found.Ref}, h.google.Operations(phone))
				assert.Equal(t, 1, h.asked(amapitest.CallIssue))
				assert.Equal(t, 2, found.Deliveries)
				h.google.Sync(phone)
				h.notify(h.google.Pushes()...)
				assert.Equal(t, lock.StateConfirmed, h.Get(ordered.ID).State)
				h.assertSecret(ordered.ID)
			}, ahead(clock))
		})
	}
}

// duration is that of the last command that was issued.
func (h *harness) duration() string {
	h.t.Helper()
	all := h.google.Requests(amapitest.CallIssue)
	found := regexp.MustCompile(`"duration":"([0-9.]+s)"`).FindSubmatch(all[len(all)-1].Body)
	require.NotNil(h.t, found)
	return string(found[1])
}

// TestRepeatedSend: what is not with Google is issued again, whatever else is there.
func TestRepeatedSend(t *testing.T) {
	list := func(name, kind, duration string) amapitest.Answer {
		return amapitest.Answer{Status: 200, Body: fmt.Sprintf(
			`{"operations":[{"name":"%s/operations/1","metadata":{"type":"%s","createTime":"%s","duration":"%s"}}]}`,
			name, kind, time.Now().UTC().Format(time.RFC3339Nano), duration)}
	}
	for name, there := range map[string]func(h *harness){
		"nothing": func(*harness) {},
		"somebody else's command of that time": func(h *harness) {
			h.issue(amapi.Command{Type: amapi.TypeResetPassword, NewPassword: token(h.t, "13577531"), Duration: 599 * time.Second})
		},
		"a command of another type":   func(h *harness) { h.google.Script(amapitest.CallList, list(phone, "LOCK", h.duration())) },
		"a command of another device": func(h *harness) { h.google.Script(amapitest.CallList, list(phone+"0", "RESET_PASSWORD", h.duration())) },
		"a duration without its fraction": func(h *harness) {
			whole, _, _ := strings.Cut(h.duration(), ".")
			h.google.Script(amapitest.CallList, list(phone, "RESET_PASSWORD", whole+"s"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, h *harness) {
				h.google.Script(amapitest.CallIssue, amapitest.Answer{Dropped: true})
				h.run()
				ordered := h.reset()
				h.await(ordered.ID, shows("unreachable"))
				there(h)
				before := h.asked(amapitest.CallIssue)
				later(time.Minute)
				sent := h.await(ordered.ID, named)
				assert.Equal(t, before+1, h.asked(amapitest.CallIssue))
				all := h.google.Operations(phone)
				require.NotEmpty(t, all)
				assert.Equal(t, all[len(all)-1], sent.Ref)
				assert.Equal(t, 1, h.asked(amapitest.CallList))
			})
		})
	}
}

// TestNextOrder: the operation of the order before is not taken for that of this one, whether its name is on record or not.
func TestNextOrder(t *testing.T) {
	for name, first := range map[string]func(h *harness) lock.Action{
		"named, and done": func(h *harness) lock.Action {
			a := h.reset()
			h.await(a.ID, named)
			h.google.Sync(phone)
			h.notify(h.google.Pushes()...)
			return h.Get(a.ID)
		},
		"nameless, and cancelled": func(h *harness) lock.Action {
			h.google.Script(amapitest.CallIssue, amapitest.Answer{Lost: true})
			a := h.reset()
			h.await(a.ID, shows("unreachable"))
			_, err := h.Service.Cancel(h.t.Context(), locktest.Admin(), a.ID, "mistake")
			require.NoError(h.t, err)
			return a
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, h *harness) {
				h.run()
				before := first(h)
				later(5 * time.Second)
				h.google.Script(amapitest.CallIssue, amapitest.Answer{Dropped: true})
				ordered := h.reset()
				later(5 * time.Minute)
				sent := h.await(ordered.ID, named)
				assert.NotEqual(t, before.Ref, sent.Ref)
				assert.Equal(t, []string{sent.Ref}, h.google.Operations(phone)[1:])
				assert.Equal(t, 1, h.google.Sync(phone), "the order before is over")
				assert.Equal(t, h.PIN(ordered.ID), h.google.Device(phone).Passcode)
			}, ahead(10*time.Second))
		})
	}
}

// TestWithdrawNameless: what was cancelled before its name was known is found and cancelled with Google. Its passcode stays one that may open
// the device, since nobody learns what became of it.
func TestWithdrawNameless(t *testing.T) {
	for name, c := range map[string]struct {
		list   []amapitest.Answer
		others int // commands of somebody else
	}{
		"found":            {nil, 0},
		"found later":      {[]amapitest.Answer{{Status: 200, Body: `{}`}, {Dropped: true}}, 0},
		"beside another's": {nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, h *harness) {
				for range c.others {
					h.issue(amapi.Command{Type: amapi.TypeResetPassword, NewPassword: token(t, "13577531"), Duration: time.Hour})
				}
				h.google.Script(amapitest.CallIssue, amapitest.Answer{Lost: true})
				h.google.Script(amapitest.CallList, c.list...)
				h.run()
				ordered := h.reset()
				h.await(ordered.ID, shows("unreachable"))
				_, err := h.Service.Cancel(t.Context(), locktest.Admin(), ordered.ID, "mistake")
				require.NoError(t, err)
				later(5 * time.Minute)
				assert.Equal(t, 1, h.asked(amapitest.CallCancel))
				assert.Equal(t, c.others, h.google.Sync(phone))
				assert.NotEqual(t, h.PIN(ordered.ID), h.google.Device(phone).Passcode)
				found, err := h.Service.Candidates(t.Context(), locktest.Admin(), device())
				require.NoError(t, err)
				assert.Len(t, found, 1)
				h.assertSecret(ordered.ID)
			})
		})
	}
}

// TestWithdrawAll: of a command that was issued twice, all that can be found is cancelled. Of what cannot be found, the passcode stays one
// that may open the device.
func TestWithdrawAll(t *testing.T) {
	for name, c := range map[string]struct {
		edit      func(*amapitest.Config)
		cancelled int
	}{
		"found":                {func(*amapitest.Config) {}, 2},
		"without the fraction": {wholeSeconds, 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, h *harness) {
				h.google.Script(amapitest.CallIssue, amapitest.Answer{Lost: true})
				h.google.Script(amapitest.CallList, amapitest.Answer{Status: 200, Body: `{}`}) // not there yet
				h.run()
				ordered := h.reset()
				later(time.Minute)
				h.await(ordered.ID, named)
				require.Len(t, h.google.Operations(phone), 2)
				_, err := h.Service.Cancel(t.Context(), locktest.Admin(), ordered.ID, "mistake")
				require.NoError(t, err)
				synctest.Wait()
				assert.Equal(t, c.cancelled, h.asked(amapitest.CallCancel))
				assert.Equal(t, 2-c.cancelled, h.google.Sync(phone))
				h.notify(h.google.Pushes()...)
				found, err := h.Service.Candidates(t.Context(), locktest.Admin(), device())
				require.NoError(t, err)
				require.Len(t, found, 1)
				assert.Equal(t, ordered.ID, found[0].Action.ID)
			}, c.edit)
		})
	}
}
