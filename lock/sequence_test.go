package lock_test

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

func TestRunGivesEventsTheirPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newTardy(1)
		f := locktest.New(t, st, byBubble)
		stop := start(t, f)
		require.Equal(t, 1, st.called(), "at once")
		for range 3 {
			require.NoError(t, f.Service.Note(t.Context(), locktest.Admin(), lock.EventSignedIn, "acme", nil))
		}
		after(time.Second)
		assert.Equal(t, 4, st.called(), "a second later, until there is no more")
		assert.Len(t, noticesOf(t, f), 3)
		begin := time.Now()
		f.Lock(mac())
		synctest.Wait()
		assert.Zero(t, time.Since(begin))
		assert.Greater(t, st.called(), 4, "at once after an order")
		before := st.called()
		after(time.Second)
		assert.Greater(t, st.called(), before)
		stop()
		before = st.called()
		after(time.Minute)
		assert.Equal(t, before, st.called())
	})
}

// TestRunGoesOnWithoutPositions: devices are woken all the same, and the log says once what is wrong.
func TestRunGoesOnWithoutPositions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		st := newTardy(10)
		f := locktest.New(t, st, byBubble, func(c *lock.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		const first, second = lock.Error("no such table"), lock.Error("disk full")
		for _, err := range []error{first, second, nil, second} {
			st.fail(err)
			stop := start(t, f)
			after(3 * time.Second)
			stop()
		}
		assert.Equal(t, 3, strings.Count(log.String(), "events have no position yet"), "once in each run")
		log.text.Reset()

		st.fail(first)
		defer start(t, f)()
		f.Lock(mac())
		after(time.Minute)
		assert.NotEmpty(t, f.Waker.Woken())
		st.fail(second)
		after(time.Minute)
		st.fail(nil)
		after(time.Second)
		st.fail(second)
		after(time.Minute)
		assert.Equal(t, 1, strings.Count(log.String(), string(first)))
		assert.Equal(t, 2, strings.Count(log.String(), string(second)), "once each time that it begins")
	})
}
