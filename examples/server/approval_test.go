package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

func TestApprovalFlags(t *testing.T) {
	const hour, day = time.Hour, 24 * time.Hour
	for name, c := range map[string]struct {
		args []string
		want secondPerson
	}{
		"none": {nil, secondPerson{wait: day}},
		"limits": {
			[]string{"-limit", "lock=20/1h", "-limit", "reveal=10/7d", "-limit", "actor=ada:lock=100/30m"},
			secondPerson{wait: day, limits: []lock.Limit{
				{Verb: lock.VerbLock, Count: 20, Window: hour}, {Verb: lock.VerbReveal, Count: 10, Window: 7 * day},
				{Verb: lock.VerbLock, Actor: "ada", Count: 100, Window: 30 * time.Minute},
			}},
		},
		"nobody alone": {[]string{"-limit", "lock=0/1h"}, secondPerson{wait: day, limits: []lock.Limit{{Verb: lock.VerbLock, Window: hour}}}},
		"administrator": {
			[]string{"-limit", "actor=admin:reveal=1/1d"},
			secondPerson{wait: day, limits: []lock.Limit{{Verb: lock.VerbReveal, Actor: "admin", Count: 1, Window: day}}},
		},
		"second person": {
			[]string{"-second-person", "lock, reveal,bulk=50", "-patience", "2h"},
			secondPerson{verbs: []lock.Verb{lock.VerbLock, lock.VerbReveal, lock.VerbBulk}, bulkOver: 50, wait: 2 * hour},
		},
		"webhook":                 {[]string{"-notify-url", "https://h.example.com/x"}, secondPerson{wait: day, notify: "https://h.example.com/x"}},
		"webhook on this machine": {[]string{"-notify-url", "http://127.0.0.1:9/x"}, secondPerson{wait: day, notify: "http://127.0.0.1:9/x"}},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := parse(c.args, noEnv, io.Discard)
			require.NoError(t, err)
			assert.Equal(t, c.want, o.approval)
		})
	}
}

func TestApprovalFlagsThatCannotBe(t *testing.T) {
	for args, want := range map[string]string{
		"-limit lock":                         "must be like lock=20/1h",
		"-limit cancel=20/1h":                 "must be like lock=20/1h",
		"-limit lock=20":                      "must be like lock=20/1h",
		"-limit actor=lock=20/1h":             "must be like lock=20/1h",
		"-limit actor=:lock=20/1h":            "must be like lock=20/1h",
		"-limit actor=ci:nightly:lock=20/1h":  "actor=ci:nightly is a name that no account can have",
		"-limit actor=system:lock=20/1h":      "actor=system is a name that no account can have",
		"-limit lock=-1/1h":                   "COUNT must be 0 to",
		"-limit lock=x/1h":                    "COUNT must be 0 to",
		"-limit lock=20/0s":                   "WINDOW must be",
		"-limit lock=20/400d":                 "WINDOW must be",
		"-limit lock=20/h":                    "WINDOW must be",
		"-limit lock=20/1h -limit lock=21/1h": "is there twice",
		"-second-person cancel":               "must be of lock, reveal",
		"-second-person lock=5":               "must be of lock, reveal",
		"-second-person lock,lock":            "has lock twice",
		"-second-person bulk=x":               "bulk=COUNT must be",
		"-patience 1s":                        "must be 1m to 720h",
		"-patience 9000h":                     "must be 1m to 720h",
		"-notify-url http://h.example.com/":   "must be like https://",
		"-notify-url ftp://h.example.com/":    "must be like https://",
		"-notify-url https:///x":              "must be like https://",
	} {
		t.Run(args, func(t *testing.T) {
			_, err := parse(strings.Fields(args), noEnv, io.Discard)
			assert.Equal(t, exitUsage, exit(err, io.Discard))
			assert.ErrorContains(t, err, want)
		})
	}
}

// The address of the webhook may have a secret: no help and no error has it.
func TestWebhookIsNotTold(t *testing.T) {
	const secret = "kT7vQ2mX9pLs"
	env := func(name string) string {
		return map[string]string{envNotify: "http://h.example.com/" + secret}[name]
	}
	var out strings.Builder
	_, err := parse(nil, env, &out)
	require.ErrorContains(t, err, "-notify-url")
	_, help := parse([]string{"-h"}, env, &out)
	require.Error(t, help)
	assert.Contains(t, out.String(), "-notify-url")
	assert.NotContains(t, out.String()+err.Error(), secret)
}

func TestBulkOverItsSize(t *testing.T) {
	o, err := parse([]string{"-second-person", "bulk=50"}, noEnv, io.Discard)
	require.NoError(t, err)
	for size, want := range map[int]bool{1: false, 50: false, 51: true} {
		assert.Equal(t, want, o.approval.needed(lock.Actor{}, lock.VerbBulk, lock.Target{Size: size}), size)
	}
	assert.False(t, o.approval.needed(lock.Actor{}, lock.VerbLock, lock.Target{}))
	o, err = parse([]string{"-second-person", "lock"}, noEnv, io.Discard)
	require.NoError(t, err)
	assert.True(t, o.approval.needed(lock.Actor{}, lock.VerbBulk, lock.Target{Size: 1}), "a bulk order is one of locks")
}

// racers are the handlers of one server, and on PostgreSQL of another one on its database.
func racers(t *testing.T, args ...string) []*visitor {
	t.Helper()
	const base = "http://127.0.0.1"
	one := wired(t, base, args...)
	visitors := []*visitor{visit(t, one)}
	if one.db.IsShared() {
		d, err := openDatabase(t.Context(), one.options, db.Open, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, d.Close()) })
		keyring, err := openKeyring(t.Context(), one.options, d, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		other, err := wire(t.Context(), one.options, base, d, keyring, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		visitors = append(visitors, visit(t, other))
	}
	fleetOf(t, one, racing)
	return visitors
}

// fleetOf makes the inventory know some Macs: mac-00, mac-01 and so on.
func fleetOf(t *testing.T, s *server, macs int) {
	t.Helper()
	for i := range macs {
		id := fmt.Sprintf("mac-%02d", i)
		_, err := s.db.Exec(t.Context(), `INSERT INTO server_devices
			(id, cert, serial, name, user_name, model, os_version, product_name, enrolled, enrolled_at, seen_at)
			VALUES ($1, $2, $3, $4, '', '', '13.6', 'iMac19,1', 1, 0, 0)`, id, []byte(id), "S-"+id, "Mac "+id)
		require.NoError(t, err)
	}
}

const racing = 50

// race sends a request for each device, all at once and to the servers in turn, and returns the answers.
func race(visitors []*visitor, path func(device int) string, body string) []map[string]any {
	answers := make([]map[string]any, racing)
	var sending sync.WaitGroup
	for i := range racing {
		sending.Go(func() {
			w := visitors[i%len(visitors)].post(path(i), "application/json", body)
			_ = json.Unmarshal(w.Body.Bytes(), &answers[i])
			answers[i]["status"] = w.Code
		})
	}
	sending.Wait()
	return answers
}

// However many orders race on however many servers, exactly as many as the limit allows go on.
func TestLimitHoldsForLocksThatRace(t *testing.T) {
	const count = 20
	visitors := racers(t, "-limit", fmt.Sprintf("lock=%d/1h", count))
	states := map[any]int{}
	answers := race(visitors, func(i int) string { return fmt.Sprintf("/api/v1/devices/mac-%02d/lock", i) }, `{"reason": "stolen", "force": true}`)
	for _, a := range answers {
		require.Equal(t, http.StatusAccepted, a["status"], "%v", a)
		states[a["state"]]++
		if a["state"] == "held" {
			assert.Equal(t, "limit", a["held_by"])
		}
	}
	assert.Equal(t, map[any]int{"queued": count, "held": racing - count}, states)
}

func TestLimitHoldsForRevealsThatRace(t *testing.T) {
	const count = 10
	visitors := racers(t, "-limit", fmt.Sprintf("reveal=%d/1h", count))
	ordered := race(visitors, func(i int) string { return fmt.Sprintf("/api/v1/devices/mac-%02d/lock", i) }, `{"reason": "stolen", "force": true}`)
	path := func(i int) string { return fmt.Sprintf("/api/v1/actions/%s/reveal", ordered[i]["id"]) }
	statuses, shown := map[any]int{}, map[any]int{}
	answers := race(visitors, path, `{"reason": "owner is here"}`)
	for _, a := range answers {
		statuses[a["status"]]++
		if a["pin"] != nil {
			shown[a["status"]]++
		}
	}
	assert.Equal(t, map[any]int{http.StatusOK: count, http.StatusAccepted: racing - count}, statuses)
	assert.Equal(t, map[any]int{http.StatusOK: count}, shown, "who waits has no PIN")
	for i, a := range race(visitors, path, `{"reason": "owner is here"}`) {
		if answers[i]["status"] == http.StatusAccepted {
			assert.Equal(t, answers[i]["request"], a["request"], "a repetition makes no difference")
			assert.Nil(t, a["pin"])
		}
	}
}
