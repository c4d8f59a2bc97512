package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// process is a running server.
type process struct {
	t         *testing.T
	base      string
	tokenFile string
	stop      context.CancelFunc
	done      chan error
	stdout    *lineWriter
	stderr    *syncBuffer
}

// lineWriter hands out the lines that are written, one by one.
type lineWriter struct {
	syncBuffer
	lines chan string
}

// Write implements io.Writer.
func (w *lineWriter) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		w.lines <- strings.TrimSpace(line)
	}
	return w.syncBuffer.Write(p)
}

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String returns what was written.
func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func noEnv(string) string { return "" }

// start runs a server on a free port until the test ends, and returns when it listens.
func start(t *testing.T, data string, args ...string) *process {
	t.Helper()
	return startWith(t, noEnv, data, args...)
}

func startWith(t *testing.T, env func(string) string, data string, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{
		t: t, tokenFile: filepath.Join(data, "token"), stop: cancel, done: make(chan error, 1),
		stdout: &lineWriter{lines: make(chan string, 100)}, stderr: &syncBuffer{},
	}
	args = append([]string{"-addr", "127.0.0.1:0", "-data", data, "-api-token-file", p.tokenFile}, args...)
	go func() { p.done <- run(ctx, args, env, p.stdout, p.stderr) }()
	t.Cleanup(cancel)
	for p.base == "" {
		select {
		case line := <-p.stdout.lines:
			if base, ok := strings.CutPrefix(line, "Listening on "); ok {
				p.base = base
			}
		case err := <-p.done:
			require.NoError(t, err, "it ended")
			require.Fail(t, "it ended")
		}
	}
	return p
}

// end stops the server and waits until it has stopped.
func (p *process) end() {
	p.t.Helper()
	p.stop()
	require.NoError(p.t, <-p.done)
}

// call calls the API.
func (p *process) call(method, path, body string) (status int, answer map[string]any) {
	p.t.Helper()
	token, err := os.ReadFile(p.tokenFile)
	require.NoError(p.t, err)
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, strings.NewReader(body))
	require.NoError(p.t, err)
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	require.NoError(p.t, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	require.NoError(p.t, err)
	require.NoError(p.t, json.Unmarshal(text, &answer), string(text))
	return res.StatusCode, answer
}

func TestPasswordIsPrintedOnce(t *testing.T) {
	data := t.TempDir()
	p := start(t, data)
	p.end()
	_, rest, found := strings.Cut(p.stdout.String(), "Password: ")
	require.True(t, found)
	assert.NotContains(t, p.stderr.String(), strings.Fields(rest)[0], "not in the log")
	p = start(t, data)
	p.end()
	assert.NotContains(t, p.stdout.String(), "Password")
}

func TestStateIsPrivate(t *testing.T) {
	data := filepath.Join(t.TempDir(), "state")
	p := start(t, data)
	defer p.end()
	info, err := os.Stat(data)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	entries, err := os.ReadDir(data)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(entries), 3)
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), e.Name())
	}
}

func TestRefusesToStart(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = busy.Close() }()
	sealed, lost := t.TempDir(), t.TempDir()
	for _, folder := range []string{sealed, lost} {
		start(t, folder).end()
	}
	require.NoError(t, os.Remove(filepath.Join(lost, "keyring")))
	file := filepath.Join(sealed, "latchkey.db")
	foreign := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(foreign, "latchkey.db"), bytes.Repeat([]byte("no database "), 1000), 0o600))
	for name, c := range map[string]struct {
		args, password string
		wants          []string
	}{
		"unknown flag":         {"-adr :8080", "", []string{"command line", "-h"}},
		"argument":             {"serve", "", []string{"command line", "flags only"}},
		"address without port": {"-addr localhost", "", []string{"-addr", "HOST:PORT"}},
		"address in use":       {"-addr " + busy.Addr().String(), "", []string{"-addr", "free"}},
		"certificate alone":    {"-tls-cert x", "", []string{"-tls-cert", "both"}},
		"no such certificate":  {"-tls-cert x -tls-key y", "", []string{"-tls-cert", "PEM"}},
		"url":                  {"-url mdm.example.com", "", []string{"-url", "https://"}},
		"url with a password":  {"-url https://ada:2short@mdm.example.com", "", []string{"-url", "no name and password"}},
		"port too high":        {"-addr 127.0.0.1:65536", "", []string{"-addr", "0 to 65535"}},
		"port below zero":      {"-addr 127.0.0.1:-1", "", []string{"-addr", "0 to 65535"}},
		"topic":                {"-topic com.example", "", []string{"-topic", "com.apple.mgmt."}},
		"log":                  {"-log xml", "", []string{"-log", "json"}},
		"demo with url":        {"-demo -url https://x", "", []string{"-demo", "leave out"}},
		"data is a file":       {"-data " + file, "", []string{"-data", "folder"}},
		"token file":           {"-api-token-file /nowhere/token", "", []string{"-api-token-file", "folder"}},
		"password too short":   {"", "2short", []string{envPassword, "12"}},
		"no folder for a new keyring": {
			"-keyring " + filepath.Join(t.TempDir(), "nowhere", "keyring"), "", []string{"-keyring", "its folder must be there"},
		},
		"database is none": {"-data " + foreign, "", []string{"-data", "must be a database of this program"}},
		"keyring lost":     {"-data " + lost, "", []string{"-keyring", "restore", "4 sealed secrets need the key"}},
		"keyring of another": {
			"-data " + lost + " -keyring " + filepath.Join(sealed, "keyring"), "", []string{"-keyring", "4 sealed secrets need the key"},
		},
		"keyring is no keyring": {"-keyring " + file, "", []string{"-keyring"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"-addr", "127.0.0.1:0", "-data", t.TempDir()}, strings.Fields(c.args)...)
			env := func(name string) string { return map[string]string{envPassword: c.password}[name] }
			var stderr bytes.Buffer
			err := run(t.Context(), args, env, io.Discard, io.Discard)
			assert.Equal(t, exitUsage, exit(err, &stderr), stderr.String())
			for _, want := range c.wants {
				assert.Contains(t, stderr.String(), want)
			}
			assert.NotContains(t, stderr.String(), "2short")
		})
	}
}

func TestExitCodes(t *testing.T) {
	assert.Equal(t, 0, exit(run(t.Context(), []string{"-h"}, noEnv, io.Discard, io.Discard), io.Discard))
	assert.Equal(t, exitFailed, exit(errors.New("x"), io.Discard))
}

func TestMDMNeverAnswers401(t *testing.T) {
	p := start(t, t.TempDir())
	defer p.end()
	for _, method := range []string{http.MethodPut, http.MethodPost, http.MethodGet} {
		req, err := http.NewRequestWithContext(t.Context(), method, p.base+"/mdm", strings.NewReader("x"))
		require.NoError(t, err)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		assert.NotEqual(t, http.StatusUnauthorized, res.StatusCode)
		assert.Empty(t, res.Header.Get("WWW-Authenticate"))
	}
}
