package computers_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/computers"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
)

func answer(ref string, complete bool) omadm.Answer {
	return omadm.Answer{Ref: ref, Complete: complete}
}

// dies says that WNS knows the channel as dead.
func (w *world) dies(d lock.Device, uri string) {
	w.t.Helper()
	require.NoError(w.t, computers.Channels{DB: w.db, Now: w.clock}.Expired(w.t.Context(), d, uri))
}

func TestChannels(t *testing.T) {
	w := newWorld(t)
	_, cert := w.enter(computers.Entry{Name: "Lumia"})
	d := w.device(cert)
	channel := func() string {
		uri, err := computers.Channels{DB: w.db, Now: w.clock}.Channel(t.Context(), d)
		require.NoError(t, err)
		return uri
	}
	assert.Empty(t, channel())
	learn := func(uri string) {
		require.NoError(t, w.Learn(t.Context(), d, windows.Learnt{ChannelURI: uri}))
	}
	learn("https://a.notify.windows.com/?token=1")
	assert.Equal(t, "https://a.notify.windows.com/?token=1", channel())
	w.now = w.now.Add(time.Hour)
	w.dies(d, "https://a.notify.windows.com/?token=0")
	assert.NotEmpty(t, channel(), "that was the one before")
	w.dies(d, "https://a.notify.windows.com/?token=1")
	assert.Empty(t, channel())
	w.now = w.now.Add(time.Hour)
	learn("https://a.notify.windows.com/?token=2")
	assert.Equal(t, "https://a.notify.windows.com/?token=2", channel())
	require.NoError(t, w.Learn(t.Context(), d, windows.Learnt{Gone: true}))
	assert.Empty(t, channel(), "it is not enrolled any more")
}
