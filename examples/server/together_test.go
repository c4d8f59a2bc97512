package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
	"github.com/latchkey-mdm/latchkey/store/postgres/postgrestest"
)

// twoReplicas are two servers of one database. On PostgreSQL each has a state folder of its own, and the second a copy of the keyring.
func twoReplicas(t *testing.T, clock func() time.Time) (one, other *site) {
	t.Helper()
	one = open(t, clock)
	other = &site{dir: one.dir}
	if db.IsPostgres(one.source) {
		other = moved(t, one)
	}
	other.source = one.source
	other.start(t, clock)
	return one, other
}

// browser is a person at the consoles of several servers.
type browser struct {
	*testing.T
	cookie *http.Cookie
}

// ask sends a form, or gets a page when there is none, and returns the status and the page.
func (b *browser) ask(s *site, path string, form url.Values) (int, string) {
	b.Helper()
	method := http.MethodPost
	if form == nil {
		method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(b.Context(), method, s.url+path, strings.NewReader(form.Encode()))
	require.NoError(b, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	res, err := s.client.Transport.RoundTrip(r) // follows nothing
	require.NoError(b, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	require.NoError(b, err)
	for _, c := range res.Cookies() {
		b.cookie = c
	}
	return res.StatusCode, string(body)
}

// signIn signs in with a password that is set beside the server.
func (b *browser) signIn(s *site) int {
	b.Helper()
	status, _ := b.ask(s, "/signin", url.Values{"name": {account.Admin}, "password": {testPassword}})
	return status
}

// knowPassword gives the administrator the password that the tests know.
func knowPassword(t *testing.T, s *site) {
	t.Helper()
	d := s.open(t)
	_, err := d.Exec(t.Context(), `DELETE FROM server_tokens`)
	require.NoError(t, err)
	_, err = d.Exec(t.Context(), `DELETE FROM server_accounts`)
	require.NoError(t, err)
	accounts := account.New(account.Config{DB: d, Scope: "default"})
	require.NoError(t, accounts.CreateAdmin(t.Context(), testPassword, nil))
	s.token, err = account.Desk{Accounts: accounts, Notices: unrecorded{}}.NewToken(t.Context(), local("test"), account.Admin)
	require.NoError(t, err)
}

// unrecorded is no ledger.
type unrecorded struct{}

// Note implements account.Notices.
func (unrecorded) Note(context.Context, lock.Actor, lock.EventType, string, map[string]string) error {
	return nil
}

// Sign in at one server, order at the other, reveal at the first, sign out at the other.
func TestAnyServerServesAnyRequest(t *testing.T) {
	one, other := twoReplicas(t, nil)
	knowPassword(t, one)
	other.token = one.token
	mac := one.enrol(t, mdmtest.Config{KeyType: mdmtest.P256, OSVersion: "15.1", AppleSilicon: true})
	b := &browser{T: t}
	require.Equal(t, http.StatusSeeOther, b.signIn(one))
	status, page := b.ask(other, "/devices/"+mac.Config().UDID, nil)
	require.Equal(t, http.StatusOK, status)
	assert.Contains(t, page, mac.Config().Serial)
	path := "/devices/" + mac.Config().UDID + "/lock"
	status, page = b.ask(one, path, nil)
	require.Equal(t, http.StatusOK, status)
	form := url.Values{"reason": {"stolen"}, "pin_mode": {"rotate"}}
	for name, where := range map[string]string{"key": `name="key" value="([^"]+)"`, "confirm": `data-arm="([^"]+)"`} {
		value := regexp.MustCompile(where).FindStringSubmatch(page)
		require.NotNil(t, value, page)
		form.Set(name, value[1])
	}
	status, page = b.ask(other, path, form)
	require.Equal(t, http.StatusSeeOther, status, page)
	actions := one.must(t, http.StatusOK, http.MethodGet, "/api/v1/actions", nil).list("items")
	require.Len(t, actions, 1)
	_, err := mac.Poll(t.Context())
	require.NoError(t, err)
	require.Equal(t, mdmtest.Locked, mac.State())
	code := mac.Locks()[0].PIN
	status, page = b.ask(one, "/actions/"+actions[0].text("id")+"/reveal", url.Values{"reason": {"owner called"}})
	require.Equal(t, http.StatusOK, status)
	assert.Contains(t, strings.ReplaceAll(page, "</span>", ""), code[:3])
	status, _ = b.ask(other, "/actions/"+actions[0].text("id")+"/feedback", url.Values{"feedback": {"worked"}})
	require.Equal(t, http.StatusSeeOther, status)
	cookie := b.cookie
	status, _ = b.ask(other, "/signout", url.Values{})
	require.Equal(t, http.StatusSeeOther, status)
	b.cookie = cookie
	status, _ = b.ask(one, "/", nil)
	assert.Equal(t, http.StatusSeeOther, status, "it has ended everywhere")
}

func TestRestartSignsNobodyOut(t *testing.T) {
	s := open(t, nil)
	knowPassword(t, s)
	b := &browser{T: t}
	require.Equal(t, http.StatusSeeOther, b.signIn(s))
	s.stop()
	status, _ := b.ask(reopen(t, s), "/", nil)
	assert.Equal(t, http.StatusOK, status)
}

func TestTriesCountAtAllServers(t *testing.T) {
	start := time.Now()
	one, other := twoReplicas(t, func() time.Time { return start })
	knowPassword(t, one)
	b := &browser{T: t}
	for i := range 10 {
		status, _ := b.ask([]*site{one, other}[i%2], "/signin", url.Values{"name": {account.Admin}, "password": {"wrong"}})
		require.Equal(t, http.StatusUnauthorized, status)
	}
	assert.Equal(t, http.StatusTooManyRequests, b.signIn(one))
	assert.Equal(t, http.StatusTooManyRequests, b.signIn(other))
	one.advance(6 * time.Second)
	assert.Equal(t, http.StatusSeeOther, b.signIn(one))
}

// A code is good once, wherever it is used.
func TestCodeIsUsedUpEverywhere(t *testing.T) {
	one, other := twoReplicas(t, nil)
	link := one.link(t, "")
	elsewhere := strings.Replace(link, one.url, other.url, 1)
	mac, err := mdmtest.New(mdmtest.Config{KeyType: mdmtest.P256})
	require.NoError(t, err)
	require.NoError(t, mac.Enroll(t.Context(), elsewhere))
	second, err := mdmtest.New(mdmtest.Config{KeyType: mdmtest.P256})
	require.NoError(t, err)
	require.Error(t, second.Enroll(t.Context(), link))
	assert.Len(t, one.must(t, http.StatusOK, http.MethodGet, "/api/v1/devices", nil).list("items"), 1)
}

func TestManyOrdersAtTwoServersAreOneLock(t *testing.T) {
	one, other := twoReplicas(t, nil)
	mac := one.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})
	const orders = 1000
	ids := make([]string, orders)
	var ordering sync.WaitGroup
	for i := range orders {
		ordering.Go(func() {
			key := []string{"", "again", fmt.Sprintf("key-%d", i%20)}[i%3]
			status, answer, err := []*site{one, other}[i%2].request(t.Context(), http.MethodPost, "/api/v1/devices/"+mac.Config().UDID+"/lock",
				object{"reason": "stolen"}, "Idempotency-Key", key)
			if assert.NoError(t, err) && assert.Contains(t, []int{http.StatusAccepted, http.StatusOK}, status, "%v", answer) {
				ids[i] = answer.text("id")
			}
		})
	}
	ordering.Wait()
	for _, id := range ids {
		require.Equal(t, ids[0], id)
	}
	poll(t, mac)
	require.Len(t, mac.Locks(), 1)
	assert.Equal(t, ids[0], mac.Locks()[0].CommandUUID)
	one.replays(t)
}

// What no text can be is nowhere, on any engine, and no reason to fail.
func TestOddTexts(t *testing.T) {
	s := open(t, nil)
	knowPassword(t, s)
	udid := s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256}).Config().UDID
	for _, odd := range []string{"%00", "%ff", "a%00b"} {
		for _, path := range []string{"devices/" + odd, "devices?search=" + odd, "actions/" + odd, "events?action_id=" + odd} {
			status, _, _ := s.request(t.Context(), http.MethodGet, "/api/v1/"+path, nil) // no JSON
			assert.Equal(t, http.StatusBadRequest, status, path)
		}
		name, err := url.PathUnescape(odd)
		require.NoError(t, err)
		b := &browser{T: t}
		status, _ := b.ask(s, "/signin", url.Values{"name": {name}, "password": {name}})
		assert.Equal(t, http.StatusUnauthorized, status)
	}
	for _, body := range []object{{"reason": "a\x00b"}, {"ticket": "a\x00b"}, {"message": "a\x00b"}, {"phone_number": "a\x00b"}} {
		s.must(t, http.StatusUnprocessableEntity, http.MethodPost, "/api/v1/devices/"+udid+"/lock", body)
	}
	status, answer := s.call(t, http.MethodPost, "/api/v1/enrollments", object{"device_id": "a\x00b"})
	assert.Less(t, status, 500, "%v", answer)
	status, answer = s.call(t, http.MethodPost, "/api/v1/devices/"+udid+"/lock", object{"reason": "x"}, "Idempotency-Key", "\xff")
	assert.Less(t, status, 500, "%v", answer)
}

// Replicas that start for the first time at a time make one keyring, one CA and one administrator. Those without that keyring refuse.
func TestFirstStartsTogether(t *testing.T) {
	source := postgres.Database(t)
	const replicas = 4
	outs, errs := make([]bytes.Buffer, replicas), make([]error, replicas)
	folders := make([]string, replicas)
	var starting sync.WaitGroup
	for i := range replicas {
		folders[i] = t.TempDir()
		starting.Go(func() {
			o, err := parse([]string{"-data", folders[i], "-db", source}, noEnv, io.Discard)
			if errs[i] = err; err != nil {
				return
			}
			d, err := openDatabase(t.Context(), o, db.Open, slog.New(slog.DiscardHandler))
			if errs[i] = err; err != nil {
				return
			}
			defer func() { assert.NoError(t, d.Close()) }()
			_, errs[i] = prepare(t.Context(), o, "http://127.0.0.1", d, slog.New(slog.DiscardHandler), &outs[i])
		})
	}
	starting.Wait()
	made := 0
	for i := range replicas {
		if errs[i] == nil {
			made++
			assert.Contains(t, outs[i].String(), "Password: ")
			assert.FileExists(t, filepath.Join(folders[i], "keyring"))
			continue
		}
		assert.Equal(t, exitUsage, exit(errs[i], io.Discard))
		require.ErrorContains(t, errs[i], "copy to "+filepath.Join(folders[i], "keyring")+" the keyring of a server that uses this database")
		assert.NoFileExists(t, filepath.Join(folders[i], "keyring"))
		assert.Empty(t, outs[i].String())
	}
	assert.Equal(t, 1, made)
}

func TestServerWaitsForItsDatabase(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close()) // nobody is there
	u, err := url.Parse(postgres.Database(t))
	require.NoError(t, err)
	socket := u.Query().Get("host")
	o, err := parse([]string{"-data", t.TempDir(), "-db", "postgres://postgres:kT7vQ2mX9pLs@" + address + u.Path}, noEnv, io.Discard)
	require.NoError(t, err)
	var logs buffer
	logger := slog.New(slog.NewTextHandler(&logs, nil))
	o.patience = time.Millisecond
	_, err = openDatabase(t.Context(), o, db.Open, logger)
	assert.Equal(t, exitUsage, exit(err, io.Discard))
	require.ErrorContains(t, err, "PostgreSQL does not answer")
	assert.Equal(t, 1, strings.Count(logs.String(), "waiting for the database"))

	o.patience = time.Minute
	opened := make(chan error, 1)
	go func() {
		d, err := openDatabase(t.Context(), o, db.Open, logger)
		if err == nil {
			err = d.Close()
		}
		opened <- err
	}()
	within(t, func() bool { return strings.Count(logs.String(), "waiting for the database") == 2 })
	forward(t, address, filepath.Join(socket, ".s.PGSQL.5432"))
	require.NoError(t, <-opened)
	assert.NotContains(t, logs.String(), "kT7v")
}

// forward lets who connects to an address talk to a socket, until the test ends.
func forward(t *testing.T, address, socket string) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, listener.Close()) })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("unix", socket)
			if err != nil {
				_ = near.Close()
				return
			}
			go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
			go func() { _, _ = io.Copy(near, far); _ = near.Close() }()
		}
	}()
}

func TestReadinessFollowsPostgreSQL(t *testing.T) {
	own := postgrestest.Start(t)
	s := &site{dir: t.TempDir(), source: own.Database(t)}
	s.start(t, nil)
	ready := func() int {
		res, err := s.client.Get(s.url + "/readyz")
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res.StatusCode
	}
	require.Equal(t, http.StatusOK, ready())
	assert.Contains(t, s.scrape(t), "latchkey_sealed_secrets")
	d := s.open(t)
	_, err := d.Exec(t.Context(), `INSERT INTO server_migrations (name) VALUES ('later')`)
	require.NoError(t, err)
	assert.Equal(t, http.StatusServiceUnavailable, ready())
	_, err = d.Exec(t.Context(), `DELETE FROM server_migrations WHERE name = 'later'`)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, ready())
	own.Restart(t, postgrestest.Immediate)
	within(t, func() bool { return ready() == http.StatusOK })
}

func TestDatabaseOptions(t *testing.T) {
	const password = "kT7vQ2mX9pLs"
	for name, c := range map[string]struct {
		flag, env string
		wants     string // of the database
		fails     string
	}{
		"none":                 {"", "", "", ""},
		"flag":                 {"postgres://a@db/x", "", "postgres://a@db/x", ""},
		"environment":          {"", "postgresql://a:" + password + "@db/x", "postgresql://a:" + password + "@db/x", ""},
		"flag before the rest": {"postgres://a@db/x", "postgres://b@db/x", "postgres://a@db/x", ""},
		"a file":               {"/var/lib/x.db", "", "", "leave it out"},
		"another engine":       {"", "mysql://a:" + password + "@db/x", "", "leave it out"},
		"no URL":               {"", "postgres://a:" + password + "@d b/x", "", "must be like postgres://"},
	} {
		t.Run(name, func(t *testing.T) {
			env := func(name string) string { return map[string]string{envDatabase: c.env}[name] }
			o, err := parse([]string{"-db", c.flag}, env, io.Discard)
			if c.fails != "" {
				assert.Equal(t, exitUsage, exit(err, io.Discard))
				require.ErrorContains(t, err, c.fails)
				assert.NotContains(t, err.Error(), password)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.wants, o.database)
		})
	}
	var help bytes.Buffer
	env := func(name string) string {
		return map[string]string{envDatabase: "postgres://a:" + password + "@db/x"}[name]
	}
	_, err := parse([]string{"-h"}, env, &help)
	require.Error(t, err)
	assert.NotContains(t, help.String(), password)
	for _, command := range []string{"keyring", "backup FILE", "restore FILE"} {
		assert.Contains(t, help.String(), "\n  "+command)
	}
	o, err := parse([]string{"-demo"}, env, io.Discard)
	require.NoError(t, err)
	assert.False(t, o.temporary, "the keyring must not go while the database stays")
	o.ring = newLive(t).ring.Load()
	o.data = filepath.Join(t.TempDir(), "none")
	_, err = openFolder(&o)
	require.NoError(t, err)
	_, err = os.Stat(o.data)
	assert.ErrorIs(t, err, os.ErrNotExist, "nothing would be in it")
}
