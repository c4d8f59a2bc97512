package windows_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
)

// ordered is a site with an order for its device.
func ordered(t *testing.T, order func(*lock.Service, context.Context, lock.Actor, lock.Request) (lock.Action, error)) (*site, lock.Action) {
	t.Helper()
	s := newSite(t, store.NewMemory())
	e, err := s.fleet.Device(t.Context(), nil, desktopID)
	require.NoError(t, err)
	a, err := order(s.svc, t.Context(), locktest.Admin(), lock.Request{Device: e.Device, Reason: "asked by the user"})
	require.NoError(t, err)
	return s, a
}

func (s *site) get(t *testing.T, id lock.ID) lock.Action {
	t.Helper()
	a, err := s.svc.Get(t.Context(), locktest.Admin(), id)
	require.NoError(t, err)
	return a
}

func TestCertificateThatNobodyVerified(t *testing.T) {
	s, a := ordered(t, (*lock.Service).Lock)
	opening := conversation(t, "D", "", 1)
	for name, edit := range map[string]func(*http.Request){
		"presented alone": func(r *http.Request) { r.TLS.VerifiedChains = nil },
		"no TLS":          func(r *http.Request) { r.TLS = nil },
	} {
		assert.Equal(t, http.StatusForbidden, s.post(opening, edit).Code, name)
	}
	assert.Equal(t, lock.StateQueued, s.get(t, a.ID).State)
}

func gone(r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	cancel()
	*r = *r.WithContext(ctx)
}

func TestDeviceThatHangsUpGetsNoCommand(t *testing.T) {
	s, a := ordered(t, (*lock.Service).Lock)
	opening := conversation(t, "D", "", 1)
	assert.Equal(t, http.StatusServiceUnavailable, s.post(opening, gone).Code)
	assert.Zero(t, s.get(t, a.ID).Deliveries, "it would have left for nobody")
	assert.Equal(t, http.StatusOK, s.post(opening).Code)
	assert.Equal(t, 1, s.get(t, a.ID).Deliveries)
}

func TestDeviceThatHangsUpHasSaidItsPIN(t *testing.T) {
	s, a := ordered(t, (*lock.Service).ResetPasscode)
	require.Equal(t, http.StatusOK, s.post(conversation(t, "D", "", 1)).Code)
	s.post(answered("483920"), gone)
	code, err := s.svc.Reveal(t.Context(), locktest.Admin(), a.ID, "asked by a test", "")
	require.NoError(t, err)
	assert.Equal(t, "483920", code.Expose())
}
