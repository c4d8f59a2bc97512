package console

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/lock"
)

// newGroupBench is a bench with groups of the fleet: Office with London below it, Field, and a group of users.
func newGroupBench(t *testing.T) (b *bench, ids map[string]string) {
	t.Helper()
	b = newBench(t)
	d, err := db.Open(t.Context(), t.TempDir()+"/x.db", nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	exec := func(statement string, args ...any) {
		_, err := d.Exec(t.Context(), statement, args...)
		require.NoError(t, err)
	}
	exec(`INSERT INTO server_accounts (name, password) VALUES ($1, '')`, admin.ID)
	for id, m := range b.fleet {
		exec(`INSERT INTO server_devices (id, serial, name, user_name, model, os_version, product_name, enrolled, enrolled_at, seen_at, cert)
			VALUES ($1, $2, $3, $4, '', '', '', 1, 1, 1, $5)`, id, m.Serial, m.Name, m.User, []byte(id))
	}
	groups := group.New(group.Config{DB: d, Ledger: b.svc, Scope: scope})
	b.server = httptest.NewServer(b.handler(func(c *Config) { c.Groups = groups }))
	t.Cleanup(b.server.Close)
	ids = map[string]string{}
	for _, g := range []struct {
		kind         group.Kind
		name, parent string
		members      []string
	}{
		{group.Devices, "Office", "", []string{"mac2"}}, {group.Devices, "London", "Office", []string{"mac1", "mac5"}},
		{group.Devices, "Design", "London", []string{"mac5"}}, {group.Devices, "Berlin", "Office", nil},
		{group.Devices, "Field", "", []string{"mac3", "mac4"}}, {group.Users, "Leadership", "", []string{"Ada Lovelace", "Grace Hopper"}},
	} {
		made, err := groups.Create(t.Context(), admin, g.kind, g.name, ids[g.parent])
		require.NoError(t, err)
		ids[g.name] = made.ID
		for _, m := range g.members {
			require.NoError(t, groups.Add(t.Context(), admin, g.kind, made.ID, m))
		}
	}
	return b.signIn(), ids
}

func TestGroupPages(t *testing.T) {
	b, ids := newGroupBench(t)
	all := b.page("/groups")
	for _, part := range []string{"Office", "London", "Field", "Leadership", `class="at2"`, "2 devices"} {
		has(t, all, part)
	}
	london := "/groups/devices/" + ids["London"]
	text := b.page(london)
	has(t, text, "Ada’s MacBook Pro")
	hasNot(t, text, "Build mini")
	hasNot(t, b.page(london+"?q=grace"), "Ada’s MacBook Pro")
	has(t, b.page(london+"?find=mini"), "Put in")
	has(t, b.page("/devices/mac5"), "Office/London/Design")

	moved := b.post(london+"/add", "member", "mac3", "find", "mini")
	assert.Equal(t, http.StatusSeeOther, moved.StatusCode)
	assert.Equal(t, london+"?find=mini#add", moved.Header.Get("Location"))
	text = b.page(london + "?find=mini")
	has(t, text, "Build mini is in the group.")
	has(t, text, "In it")
	assert.Equal(t, http.StatusSeeOther, b.post(london+"/drop", "member", "mac3").StatusCode)
	assert.Equal(t, http.StatusSeeOther, b.post(london+"/drop", "member", "mac3").StatusCode, "somebody else was faster")
	assert.Equal(t, http.StatusNotFound, b.post(london+"/add", "member", "nobody").StatusCode)
	hasNot(t, b.page(london), "Build mini")

	assert.Equal(t, http.StatusSeeOther, b.post("/groups/devices", "name", "Paris", "parent", ids["Office"]).StatusCode)
	again := b.post("/groups/devices", "name", "paris", "parent", ids["Office"])
	assert.Equal(t, http.StatusUnprocessableEntity, again.StatusCode)
	has(t, again.text, "There is a group of this name already.")
	loop := b.post("/groups/devices/"+ids["Office"], "name", "Office", "parent", ids["London"])
	assert.Equal(t, http.StatusUnprocessableEntity, loop.StatusCode)
	has(t, loop.text, "must not be the group itself, or one below it")
	kept := b.post("/groups/devices/" + ids["Office"] + "/delete")
	assert.Equal(t, http.StatusUnprocessableEntity, kept.StatusCode)
	has(t, kept.text, "there are groups below it")
	assert.Equal(t, http.StatusSeeOther, b.post("/groups/devices/"+ids["Field"]+"/delete").StatusCode)
	hasNot(t, content(b.page("/groups")), "Field")
	assert.Equal(t, http.StatusNotFound, b.get("/groups/animals/"+ids["London"]).StatusCode)
	has(t, b.page("/audit?show=accounts"), "Member put into a group")
}

func TestImportOfGroups(t *testing.T) {
	b, _ := newGroupBench(t)
	const file = "group,device\nOffice/Berlin,C02MAC3" + "7QX\nOffice/Rome,mac4"
	preview := b.post("/groups/devices/import", "csv", file)
	assert.Equal(t, http.StatusOK, preview.StatusCode)
	for _, part := range []string{"2 members would be added, 1 group made", "Office/Rome", "nothing has changed"} {
		has(t, preview.text, part)
	}
	hasNot(t, b.page("/groups"), "Rome")
	assert.Equal(t, http.StatusSeeOther, b.post("/groups/devices/import", "csv", file, "apply", "yes").StatusCode)
	text := b.page("/groups")
	has(t, text, "Imported: 2 members added, 1 group made.")
	has(t, text, "Rome")
	bad := b.post("/groups/devices/import", "csv", "group,device\nOffice/Rome,nobody\n,mac1", "apply", "yes")
	assert.Equal(t, http.StatusUnprocessableEntity, bad.StatusCode)
	has(t, bad.text, "Line 3")
	has(t, b.post("/groups/users/import", "csv", "group,device\n").text, "must begin with the line group,user")
	large := b.post("/groups/devices/import", "csv", "group,device\n"+strings.Repeat("Office/Rome,mac4\n", 6000))
	assert.Equal(t, http.StatusOK, large.StatusCode, "larger than what people type")
}

// A page offers what the account is good for. What it may do is decided elsewhere.
func TestPagesOfferWhatTheAccountMayDo(t *testing.T) {
	b, ids := newGroupBench(t)
	b.order("mac1")
	paths := []string{"/", "/devices/mac1", "/devices/mac2", "/devices/mac1/pins", "/actions", "/groups", "/groups/devices/" + ids["London"]}
	offers := map[lock.Verb][]string{
		lock.VerbLock: {`href="/devices/mac2/lock"`}, lock.VerbReveal: {"/reveal\""}, lock.VerbCancel: {"Cancel this order"},
		lock.VerbHold: {"legal hold", `href="/retention"`}, lock.VerbAudit: {`href="/audit"`}, lock.VerbBulk: {`href="/bulk"`, "Lock them"},
		"groups": {"Take out", "New group", "Make it", "/import"}, "enrol": {`href="/enrolment"`}, "remove": {"/remove\""},
	}
	read := func() string {
		var text strings.Builder
		for _, path := range paths {
			text.WriteString(b.page(path))
		}
		return text.String()
	}
	full := read()
	b.rights = &[]lock.Verb{lock.VerbView}
	bare := read()
	for verb, parts := range offers {
		for _, part := range parts {
			assert.Contains(t, full, part, verb)
			assert.NotContains(t, bare, part, verb)
		}
	}
}

func TestSessionEndsWithItsAccount(t *testing.T) {
	b := newBench(t).signIn()
	b.page("/")
	b.gone.Store(true)
	left := b.get("/")
	assert.Equal(t, http.StatusSeeOther, left.StatusCode)
	assert.Equal(t, "/signin", left.Header.Get("Location"))
	b.gone.Store(false)
	assert.Equal(t, http.StatusSeeOther, b.get("/").StatusCode, "an account that is there again is another one")
}
