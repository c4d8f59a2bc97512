package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/api"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/console"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// What is of the other group, and what of one's own. Each word of the other is in no answer.
const (
	theirPIN  = "731946"
	theirMac  = "UDID-THEIRS"
	ourMac    = "UDID-OURS"
	theirWhy  = "taken from the vault"
	theirUser = "Bertha Benz"
)

// scoped is a server with two groups of one Mac each, and a person who has every right in one of them.
type scoped struct {
	*server
	*visitor
	ours, theirs     lock.Action // locks
	held             lock.Action // a lock of theirs that waits for a second person
	group, userGroup string      // of theirs
	own              string      // group
	batch, review    string      // of theirs
	theirWords       []string
}

// alice has all rights, for one group.
const alice = "alice"

func newScoped(t *testing.T) *scoped {
	t.Helper()
	s := &scoped{server: wired(t, "http://127.0.0.1:1", "-second-person", "bulk=1", "-limit", "lock=2/1h")}
	s.visitor = visit(t, s.server)
	s.mac(t, ourMac, "SERIAL-OURS", "Our Mac", "Ada Lovelace")
	s.mac(t, theirMac, "SERIAL-THEIRS", "Vault iMac", theirUser)
	s.mac(t, theirMac+"-2", "SERIAL-THEIRS-2", "Vault mini", theirUser)
	s.mac(t, theirMac+"-3", "SERIAL-THEIRS-3", "Vault Air", theirUser)
	boss := local("test")
	ours, err := s.groups.Create(t.Context(), boss, group.Devices, "Ours", "")
	require.NoError(t, err)
	theirs, err := s.groups.Create(t.Context(), boss, group.Devices, "Vault group", "")
	require.NoError(t, err)
	users, err := s.groups.Create(t.Context(), boss, group.Users, "Vault people", "")
	require.NoError(t, err)
	s.own, s.group, s.userGroup = ours.ID, theirs.ID, users.ID
	require.NoError(t, s.groups.Add(t.Context(), boss, group.Devices, ours.ID, ourMac))
	for _, id := range []string{theirMac, theirMac + "-2", theirMac + "-3"} {
		require.NoError(t, s.groups.Add(t.Context(), boss, group.Devices, s.group, id))
	}
	require.NoError(t, s.groups.Add(t.Context(), boss, group.Users, s.userGroup, theirUser))
	who := account.Account{Name: alice, Rights: account.Rights(), Restricted: true, Groups: []string{ours.ID}}
	require.NoError(t, s.desk().Create(t.Context(), boss, who, testPassword))
	s.happen(t, boss)
	s.token, err = s.desk().NewToken(t.Context(), boss, alice)
	require.NoError(t, err)
	require.Equal(t, http.StatusSeeOther, s.signIn(alice, testPassword))
	s.theirWords = []string{
		theirPIN, theirMac, "SERIAL-THEIRS", "Vault", theirWhy, theirUser, string(s.theirs.ID), string(s.held.ID), s.group, s.userGroup, s.batch,
		s.review, "T-4711",
	}
	return s
}

// mac puts a Mac into the inventory.
func (s *scoped) mac(t *testing.T, id, serial, name, user string) {
	t.Helper()
	_, err := s.db.Exec(t.Context(), `INSERT INTO server_devices
		(id, serial, name, user_name, model, os_version, product_name, enrolled, enrolled_at, seen_at, cert)
		VALUES ($1, $2, $3, $4, 'iMac', '15.1', 'Mac15,4', 1, 1, 1, $5)`, id, serial, name, user, []byte(id))
	require.NoError(t, err)
	for fact, value := range map[string]string{
		"OSVersion": "15.1", "IsAppleSilicon": "true", "ProductName": "Mac15,4", "ManagementStatus.IsUserEnrollment": "false",
	} {
		_, err := s.db.Exec(t.Context(), `INSERT INTO server_facts (device, name, value, learnt_at) VALUES ($1, $2, $3, 1)`, id, fact, value)
		require.NoError(t, err)
	}
}

// happen gives both groups a past, and theirs something that waits.
func (s *scoped) happen(t *testing.T, boss lock.Actor) {
	t.Helper()
	ctx := t.Context()
	code, err := pin.Parse(theirPIN)
	require.NoError(t, err)
	device := func(id string) lock.Device {
		d, err := s.inventory.Find(ctx, id)
		require.NoError(t, err)
		return d.Device
	}
	s.ours, err = s.service.Lock(ctx, boss, lock.Request{Device: device(ourMac), Reason: "left in a train"})
	require.NoError(t, err)
	s.theirs, err = s.service.Lock(ctx, boss, lock.Request{Device: device(theirMac), Reason: theirWhy, Ticket: "T-4711", PIN: code})
	require.NoError(t, err)
	_, err = s.service.Next(ctx, device(theirMac))
	require.NoError(t, err)
	_, err = s.service.Reveal(ctx, boss, s.theirs.ID, theirWhy, "T-4711")
	require.NoError(t, err)
	require.NoError(t, s.service.Hold(ctx, boss, device(theirMac), theirWhy))
	s.held, err = s.service.Lock(ctx, boss, lock.Request{Device: device(theirMac + "-2"), Reason: theirWhy})
	require.NoError(t, err)
	require.Equal(t, lock.StateHeld, s.held.State)
	s.batch = s.order(t, theirMac, theirMac+"-2")
	glass, err := s.service.Lock(ctx, boss, lock.Request{Device: device(theirMac + "-3"), Reason: theirWhy})
	require.NoError(t, err)
	_, err = s.service.BreakGlass(ctx, boss, glass.ID, "", theirWhy)
	require.NoError(t, err)
	sequence(t, s.db.Ledger)
	tasks, err := s.service.Reviews(ctx, boss, inventory.Scope)
	require.NoError(t, err)
	require.Len(t, tasks, 1)
	s.review = string(tasks[0].ID)
	require.NoError(t, s.trail.Log.Integrate(ctx))
}

// order makes a bulk order, which waits for a second person, as the administrator.
func (s *scoped) order(t *testing.T, devices ...string) string {
	t.Helper()
	body, err := json.Marshal(object{"devices": devices, "reason": theirWhy, "ticket": "T-4711"})
	require.NoError(t, err)
	res := s.post("/api/v1/bulk", "application/json", string(body))
	require.Equal(t, http.StatusAccepted, res.Code, res.Body.String())
	var made object
	require.NoError(t, json.Unmarshal(res.Body.Bytes(), &made))
	return made.text("id")
}

// state is all that is theirs, and all that says whose it is.
func (s *scoped) state(t *testing.T) string {
	t.Helper()
	sequence(t, s.db.Ledger)
	var text strings.Builder
	actions, err := s.service.List(t.Context(), local("test"), lock.Filter{
		Scope: inventory.Scope, Devices: []string{theirMac, theirMac + "-2", theirMac + "-3"},
	})
	require.NoError(t, err)
	holds, err := s.service.Holds(t.Context(), local("test"), inventory.Scope)
	require.NoError(t, err)
	for _, part := range []any{actions, len(holds)} {
		out, err := json.Marshal(part)
		require.NoError(t, err)
		text.Write(out)
	}
	for _, query := range []string{
		`SELECT id || removed || enrolled FROM server_devices WHERE id LIKE 'UDID-THEIRS%' ORDER BY id`,
		`SELECT id || name || parent FROM server_groups ORDER BY id`,
		`SELECT grp || member FROM server_group_members ORDER BY grp, member`,
		`SELECT name || rights || restricted FROM server_accounts ORDER BY name`,
		`SELECT id || state || cause FROM server_batches ORDER BY id`,
		`SELECT device FROM server_queries ORDER BY device`,
	} {
		rows, err := s.db.Readers.QueryContext(t.Context(), query)
		require.NoError(t, err)
		for rows.Next() {
			var row string
			require.NoError(t, rows.Scan(&row))
			fmt.Fprintln(&text, row)
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
	}
	return text.String()
}

// send sends a request as alice: with her session to the console, with her token to the API.
func (s *scoped) send(method, path, kind, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", kind)
	}
	if strings.HasPrefix(path, "/api/") {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range s.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	s.web.ServeHTTP(w, r)
	return w
}

// attempt is one way at what is theirs.
type attempt struct {
	with   string   // the query, or the body: a form, JSON or CSV
	path   string   // in place of the route's
	action lock.ID  // in the path; empty: of the lock that is theirs
	status []int    // none: 403 or 404
	asked  []string // words of theirs that the attempt itself says, and may be repeated
	own    bool     // with {id} in the path: the same with what is ours is neither 403 nor 404
}

var (
	listed  = []int{http.StatusOK}
	refused = []int{http.StatusUnprocessableEntity}
	either  = []int{http.StatusOK, http.StatusBadRequest, http.StatusUnprocessableEntity} // it is of nobody's
)

func TestNobodySeesOrTouchesWhatIsOfAnotherGroup(t *testing.T) {
	s := newScoped(t)
	before := s.state(t)
	for surface, routes := range map[string]struct {
		all   []string
		tries map[string][]attempt
	}{
		"api": {api.Routes(), s.apiTries()}, "console": {console.Routes(), s.consoleTries()},
	} {
		for _, route := range routes.all {
			require.NotEmpty(t, routes.tries[route], "%s: what happens at %s when the device, action or group is of another group?", surface, route)
		}
		for route, tries := range routes.tries {
			require.Contains(t, routes.all, route, "there is no such route any more")
			for n, try := range tries {
				t.Run(fmt.Sprintf("%s %s %d", surface, route, n), func(t *testing.T) { s.try(t, route, try) })
			}
		}
	}
	assert.Equal(t, before, s.state(t), "nothing of theirs has changed")
}

// try makes one attempt.
func (s *scoped) try(t *testing.T, route string, try attempt) {
	t.Helper()
	theirs := map[string]string{"devices": theirMac, "actions": cmp.Or(string(try.action), string(s.theirs.ID)), "bulk": s.batch, "groups": s.group, "user-groups": s.userGroup}
	res := s.through(route, try, theirs)
	if try.status == nil {
		assert.Contains(t, []int{http.StatusForbidden, http.StatusNotFound}, res.Code, res.Body.String())
	} else {
		assert.Contains(t, try.status, res.Code, res.Body.String())
	}
	said := res.Body.String() + fmt.Sprint(res.Header())
	for _, word := range s.theirWords {
		if word != "" && !slices.ContainsFunc(try.asked, func(asked string) bool { return strings.Contains(asked, word) }) {
			assert.NotContains(t, said, word)
		}
	}
	if try.own {
		ours := map[string]string{"devices": ourMac, "actions": string(s.ours.ID)}
		res := s.through(route, try, ours)
		assert.NotContains(t, []int{http.StatusForbidden, http.StatusNotFound}, res.Code, "with what is ours: %s", res.Body.String())
	}
}

// through fills in the path, and sends.
func (s *scoped) through(route string, try attempt, ids map[string]string) *httptest.ResponseRecorder {
	method, path, ok := strings.Cut(route, " ")
	if !ok {
		method, path = http.MethodGet, "/no-such-page"
	}
	path = cmp.Or(try.path, strings.TrimSuffix(path, "{$}"))
	for _, part := range []string{"devices", "actions", "bulk", "groups", "user-groups"} {
		path = strings.Replace(path, "/"+part+"/{id}", "/"+part+"/"+ids[part], 1)
	}
	if strings.Contains(path, "/groups/{kind}") {
		path = strings.NewReplacer("{kind}", "devices", "{id}", s.group).Replace(path)
	}
	path = strings.NewReplacer("{event}", s.review, "/devices/{member}", "/devices/"+theirMac, "/users/{member}",
		"/users/"+url.PathEscape(theirUser)).Replace(path)
	if method == http.MethodGet {
		return s.send(method, path+try.with, "", "")
	}
	kind := "application/json"
	switch {
	case strings.HasSuffix(path, "/import") && strings.HasPrefix(path, "/api/"):
		kind = "text/csv"
	case !strings.HasPrefix(path, "/api/"):
		kind = "application/x-www-form-urlencoded"
	}
	return s.send(method, path, kind, try.with)
}

// A Mac says itself what its serial number is. One of ours that says it is one of theirs gets nothing of it, and lifts no hold of it.
func TestADeviceThatSaysItIsAnotherGroups(t *testing.T) {
	s := newScoped(t)
	_, err := s.db.Exec(t.Context(), `UPDATE server_devices SET serial = 'SERIAL-THEIRS' WHERE id = $1`, ourMac)
	require.NoError(t, err)
	before := s.state(t)
	for _, path := range []string{"/api/v1/devices/" + ourMac, "/devices/" + ourMac} {
		for _, page := range []string{"", "/pins", "/hold", "/remove", "/lock"} {
			said := s.send(http.MethodGet, path+page, "", "").Body.String()
			for _, word := range s.theirWords {
				if word != "SERIAL-THEIRS" && word != "" {
					assert.NotContains(t, said, word, path+page)
				}
			}
		}
	}
	hold := func(method string) int {
		return s.send(method, "/api/v1/devices/"+ourMac+"/hold", "application/json", `{"reason": "x"}`).Code
	}
	assert.Equal(t, http.StatusForbidden, hold(http.MethodDelete))
	assert.Equal(t, before, s.state(t), "nothing of theirs has changed")
	denials := notices(t, s.server, lock.EventDenied)
	require.NotEmpty(t, denials)
	last := denials[len(denials)-1]
	assert.Equal(t, []string{alice, theirMac, string(lock.VerbHold)}, []string{last.Actor.ID, last.Device, last.Facts["verb"]}, "on record for those whose it is")
	assert.Equal(t, http.StatusOK, hold(http.MethodPut), "one of her own she places")
}
