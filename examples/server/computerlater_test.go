package main

import (
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

var collectPath = regexp.MustCompile(`/collect/[a-z]+`)

// The PIN that a device has made goes to its user by a one-time link, once the device has confirmed the reset.
func TestWindowsPINIsMailed(t *testing.T) {
	post := newPostOffice(t)
	s := openTLS(t, func(o *options) {
		o.mail = mailOptions{url: "smtp://" + post.address, from: "Latchkey <latchkey@example.com>", passcode: "link", links: "open"}
		require.NoError(t, o.mail.read(""))
	})
	phone := s.computer(t, windowstest.Config{PIN: "2580"})
	phone.sync(t)
	id := phone.order(t, s.site, "reset-passcode", object{"reason": "forgot it", "deliver": object{"to_user": "hedy@example.org"}})
	phone.comesUntil(t, s.site, id, "confirmed")
	link := collectPath.FindString(post.body(t, "hedy@example.org"))
	require.NotEmpty(t, link)
	status, page := (&browser{T: t}).ask(s.site, link, url.Values{})
	require.Equal(t, http.StatusOK, status)
	shown := collected.FindStringSubmatch(page)
	require.NotNil(t, shown)
	assert.True(t, phone.Type(tags.ReplaceAllString(shown[1], "")), "it opens the device")
}

// A database that is restored knows its Windows devices and their PINs. What was kept of their sessions is not in it: a nonce of then may have
// been used.
func TestWindowsDeviceAfterARestore(t *testing.T) {
	s := openTLS(t, nil)
	phone := s.computer(t, windowstest.Config{PIN: "2580", User: "hedy"})
	phone.sync(t)
	id := phone.reset(t, s)
	phone.comesUntil(t, s.site, id, "confirmed")
	file := filepath.Join(t.TempDir(), "backup.db")
	got := command(t, s.env, "backup", file, "-data", s.data())
	require.Zero(t, got.code, got.err)
	s.stop()
	got = command(t, s.env, "restore", file, "-data", s.data(), "-force")
	require.Zero(t, got.code, got.err)
	var sessions int
	require.NoError(t, s.open(t).Readers.QueryRow(`SELECT count(session) FROM server_computers`).Scan(&sessions))
	assert.Zero(t, sessions)

	again := startTLS(t, &site{dir: s.dir, source: s.source}, nil)
	assert.Equal(t, phone.State().PIN, again.reveal(t, id))
	require.NoError(t, phone.SetServer(again.url+windowsPath, clientWith(t, again.roots, phone.cert)))
	id = phone.reset(t, again)
	phone.comesUntil(t, again.site, id, "confirmed")
	assert.Equal(t, phone.State().PIN, again.reveal(t, id))
}
