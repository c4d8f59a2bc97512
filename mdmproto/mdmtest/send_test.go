package mdmtest_test

import (
	"net/http"
	"testing"

	"github.com/groob/plist"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
)

func TestDoSendsAnything(t *testing.T) {
	mac, srv := enrolled(t, mdmtest.Config{})
	other := newMac(t, mdmtest.Config{KeyType: mdmtest.P256})
	require.NoError(t, other.Enroll(t.Context(), srv.enrollURL()))
	foreign, err := other.Identity()
	require.NoError(t, err)
	srv.log()
	idle := must(plist.Marshal(map[string]any{"Status": "Idle", "UDID": mac.Config().UDID}))

	tests := map[string]struct {
		req  mdmtest.Request
		want int
	}{
		"as the Mac would":       {mdmtest.Request{Body: idle}, http.StatusOK},
		"content in the message": {mdmtest.Request{Body: idle, Attached: true}, http.StatusOK},
		"unsigned":               {mdmtest.Request{Body: idle, Unsigned: true}, http.StatusBadRequest},
		"forged":                 {mdmtest.Request{Body: idle, Forged: true}, http.StatusBadRequest},
		"foreign identity":       {mdmtest.Request{Body: idle, Signer: &foreign}, http.StatusBadRequest},
		"method":                 {mdmtest.Request{Body: idle, Method: http.MethodPost}, http.StatusMethodNotAllowed},
		"URL":                    {mdmtest.Request{Body: idle, URL: srv.URL + "/nowhere"}, http.StatusNotFound},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			res, err := mac.Do(t.Context(), tc.req)
			require.NoError(t, err)
			assert.Equal(t, tc.want, res.Status)
			if _, msgs := srv.log(); tc.want == http.StatusOK {
				require.Len(t, msgs, 1)
				assert.Equal(t, tc.req.Attached, msgs[0].Attached)
			}
		})
	}
	t.Run("not enrolled", func(t *testing.T) {
		_, err := newMac(t, mdmtest.Config{}).Do(t.Context(), mdmtest.Request{Body: idle})
		assert.ErrorIs(t, err, mdmtest.ErrNotEnrolled)
	})
}

func TestRedirectsAreRefused(t *testing.T) {
	mac, srv := enrolled(t, mdmtest.Config{})
	srv.Config.Handler = http.RedirectHandler("/elsewhere", http.StatusTemporaryRedirect)
	s, err := mac.Poll(t.Context())
	require.Error(t, err)
	assert.Equal(t, []int{http.StatusTemporaryRedirect}, s.Statuses)
}
