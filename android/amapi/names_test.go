package amapi_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/amapi"
	"github.com/latchkey-mdm/latchkey/android/amapi/amapitest"
	"github.com/latchkey-mdm/latchkey/lock"
)

// TestNoResourceName: a device that was entered under another ID is refused at once, and not tried for days.
func TestNoResourceName(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		h.run()
		d := device()
		d.ID = "phone-1"
		ordered := h.Lock(d)
		refused := h.await(ordered.ID, in(lock.StateRefused))
		assert.Equal(t, map[string]string{"code": "DEVICE_NAME"}, refused.Facts)
		assert.Empty(t, h.google.Requests())
	})
}

// TestName: the embedder's IDs are others than Google's.
func TestName(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		down := errors.New("database down")
		names := map[string]string{"phone-1": phone}
		p, err := amapi.Platform(amapi.Config{Client: h.client, Name: func(_ context.Context, d lock.Device) (string, error) {
			if name := names[d.ID]; name != "" {
				return name, nil
			}
			return "", down
		}})
		require.NoError(t, err)
		o := lock.Order{Device: lock.Device{ID: "phone-1"}, Action: lock.Action{Kind: lock.KindLock, Deliveries: 1, NotAfter: time.Now().Add(time.Hour)}}
		body, err := p.Codec.Encode(o)
		require.NoError(t, err)
		ref, err := p.Sender.Send(t.Context(), o, body)
		require.NoError(t, err)
		assert.Equal(t, []string{ref}, h.google.Operations(phone))

		o.Device.ID = "phone-2"
		_, err = p.Sender.Send(t.Context(), o, body)
		require.ErrorIs(t, err, down)
		var e *amapi.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, notTaken, says(e))

		o.Device.ID, o.Action.NotAfter = "phone-1", time.Now().Add(999*time.Millisecond)
		_, err = p.Sender.Send(t.Context(), o, body)
		require.ErrorAs(t, err, &e)
		assert.Equal(t, amapi.ClassExpired, e.Class)
		assert.Equal(t, notTaken, says(e))
		assert.Equal(t, 1, h.asked(amapitest.CallIssue))
	})
}

// TestPollTrouble: what Google cannot say now it is asked for again.
func TestPollTrouble(t *testing.T) {
	for class, a := range map[amapi.Class]amapitest.Answer{
		amapi.ClassUnavailable: {Status: 503, Word: "UNAVAILABLE"},
		amapi.ClassThrottled:   {Status: 429, Word: "RESOURCE_EXHAUSTED"},
		amapi.ClassDenied:      {Status: 403, Word: "PERMISSION_DENIED"},
		amapi.ClassRejected:    {Status: 200, Body: "{}"},
	} {
		t.Run(string(class), func(t *testing.T) {
			bubble(t, func(t *testing.T, h *harness) {
				h.run()
				ordered := h.Lock(device())
				h.await(ordered.ID, named)
				h.google.Sync(phone)
				h.google.Script(amapitest.CallGet, a)
				later(time.Minute)
				assert.Equal(t, lock.StateIssued, h.await(ordered.ID, shows(string(class))).State)
				later(5 * time.Minute)
				h.await(ordered.ID, in(lock.StateConfirmed))
				assert.Equal(t, 1, h.asked(amapitest.CallIssue))
			})
		})
	}
}
