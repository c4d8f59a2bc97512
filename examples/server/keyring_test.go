package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
	"github.com/latchkey-mdm/latchkey/pin"
)

// said is what a command printed, and how it ended.
type said struct {
	out, err string
	code     int
}

// keyring runs a command on the keyring of a state folder, beside whoever uses it.
func (s *site) keyring(t *testing.T, words ...string) said {
	t.Helper()
	return keyringWith(t, s.env, append([]string{"-data", s.data()}, words...)...)
}

func keyringWith(t *testing.T, env func(string) string, words ...string) said {
	t.Helper()
	var out, stderr bytes.Buffer
	err := run(t.Context(), append([]string{"keyring"}, words...), env, &out, &stderr)
	code := exit(err, &stderr)
	return said{out.String(), stderr.String(), code}
}

// keyIDs are the keys in the file, the active one first.
func keyIDs(t *testing.T, data string) []string {
	t.Helper()
	ring, err := pin.LoadKeyring(filepath.Join(data, "keyring"))
	require.NoError(t, err)
	return ring.KeyIDs()
}

// table is what status prints: a line for each key.
func (s said) table() (rows [][]string) {
	for line := range strings.Lines(s.out) {
		rows = append(rows, strings.Fields(line))
	}
	return rows[1:]
}

func TestKeyringIsRotatedBesideARunningServer(t *testing.T) {
	s := open(t, nil)
	data := s.data()
	macs := []*mdmtest.Mac{s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256}), s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})}
	before := s.lock(t, macs[0], object{"reason": "lost"}).text("id")
	old := keyIDs(t, data)[0]
	assert.Equal(t, [][]string{{old, "active", "5"}}, s.keyring(t, "status").table(),
		"a PIN, and the keys of device CA, audit log, Android commands and Windows sessions")

	rotated := s.keyring(t, "rotate")
	require.Zero(t, rotated.code, rotated.err)
	now := keyIDs(t, data)[0]
	require.NotEqual(t, old, now)
	assert.Contains(t, rotated.out, now)
	after := s.lock(t, macs[1], object{"reason": "lost"}).text("id")
	assert.Equal(t, [][]string{{now, "active", "1"}, {old, "retired", "5"}}, s.keyring(t, "status").table())

	refused := s.keyring(t, "remove", old)
	assert.Equal(t, exitFailed, refused.code)
	assert.Contains(t, refused.err, "5 sealed secrets need the key "+old)
	assert.Equal(t, []string{now, old}, keyIDs(t, data))

	resealed := s.keyring(t, "reseal")
	require.Zero(t, resealed.code, resealed.err)
	assert.Contains(t, resealed.out, "Secrets sealed anew: 5.")
	assert.Contains(t, resealed.out, "server keyring remove "+old)
	removed := s.keyring(t, "remove", old)
	require.Zero(t, removed.code, removed.err)
	assert.Equal(t, [][]string{{now, "active", "6"}}, s.keyring(t, "status").table())
	for i, id := range []string{before, after} {
		code := s.reveal(t, id)
		poll(t, macs[i])
		assert.True(t, macs[i].Type(code))
	}
	metrics := s.scrape(t)
	assert.Contains(t, metrics, `latchkey_sealed_secrets{key_id="`+now+`"} 6`)
	assert.Contains(t, s.logs.String(), "active_key="+now)
	events := s.must(t, http.StatusOK, http.MethodGet, "/api/v1/events?action_id="+before, nil).list("items")
	actor, _ := events[1]["actor"].(map[string]any)
	assert.Equal(t, "resealed", events[1].text("type"))
	assert.Equal(t, map[string]any{"id": "admin", "name": "keyring command", "address": "local"}, actor)
	var kinds []string
	for _, e := range s.feed(t, "?type=keyring") {
		facts, _ := e["facts"].(map[string]any)
		kinds = append(kinds, fmt.Sprint(facts["kind"], " ", facts["key_id"]))
	}
	assert.ElementsMatch(t, []string{"activated " + now, "resealed " + old, "removed " + old}, kinds)
	s.replays(t)
	code := s.reveal(t, before)
	s.stop()
	assert.Equal(t, code, reopen(t, s).reveal(t, before))
}

func (s *site) scrape(t *testing.T) string {
	t.Helper()
	res, err := s.client.Get(s.url + "/metrics")
	require.NoError(t, err)
	defer func() { assert.NoError(t, res.Body.Close()) }()
	var text bytes.Buffer
	_, err = text.ReadFrom(res.Body)
	require.NoError(t, err)
	return text.String()
}

// A box that does not open keeps its key, and nothing else from being sealed anew.
func TestResealLeavesWhatDoesNotOpen(t *testing.T) {
	s := open(t, nil)
	data := s.data()
	bad := s.lock(t, s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256}), object{"reason": "lost"}).text("id")
	good := s.lock(t, s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256}), object{"reason": "lost"}).text("id")
	d := s.open(t)
	var box []byte
	require.NoError(t, d.Readers.QueryRow(`SELECT box FROM secrets WHERE action = $1`, bad).Scan(&box))
	put := func(box []byte) {
		_, err := d.Writer.Exec(`UPDATE secrets SET box = $1 WHERE action = $2`, box, bad)
		require.NoError(t, err)
	}
	damaged := bytes.Clone(box)
	damaged[len(damaged)-1] ^= 1
	put(damaged)

	require.Zero(t, s.keyring(t, "rotate").code)
	now := keyIDs(t, data)
	left := s.keyring(t, "reseal")
	assert.Equal(t, exitFailed, left.code)
	assert.Contains(t, left.err, bad)
	assert.Contains(t, left.err, "1 sealed secrets still need the retired key "+now[1])
	assert.NotContains(t, left.out, "remove")
	assert.Equal(t, [][]string{{now[0], "active", "5"}, {now[1], "retired", "1"}}, s.keyring(t, "status").table())
	refused := s.keyring(t, "remove", now[1])
	assert.Equal(t, exitFailed, refused.code)
	assert.Contains(t, refused.err, "1 sealed secrets need the key "+now[1])

	put(box)
	require.Zero(t, s.keyring(t, "reseal").code)
	require.Zero(t, s.keyring(t, "remove", now[1]).code)
	for _, id := range []string{bad, good} {
		assert.Regexp(t, `^[0-9]{6}$`, s.reveal(t, id))
	}
}

func TestTwoServersFollowTheKeyring(t *testing.T) {
	first := open(t, nil)
	second := reopen(t, first)
	mac := first.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})
	other := second.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})
	require.Zero(t, first.keyring(t, "rotate").code)
	ids := []string{first.lock(t, mac, object{}).text("id"), second.lock(t, other, object{}).text("id")}
	now := keyIDs(t, first.data())
	assert.Equal(t, [][]string{{now[0], "active", "2"}, {now[1], "retired", "4"}}, first.keyring(t, "status").table())
	for _, id := range ids { // each opens what the other sealed
		assert.Equal(t, first.reveal(t, id), second.reveal(t, id))
	}
}

func TestRemovedKeyIsKept(t *testing.T) {
	s := open(t, nil)
	s.stop()
	data := s.data()
	path := filepath.Join(data, "keyring")
	old := keyIDs(t, data)[0]
	require.Zero(t, s.keyring(t, "rotate").code)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	line := regexp.MustCompile(`retired ` + old + ` \S+`).FindString(string(before))
	require.NotEmpty(t, line)
	require.Zero(t, s.keyring(t, "reseal").code)
	require.Zero(t, s.keyring(t, "remove", old).code)

	kept, err := os.ReadFile(path + ".removed")
	require.NoError(t, err)
	assert.Contains(t, string(kept), line+"\n")
	info, err := os.Stat(path + ".removed")
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	now, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(string(now)+line+"\n"), 0o600))
	assert.Equal(t, old, keyIDs(t, data)[1], "and its line is good where it came from")
}

// A key that is still needed, and gone all the same, keeps the server from starting. So does nothing else.
func TestKeyRemovedByHand(t *testing.T) {
	s := open(t, nil)
	data := s.data()
	mac := s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})
	id := s.lock(t, mac, object{"reason": "lost"}).text("id")
	code := s.reveal(t, id)
	old := keyIDs(t, data)[0]
	require.Zero(t, s.keyring(t, "rotate").code)
	path := filepath.Join(data, "keyring")
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	without := regexp.MustCompile(`(?m)^retired.*\n`).ReplaceAll(whole, nil)
	require.NoError(t, os.WriteFile(path, without, 0o600))
	s.stop()

	var stderr bytes.Buffer
	err = run(t.Context(), []string{"-addr", "127.0.0.1:0", "-data", data}, s.env, &stderr, &stderr)
	assert.Equal(t, exitUsage, exit(err, &stderr))
	assert.Contains(t, stderr.String(), "5 sealed secrets need the key "+old)
	for _, command := range []string{"status", "reseal"} {
		missing := s.keyring(t, command)
		assert.Equal(t, exitFailed, missing.code, command)
		assert.Contains(t, missing.err, "5 sealed secrets need the key "+old)
	}
	assert.Contains(t, s.keyring(t, "status").table(), []string{old, "MISSING", "5"})
	require.NoError(t, os.WriteFile(path, whole, 0o600))
	assert.Equal(t, code, reopen(t, s).reveal(t, id))
}

// spoil changes one character of the active key in a keyring file, and returns what was there.
func spoil(t *testing.T, path string) (whole []byte) {
	t.Helper()
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	spoilt := regexp.MustCompile(`(?m)^(active \S+ )(.)`).ReplaceAllFunc(whole, func(line []byte) []byte {
		line = bytes.Clone(line)
		line[len(line)-1] = map[bool]byte{true: 'B', false: 'A'}[line[len(line)-1] == 'A']
		return line
	})
	require.NotEqual(t, whole, spoilt)
	require.NoError(t, os.WriteFile(path, spoilt, 0o600))
	return whole
}

// One wrong character makes another key of the same ID. What it sealed would be lost with the repair.
func TestKeyWithAWrongCharacter(t *testing.T) {
	s := open(t, nil)
	data := s.data()
	id := s.lock(t, s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256}), object{"reason": "lost"}).text("id")
	require.Zero(t, s.keyring(t, "rotate").code)
	s.lock(t, s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256}), object{"reason": "lost"})
	code := s.reveal(t, id)
	s.stop()
	path := filepath.Join(data, "keyring")
	whole := spoil(t, path)

	var stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // one that starts all the same serves on
	defer cancel()
	err := run(ctx, []string{"-addr", "127.0.0.1:0", "-data", data}, s.env, &stderr, &stderr)
	assert.Equal(t, exitUsage, exit(err, &stderr))
	assert.Contains(t, stderr.String(), "is another one than the one of this ID that has sealed")
	refused := s.keyring(t, "reseal")
	assert.Equal(t, exitUsage, refused.code)
	assert.Contains(t, refused.err, keyIDs(t, data)[0])
	require.NoError(t, os.WriteFile(path, whole, 0o600))
	assert.Equal(t, code, reopen(t, s).reveal(t, id))
}

func TestKeyringCommandRefuses(t *testing.T) {
	s := open(t, nil)
	s.stop()
	data := s.data()
	active := keyIDs(t, data)[0]
	text, err := os.ReadFile(filepath.Join(data, "keyring"))
	require.NoError(t, err)
	inEnv := func(name string) string { return map[string]string{envKeyringText: string(text)}[name] }
	empty := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(empty, "keyring"), text, 0o600))
	for name, c := range map[string]struct {
		env   func(string) string
		words string
		code  int
		wants string
	}{
		"unknown command":       {noEnv, "rotat -data " + data, exitUsage, "status, rotate, reseal or remove"},
		"one word too many":     {noEnv, "rotate now -data " + data, exitUsage, "keyring rotate"},
		"remove without an ID":  {noEnv, "remove -data " + data, exitUsage, "keyring remove"},
		"remove the active key": {noEnv, "remove " + active + " -data " + data, exitUsage, "is active"},
		"remove another's key":  {noEnv, "remove k1 -data " + data, exitUsage, "no key with this ID"},
		"unknown flag":          {noEnv, "status -dta " + data, exitUsage, "server keyring -h"},
		"no folder":             {noEnv, "status -data " + filepath.Join(empty, "nowhere"), exitUsage, "-data: must be the state folder"},
		"no keyring":            {noEnv, "status -keyring nowhere -data " + data, exitUsage, "-keyring: must be"},
		"no database":           {noEnv, "status -data " + empty, exitUsage, "-data: must be the state folder"},
		"rotate in the environment": {
			inEnv, "rotate -data " + data, exitUsage, envKeyringText,
		},
		"remove in the environment": {inEnv, "remove k1 -data " + data, exitUsage, envKeyringText},
		"two keyrings":              {inEnv, "status -keyring x -data " + data, exitUsage, "there can be only one keyring"},
	} {
		t.Run(name, func(t *testing.T) {
			got := keyringWith(t, c.env, strings.Fields(c.words)...)
			assert.Equal(t, c.code, got.code)
			assert.Contains(t, got.err, c.wants)
		})
	}
	assert.Equal(t, []string{active}, keyIDs(t, data))
	assert.NoFileExists(t, filepath.Join(empty, "latchkey.db"), "none is made")
	for _, words := range [][]string{nil, {"-h"}, {"rotate", "-h"}} {
		help := keyringWith(t, noEnv, words...)
		assert.Zero(t, help.code)
		assert.Contains(t, help.err, "remove ID")
		assert.Contains(t, help.err, "as the user of the server")
		assert.Contains(t, help.err, "leave out the comment lines")
	}
}
