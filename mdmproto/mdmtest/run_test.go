package mdmtest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
)

// direct serves requests in the caller's goroutine, so that a bubble's clock can move.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return w.Result(), nil
}

func TestRunOutlivesErrorsAndTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := unstarted()
		mac := newMac(t, mdmtest.Config{KeyType: mdmtest.P256, Client: &http.Client{Transport: direct{srv.Config.Handler}}})
		require.NoError(t, mac.Enroll(t.Context(), srv.enrollURL()))
		srv.fail = []int{503, 502}
		srv.push("l-1", "DeviceLock", map[string]any{"PIN": pin})

		ctx, cancel := context.WithCancel(t.Context())
		var reported []error
		done := make(chan error)
		go func() {
			done <- mac.Run(ctx, time.Second, func(_ mdmtest.Session, err error) { reported = append(reported, err) })
		}()
		time.Sleep(time.Minute) // the bubble's clock
		synctest.Wait()
		require.Equal(t, mdmtest.Locked, mac.State())
		require.Len(t, reported, 3, "two refusals, one session, and nothing of a locked Mac")

		require.True(t, mac.Type(pin))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		assert.Greater(t, len(reported), 3)
		cancel()
		assert.ErrorIs(t, <-done, context.Canceled)
	})
}

func TestRunBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := unstarted()
		mac := newMac(t, mdmtest.Config{KeyType: mdmtest.P256, Client: &http.Client{Transport: direct{srv.Config.Handler}}})
		require.NoError(t, mac.Enroll(t.Context(), srv.enrollURL()))
		for range 1000 {
			srv.fail = append(srv.fail, 503)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 80*time.Second)
		defer cancel()
		tries := 0
		err := mac.Run(ctx, time.Second, func(mdmtest.Session, error) { tries++ })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Less(t, tries, 20, "every eighth interval at most")
		assert.Greater(t, tries, 8)
	})
}

func TestRunEndsWithTheEnrolment(t *testing.T) {
	mac := newMac(t, mdmtest.Config{})
	require.ErrorIs(t, mac.Run(t.Context(), time.Second, nil), mdmtest.ErrNotEnrolled)
	assert.NotErrorIs(t, mac.Run(t.Context(), 0, nil), mdmtest.ErrNotEnrolled, "an interval is needed")
}
