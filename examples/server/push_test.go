package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
	"github.com/latchkey-mdm/latchkey/mdmproto/push/pushtest"
)

const pushTopic = "com.apple.mgmt.External.site"

// openWithPush starts a server whose push certificate is good for as long, and the stand-in for APNs that it speaks to.
func openWithPush(t *testing.T, good time.Duration) (*site, *pushtest.Server, string) {
	t.Helper()
	apns, err := pushtest.Start(pushTopic)
	require.NoError(t, err)
	t.Cleanup(apns.Close)
	s := newSite(t)
	file := filepath.Join(s.dir, "push.pem")
	writePushCert(t, apns, file, pushTopic, time.Now().Add(good))
	s.edit = func(o *options) { o.push = pushOptions{cert: file, host: apns.URL(), roots: apns.Roots()} }
	s.start(t, nil)
	return s, apns, file
}

func writePushCert(t *testing.T, apns *pushtest.Server, file, topic string, expires time.Time) {
	t.Helper()
	text, err := apns.Certificate(topic, expires)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text, 0o600))
}

// pushed waits for as many pushes.
func pushed(t *testing.T, apns *pushtest.Server, n int) pushtest.Push {
	t.Helper()
	require.NoError(t, apns.Await(t.Context(), func() bool { return len(apns.Pushes()) >= n }))
	return apns.Pushes()[n-1]
}

func TestOrderWakesTheMac(t *testing.T) {
	s, apns, _ := openWithPush(t, 365*24*time.Hour)
	mac := s.enrol(t, mdmtest.Config{UserName: "grace"})
	token, magic, err := mac.Push()
	require.NoError(t, err)
	order := s.lock(t, mac, object{"reason": "stolen"})
	p := pushed(t, apns, 1)
	assert.Equal(t, token, p.Token, "the channel of the device, not of its user")
	assert.JSONEq(t, `{"mdm":"`+magic+`"}`, string(p.Payload))
	assert.Equal(t, pushTopic, p.Header.Get("Apns-Topic"), "which the Mac enrolled for")
	s.awaitOutcome(t, order, "sent")
	poll(t, mac)
	assert.Equal(t, mdmtest.Locked, mac.State())
}

func TestDeadTokenOfAMac(t *testing.T) {
	s, apns, _ := openWithPush(t, 365*24*time.Hour)
	mac := s.enrol(t, mdmtest.Config{})
	token, magic, err := mac.Push()
	require.NoError(t, err)
	apns.Script(token, pushtest.Answer{Status: http.StatusGone, Reason: "Unregistered", Timestamp: time.Now()})
	order := s.lock(t, mac, object{"reason": "stolen"})
	s.awaitOutcome(t, order, "unregistered")
	poll(t, mac)
	assert.Equal(t, mdmtest.Locked, mac.State(), "the order stands")
	for _, form := range []string{hex.EncodeToString(token), base64.StdEncoding.EncodeToString(token), magic} {
		assert.NotContains(t, s.logs.String(), form)
	}
}

// awaitOutcome waits until the action has a wake-up outcome.
func (s *site) awaitOutcome(t *testing.T, order object, outcome string) {
	t.Helper()
	within(t, func() bool { return s.action(t, order.text("id")).text("wake_outcome") == outcome })
	assert.Equal(t, "queued", s.action(t, order.text("id")).text("state"))
}

func TestPushCertificateIsWatched(t *testing.T) {
	for name, c := range map[string]struct {
		good time.Duration
		says string
	}{
		"good":    {31 * 24 * time.Hour, ""},
		"soon":    {29 * 24 * time.Hour, "the push certificate expires soon"},
		"expired": {-time.Hour, "the push certificate has expired"},
	} {
		t.Run(name, func(t *testing.T) {
			s, apns, file := openWithPush(t, c.good)
			if c.says != "" {
				within(t, func() bool { return bytes.Contains([]byte(s.logs.String()), []byte(c.says)) })
			}
			assert.Contains(t, s.metrics(t), "latchkey_push_certificate_usable 1\n")
			writePushCert(t, apns, file, "com.apple.mgmt.External.other", time.Now().AddDate(1, 0, 0))
			s.advance(time.Minute)
			assert.Contains(t, s.metrics(t), "latchkey_push_certificate_usable 0\n")
			if c.says == "" {
				assert.NotContains(t, s.logs.String(), "the push certificate expires")
			}
		})
	}
}

// metrics reads them.
func (s *site) metrics(t *testing.T) string {
	t.Helper()
	res, err := s.client.Get(s.url + "/metrics")
	require.NoError(t, err)
	defer func() { assert.NoError(t, res.Body.Close()) }()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(text)
}

func TestPushOptions(t *testing.T) {
	apns, err := pushtest.Start(pushTopic)
	require.NoError(t, err)
	t.Cleanup(apns.Close)
	file := filepath.Join(t.TempDir(), "push.pem")
	writePushCert(t, apns, file, pushTopic, time.Now().AddDate(1, 0, 0))
	for name, c := range map[string]struct {
		args  []string
		flag  string
		topic string
	}{
		"none":               {nil, "", ""},
		"certificate":        {[]string{"-push-cert", file}, "", pushTopic},
		"its topic":          {[]string{"-push-cert", file, "-topic", pushTopic}, "", pushTopic},
		"another topic":      {[]string{"-push-cert", file, "-topic", "com.apple.mgmt.External.x"}, "-topic", ""},
		"key alone":          {[]string{"-push-key", file}, "-push-key", ""},
		"in a demonstration": {[]string{"-push-cert", file, "-demo"}, "-demo", ""},
		"no such file":       {[]string{"-push-cert", file + ".old"}, "-push-cert and -push-key", ""},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := parse(append([]string{"-data", t.TempDir()}, c.args...), noEnv, io.Discard)
			if err == nil {
				_, err = openPush(&o, nil, slog.New(slog.DiscardHandler))
			}
			if c.flag == "" {
				require.NoError(t, err)
				assert.Equal(t, c.topic, o.topic)
				return
			}
			var usage *usageError
			require.ErrorAs(t, err, &usage)
			assert.Equal(t, c.flag, usage.flag)
		})
	}
}
