package inventory_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto/push"
)

func TestChannels(t *testing.T) {
	w := newWorld(t)
	channels := inventory.Channels{DB: w.db}
	d := lock.Device{ID: "UDID-1"}
	channel := func() push.Channel {
		c, err := channels.Channel(t.Context(), d)
		require.NoError(t, err)
		return c
	}
	assert.Zero(t, channel(), "an unknown device")
	cert := w.cert("")
	w.authenticate(cert, d.ID, false)
	assert.Zero(t, channel(), "before the first TokenUpdate")

	w.complete(cert, d.ID)
	want := push.Channel{Token: []byte("token"), Magic: "magic", Topic: "com.apple.mgmt.x", Updated: w.now}
	assert.Equal(t, want, channel())
	user := tokenUpdate(t, d.ID, "grace")
	w.now = w.now.Add(time.Second)
	require.NoError(t, w.TokenUpdate(t.Context(), d, user))
	assert.Equal(t, want, channel(), "a user's channel is another one")

	at := w.now.Add(time.Hour)
	require.NoError(t, channels.Dead(t.Context(), d, []byte("another token"), at))
	assert.Equal(t, want, channel())
	require.NoError(t, channels.Dead(t.Context(), d, []byte("token"), at))
	want.Dead = at
	assert.Equal(t, want, channel())

	w.now = at.Add(time.Hour)
	w.complete(cert, d.ID)
	want.Updated = w.now
	assert.Equal(t, want, channel(), "the same token keeps its mark, which is older than it now")

	_, err := w.db.Exec(t.Context(), `UPDATE server_channels SET token = $1 WHERE device = $2`, []byte("old"), d.ID)
	require.NoError(t, err)
	w.complete(cert, d.ID)
	assert.True(t, channel().Dead.IsZero(), "another token has none")

	require.NoError(t, w.CheckOut(t.Context(), d, hello(d.ID)))
	assert.Zero(t, channel(), "not enrolled any more")
}
