package amapi_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/amapi"
	"github.com/latchkey-mdm/latchkey/android/amapi/amapitest"
)

// TestOperationsPages: a long list comes in pages, and has an end.
func TestOperationsPages(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		for range 250 {
			h.issue(amapi.Command{Type: amapi.TypeLock})
		}
		all, err := h.client.Operations(t.Context(), phone)
		require.NoError(t, err)
		require.Len(t, all, 250)
		assert.Equal(t, 3, h.asked(amapitest.CallList))
		assert.Equal(t, h.google.Operations(phone)[249], all[0].Name)
		assert.Equal(t, 10*time.Minute, all[0].Duration)
		assert.Equal(t, time.Now().UTC(), all[0].Created)

		endless := amapitest.Answer{Status: 200, Body: `{"operations":[{}],"nextPageToken":"again"}`}
		h.google.Script(amapitest.CallList, endless, endless, endless, endless, endless, endless, endless, endless, endless, endless, endless, endless)
		all, err = h.client.Operations(t.Context(), phone)
		require.NoError(t, err)
		assert.Len(t, all, 10)
	})
}

// TestAnswersAreBounded: neither a large nor a deep answer is taken.
func TestAnswersAreBounded(t *testing.T) {
	const name = phone + "/operations/1"
	bubble(t, func(t *testing.T, h *harness) {
		for why, body := range map[string]string{
			"more than 4 MiB":        `{"name":"` + name + `"}` + strings.Repeat(" ", 4<<20),
			"nested more than 16":    `{"name":"` + name + `","response":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`,
			"without the name":       `{"name":"` + name + `0"}`,
			"not JSON, at byte 1 of": `<html>`,
		} {
			h.google.Script(amapitest.CallGet, amapitest.Answer{Status: 200, Body: body})
			_, err := h.client.Operation(t.Context(), name)
			var e *amapi.Error
			require.ErrorAs(t, err, &e, why)
			assert.Equal(t, amapi.ClassRejected, e.Class)
			assert.ErrorContains(t, err, why)
		}
	})
}

// TestCredentials: files that are none are refused without a word of theirs.
func TestCredentials(t *testing.T) {
	dir := t.TempDir()
	google, err := amapitest.Start(amapitest.Config{})
	require.NoError(t, err)
	defer google.Close()
	good := filepath.Join(dir, "good.json")
	require.NoError(t, google.WriteCredentials(good))
	text, err := os.ReadFile(good)
	require.NoError(t, err)
	for name, bad := range map[string]string{
		"empty":                "",
		"another type":         strings.ReplaceAll(string(text), "service_account", "external_account"),
		"no email":             strings.ReplaceAll(string(text), "client_email", "x"),
		"no key":               strings.ReplaceAll(string(text), "-----BEGIN", "BEGIN"),
		"token endpoint":       strings.ReplaceAll(string(text), "http://127.0.0.1", "http://example.org"),
		"large":                string(text) + strings.Repeat(" ", 64<<10),
		"a key that is broken": strings.ReplaceAll(string(text), `PRIVATE KEY-----\nMII`, `PRIVATE KEY-----\nMIX`),
	} {
		file := filepath.Join(dir, "bad.json")
		require.NoError(t, os.WriteFile(file, []byte(bad), 0o600))
		_, err := amapi.NewClient(amapi.ClientConfig{CredentialsFile: file})
		require.ErrorContains(t, err, file, name)
		assert.NotContains(t, err.Error(), "MII", name)
		assert.NotContains(t, err.Error(), "example", name)
	}
	_, err = amapi.NewClient(amapi.ClientConfig{CredentialsFile: filepath.Join(dir, "none.json")})
	require.ErrorIs(t, err, os.ErrNotExist)
	client, err := amapi.NewClient(amapi.ClientConfig{CredentialsFile: good, Host: google.URL()})
	require.NoError(t, err)
	assert.NotContains(t, fmt.Sprintf("%+v %#v", client, *client), "BEGIN")
}

// TestOneTokenForMany: a token is asked for once, however many calls wait for it, and again when Google does not take it any more.
func TestOneTokenForMany(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		ended := make(chan error)
		for range 20 {
			go func() {
				_, err := h.client.Operations(t.Context(), phone)
				ended <- err
			}()
		}
		for range 20 {
			require.NoError(t, <-ended)
		}
		assert.Equal(t, 1, h.asked(amapitest.CallToken))
		assert.Equal(t, 20, h.asked(amapitest.CallList))
	})
}

// TestOneTokenThatFails: nor do those who wait for one that does not come ask one after the other.
func TestOneTokenThatFails(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		wait := make(chan struct{})
		h.google.Script(amapitest.CallToken, amapitest.Answer{Status: 500, Wait: wait})
		ended := make(chan error)
		for range 20 {
			go func() {
				_, err := h.client.Operations(t.Context(), phone)
				ended <- err
			}()
		}
		synctest.Wait()
		close(wait)
		for range 20 {
			require.ErrorContains(t, <-ended, "the token endpoint answered 500")
		}
		assert.Equal(t, 1, h.asked(amapitest.CallToken))
		assert.Zero(t, h.asked(amapitest.CallList))
	})
}
