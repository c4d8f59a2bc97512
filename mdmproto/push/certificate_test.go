package push_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto/push"
	"github.com/latchkey-mdm/latchkey/mdmproto/push/pushtest"
)

func TestNewRefuses(t *testing.T) {
	apns, err := pushtest.Start(topic)
	require.NoError(t, err)
	t.Cleanup(apns.Close)
	text, err := apns.Certificate(topic, time.Now().AddDate(1, 0, 0))
	require.NoError(t, err)
	plain, err := apns.Certificate("com.example.app", time.Now().AddDate(1, 0, 0))
	require.NoError(t, err)
	other, err := apns.Certificate(topic, time.Now().AddDate(1, 0, 0))
	require.NoError(t, err)
	cert, key, _ := strings.Cut(string(text), "-----BEGIN PRIVATE")
	_, otherKey, _ := strings.Cut(string(other), "-----BEGIN PRIVATE")
	folder := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	good := write("good.pem", string(text))
	for _, c := range []struct {
		name  string
		edit  func(*push.Config)
		field string
		rule  string
	}{
		{"no certificate", func(c *push.Config) { c.Certificate = "" }, "Certificate", "is required"},
		{"no tokens", func(c *push.Config) { c.Tokens = nil }, "Tokens", "is required"},
		{"negative time", func(c *push.Config) { c.KeepFor = -1 }, "KeepFor", "negative"},
		{"host in clear", func(c *push.Config) { c.Host = "http://api.push.apple.com" }, "Host", "https"},
		{"host with a path", func(c *push.Config) { c.Host = "https://api.push.apple.com/3" }, "Host", "https"},
		{"no such file", func(c *push.Config) { c.Certificate = filepath.Join(folder, "none") }, "Certificate", "no such file"},
		{"large file", func(c *push.Config) { c.Certificate = write("large", strings.Repeat(" ", 300_000)) }, "Certificate", "262144"},
		{"no PEM", func(c *push.Config) { c.Certificate = write("p12", "\x30\x82") }, "Certificate", "in PEM"},
		{"no key", func(c *push.Config) { c.Certificate = write("cert", cert) }, "Certificate", "private key"},
		{"another key", func(c *push.Config) {
			c.Certificate, c.Key = write("cert", cert), write("key", "-----BEGIN PRIVATE"+otherKey)
		}, "Certificate", "private key"},
		{"for an app", func(c *push.Config) { c.Certificate = write("app", string(plain)) }, "Certificate", "com.apple.mgmt."},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := push.Config{Certificate: good, Tokens: &tokens{}}
			c.edit(&cfg)
			_, err := push.New(cfg)
			var input *lock.InputError
			require.ErrorAs(t, err, &input)
			assert.Equal(t, c.field, input.Field)
			assert.Contains(t, input.Rule, c.rule)
			for line := range strings.Lines(key) {
				assert.NotContains(t, err.Error(), strings.TrimSpace(line)+"\n")
			}
		})
	}
	t.Run("two files", func(t *testing.T) {
		w, err := push.New(push.Config{Certificate: write("cert", cert), Key: write("key", "-----BEGIN PRIVATE"+key), Tokens: &tokens{}})
		require.NoError(t, err)
		assert.Equal(t, topic, w.Certificate().Topic)
	})
}

func TestRenewal(t *testing.T) {
	h := newHarness(t)
	d := h.device("mac")
	require.NoError(t, h.waker.Wake(t.Context(), d))
	old := h.waker.Certificate()
	expires := h.clock.Now().AddDate(2, 0, 0)
	h.write(topic, expires)
	require.NoError(t, h.waker.Wake(t.Context(), d))
	assert.Equal(t, old, h.waker.Certificate(), "the file is looked at every few seconds")

	h.clock.Advance(5 * time.Second)
	require.NoError(t, h.waker.Wake(t.Context(), d))
	assert.Equal(t, push.Certificate{Topic: topic, Expires: expires}, h.waker.Certificate())
	sent := h.apns.Pushes()
	require.Len(t, sent, 3)
	assert.Equal(t, sent[0].Certificate.SerialNumber, sent[1].Certificate.SerialNumber)
	assert.NotEqual(t, sent[1].Certificate.SerialNumber, sent[2].Certificate.SerialNumber)
	require.NoError(t, h.apns.Await(t.Context(), func() bool {
		accepted, open := h.apns.Connections()
		return accepted == 2 && open == 1
	}), "the connection of the old certificate ends")
	assert.Contains(t, h.log.String(), "push certificate renewed")
}

func TestRenewalLetsPushesFinish(t *testing.T) {
	h := newHarness(t)
	slow, quick := h.device("slow"), h.device("quick")
	release := make(chan struct{})
	h.apns.Script(token("slow"), pushtest.Answer{Wait: release})
	done := make(chan error)
	go func() { done <- h.waker.Wake(t.Context(), slow) }()
	require.NoError(t, h.apns.Await(t.Context(), func() bool { now, _ := h.apns.UnderWay(); return now == 1 }))
	h.write(topic, h.clock.Now().AddDate(2, 0, 0))
	h.clock.Advance(5 * time.Second)
	require.NoError(t, h.waker.Wake(t.Context(), quick))
	_, open := h.apns.Connections()
	assert.Equal(t, 2, open)
	close(release)
	require.NoError(t, <-done)
	require.NoError(t, h.apns.Await(t.Context(), func() bool { _, open := h.apns.Connections(); return open == 1 }))
}

func TestRenewalRefuses(t *testing.T) {
	for name, replace := range map[string]func(h *harness){
		"half a file":   func(h *harness) { require.NoError(h.t, os.WriteFile(h.file, []byte("-----BEGIN CERT"), 0o600)) },
		"another topic": func(h *harness) { h.write("com.apple.mgmt.External.new", h.clock.Now().AddDate(2, 0, 0)) },
		"no file":       func(h *harness) { require.NoError(h.t, os.Remove(h.file)) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			d := h.device("mac")
			kept, err := os.ReadFile(h.file)
			require.NoError(t, err)
			before := h.waker.Certificate()
			replace(h)
			for range 3 {
				h.clock.Advance(5 * time.Second)
				require.NoError(t, h.waker.Wake(t.Context(), d), "the old certificate stays")
			}
			now := h.waker.Certificate()
			require.ErrorContains(t, now.Err, h.file)
			now.Err = nil
			assert.Equal(t, before, now)
			assert.Equal(t, 1, strings.Count(h.log.String(), "level=ERROR"), "it is logged once")

			require.NoError(t, os.WriteFile(h.file, kept, 0o600))
			h.clock.Advance(5 * time.Second)
			require.NoError(t, h.waker.Certificate().Err)
			accepted, _ := h.apns.Connections()
			assert.Equal(t, 1, accepted)
		})
	}
}

func TestExpiredCertificate(t *testing.T) {
	h := newHarness(t)
	d := h.device("mac")
	h.clock.Set(h.waker.Certificate().Expires)
	e := h.fail(t.Context(), d)
	assert.Equal(t, push.ClassBadCertificate, e.Class)
	assert.True(t, e.ProviderFailure())
	require.ErrorContains(t, e, "expired on")
	assert.Empty(t, h.apns.Pushes())

	h.write(topic, h.clock.Now().AddDate(1, 0, 0))
	h.clock.Advance(5 * time.Second)
	require.NoError(t, h.waker.Wake(t.Context(), d), "its successor is used without a restart")
}

func TestClose(t *testing.T) {
	h := newHarness(t)
	d := h.device("mac")
	require.NoError(t, h.waker.Wake(t.Context(), d))
	h.waker.Close()
	require.NoError(t, h.apns.Await(t.Context(), func() bool { _, open := h.apns.Connections(); return open == 0 }))
	require.NoError(t, h.waker.Wake(t.Context(), d))
}
