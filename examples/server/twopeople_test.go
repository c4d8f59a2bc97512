package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/notify"
	"github.com/latchkey-mdm/latchkey/lock"
)

// pair are two people at one server, whose clock moves.
type pair struct {
	t          *testing.T
	ada, grace *visitor
	moved      *time.Duration
}

func newPair(t *testing.T, args ...string) *pair {
	t.Helper()
	one := wired(t, "http://127.0.0.1", args...)
	p := &pair{t: t, moved: new(time.Duration)}
	o, begun := one.options, time.Now()
	o.now = func() time.Time { return begun.Add(*p.moved) }
	keyring, err := openKeyring(t.Context(), o, one.db, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	s, err := wire(t.Context(), o, "http://127.0.0.1", one.db, keyring, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	fleetOf(t, one, 3)
	rights := []lock.Verb{lock.VerbView, lock.VerbLock, lock.VerbReveal, lock.VerbApprove, lock.VerbCancel}
	p.ada, p.grace = visitorOf(t, s, "ada", rights...), visitorOf(t, s, "grace", append(rights, lock.VerbBreakGlass)...)
	return p
}

// visitorOf calls a server for a new account with some rights.
func visitorOf(t *testing.T, s *server, name string, rights ...lock.Verb) *visitor {
	t.Helper()
	v := visit(t, s)
	require.NoError(t, s.desk().Create(t.Context(), local("test"), account.Account{Name: name, Rights: rights}, ""))
	var err error
	v.token, err = s.desk().NewToken(t.Context(), local("test"), name)
	require.NoError(t, err)
	return v
}

// must sends a request of a person with a status that is expected.
func (p *pair) must(status int, who *visitor, path, body string) (answer object) {
	p.t.Helper()
	w := who.post(path, "application/json", body)
	require.Equal(p.t, status, w.Code, w.Body.String())
	if w.Body.Len() > 0 {
		require.NoError(p.t, json.Unmarshal(w.Body.Bytes(), &answer))
	}
	return answer
}

// A lock over the limit waits; who ordered it cannot let it go, and somebody else can.
func TestOverTheLimitTakesTwo(t *testing.T) {
	p := newPair(t, "-limit", "lock=1/1h")
	assert.Equal(t, "queued", p.must(http.StatusAccepted, p.ada, "/api/v1/devices/mac-00/lock", `{"force": true}`).text("state"))
	held := p.must(http.StatusAccepted, p.ada, "/api/v1/devices/mac-01/lock", `{"force": true, "reason": "stolen"}`)
	assert.Equal(t, "held", held.text("state"))
	assert.Equal(t, "limit", held.text("held_by"))
	path := "/api/v1/actions/" + held.text("id")
	assert.Equal(t, "self_approval", p.must(http.StatusForbidden, p.ada, path+"/approve", `{}`).text("code"))
	assert.Equal(t, "denied", p.must(http.StatusForbidden, p.ada, path+"/break-glass", `{"reason": "now"}`).text("code"), "a right of its own")
	assert.Equal(t, "queued", p.must(http.StatusOK, p.grace, path+"/approve", `{"reason": "called back"}`).text("state"))
	*p.moved += time.Hour
	assert.Equal(t, "queued", p.must(http.StatusAccepted, p.ada, "/api/v1/devices/mac-02/lock", `{"force": true}`).text("state"), "the window is over")
}

// A reveal that takes two is good once, and not for ever.
func TestRevealTakesTwo(t *testing.T) {
	p := newPair(t, "-second-person", "reveal", "-patience", "2h")
	path := "/api/v1/actions/" + p.must(http.StatusAccepted, p.ada, "/api/v1/devices/mac-00/lock", `{"force": true}`).text("id")
	const ask = `{"reason": "owner is here", "ticket": "4711"}`
	request := p.must(http.StatusAccepted, p.ada, path+"/reveal", ask).text("request")
	decide := fmt.Sprintf(`{"request": %q, "reason": "called back"}`, request)
	assert.Equal(t, "self_approval", p.must(http.StatusForbidden, p.ada, path+"/approve", decide).text("code"))
	p.must(http.StatusOK, p.grace, path+"/approve", decide)
	assert.Len(t, p.must(http.StatusOK, p.ada, path+"/reveal", ask).text("pin"), 6)

	request = p.must(http.StatusAccepted, p.ada, path+"/reveal", ask).text("request")
	*p.moved += 2 * time.Hour
	late := p.must(http.StatusConflict, p.grace, path+"/approve", fmt.Sprintf(`{"request": %q}`, request))
	assert.Equal(t, "expired", late.text("code"))
	fresh := p.must(http.StatusAccepted, p.grace, path+"/reveal", ask).text("request")
	p.must(http.StatusOK, p.grace, path+"/break-glass", fmt.Sprintf(`{"request": %q, "reason": "surgeon waits"}`, fresh))
	assert.Len(t, p.must(http.StatusOK, p.grace, path+"/reveal", ask).text("pin"), 6)
}

// The webhook is told of what waits, from the command line to the message.
func TestApproversAreTold(t *testing.T) {
	told := make(chan notify.Message, 1)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m notify.Message
		if assert.NoError(t, json.NewDecoder(r.Body).Decode(&m)) {
			told <- m
		}
	}))
	defer hook.Close()
	p := start(t, t.TempDir(), "-second-person", "lock", "-notify-url", hook.URL+"/hooks/kT7vQ2mX9pLs")
	defer p.end()
	fleetOf(t, &server{db: dbtest.Open(t, filepath.Join(filepath.Dir(p.tokenFile), "latchkey.db"))}, 1)
	status, held := p.call(http.MethodPost, "/api/v1/devices/mac-00/lock", `{"force": true, "reason": "stolen", "ticket": "4711"}`)
	require.Equal(t, http.StatusAccepted, status, "%v", held)
	m := <-told
	assert.Equal(t, held["id"], string(m.ActionID))
	assert.Equal(t, [5]string{"lock", "mac-00", "admin", "stolen", "4711"}, [5]string{m.What, m.DeviceID, m.By, m.Reason, m.Ticket})
	assert.Equal(t, p.base+"/approvals", m.URL)
	assert.Contains(t, p.stderr.String(), "waits for a second person")
	assert.NotContains(t, p.stderr.String(), "kT7vQ2mX9pLs")
}

// Nobody inherits what was approved for an account that is gone: neither the account, nor one that gets its name.
func TestApprovalsOfARemovedAccountAreOfNoUse(t *testing.T) {
	s := wired(t, "http://127.0.0.1", "-second-person", "reveal")
	fleetOf(t, s, 1)
	p := &pair{t: t, ada: visitorOf(t, s, "ada", account.Rights()...), grace: visitorOf(t, s, "grace", account.Rights()...)}
	id := p.must(http.StatusAccepted, p.ada, "/api/v1/devices/mac-00/lock", `{"force": true}`).text("id")
	path := "/api/v1/actions/" + id
	p.must(http.StatusAccepted, p.ada, path+"/reveal", `{"reason": "owner is here"}`)
	p.must(http.StatusOK, p.grace, path+"/approve", `{"reason": "called back"}`)
	require.NoError(t, s.desk().Remove(t.Context(), local("test"), "ada"))
	p.must(http.StatusUnauthorized, p.ada, path+"/reveal", `{"reason": "owner is here"}`)
	_, err := s.service.Reveal(t.Context(), lock.Actor{ID: "ada"}, lock.ID(id), "owner is here", "")
	require.ErrorIs(t, err, lock.ErrDenied)
	again := account.Account{Name: "ada", Rights: account.Rights()}
	input := (*lock.InputError)(nil)
	require.ErrorAs(t, s.desk().Create(t.Context(), local("test"), again, ""), &input)
	assert.Equal(t, "name", input.Field)
}
