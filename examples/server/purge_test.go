package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
)

const day = 24 * time.Hour

// purge runs the command beside the server, with the server's clock.
func (s *site) purge(t *testing.T, words ...string) said {
	t.Helper()
	var out, stderr bytes.Buffer
	j := &purgeJob{stdout: &out}
	words = append([]string{"purge", "-data", s.data()}, words...)
	var err error
	j.options, _, err = parseCommand("purge", purgeUsage, words, s.env, &stderr, j.flags)
	require.NoError(t, err)
	j.now = func() time.Time { return time.Now().Add(time.Duration(s.moved.Load())) }
	code := exit(j.run(t.Context(), slog.New(slog.NewTextHandler(&stderr, nil))), &stderr)
	return said{out.String(), stderr.String(), code}
}

// released is a lock that went all the way: ordered, on the Mac, opened with its PIN, and seen open.
func (s *site) released(t *testing.T, mac *mdmtest.Mac) (id string) {
	t.Helper()
	id = s.lock(t, mac, object{"reason": "lost"}).text("id")
	poll(t, mac)
	require.True(t, mac.Type(s.reveal(t, id)))
	s.advance(2 * time.Minute)
	poll(t, mac)
	require.Equal(t, "released", s.action(t, id).text("state"))
	return id
}

func TestPurge(t *testing.T) {
	s := open(t, nil)
	var macs []*mdmtest.Mac
	for range 3 {
		macs = append(macs, s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256}))
	}
	old, locked, held := s.released(t, macs[0]), s.lock(t, macs[1], object{"reason": "stolen"}).text("id"), s.released(t, macs[2])
	poll(t, macs[1])
	s.must(t, http.StatusOK, http.MethodPut, "/api/v1/devices/"+macs[2].Config().UDID+"/hold", object{"reason": "case 4711"})
	s.advance(400 * day)
	boxes := map[string][]byte{}
	for _, id := range []string{old, locked, held} {
		boxes[id] = s.box(t, id)
		require.NotEmpty(t, boxes[id])
	}

	dry := s.purge(t, "-older-than", "365d", "-reason", "kept for a year")
	require.Zero(t, dry.code, dry.err)
	assert.Contains(t, dry.out, "Would be purged: 1\nKept: 1 legal_hold (A legal hold covers its device)\nKept: 1 live (")
	assert.Regexp(t, fmt.Sprintf(`purged +%s +%s +released +400d`, macs[0].Config().Serial, old), dry.out)
	assert.Regexp(t, fmt.Sprintf(`live +%s +%s +confirmed +400d`, macs[1].Config().Serial, locked), dry.out)
	assert.Empty(t, s.feed(t, "?type=purge"), "a dry run leaves no trace")
	s.reveal(t, old) // which makes it young again
	s.advance(366 * day)

	applied := s.purge(t, "-older-than", "365d", "-reason", "kept for a year", "-apply")
	require.Zero(t, applied.code, applied.err)
	assert.Contains(t, applied.out, "\nPurged: 1\n")
	gone := s.must(t, http.StatusGone, http.MethodPost, "/api/v1/actions/"+old+"/reveal", object{"reason": "too late"})
	assert.Equal(t, "purged", gone.text("code"))
	assert.Empty(t, s.box(t, old), "nothing is left of its box")
	for i, id := range map[int]string{1: locked, 2: held} {
		assert.Equal(t, boxes[id], s.box(t, id))
		assert.Len(t, s.candidates(t, macs[i]), 1)
	}
	require.True(t, macs[1].Type(s.reveal(t, locked)), "what is on a Mac stays")
	assert.Empty(t, s.candidates(t, macs[0]))

	runs := s.feed(t, "?type=purge")
	require.Len(t, runs, 2, "the begin, and the end")
	assert.Equal(t, map[string]any{"id": "admin", "name": "purge command", "address": "local"}, runs[1]["actor"])
	assert.Equal(t, "kept for a year", runs[1].text("reason"))
	s.replays(t)
	var verified, stderr bytes.Buffer
	assert.Zero(t, exit(run(t.Context(), []string{"audit", "verify", "-data", s.data()}, s.env, &verified, &stderr), &stderr), "%s%s", &verified, &stderr)
	again := s.purge(t, "-older-than", "365d", "-reason", "kept for a year", "-apply")
	assert.Contains(t, again.out, "\nPurged: 0\nKept: 1 already_purged (")
	if !dbtest.IsPostgres(t) { // which has its files elsewhere
		_, err := s.open(t).Writer.ExecContext(t.Context(), `PRAGMA wal_checkpoint(TRUNCATE)`)
		require.NoError(t, err)
		middle := func(box []byte) []byte { return box[len(box)/2-8 : len(box)/2+8] }
		assert.Empty(t, s.filesWith(t, middle(boxes[old])), "it is overwritten")
		assert.NotEmpty(t, s.filesWith(t, middle(boxes[held])), "one that is there is found")
	}
}

// box is the sealed PIN of an action, as it is in the database.
func (s *site) box(t *testing.T, id string) []byte {
	t.Helper()
	d := s.open(t)
	var key string
	var box []byte
	require.NoError(t, d.Readers.QueryRowContext(t.Context(), `SELECT key_id, box FROM secrets WHERE action = $1`, id).Scan(&key, &box))
	assert.Equal(t, key == "", len(box) == 0)
	return box
}

// filesWith are the files below the state folder that hold some bytes.
func (s *site) filesWith(t *testing.T, part []byte) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(s.dir, func(path string, f fs.DirEntry, err error) error {
		if err != nil || f.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, part) {
			names = append(names, path)
		}
		return err
	}))
	return names
}

func TestPurgeOfOneDevice(t *testing.T) {
	s := open(t, nil)
	first, second := s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256}), s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})
	ids := []string{s.released(t, first), s.released(t, second)}
	s.advance(400 * day)
	applied := s.purge(t, "-older-than", "365d", "-reason", "asked for", "-apply", "-device", second.Config().UDID)
	require.Zero(t, applied.code, applied.err)
	assert.NotContains(t, applied.out, ids[0])
	assert.NotEmpty(t, s.box(t, ids[0]))
	assert.Empty(t, s.box(t, ids[1]))
}

func TestPurgeRefuses(t *testing.T) {
	folder := t.TempDir()
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no age":        {[]string{"-reason", "x"}, "-older-than: must be a number of days"},
		"age in hours":  {[]string{"-reason", "x", "-older-than", "24h"}, "-older-than: must be a number of days"},
		"age of no day": {[]string{"-reason", "x", "-older-than", "0d"}, "-older-than: must be a number of days"},
		"a bare number": {[]string{"-reason", "x", "-older-than", "365"}, "-older-than: must be a number of days"},
		"no reason":     {[]string{"-older-than", "365d"}, "-reason: must say which rule"},
		"a word":        {[]string{"-older-than", "365d", "-reason", "x", "now"}, `takes flags only: remove "now"`},
		"no database":   {[]string{"-older-than", "365d", "-reason", "x"}, "-data: must be the state folder of a server"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, stderr bytes.Buffer
			err := run(t.Context(), append([]string{"purge", "-data", folder}, c.args...), noEnv, &out, &stderr)
			assert.Equal(t, exitUsage, exit(err, &stderr))
			assert.Contains(t, stderr.String(), c.want)
		})
	}
}

// A Mac that is removed while it is locked is found by what its label says, and opened with the PIN that was kept.
func TestRemovedMacIsFoundAndOpened(t *testing.T) {
	s := open(t, nil)
	mac := s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256, Name: "Ada's MacBook"})
	udid, serial := mac.Config().UDID, mac.Config().Serial
	id := s.lock(t, mac, object{"reason": "stolen"}).text("id")
	poll(t, mac)
	require.Equal(t, mdmtest.Locked, mac.State())

	s.must(t, http.StatusNoContent, http.MethodDelete, "/api/v1/devices/"+udid, nil)
	s.must(t, http.StatusNotFound, http.MethodGet, "/api/v1/devices/"+udid, nil)
	s.must(t, http.StatusNotFound, http.MethodPost, "/api/v1/devices/"+udid+"/lock", object{"reason": "again"})
	assert.Empty(t, s.must(t, http.StatusOK, http.MethodGet, "/api/v1/devices", nil).list("items"))
	removed := s.feed(t, "?type=removed")
	require.Len(t, removed, 1)
	assert.Equal(t, map[string]any{"device": udid, "serial": serial, "name": "Ada's MacBook"}, removed[0]["facts"])
	found := s.must(t, http.StatusOK, http.MethodGet, "/api/v1/pins?serial_number="+serial, nil).list("items")
	require.Len(t, found, 1)
	require.Equal(t, id, found[0].text("action_id"))
	require.True(t, mac.Type(s.reveal(t, id)), "the PIN opens it")

	_, err := mac.Poll(t.Context())
	require.ErrorContains(t, err, "400", "it is not enrolled any more; 401 would end it for good")
	require.NoError(t, mac.Enroll(t.Context(), s.link(t, "")), "it may come back")
	poll(t, mac)
	assert.Len(t, s.must(t, http.StatusOK, http.MethodGet, "/api/v1/devices", nil).list("items"), 1)
	assert.Equal(t, []string{id}, s.candidates(t, mac))
	assert.Equal(t, "re-enrolled", s.action(t, id).text("evidence"))
	s.replays(t)
}

// A Mac with a new logic board is another device with the same serial number. The lock of its earlier life may be on it all the same.
func TestPINsOfAnEarlierEnrolment(t *testing.T) {
	s := open(t, nil)
	first := s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256, Serial: "C02LATCHKEY"})
	id := s.lock(t, first, object{"reason": "stolen"}).text("id")
	poll(t, first)
	s.must(t, http.StatusNoContent, http.MethodDelete, "/api/v1/devices/"+first.Config().UDID, nil)

	second := s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256, Serial: "C02LATCHKEY"})
	require.NotEqual(t, first.Config().UDID, second.Config().UDID)
	require.Equal(t, []string{id}, s.candidates(t, second))
	require.True(t, first.Type(s.reveal(t, s.candidates(t, second)[0])))
	own := s.lock(t, second, object{"reason": "stolen"}).text("id")
	poll(t, second)
	for _, path := range []string{"/pins?serial_number=C02LATCHKEY", "/devices/" + second.Config().UDID + "/pins"} {
		var ids []string
		for _, c := range s.must(t, http.StatusOK, http.MethodGet, "/api/v1"+path, nil).list("items") {
			ids = append(ids, c.text("action_id"))
		}
		assert.ElementsMatch(t, []string{own, id}, ids, path)
	}
}
