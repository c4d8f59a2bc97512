package amapi_test

import (
	"fmt"
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

// TestResetByNotification: issued, done by the device, told by Pub/Sub.
func TestResetByNotification(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		h.run()
		ordered := h.reset(func(r *lock.Request) { r.Options = map[string]string{"require_entry": "true", "lock_now": "true"} })
		issued := h.await(ordered.ID, named)
		assert.Equal(t, lock.StateIssued, issued.State)
		assert.Equal(t, []string{issued.Ref}, h.google.Operations(phone))
		require.Equal(t, 1, h.google.Sync(phone))

		assert.Equal(t, []int{204, 204}, h.notify(h.google.Pushes()[0], h.google.Pushes()[0]), "a message comes twice")
		done := h.Get(ordered.ID)
		assert.Equal(t, lock.StateConfirmed, done.State)
		assert.Equal(t, map[string]string{"code": "DONE", "proves": "receipt"}, done.Facts)
		assert.Equal(t, 1, done.Answers)
		assert.Equal(t, h.PIN(ordered.ID), h.google.Device(phone).Passcode)
		assert.Equal(t, 1, h.google.Device(phone).Locks)
		body := string(h.google.Requests(amapitest.CallIssue)[0].Body)
		assert.Regexp(t, `"duration":"599\.[0-9]{9}s"`, body, "the action's ten minutes")
		assert.Contains(t, body, `["REQUIRE_ENTRY","LOCK_NOW"]`)
		h.assertSecret(ordered.ID)
	})
}

// TestLockByPoll: no notification comes, and Run asks.
func TestLockByPoll(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		h.run()
		ordered := h.Lock(device())
		h.await(ordered.ID, named)
		later(time.Minute)
		synctest.Wait()
		require.Equal(t, 1, h.asked(amapitest.CallGet))
		assert.Equal(t, lock.StateIssued, h.Get(ordered.ID).State, "it waits for its device")
		h.google.Sync(phone)
		later(5 * time.Minute)
		done := h.await(ordered.ID, in(lock.StateConfirmed))
		assert.Equal(t, "receipt", done.Facts["proves"])
		assert.Equal(t, 1, h.google.Device(phone).Locks)
		assert.Equal(t, 1, h.asked(amapitest.CallIssue))
		assert.Regexp(t, `"duration":"2591999\.[0-9]{9}s"`, string(h.google.Requests(amapitest.CallIssue)[0].Body), "30 days")
	})
}

// TestExpiry: what no device fetched in time is over on both sides, and its passcode stays one that may open the device.
func TestExpiry(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		h.run()
		ordered := h.reset()
		h.await(ordered.ID, named)
		later(11 * time.Minute)
		gone := h.await(ordered.ID, in(lock.StateUnconfirmed))
		assert.True(t, gone.MayBeOnDevice())
		assert.Equal(t, 0, h.google.Sync(phone), "it is not delivered any more")
		assert.Equal(t, "0000", h.google.Device(phone).Passcode)
		assert.Equal(t, []int{204}, h.notify(h.google.Pushes()...))
		assert.Equal(t, lock.StateUnconfirmed, h.Get(ordered.ID).State)
		h.assertSecret(ordered.ID)
	})
}

// issue has somebody else issue a command.
func (h *harness) issue(c amapi.Command) {
	h.t.Helper()
	_, err := h.client.Issue(h.t.Context(), phone, c)
	require.NoError(h.t, err)
}

// TestQuota: 429 is not a delivery, and Google's pause is kept.
func TestQuota(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		h.issue(amapi.Command{Type: amapi.TypeLock})
		h.run()
		ordered := h.reset()
		waits := h.await(ordered.ID, shows("throttled"))
		assert.Equal(t, lock.StateIssued, waits.State)
		assert.Equal(t, 1, waits.Deferrals, "it does not count as a delivery")
		later(99 * time.Second)
		assert.Equal(t, 2, h.asked(amapitest.CallIssue), "the pause that Google asked for")
		later(30 * time.Second)
		sent := h.await(ordered.ID, named)
		assert.Equal(t, 0, h.asked(amapitest.CallList), "it was certainly not taken before")
		assert.Equal(t, 3, h.asked(amapitest.CallIssue))
		assert.Equal(t, h.google.Operations(phone)[1], sent.Ref)
		h.assertSecret(ordered.ID)
	}, func(c *amapitest.Config) { c.Quota, c.RetryAfter = 1, 100*time.Second })
}

// TestQuotaOfMany: all leave soon, though the quota has to do for what is asked about, too.
func TestQuotaOfMany(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		const many = 40
		var ids []lock.ID
		h.run()
		for i := range many {
			d := device()
			d.ID = fmt.Sprintf("%s%d", phone, i)
			h.google.Enroll(d.ID, amapitest.Device{Mode: amapitest.DeviceOwner, APILevel: 34})
			ids = append(ids, h.Lock(d).ID)
		}
		later(90 * time.Minute)
		for _, id := range ids {
			assert.NotEmpty(t, h.Get(id).Ref)
		}
		assert.Less(t, h.asked(amapitest.CallIssue), 20*many)
	}, func(c *amapitest.Config) { c.Quota = 4 })
}

// TestCancel: what is withdrawn is cancelled with Google, and the device does not do it.
func TestCancel(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		h.run()
		ordered := h.reset()
		h.await(ordered.ID, named)
		cancelled, err := h.Service.Cancel(t.Context(), locktest.Admin(), ordered.ID, "found it")
		require.NoError(t, err)
		assert.Equal(t, lock.StateCancelled, cancelled.State)
		synctest.Wait()
		require.Equal(t, 1, h.asked(amapitest.CallCancel))
		assert.Equal(t, 0, h.google.Sync(phone))
		assert.Equal(t, []int{204}, h.notify(h.google.Pushes()...))
		after := h.Get(ordered.ID)
		assert.Equal(t, lock.StateRefused, after.State, "Google says that the device never had it")
		assert.Equal(t, "CANCELLED", after.Facts["code"])
		assert.False(t, after.MayBeOnDevice())
	})
}

// TestCancelTooLate: the device did it all the same, and that counts.
func TestCancelTooLate(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		h.run()
		ordered := h.reset()
		h.await(ordered.ID, named)
		h.google.Sync(phone)
		_, err := h.Service.Cancel(t.Context(), locktest.Admin(), ordered.ID, "found it")
		require.NoError(t, err)
		h.notify(h.google.Pushes()...)
		assert.Equal(t, lock.StateConfirmed, h.Get(ordered.ID).State)
		assert.Equal(t, h.PIN(ordered.ID), h.google.Device(phone).Passcode)
	})
}

// TestLostMode: started, and ended by an unlock.
func TestLostMode(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		h.run()
		lost, err := h.Service.LostMode(t.Context(), locktest.Admin(), lock.Request{
			Device: device(), Reason: "left in a train", Message: "Please call", PhoneNumber: "+44 20 7946 0000",
			Options: map[string]string{"organization": "Example"},
		})
		require.NoError(t, err)
		h.await(lost.ID, named)
		h.google.Sync(phone)
		h.notify(h.google.Pushes()...)
		confirmed := h.Get(lost.ID)
		assert.Equal(t, lock.StateConfirmed, confirmed.State)
		assert.Equal(t, map[string]string{"code": "SUCCESS", "proves": "effect"}, confirmed.Facts)
		assert.True(t, confirmed.Holds)
		assert.Equal(t, "Please call, +44 20 7946 0000, Example", h.google.Device(phone).Lost)

		unlock, err := h.Service.Unlock(t.Context(), locktest.Admin(), lost.ID, lock.Request{Device: device(), Reason: "found"})
		require.NoError(t, err)
		h.await(unlock.ID, named)
		h.google.Sync(phone)
		h.notify(h.google.Pushes()[1:]...)
		assert.Equal(t, lock.StateConfirmed, h.Get(unlock.ID).State)
		assert.Equal(t, lock.StateReleased, h.Get(lost.ID).State)
		assert.Empty(t, h.google.Device(phone).Lost)
	})
}

// TestForgotten: an operation that Google does not know any more says nothing of the action.
func TestForgotten(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		h.run()
		ordered := h.Lock(device())
		sent := h.await(ordered.ID, named)
		h.google.Forget(sent.Ref)
		later(time.Minute)
		assert.Equal(t, lock.StateIssued, h.await(ordered.ID, shows("not-found")).State)
		assert.NotContains(t, h.log.String(), "newPassword")
	})
}
