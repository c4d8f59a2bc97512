package api

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/approval"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// patience is how long a request waits in these tests.
const patience = 8 * time.Hour

// inbox is the approvals of a world with some rules.
func (w *world) inbox(rules lock.Config) *approval.Inbox {
	return &approval.Inbox{
		Service: w.service, Rights: everything{}, SecondPerson: rules.SecondPerson, Scope: "default", Patience: patience,
		Now: func() time.Time { return w.now },
	}
}

// careful is a world in which some verbs take a second person, and some limits hold.
func careful(t *testing.T, verbs []lock.Verb, limits ...lock.Limit) *world {
	t.Helper()
	keyring, err := pin.CreateKeyring(filepath.Join(t.TempDir(), "keyring"))
	require.NoError(t, err)
	return newWorldWith(t, keyring, func(cfg *lock.Config) {
		cfg.Limits, cfg.Patience = limits, patience
		cfg.SecondPerson = func(_ lock.Actor, v lock.Verb, _ lock.Target) bool { return slices.Contains(verbs, v) }
	})
}

// as is do with another account's token.
func (w *world) as(token, method, path, body string) answer {
	w.t.Helper()
	return w.do(method, path, body, "Authorization", "Bearer "+token)
}

// must is as with a status that is expected.
func (w *world) must(status int, token, method, path, body string) answer {
	w.t.Helper()
	a := w.as(token, method, path, body)
	require.Equal(w.t, status, a.StatusCode, a.text)
	return a
}

// held orders a lock that is held, and returns its action.
func (w *world) held() string {
	w.t.Helper()
	a := w.must(http.StatusAccepted, goodToken, http.MethodPost, "/api/v1/devices/mac/lock", `{"reason": "stolen", "ticket": "4711"}`)
	require.Equal(w.t, "held", a.json["state"], a.text)
	id, _ := a.json["id"].(string)
	return id
}

// asked asks for a PIN that waits for a second person, and returns action and request.
func (w *world) asked() (action, request string) {
	w.t.Helper()
	action, _ = w.lock(`{}`).json["id"].(string)
	a := w.must(http.StatusAccepted, goodToken, http.MethodPost, "/api/v1/actions/"+action+"/reveal", `{"reason": "owner is here", "ticket": "4711"}`)
	request, _ = a.json["request"].(string)
	return action, request
}

func (w *world) approvals() []map[string]any {
	w.t.Helper()
	var found []map[string]any
	for _, item := range items(w.must(http.StatusOK, otherToken, http.MethodGet, "/api/v1/approvals", "")) {
		fields, _ := item.(map[string]any)
		found = append(found, fields)
	}
	return found
}

func TestWhatWaitsSaysItsKind(t *testing.T) {
	w, _ := phones(t, func(c *lock.Config) {
		c.SecondPerson, c.Patience = func(_ lock.Actor, v lock.Verb, _ lock.Target) bool { return v == lock.VerbLock }, patience
	})
	require.Equal(t, "held", w.reset(`{"reason": "forgotten"}`).json["state"])
	waiting := w.approvals()
	require.Len(t, waiting, 1)
	assert.Equal(t, []any{"lock", "reset-passcode"}, []any{waiting[0]["what"], waiting[0]["kind"]})
}

func TestHeldLockIsApproved(t *testing.T) {
	w := careful(t, []lock.Verb{lock.VerbLock})
	id := w.held()
	assert.Equal(t, "policy", w.do(http.MethodGet, "/api/v1/actions/"+id, "").json["held_by"])
	again := w.lock(`{"reason": "stolen"}`)
	assert.Equal(t, http.StatusOK, again.StatusCode)
	assert.Equal(t, id, again.json["id"], "a repeated order joins it")
	waiting := w.approvals()
	require.Len(t, waiting, 1)
	for name, want := range map[string]any{
		"what": "lock", "kind": "lock", "held_by": "policy", "action_id": id, "serial_number": "S-mac", "requested_by": "admin", "reason": "stolen",
		"ticket": "4711", "own": false,
	} {
		assert.Equal(t, want, waiting[0][name], name)
	}
	next, err := w.service.Next(t.Context(), mac("mac", "15.1").Device)
	require.NoError(t, err)
	assert.Empty(t, next.ID, "nothing leaves before that")

	done := w.must(http.StatusOK, otherToken, http.MethodPost, "/api/v1/actions/"+id+"/approve", `{"reason": "called back"}`)
	assert.Equal(t, "queued", done.json["state"])
	assert.Empty(t, w.approvals())
	twice := w.must(http.StatusConflict, otherToken, http.MethodPost, "/api/v1/actions/"+id+"/approve", "")
	assert.Equal(t, "decided", twice.json["code"])
	events := w.do(http.MethodGet, "/api/v1/events?type=approved", "")
	assert.Contains(t, events.text, "called back")
}

func TestHeldLockIsRejected(t *testing.T) {
	w := careful(t, []lock.Verb{lock.VerbLock})
	id := w.held()
	done := w.must(http.StatusOK, otherToken, http.MethodPost, "/api/v1/actions/"+id+"/reject", `{"reason": "wrong Mac"}`)
	assert.Equal(t, "cancelled", done.json["state"])
	assert.Empty(t, w.approvals())
}

func TestHeldLockIsWithdrawn(t *testing.T) {
	w := careful(t, []lock.Verb{lock.VerbLock})
	id := w.held()
	assert.Equal(t, "cancelled", w.must(http.StatusOK, goodToken, http.MethodPost, "/api/v1/actions/"+id+"/cancel", "").json["state"])
	assert.Empty(t, w.approvals())
}

func TestNobodyApprovesTheirOwn(t *testing.T) {
	w := careful(t, []lock.Verb{lock.VerbLock})
	id := w.held()
	own := w.must(http.StatusForbidden, goodToken, http.MethodPost, "/api/v1/actions/"+id+"/approve", `{"reason": "it is fine"}`)
	assert.Equal(t, "self_approval", own.json["code"])
	assert.Equal(t, "held", w.do(http.MethodGet, "/api/v1/actions/"+id, "").json["state"])
	assert.Len(t, items(w.do(http.MethodGet, "/api/v1/events?type=denied", "")), 1, "the attempt is on record")
	assert.Equal(t, true, items(w.do(http.MethodGet, "/api/v1/approvals", ""))[0].(map[string]any)["own"])
}

func TestHeldLockExpires(t *testing.T) {
	w := careful(t, []lock.Verb{lock.VerbLock})
	id := w.held()
	w.now = w.now.Add(patience)
	assert.Empty(t, w.approvals())
	late := w.must(http.StatusConflict, otherToken, http.MethodPost, "/api/v1/actions/"+id+"/approve", "")
	assert.Equal(t, "expired", late.json["code"])
	assert.Equal(t, "expired", w.do(http.MethodGet, "/api/v1/actions/"+id, "").json["state"])
}

func TestRevealIsApprovedOnce(t *testing.T) {
	w := careful(t, []lock.Verb{lock.VerbReveal})
	id, request := w.asked()
	path := "/api/v1/actions/" + id
	again := w.must(http.StatusAccepted, goodToken, http.MethodPost, path+"/reveal", `{"reason": "owner is here"}`)
	assert.Equal(t, request, again.json["request"], "no second request")
	assert.Equal(t, "pending", again.json["code"])
	waiting := w.approvals()
	require.Len(t, waiting, 1)
	assert.Equal(t, "reveal", waiting[0]["what"])
	assert.Equal(t, request, waiting[0]["id"])
	assert.Equal(t, "4711", waiting[0]["ticket"])
	other := w.must(http.StatusAccepted, otherToken, http.MethodPost, path+"/reveal", `{"reason": "me too"}`)
	assert.NotEqual(t, request, other.json["request"], "everybody needs a second person of their own")

	w.must(http.StatusOK, otherToken, http.MethodPost, path+"/approve", fmt.Sprintf(`{"request": %q}`, request))
	revealed := w.must(http.StatusOK, goodToken, http.MethodPost, path+"/reveal", `{"reason": "owner is here", "ticket": "4711"}`)
	assert.Len(t, revealed.json["pin"], 6)
	w.must(http.StatusAccepted, goodToken, http.MethodPost, path+"/reveal", `{"reason": "once more"}`)
	used := w.must(http.StatusConflict, otherToken, http.MethodPost, path+"/approve", fmt.Sprintf(`{"request": %q}`, request))
	assert.Equal(t, "decided", used.json["code"])
	assert.Contains(t, used.text, "it is used")
	events := w.do(http.MethodGet, "/api/v1/events?type=revealed", "")
	assert.Contains(t, events.text, "4711")
}

func TestRevealIsRejected(t *testing.T) {
	w := careful(t, []lock.Verb{lock.VerbReveal})
	id, request := w.asked()
	w.must(http.StatusOK, otherToken, http.MethodPost, "/api/v1/actions/"+id+"/reject", `{"reason": "unknown caller"}`)
	again := w.must(http.StatusAccepted, goodToken, http.MethodPost, "/api/v1/actions/"+id+"/reveal", `{"reason": "please"}`)
	assert.NotEqual(t, request, again.json["request"], "a new request")
}

func TestRevealRequestExpires(t *testing.T) {
	w := careful(t, []lock.Verb{lock.VerbReveal})
	id, request := w.asked()
	path := "/api/v1/actions/" + id
	w.now = w.now.Add(patience)
	late := w.must(http.StatusConflict, otherToken, http.MethodPost, path+"/approve", fmt.Sprintf(`{"request": %q}`, request))
	assert.Equal(t, "expired", late.json["code"])
	w.must(http.StatusConflict, otherToken, http.MethodPost, path+"/approve", "")

	fresh := w.must(http.StatusAccepted, goodToken, http.MethodPost, path+"/reveal", `{"reason": "owner is here"}`)
	w.must(http.StatusOK, otherToken, http.MethodPost, path+"/approve", fmt.Sprintf(`{"request": %q}`, fresh.json["request"]))
	w.now = w.now.Add(patience)
	w.must(http.StatusAccepted, goodToken, http.MethodPost, path+"/reveal", `{"reason": "owner is here"}`) // the approval is too old by now
}

func TestBreakGlassAndReview(t *testing.T) {
	w := careful(t, []lock.Verb{lock.VerbReveal})
	id, request := w.asked()
	path := "/api/v1/actions/" + id
	silent := w.must(http.StatusUnprocessableEntity, goodToken, http.MethodPost, path+"/break-glass", `{}`)
	assert.Equal(t, "reason", silent.json["field"])
	w.must(http.StatusOK, goodToken, http.MethodPost, path+"/break-glass", fmt.Sprintf(`{"request": %q, "reason": "surgeon waits"}`, request))
	w.must(http.StatusOK, goodToken, http.MethodPost, path+"/reveal", `{"reason": "owner is here"}`)
	assert.Len(t, items(w.do(http.MethodGet, "/api/v1/events?type=alarm", "")), 1)

	tasks := items(w.must(http.StatusOK, otherToken, http.MethodGet, "/api/v1/reviews", ""))
	require.Len(t, tasks, 1)
	task, _ := tasks[0].(map[string]any)
	for name, want := range map[string]any{
		"what": "reveal", "action_id": id, "approved_by": "admin", "requested_by": "admin", "reason": "surgeon waits", "own": false,
	} {
		assert.Equal(t, want, task[name], name)
	}
	review := fmt.Sprintf("/api/v1/reviews/%s", task["id"])
	own := w.must(http.StatusForbidden, goodToken, http.MethodPost, review, `{"reason": "I was right"}`)
	assert.Equal(t, "self_approval", own.json["code"])
	w.must(http.StatusUnprocessableEntity, otherToken, http.MethodPost, review, `{"reason": ""}`)
	w.must(http.StatusNoContent, otherToken, http.MethodPost, review, `{"reason": "spoke to both"}`)
	assert.Empty(t, items(w.must(http.StatusOK, otherToken, http.MethodGet, "/api/v1/reviews", "")))
	w.must(http.StatusNotFound, otherToken, http.MethodPost, review, `{"reason": "again"}`)
}

// A limit holds what is over it, raises an alarm, and lets go when the window has passed.
func TestLimitOnLocks(t *testing.T) {
	w := careful(t, nil, lock.Limit{Verb: lock.VerbLock, Count: 1, Window: time.Hour})
	first := w.lock(`{"reason": "stolen"}`)
	assert.Equal(t, "queued", first.json["state"], first.text)
	over := w.must(http.StatusAccepted, goodToken, http.MethodPost, "/api/v1/devices/old/lock", `{"force": true}`)
	assert.Equal(t, "held", over.json["state"])
	assert.Equal(t, "limit", over.json["held_by"])
	assert.Len(t, items(w.do(http.MethodGet, "/api/v1/events?type=alarm", "")), 1)
	require.Len(t, w.approvals(), 1)
	assert.Equal(t, "limit", w.approvals()[0]["held_by"])

	w.must(http.StatusOK, goodToken, http.MethodPost, fmt.Sprintf("/api/v1/actions/%s/cancel", over.json["id"]), "")
	w.now = w.now.Add(time.Hour)
	later := w.must(http.StatusAccepted, goodToken, http.MethodPost, "/api/v1/devices/old/lock", `{"force": true}`)
	assert.Equal(t, "queued", later.json["state"], "the window has passed")
}

func TestLimitOnReveals(t *testing.T) {
	w := careful(t, nil, lock.Limit{Verb: lock.VerbReveal, Count: 0, Window: time.Hour})
	id, request := w.asked()
	assert.Len(t, items(w.do(http.MethodGet, "/api/v1/events?type=alarm", "")), 1)
	assert.Equal(t, "limit", w.approvals()[0]["held_by"])
	w.must(http.StatusOK, otherToken, http.MethodPost, "/api/v1/actions/"+id+"/approve", fmt.Sprintf(`{"request": %q}`, request))
	w.must(http.StatusOK, goodToken, http.MethodPost, "/api/v1/actions/"+id+"/reveal", `{"reason": "owner is here"}`)
}

func TestApprovalsHavePages(t *testing.T) {
	w := careful(t, []lock.Verb{lock.VerbLock})
	w.held()
	w.must(http.StatusAccepted, goodToken, http.MethodPost, "/api/v1/devices/old/lock", `{"force": true}`)
	first := w.must(http.StatusOK, otherToken, http.MethodGet, "/api/v1/approvals?limit=1", "")
	require.Len(t, items(first), 1)
	rest := w.must(http.StatusOK, otherToken, http.MethodGet, fmt.Sprintf("/api/v1/approvals?cursor=%s", first.json["next_cursor"]), "")
	require.Len(t, items(rest), 1)
	assert.Empty(t, rest.json["next_cursor"])
	assert.NotEqual(t, items(first)[0].(map[string]any)["id"], items(rest)[0].(map[string]any)["id"])
}

func TestBadDecisions(t *testing.T) {
	const nobody = "/api/v1/actions/0190a0b0-0000-7000-8000-000000000000/"
	for name, c := range map[string]badCase{
		"approve: no action":     {http.MethodPost, nobody + "approve", `{}`, nil, 404, "not_found", ""},
		"reject: no action":      {http.MethodPost, nobody + "reject", `{}`, nil, 404, "not_found", ""},
		"break-glass: no action": {http.MethodPost, nobody + "break-glass", `{"reason": "x"}`, nil, 404, "not_found", ""},
		"approve: misspelt":      {http.MethodPost, nobody + "approve", `{"reqest": "x"}`, nil, 422, "invalid", "reqest"},
		"review: none":           {http.MethodPost, "/api/v1/reviews/x", `{"reason": "x"}`, nil, 404, "not_found", ""},
		"approvals: cursor":      {http.MethodGet, "/api/v1/approvals?cursor=x", "", nil, 422, "invalid", "cursor"},
		"approvals: parameter":   {http.MethodGet, "/api/v1/approvals?x=1", "", nil, 422, "invalid", ""},
		"locked: state":          {http.MethodGet, "/api/v1/locked?state=released", "", nil, 422, "invalid", "state"},
		"locked: sort":           {http.MethodGet, "/api/v1/locked?sort=size", "", nil, 422, "invalid", "sort"},
		"locked: revealed":       {http.MethodGet, "/api/v1/locked?revealed=maybe", "", nil, 422, "invalid", "revealed"},
		"locked: age":            {http.MethodGet, "/api/v1/locked?older_than_hours=-1", "", nil, 422, "invalid", "older_than_hours"},
		"locked: format":         {http.MethodGet, "/api/v1/locked?format=xlsx", "", nil, 422, "invalid", "format"},
		"locked: csv in pages":   {http.MethodGet, "/api/v1/locked?format=csv&limit=1", "", nil, 422, "invalid", "limit"},
	} {
		t.Run(name, c.check)
	}
}
