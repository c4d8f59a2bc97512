package amapi_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/amapi/amapitest"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// does has the phone do what waits for it, or ignore it, and Google tell.
func (h *harness) does(id lock.ID, ignores bool) lock.Action {
	h.t.Helper()
	h.await(id, named)
	d := h.google.Device(phone)
	d.Ignores = ignores
	h.google.Enroll(phone, d)
	h.google.Sync(phone)
	h.notify(h.google.Pushes()...)
	return h.Get(id)
}

// TestClear: the empty password removes the passcode, or the phone ignores that: Google says the same. So the passcode that was set before
// stays one that may open it, and is not purged.
func TestClear(t *testing.T) {
	for name, ignored := range map[string]bool{"obeyed": false, "ignored": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, h *harness) {
				h.run()
				reset := h.does(h.reset().ID, false)
				require.Equal(t, lock.StateConfirmed, reset.State)
				later(time.Minute)
				cleared, err := h.Service.ClearPasscode(t.Context(), locktest.Admin(), lock.Request{Device: device(), Reason: "forgotten"})
				require.NoError(t, err)
				cleared = h.does(cleared.ID, ignored)
				assert.Equal(t, lock.StateConfirmed, cleared.State)
				assert.Equal(t, map[string]string{"code": "DONE", "proves": "receipt"}, cleared.Facts)
				assert.Contains(t, string(h.google.Requests(amapitest.CallIssue)[1].Body), `"newPassword":""`)
				assert.Equal(t, !ignored, h.google.Device(phone).Passcode == "")
				assert.Equal(t, lock.StateConfirmed, h.Get(reset.ID).State)

				later(48 * time.Hour)
				_, err = h.Service.Purge(t.Context(), locktest.Admin(), lock.Purge{
					Scope: "acme", Before: time.Now().Add(-25 * time.Hour), Reason: "retention", Apply: true,
				})
				require.NoError(t, err)
				found, err := h.Service.Candidates(t.Context(), locktest.Admin(), device())
				require.NoError(t, err)
				require.Len(t, found, 1)
				assert.Equal(t, reset.ID, found[0].Action.ID)
				assert.NotEmpty(t, h.PIN(reset.ID))
			})
		})
	}
}

// TestUnlockIgnored: an end of lost mode that tells no status does not release it.
func TestUnlockIgnored(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		h.run()
		lost, err := h.Service.LostMode(t.Context(), locktest.Admin(), lock.Request{Device: device(), Reason: "lost", Message: "Please call"})
		require.NoError(t, err)
		h.does(lost.ID, false)
		unlock, err := h.Service.Unlock(t.Context(), locktest.Admin(), lost.ID, lock.Request{Device: device(), Reason: "found"})
		require.NoError(t, err)
		assert.Equal(t, lock.StateConfirmed, h.does(unlock.ID, true).State)
		assert.Equal(t, lock.StateConfirmed, h.Get(lost.ID).State)
		assert.Equal(t, "Please call", h.google.Device(phone).Lost)
	})
}
