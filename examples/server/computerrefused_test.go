package main

import (
	"encoding/xml"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

// statusFrom is what the server answers to a message of the device that a client sends.
func (s *secure) statusFrom(t *testing.T, client *http.Client, message []byte) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+windowsPath, strings.NewReader(string(message)))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/vnd.syncml.dm+xml")
	res, err := client.Do(req)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res.StatusCode
}

// A device is who has its newest certificate, and nobody else: no certificate, no digest alone, not that of another device, and not the one of
// before.
func TestWindowsDeviceNeedsItsCertificate(t *testing.T) {
	s := openTLS(t, nil)
	phone := s.computer(t, windowstest.Config{Name: "Lumia", PIN: "2580"})
	other := s.computer(t, windowstest.Config{Name: "HoloLens", Class: windowstest.HoloLens})
	var first []byte
	phone.OnSend(func(_ int, body []byte) error {
		if first == nil {
			first = append(first, body...)
		}
		return nil
	})
	phone.sync(t)
	require.NotEmpty(t, first)
	assert.Equal(t, http.StatusForbidden, s.statusFrom(t, s.client, first), "no certificate")
	assert.Equal(t, http.StatusForbidden, s.statusFrom(t, clientWith(t, s.roots, other.cert), first), "that of another device")
	digest := s.computer(t, windowstest.Config{Name: "Lumia 2", User: "hedy"})
	digest.sync(t)
	require.NoError(t, digest.SetServer(s.url+windowsPath, s.client))
	require.ErrorContains(t, digest.Sync(t.Context()), "403", "its digest alone")

	id := phone.reset(t, s)
	renewed := s.issue(t, "-name", "Lumia", "-id", phone.Config().ID)
	assert.Contains(t, renewed.said, "Issued anew")
	assert.Equal(t, phone.id, renewed.id)
	assert.Equal(t, http.StatusForbidden, s.statusFrom(t, clientWith(t, s.roots, phone.cert), first), "that of before")
	assert.Equal(t, "queued", s.action(t, id).text("state"), "it is no wipe: what was ordered goes on")
	require.NoError(t, phone.SetServer(s.url+windowsPath, clientWith(t, s.roots, renewed.cert)))
	phone.comesUntil(t, s.site, id, "confirmed")
	assert.Equal(t, phone.State().PIN, s.reveal(t, id))
	within(t, func() bool { // the feed is behind what happens
		kinds := map[string]int{}
		for _, e := range s.must(t, http.StatusOK, http.MethodGet, "/api/v1/events?limit=500", nil).list("items") {
			if facts, _ := e["facts"].(map[string]any); facts["device"] == phone.id && e.text("type") == "enrolled" {
				kinds[facts["kind"].(string)]++
			}
		}
		return kinds["new"] == 1 && kinds["renewed"] == 1 && len(kinds) == 2
	})
}

// reset orders a reset.
func (c *computer) reset(t *testing.T, s *secure) string {
	t.Helper()
	return c.order(t, s.site, "reset-passcode", object{"reason": "forgot it"})
}

// A device whose user has disconnected it comes no more, and what it said is here still.
func TestWindowsDeviceIsDisconnected(t *testing.T) {
	s := openTLS(t, nil)
	phone := s.computer(t, windowstest.Config{PIN: "2580"})
	phone.sync(t)
	id := phone.reset(t, s)
	phone.comesUntil(t, s.site, id, "confirmed")
	phone.Disconnect()
	phone.sync(t)
	require.Error(t, phone.Sync(t.Context()))
	assert.Equal(t, "unenrolled", s.device(t, phone.id).text("state"))
	assert.Equal(t, phone.State().PIN, s.reveal(t, id))
	s.must(t, http.StatusNoContent, http.MethodDelete, "/api/v1/devices/"+phone.id, nil)
	assert.Equal(t, phone.State().PIN, s.reveal(t, id))
}

// pollsOf reads when a device comes by itself from the document that was printed.
func pollsOf(t *testing.T, said string) map[string]string {
	t.Helper()
	var document struct {
		Polls []struct {
			Name  string `xml:"name,attr"`
			Value string `xml:"value,attr"`
		} `xml:"characteristic>characteristic>characteristic>characteristic>parm"`
	}
	require.NoError(t, xml.Unmarshal([]byte(said[strings.Index(said, "<wap-"):]), &document))
	polls := map[string]string{}
	for _, p := range document.Polls {
		polls[p.Name] = p.Value
	}
	return polls
}

func TestWindowsCommand(t *testing.T) {
	s := open(t, nil)
	made := s.issue(t, "-name", `Tom & "Jerry"`, "-id", "urn:x", "-user", "t&j")
	for _, want := range []string{
		`<parm name="APPID" value="w7"/>`, `<parm name="ADDR" value="` + s.url + `/windows/dm"/>`, `value="t&amp;j"`, "openssl pkcs12 -export",
		"Device ID, as it must name itself: urn:x", "Subject=CN%3d" + made.id, `<parm name="AAUTHTYPE" value="DIGEST"/>`,
	} {
		assert.Contains(t, made.said, want)
	}
	assert.Equal(t, "CN="+made.id, made.cert.Leaf.Subject.String(), "Windows looks for the whole of it")
	polls := pollsOf(t, made.said)
	assert.Equal(t, []string{"0", "60", "true"}, []string{ // it never ends
		polls["NumberOfRemainingScheduledRetries"], polls["IntervalForRemainingScheduledRetries"], polls["PollOnLogin"],
	})
	assert.Len(t, polls, 7)
	files, err := os.ReadDir(made.folder)
	require.NoError(t, err)
	require.Len(t, files, 3)
	for _, f := range files {
		info, err := f.Info()
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), f.Name())
	}
	assert.NotContains(t, s.issue(t, "-name", "x", "-id", "urn:y").said, "APPAUTH")

	type wrong struct {
		args []string
		flag string
	}
	cases := map[string]wrong{
		"files that are there": {[]string{"issue", "-name", "x", "-id", "urn:z", "-out", made.folder}, "-out"},
		"no name":              {[]string{"issue", "-id", "urn:z", "-out", t.TempDir()}, "-name"},
		"no ID":                {[]string{"issue", "-name", "x", "-out", t.TempDir()}, "-id"},
		"colon":                {[]string{"issue", "-name", "x", "-id", "urn:z", "-user", "a:b", "-out", t.TempDir()}, "-user"},
		"space":                {[]string{"issue", "-name", "x", "-id", " y", "-out", t.TempDir()}, "-id"},
		"URL":                  {[]string{"issue", "-name", "x", "-url", "nowhere", "-out", t.TempDir()}, "-url"},
		"unknown word":         {[]string{"revoke"}, "windows"},
	}
	if !db.IsPostgres(s.source) { // there the state is not in the folder
		cases["no state"] = wrong{[]string{"issue", "-name", "x", "-data", t.TempDir()}, "-data"}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"windows", "-data", s.data()}, c.args...)
			err := run(t.Context(), args, s.env, io.Discard, io.Discard)
			var usage *usageError
			require.ErrorAs(t, err, &usage)
			assert.Equal(t, c.flag, usage.flag)
		})
	}
	_, err = os.Stat(filepath.Join(made.folder, "device.key"))
	require.NoError(t, err, "nothing of another device was touched")
}

func TestWindowsOptions(t *testing.T) {
	env := func(name string) string {
		if name == envWNSSecret {
			return "secret"
		}
		return ""
	}
	both := []string{"-wns-client-id", "ms-app://S-1-15-2-1", "-wns-pfn", "Example_abc"}
	for name, c := range map[string]struct {
		args []string
		env  func(string) string
		flag string
	}{
		"none":               {nil, noEnv, ""},
		"a secret alone":     {nil, env, ""},
		"all":                {both, env, ""},
		"no secret":          {both, noEnv, envWNSSecret},
		"no family name":     {both[:2], env, "-wns-client-id and -wns-pfn"},
		"no client":          {both[2:], env, "-wns-client-id and -wns-pfn"},
		"in a demonstration": {append([]string{"-demo"}, both...), env, "-demo"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(append([]string{"-data", t.TempDir()}, c.args...), c.env, io.Discard)
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
