package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/amapi/amapitest"
	"github.com/latchkey-mdm/latchkey/android/androidtest"
)

// openWithFCM starts a server that wakes Android devices through a stand-in of Firebase Cloud Messaging.
func openWithFCM(t *testing.T) (*site, *amapitest.Server) {
	t.Helper()
	google, err := amapitest.Start(amapitest.Config{})
	require.NoError(t, err)
	t.Cleanup(google.Close)
	file := filepath.Join(t.TempDir(), "account.json")
	require.NoError(t, google.WriteCredentials(file))
	s := newSite(t)
	s.edit = func(o *options) { o.android.credentials, o.android.host = file, google.URL() }
	s.start(t, nil)
	return s, google
}

func TestAndroidPhoneIsWoken(t *testing.T) {
	s, google := openWithFCM(t)
	phone := s.phone(t, androidtest.Config{APILevel: 25, FCMToken: "token-of-the-phone"})
	order := s.must(t, http.StatusAccepted, http.MethodPost, "/api/v1/devices/"+phone.ID()+"/lock", object{"reason": "lost", "force": true})
	s.awaitOutcome(t, order, "sent")
	sent := google.Messages()
	require.NotEmpty(t, sent)
	assert.Equal(t, "token-of-the-phone", sent[0].Token)
	assert.Equal(t, map[string]string{"w": "1"}, sent[0].Data, "it says nothing of the order")
	assert.NotContains(t, s.logs.String(), "token-of-the-phone")
	polls(t, phone, func() bool { return s.action(t, order.text("id")).text("state") == "confirmed" })

	google.Unregister("token-of-the-phone")
	order = s.must(t, http.StatusAccepted, http.MethodPost, "/api/v1/devices/"+phone.ID()+"/lock", object{"reason": "lost", "force": true})
	s.awaitOutcome(t, order, "unregistered")
}

func TestAndroidOptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "account.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"type": "authorized_user"}`), 0o600))
	for name, c := range map[string]struct {
		args []string
		flag string
	}{
		"none":               {nil, ""},
		"no such file":       {[]string{"-fcm-credentials", file + ".old"}, "-fcm-credentials"},
		"no service account": {[]string{"-fcm-credentials", file}, "-fcm-credentials"},
		"in a demonstration": {[]string{"-fcm-credentials", file, "-demo"}, "-demo"},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := parse(append([]string{"-data", t.TempDir()}, c.args...), noEnv, io.Discard)
			if err == nil {
				_, err = openHub(o, nil)
			}
			if c.flag == "" {
				require.NoError(t, err)
				return
			}
			var usage *usageError
			require.ErrorAs(t, err, &usage)
			assert.Equal(t, c.flag, usage.flag)
		})
	}
}
