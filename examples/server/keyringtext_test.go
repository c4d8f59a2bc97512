package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

// keyringText is a new keyring as text, and its keys as they must be nowhere else. Each key has the ID that is given, the first is active.
func keyringText(t *testing.T, ids ...string) (text string, secrets []string) {
	t.Helper()
	word := "active"
	text = "latchkey-keyring 1"
	for _, id := range ids {
		path := filepath.Join(t.TempDir(), "keyring")
		_, err := pin.CreateKeyring(path)
		require.NoError(t, err)
		made, err := os.ReadFile(path)
		require.NoError(t, err)
		key := regexp.MustCompile(`(?m)^active \S+ (\S+)$`).FindSubmatch(made)
		require.Len(t, key, 2)
		text += ";" + word + " " + id + " " + string(key[1])
		secrets = append(secrets, string(key[1]))
		word = "retired"
	}
	return text, secrets
}

func envText(text string) func(string) string {
	return func(name string) string { return map[string]string{envKeyringText: text}[name] }
}

func TestKeyringInTheEnvironment(t *testing.T) {
	data := t.TempDir()
	text, secrets := keyringText(t, "k1")
	p := startWith(t, envText(text), data)
	p.end()
	assert.NoFileExists(t, filepath.Join(data, "keyring"), "none is made")
	logs := p.stderr.String() + p.stdout.String()

	next, more := keyringText(t, "k2")
	both := next + ";" + strings.Replace(strings.TrimPrefix(text, "latchkey-keyring 1;"), "active", "retired", 1)
	p = startWith(t, envText(both), data)
	status, _ := p.call(http.MethodGet, "/api/v1/devices", "")
	assert.Equal(t, http.StatusOK, status)
	listed := keyringWith(t, envText(both), "status", "-data", data)
	assert.Equal(t, [][]string{{"k2", "active", "0"}, {"k1", "retired", "4"}}, listed.table())
	resealed := keyringWith(t, envText(both), "reseal", "-data", data)
	require.Zero(t, resealed.code, resealed.err)
	assert.Contains(t, resealed.out, "Nothing needs the retired key k1 any more: it may be taken out of "+envKeyringText)
	p.end()
	startWith(t, envText(next), data).end()
	assert.NoFileExists(t, filepath.Join(data, "keyring"))
	logs += p.stderr.String() + p.stdout.String() + listed.out + listed.err + resealed.out + resealed.err
	for _, secret := range append(secrets, more...) {
		assert.NotContains(t, logs, secret[:8])
	}
}

func TestKeyringInTheEnvironmentIsRefused(t *testing.T) {
	text, secrets := keyringText(t, "k1", "k2")
	data := t.TempDir()
	startWith(t, envText(text), data).end()
	other, more := keyringText(t, "k3")
	made, err := os.ReadFile(newLive(t).path)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		text  string
		args  string
		wants []string
	}{
		"no keyring":           {secrets[0], "", []string{envKeyringText, "latchkey-keyring 1"}},
		"key cut short":        {text[:len(text)-9], "", []string{envKeyringText, "32 bytes"}},
		"key with a typo":      {strings.Replace(text, secrets[0], "!"+secrets[0][1:], 1), "", []string{envKeyringText, "32 bytes"}},
		"ID and key exchanged": {"latchkey-keyring 1;active " + secrets[0] + " k1", "", []string{envKeyringText}},
		"comments on one line": {strings.ReplaceAll(string(made), "\n", ";"), "", []string{envKeyringText, "leave out the comment lines"}},
		"with -keyring":        {text, "-keyring " + filepath.Join(data, "x"), []string{envKeyringText, "only one keyring"}},
		"of another server":    {other, "", []string{envKeyringText, "4 sealed secrets need the key k1"}},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			args := append([]string{"-addr", "127.0.0.1:0", "-data", data}, strings.Fields(c.args)...)
			err := run(t.Context(), args, envText(c.text), io.Discard, &stderr)
			assert.Equal(t, exitUsage, exit(err, &stderr))
			for _, want := range c.wants {
				assert.Contains(t, stderr.String(), want)
			}
			for _, secret := range append(secrets, more...) {
				assert.NotContains(t, stderr.String(), secret[1:9])
			}
		})
	}
	assert.NoFileExists(t, filepath.Join(data, "keyring"))
}
